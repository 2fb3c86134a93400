#include "cli/progress.h"

#include "tests/support/testing.h"

static void expect_bar (const progress_t *progress, size_t width, const char *text)
{
    buffer_t out;

    buffer_init (&out, SIZE_MAX);
    progress_write (progress, width, &out);
    buffer_octet (&out, '\0');
    assert_string_equal ((const char *)out.data, text);
    assert_true (out.len - 1 < width || width == 0);
    buffer_finish (&out);
}

static void the_bar_grows (void **state)
{
    (void)state;
    progress_t progress;

    progress_init (&progress, 5000);
    progress_update (&progress, 5000, (progress_now_t){0, 0, 0});
    expect_bar (&progress, 60, "[>                         ]   0%  0 done  0/s  0:00 so far");
    progress_update (&progress, 6000, (progress_now_t){1000, 0, 0.25});
    expect_bar (&progress, 60, "[=====>              ]  25%  1,000 done  1,000/s  0:03 left");
    expect_bar (&progress, 80,
                "[==========>                             ]  25%  1,000 done  1,000/s  0:03 left");
    progress_update (&progress, 7000, (progress_now_t){2000, 3, 0.5});
    expect_bar (&progress, 80,
                "[===============>              ]  50%  2,000 done  3 failed  1,000/s  0:02 left");
    progress_update (&progress, 9000, (progress_now_t){4000, 3, 1});
    expect_bar (&progress, 200,
                "[========================================] 100%  4,000 done  3 failed  1,000/s  "
                "0:00 left");
}

static void a_narrow_terminal_has_words_only (void **state)
{
    (void)state;
    progress_t progress;

    progress_init (&progress, 0);
    progress_update (&progress, 1000, (progress_now_t){10, 0, 0.5});
    expect_bar (&progress, 40, " 50%  10 done  10.0/s  0:01 left");
    expect_bar (&progress, 12, " 50%  10 do");
    expect_bar (&progress, 1, "");
    expect_bar (&progress, 0, "");
}

static void without_an_end_there_is_the_time_so_far (void **state)
{
    (void)state;
    progress_t progress;

    progress_init (&progress, 0);
    progress_update (&progress, 61000, (progress_now_t){61, 0, -1});
    expect_bar (&progress, 80, "61 done  1.00/s  1:01 so far");
    assert_true (progress_left (&progress) == MOMENT_NEVER);
}

static void the_rate_forgets (void **state)
{
    (void)state;
    progress_t progress;
    uint64_t done = 0;

    progress_init (&progress, 0);
    for (moment_t now = 100; now <= 60000; now += 100)
        progress_update (&progress, now, (progress_now_t){done += 100, 0, -1});
    assert_in_range ((int)progress_rate (&progress), 999, 1001);
    for (moment_t now = 60100; now <= 70000; now += 100)
        progress_update (&progress, now, (progress_now_t){done += 1, 0, -1});
    assert_in_range ((int)progress_rate (&progress), 9, 11);
    for (moment_t now = 70100; now <= 80000; now += 100)
        progress_update (&progress, now, (progress_now_t){done, 0, 0.5});
    assert_int_equal ((int)progress_rate (&progress), 0);
    assert_true (progress_left (&progress) == MOMENT_NEVER);
}

static void spans_and_rates_read_well (void **state)
{
    (void)state;
    static const struct {
        span_t span;
        const char *text;
    } spans[] = {{0, "0:00"},       {1, "0:01"},          {12000, "0:12"},
                 {754000, "12:34"}, {3600000, "1:00:00"}, {36061000, "10:01:01"}};
    static const struct {
        double rate;
        const char *text;
    } rates[] = {
        {0, "0"}, {0.123, "0.12"}, {12.34, "12.3"}, {99.96, "100.0"}, {123456.4, "123,456"}};
    buffer_t out;

    buffer_init (&out, SIZE_MAX);
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        buffer_reset (&out);
        progress_put_span (spans[i].span, &out);
        buffer_octet (&out, '\0');
        assert_string_equal ((const char *)out.data, spans[i].text);
    }
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        buffer_reset (&out);
        progress_put_rate (rates[i].rate, &out);
        buffer_octet (&out, '\0');
        assert_string_equal ((const char *)out.data, rates[i].text);
    }
    buffer_finish (&out);
}

TESTING_MAIN (cmocka_unit_test (the_bar_grows),
              cmocka_unit_test (a_narrow_terminal_has_words_only),
              cmocka_unit_test (without_an_end_there_is_the_time_so_far),
              cmocka_unit_test (the_rate_forgets),
              cmocka_unit_test (spans_and_rates_read_well), )
