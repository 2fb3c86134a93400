// The legacy framing (PROTOCOL 9), whole, in pieces and hostile.

#include "tests/support/testing.h"

#include "transports/framing.h"

static framing_budget_t budget;
static framing_t framing;

static int set_up (void **state)
{
    (void)state;
    budget = (framing_budget_t){.limit = 1000};
    framing_init (&framing, 100, &budget);
    return 0;
}

static int tear_down (void **state)
{
    (void)state;
    framing_finish (&framing);
    assert_int_equal (budget.held, 0);
    return 0;
}

// Feeds octets in pieces of `step`, and writes what came out: each frame and a bar.
static void feed (slice_t octets, size_t step, buffer_t *told)
{
    while (octets.len) {
        size_t len = octets.len < step ? octets.len : step;
        slice_t in = slice_of (octets.ptr, len), frame;
        framing_news_t news;
        octets = slice_of (octets.ptr + len, octets.len - len);
        while ((news = framing_next (&framing, &in, &frame)) != FRAMING_MORE) {
            if (news == FRAMING_FRAME)
                buffer_slice (told, frame);
            buffer_text (told, news == FRAMING_TOO_LONG ? "!" : news == FRAMING_FRAME ? "|" : "?");
            if (news != FRAMING_FRAME && news != FRAMING_TOO_LONG)
                return;
        }
    }
}

static void expect (slice_t octets, const char *story)
{
    for (size_t step = 1; step <= octets.len; step++) {
        buffer_t told;
        buffer_init (&told, 4096);
        feed (octets, step, &told);
        assert_int_equal (told.len, strlen (story));
        assert_memory_equal (told.data, story, told.len);
        assert_false (framing_half (&framing));
        buffer_finish (&told);
    }
}

static void frames_come_out_whatever_the_pieces (void **state)
{
    static const char octets[] = "\0\0\0\3abc\0\0\0\0\0\0\0\1x";

    (void)state;
    expect (slice_of (octets, sizeof octets - 1), "abc||x|");
}

static void a_frame_over_the_limit_is_skipped (void **state)
{
    uint8_t octets[4 + 200 + 4 + 2] = {0, 0, 0, 200};

    (void)state;
    memcpy (octets + 204, "\0\0\0\2ok", 6);
    expect (slice_of (octets, sizeof octets), "!ok|");
}

static void what_is_no_length_is_the_end (void **state)
{
    static const char *const starts[] = {"\xff\xff\xff\xff", "GET ", "\x16\x03\x01\x02"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        slice_t in = slice_of (starts[i], 4), frame;
        assert_int_equal (framing_next (&framing, &in, &frame), FRAMING_LOST);
        framing_finish (&framing);
        framing_init (&framing, 100, &budget);
    }
}

// Memory follows what came, not what was claimed; and no more than all together may hold.
static void half_frames_are_counted_together (void **state)
{
    framing_t other;
    uint8_t octets[4 + 60] = {0, 0, 0, 100};
    slice_t in = slice_of (octets, 24), frame;

    (void)state;
    budget.limit = 50;
    framing_init (&other, 100, &budget);
    assert_int_equal (framing_next (&framing, &in, &frame), FRAMING_MORE);
    assert_int_equal (budget.held, 20);
    assert_true (framing_half (&framing));
    in = slice_of (octets, sizeof octets);
    assert_int_equal (framing_next (&other, &in, &frame), FRAMING_BUDGET);
    assert_int_equal (budget.held, 20);
    framing_finish (&framing);
    framing_init (&framing, 100, &budget);
    assert_int_equal (framing_next (&other, &in, &frame), FRAMING_BUDGET);
    budget.limit = 60;
    assert_int_equal (framing_next (&other, &in, &frame), FRAMING_MORE);
    assert_int_equal (framing_held (&other), 60);
    framing_finish (&other);
}

int main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown (frames_come_out_whatever_the_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown (a_frame_over_the_limit_is_skipped, set_up, tear_down),
        cmocka_unit_test_setup_teardown (what_is_no_length_is_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown (half_frames_are_counted_together, set_up, tear_down),
    };

    if (argc > 1)
        cmocka_set_test_filter (argv[1]);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
