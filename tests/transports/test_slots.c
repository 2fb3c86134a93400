// The slots of a legacy worker that says nothing of tasks which it was told to cancel.

#include "tests/support/testing.h"

#include "transports/slots.h"

#include <errno.h>

static slots_t slots;
static cookie_t cookies[4];

static int set_up (void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        cookie_make (&cookies[i]);
    return slots_init (&slots);
}

static int tear_down (void **state)
{
    (void)state;
    slots_finish (&slots);
    return 0;
}

// One that is cancelled, and for which the grace is over: a ghost.
static void haunt (unsigned which)
{
    cookie_t cookie;

    assert_int_equal (slots_give (&slots, &cookies[which]), 0);
    assert_true (slots_cancel (&slots, &cookies[which], 1000));
    assert_false (slots_overdue (&slots, 1000 + SLOTS_GRACE_MS - 1, &cookie));
    assert_int_equal (slots_deadline (&slots), 1000 + SLOTS_GRACE_MS);
    assert_true (slots_overdue (&slots, 1000 + SLOTS_GRACE_MS, &cookie));
    assert_true (cookie_equal (&cookie, &cookies[which]));
    assert_int_equal (slots_haunted (&slots), 1);
}

static void its_own_answer_within_the_grace_is_passed_on (void **state)
{
    (void)state;
    assert_int_equal (slots_give (&slots, &cookies[0]), 0);
    assert_true (slots_cancel (&slots, &cookies[0], 0));
    assert_int_equal (slots_result (&slots, &cookies[0]), SLOTS_PASS);
    assert_int_equal (slots_deadline (&slots), MOMENT_NEVER);
}

static void a_late_answer_lays_the_ghost_and_goes_nowhere (void **state)
{
    (void)state;
    haunt (0);
    assert_int_equal (slots_result (&slots, &cookies[0]), SLOTS_DROP);
    assert_int_equal (slots_haunted (&slots), 0);
}

static void an_answer_to_a_later_task_lays_it_and_one_to_an_earlier_task_does_not (void **state)
{
    (void)state;
    assert_int_equal (slots_give (&slots, &cookies[1]), 0);
    assert_int_equal (slots_give (&slots, &cookies[2]), 0);
    assert_int_equal (slots_result (&slots, &cookies[2]), SLOTS_PASS);
    assert_int_equal (slots_result (&slots, &cookies[1]), SLOTS_PASS);
    assert_int_equal (slots_give (&slots, &cookies[1]), 0);
    haunt (0);
    assert_int_equal (slots_result (&slots, &cookies[1]), SLOTS_PASS);
    assert_int_equal (slots_haunted (&slots), 1);
    assert_int_equal (slots_give (&slots, &cookies[2]), 0);
    assert_int_equal (slots_result (&slots, &cookies[2]), SLOTS_PASS);
    assert_int_equal (slots_haunted (&slots), 0);
}

static void time_lays_it (void **state)
{
    (void)state;
    haunt (0);
    assert_false (slots_expire (&slots, 1000 + SLOTS_GHOST_MS - 1));
    assert_true (slots_expire (&slots, 1000 + SLOTS_GHOST_MS));
    assert_int_equal (slots_haunted (&slots), 0);
}

// A worker that is given a cookie which it has ends.
static void a_cookie_that_it_may_still_have_is_refused (void **state)
{
    (void)state;
    haunt (0);
    assert_int_equal (slots_give (&slots, &cookies[0]), -1);
    assert_int_equal (errno, EEXIST);
}

static void what_runs_when_the_broker_is_lost_is_a_ghost_until_it_answers (void **state)
{
    (void)state;
    assert_int_equal (slots_give (&slots, &cookies[0]), 0);
    slots_orphan (&slots);
    assert_int_equal (slots_haunted (&slots), 1);
    assert_int_equal (slots_deadline (&slots), MOMENT_NEVER);
    assert_false (slots_cancel (&slots, &cookies[0], 0));
    assert_int_equal (slots_result (&slots, &cookies[0]), SLOTS_DROP);
    assert_int_equal (slots_haunted (&slots), 0);
}

int main (int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE (its_own_answer_within_the_grace_is_passed_on),
        CASE (a_late_answer_lays_the_ghost_and_goes_nowhere),
        CASE (an_answer_to_a_later_task_lays_it_and_one_to_an_earlier_task_does_not),
        CASE (time_lays_it),
        CASE (a_cookie_that_it_may_still_have_is_refused),
        CASE (what_runs_when_the_broker_is_lost_is_a_ghost_until_it_answers),
    };

    if (argc > 1)
        cmocka_set_test_filter (argv[1]);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
