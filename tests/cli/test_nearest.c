#include "cli/nearest.h"

#include "tests/support/testing.h"

#include <limits.h>
#include <string.h>

static void distance_counts_slips (void **state)
{
    (void)state;
    assert_int_equal (nearest_distance ("", ""), 0);
    assert_int_equal (nearest_distance ("queue", "queue"), 0);
    assert_int_equal (nearest_distance ("", "abc"), 3);
    assert_int_equal (nearest_distance ("abc", ""), 3);
    assert_int_equal (nearest_distance ("queue", "qeue"), 1);   // left out
    assert_int_equal (nearest_distance ("queue", "queuee"), 1); // once too often
    assert_int_equal (nearest_distance ("queue", "qzeue"), 1);  // another one
    assert_int_equal (nearest_distance ("queue", "uqeue"), 1);  // swapped
    assert_int_equal (nearest_distance ("kitten", "sitting"), 3);
}

static void words_beyond_the_bound_are_far (void **state)
{
    (void)state;
    char word[NEAREST_WORD_MAX + 2];

    memset (word, 'a', sizeof word);
    word[NEAREST_WORD_MAX] = '\0';
    assert_int_equal (nearest_distance (word, word), 0);
    assert_int_equal (nearest_distance (word, ""), NEAREST_WORD_MAX);
    word[NEAREST_WORD_MAX] = 'a';
    word[NEAREST_WORD_MAX + 1] = '\0';
    assert_int_equal (nearest_distance (word, word), UINT_MAX);
}

static const char *among (const char *word)
{
    static const char *const known[] = {"serve", "listen", "queue", "queue-wait", "timeout", "run"};
    nearest_t nearest;

    nearest_init (&nearest, word);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        nearest_offer (&nearest, known[i]);
    return nearest_found (&nearest);
}

static void the_nearest_is_found_and_the_far_are_not (void **state)
{
    (void)state;
    assert_string_equal (among ("srve"), "serve");
    assert_string_equal (among ("queue_wait"), "queue-wait");
    assert_string_equal (among ("qeue"), "queue");
    assert_string_equal (among ("time"), "timeout");
    assert_string_equal (among ("rnu"), "run");
    assert_null (among ("verbose"));
    assert_null (among ("x"));
    assert_null (among (""));
}

TESTING_MAIN (cmocka_unit_test (distance_counts_slips),
              cmocka_unit_test (words_beyond_the_bound_are_far),
              cmocka_unit_test (the_nearest_is_found_and_the_far_are_not), )
