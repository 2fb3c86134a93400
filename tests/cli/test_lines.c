#include "cli/lines.h"

#include "tests/support/testing.h"

static void feed (lines_t *lines, const char *text)
{
    size_t len = strlen (text);
    uint8_t *room = lines_room (lines, len + 1);

    assert_non_null (room);
    memcpy (room, text, len);
    lines_fed (lines, len);
}

static void expect_line (lines_t *lines, const char *text)
{
    slice_t line;

    assert_int_equal (lines_next (lines, &line), LINES_LINE);
    assert_true (slice_equal (line, slice_text (text)));
}

static void expect (lines_t *lines, lines_status_t status)
{
    slice_t line;

    assert_int_equal (lines_next (lines, &line), status);
}

static void lines_come_whole (void **state)
{
    (void)state;
    lines_t lines;

    lines_init (&lines, 100);
    expect (&lines, LINES_MORE);
    feed (&lines, "one\ntwo\n\nthr");
    expect_line (&lines, "one");
    expect_line (&lines, "two");
    expect_line (&lines, "");
    expect (&lines, LINES_MORE);
    expect (&lines, LINES_MORE);
    feed (&lines, "ee");
    expect (&lines, LINES_MORE);
    feed (&lines, "\nfour");
    expect_line (&lines, "three");
    expect (&lines, LINES_MORE);
    lines_fed (&lines, 0);
    expect_line (&lines, "four");
    expect (&lines, LINES_END);
    expect (&lines, LINES_END);
    lines_finish (&lines);
}

static void nothing_is_no_line (void **state)
{
    (void)state;
    lines_t lines;

    lines_init (&lines, 100);
    lines_fed (&lines, 0);
    expect (&lines, LINES_END);
    lines_finish (&lines);

    lines_init (&lines, 100);
    feed (&lines, "x\n");
    lines_fed (&lines, 0);
    expect_line (&lines, "x");
    expect (&lines, LINES_END);
    lines_finish (&lines);
}

static void a_line_too_long_is_passed_over (void **state)
{
    (void)state;
    lines_t lines;

    lines_init (&lines, 4);
    feed (&lines, "1234\n12345\n123");
    expect_line (&lines, "1234");
    expect (&lines, LINES_TOO_LONG);
    expect (&lines, LINES_MORE);
    feed (&lines, "45");
    expect (&lines, LINES_MORE);
    for (int i = 0; i < 1000; i++) {
        feed (&lines, "123456789");
        expect (&lines, LINES_MORE);
    }
    assert_in_range (lines.octets.size, 0, 1024);
    feed (&lines, "6\nab\nabcdef");
    expect (&lines, LINES_TOO_LONG);
    expect_line (&lines, "ab");
    expect (&lines, LINES_MORE);
    lines_fed (&lines, 0);
    expect (&lines, LINES_TOO_LONG);
    expect (&lines, LINES_END);
    lines_finish (&lines);
}

TESTING_MAIN (cmocka_unit_test (lines_come_whole),
              cmocka_unit_test (nothing_is_no_line),
              cmocka_unit_test (a_line_too_long_is_passed_over), )
