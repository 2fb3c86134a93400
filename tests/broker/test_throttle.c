// Lines of a log that others can cause: so many a second, and how many more there were.

#include "broker/throttle.h"

#include "tests/support/testing.h"

static unsigned passed (throttle_t *throttle, moment_t now, unsigned times)
{
    unsigned count = 0;

    for (unsigned i = 0; i < times; i++)
        count += throttle_pass (throttle, now);
    return count;
}

static void so_many_pass_in_a_window (void **state)
{
    (void)state;
    throttle_t throttle = {0};

    assert_int_equal (passed (&throttle, 5000, 3), 3);
    assert_int_equal (throttle_due (&throttle), MOMENT_NEVER);
    assert_int_equal (passed (&throttle, 5500, 10), THROTTLE_LINES - 3);
    assert_int_equal (throttle_due (&throttle), 6000);
    assert_int_equal (throttle_more (&throttle, 5999), 0);
    assert_int_equal (throttle_more (&throttle, 6000), 10 - (THROTTLE_LINES - 3));
    assert_int_equal (throttle_more (&throttle, 6000), 0);
    assert_int_equal (throttle_due (&throttle), MOMENT_NEVER);
    assert_int_equal (passed (&throttle, 6000, 100), THROTTLE_LINES);
}

static void what_is_rare_passes_always (void **state)
{
    (void)state;
    throttle_t throttle = {0};

    for (moment_t now = 1; now < 100000; now += THROTTLE_MS) {
        assert_int_equal (throttle_more (&throttle, now), 0);
        assert_true (throttle_pass (&throttle, now));
    }
}

static void however_many_there_are_none_is_lost_to_the_count (void **state)
{
    (void)state;
    throttle_t throttle = {0};
    uint64_t said = 0, more = 0, all = 0;

    for (moment_t now = 1; now < 20000; now++) {
        more += throttle_more (&throttle, now);
        said += passed (&throttle, now, (unsigned)(now % 7));
        all += now % 7;
    }
    more += throttle_more (&throttle, 100000);
    assert_int_equal (said + more, all);
    assert_true (said <= 21 * THROTTLE_LINES);
}

TESTING_MAIN (cmocka_unit_test (so_many_pass_in_a_window),
              cmocka_unit_test (what_is_rare_passes_always),
              cmocka_unit_test (however_many_there_are_none_is_lost_to_the_count), )
