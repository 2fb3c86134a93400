#include "cli/tally.h"

#include "tests/support/testing.h"

static void expect (const tally_t *tally, span_t elapsed, const char *text)
{
    buffer_t out;

    buffer_init (&out, SIZE_MAX);
    tally_write (tally, elapsed, &out);
    buffer_octet (&out, '\0');
    assert_string_equal ((const char *)out.data, text);
    buffer_finish (&out);
}

static void it_sums_up (void **state)
{
    (void)state;
    tally_t tally = {0};

    expect (&tally, 0, "0 tasks in 0.00 s (0/s)");
    tally.ended[ZFABRIC_OK] = 1;
    expect (&tally, 500, "1 task in 0.50 s (2.00/s): 1 OK");
    tally.ended[ZFABRIC_OK] = 19997;
    tally.ended[ZFABRIC_TIMED_OUT] = 2;
    expect (&tally, 12340, "19,999 tasks in 12.3 s (1,621/s): 19,997 OK, 2 failed (2 TIMED_OUT)");
    tally.ended[TALLY_NOT_SENT] = 1;
    expect (&tally, 3600000,
            "20,000 tasks in 1:00:00 (5.56/s): 19,997 OK, 3 failed (2 TIMED_OUT, 1 not sent)");
    assert_int_equal (tally_total (&tally), 20000);
    assert_int_equal (tally_failed (&tally), 3);
}

TESTING_MAIN (cmocka_unit_test (it_sums_up), )
