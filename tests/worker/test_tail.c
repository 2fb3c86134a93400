#include "worker/tail.h"

#include "tests/support/testing.h"

#include <stdio.h>
#include <string.h>

static tail_t tail;

static size_t lines_of (const char *text, const char *lines[static TAIL_LINES])
{
    memset (&tail, 0, sizeof tail);
    tail_add (&tail, slice_text (text));
    return tail_lines (&tail, lines);
}

static void lines_are_what_ends_with_a_newline_or_the_text (void **state)
{
    const char *lines[TAIL_LINES];

    (void)state;
    assert_int_equal (lines_of ("", lines), 0);
    assert_int_equal (lines_of ("one", lines), 1);
    assert_string_equal (lines[0], "one");
    assert_int_equal (lines_of ("one\n\nthree\n", lines), 3);
    assert_string_equal (lines[0], "one");
    assert_string_equal (lines[1], "");
    assert_string_equal (lines[2], "three");
    assert_int_equal (lines_of ("\ntwo", lines), 2);
    assert_string_equal (lines[0], "");
    assert_string_equal (lines[1], "two");
    assert_int_equal (lines_of ("\n", lines), 0);
}

static void the_last_lines_stay (void **state)
{
    const char *lines[TAIL_LINES];
    char text[32];

    (void)state;
    memset (&tail, 0, sizeof tail);
    for (unsigned i = 0; i < 100000; i++) {
        snprintf (text, sizeof text, "line %u\n", i);
        tail_add (&tail, slice_text (text));
    }
    assert_int_equal (tail_lines (&tail, lines), TAIL_LINES);
    assert_string_equal (lines[0], "line 99980");
    assert_string_equal (lines[TAIL_LINES - 1], "line 99999");
}

static void of_a_long_line_the_end_stays (void **state)
{
    static char text[100000];
    const char *lines[TAIL_LINES];

    (void)state;
    for (size_t piece = 1; piece <= sizeof text; piece *= 10) {
        memset (text, 'x', sizeof text);
        memcpy (text + sizeof text - 4, "end\n", 4);
        memset (&tail, 0, sizeof tail);
        for (size_t at = 0; at < sizeof text; at += piece)
            tail_add (&tail, slice_of (text + at, piece));
        assert_int_equal (tail_lines (&tail, lines), 1);
        assert_int_equal (strlen (lines[0]), TAIL_OCTETS - 1);
        assert_string_equal (lines[0] + TAIL_OCTETS - 4, "end");
    }
}

static void nuls_do_not_end_a_line (void **state)
{
    const char *lines[TAIL_LINES];

    (void)state;
    memset (&tail, 0, sizeof tail);
    tail_add (&tail, slice_of ("a\0b\nc", 5));
    assert_int_equal (tail_lines (&tail, lines), 2);
    assert_string_equal (lines[0], "a?b");
    assert_string_equal (lines[1], "c");
}

TESTING_MAIN (cmocka_unit_test (lines_are_what_ends_with_a_newline_or_the_text),
              cmocka_unit_test (the_last_lines_stay),
              cmocka_unit_test (of_a_long_line_the_end_stays),
              cmocka_unit_test (nuls_do_not_end_a_line), )
