#include "fabric/moment.h"

#include "tests/support/testing.h"

static void a_sum_beyond_the_last_moment_is_never (void **state)
{
    (void)state;
    assert_int_equal (moment_after (100, 50), 150);
    assert_true (moment_after (100, 0) == 100);
    assert_true (moment_after (100, UINT64_MAX) == MOMENT_NEVER);
    assert_true (moment_after (100, UINT64_MAX - 100) == MOMENT_NEVER);
    assert_true (moment_after (100, UINT64_MAX - 101) == MOMENT_NEVER - 1);
    assert_true (moment_after (MOMENT_NEVER, 0) == MOMENT_NEVER);
    assert_true (moment_after (MOMENT_NEVER, 1) == MOMENT_NEVER);
}

static void what_is_past_is_no_time_away (void **state)
{
    (void)state;
    assert_int_equal (moment_until (100, 150), 50);
    assert_int_equal (moment_until (150, 150), 0);
    assert_int_equal (moment_until (150, 100), 0);
    assert_true (moment_until (0, MOMENT_NEVER) == UINT64_MAX);
}

static void the_clock_goes_forwards_and_both_hands_agree (void **state)
{
    (void)state;
    uint64_t ns = moment_now_ns ();

    for (unsigned i = 0; i < 1000; i++) {
        uint64_t next = moment_now_ns ();
        assert_true (next >= ns);
        ns = next;
    }
    uint64_t before = moment_now_ns () / 1000000;
    moment_t now = moment_now ();
    uint64_t after = moment_now_ns () / 1000000;
    assert_true (before <= now && now <= after);
}

TESTING_MAIN (cmocka_unit_test (a_sum_beyond_the_last_moment_is_never),
              cmocka_unit_test (what_is_past_is_no_time_away),
              cmocka_unit_test (the_clock_goes_forwards_and_both_hands_agree), )
