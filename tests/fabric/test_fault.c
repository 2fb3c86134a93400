#include "fabric/fault.h"

#include "tests/support/testing.h"

#include <errno.h>
#include <string.h>

static void the_words_are_formatted (void **state)
{
    (void)state;
    fault_t fault;

    fault_set (&fault, "%s: not an integer >= %d", "timeout", 1);
    assert_string_equal (fault.text, "timeout: not an integer >= 1");
    fault_set (&fault, "%s", "");
    assert_string_equal (fault.text, "");
}

static void errno_is_kept (void **state)
{
    (void)state;
    fault_t fault;

    errno = EPROTO;
    fault_set (&fault, "%s", "words");
    assert_int_equal (errno, EPROTO);
}

static void nobody_need_listen (void **state)
{
    (void)state;
    errno = EPROTO;
    fault_set (NULL, "%s", "words");
    assert_int_equal (errno, EPROTO);
}

static void control_characters_become_question_marks (void **state)
{
    (void)state;
    fault_t fault;

    fault_set (&fault, "a%sz", "\n\t\x1b\x7f\x01 \xc3\xa4~");
    assert_string_equal (fault.text, "a????? \xc3\xa4~z");
}

// A text that is too long: `pad` letters, then as many of one character as would go over the end.
static void check_cut (size_t pad, const char *character)
{
    char text[FAULT_TEXT_MAX * 3] = "";
    size_t width = strlen (character);
    size_t len = pad;
    fault_t fault;

    memset (text, 'a', pad);
    while (len < FAULT_TEXT_MAX * 2) {
        memcpy (text + len, character, width);
        len += width;
    }
    fault_set (&fault, "%s", text);

    size_t kept = strlen (fault.text);
    size_t whole = (FAULT_TEXT_MAX - 1 - pad) / width; // as many as fit, and not one fewer
    assert_int_equal (kept, pad + whole * width);
    assert_memory_equal (fault.text, text, kept);
}

static void long_words_are_cut_between_characters (void **state)
{
    (void)state;
    static const char *const characters[] = {"b", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\xa7"};

    for (unsigned i = 0; i < 4; i++) {
        for (size_t pad = 0; pad < FAULT_TEXT_MAX; pad++)
            check_cut (pad, characters[i]);
    }
}

static void words_of_just_the_longest_length_are_kept (void **state)
{
    (void)state;
    char text[FAULT_TEXT_MAX];
    fault_t fault;

    memset (text, 'a', sizeof text);
    text[FAULT_TEXT_MAX - 1] = '\0';
    fault_set (&fault, "%s", text);
    assert_string_equal (fault.text, text);
}

TESTING_MAIN (cmocka_unit_test (the_words_are_formatted),
              cmocka_unit_test (errno_is_kept),
              cmocka_unit_test (nobody_need_listen),
              cmocka_unit_test (control_characters_become_question_marks),
              cmocka_unit_test (long_words_are_cut_between_characters),
              cmocka_unit_test (words_of_just_the_longest_length_are_kept), )
