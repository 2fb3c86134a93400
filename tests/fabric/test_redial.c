/*  When a link dials, beats and gives up, in made-up time.
 */
#include "fabric/redial.h"

#include "tests/support/testing.h"

static redial_t redial;
static moment_t now;

static void begin (size_t endpoints)
{
    now = 1000;
    redial_init (&redial, endpoints, 42);
}

// Lets time pass until something is due; what, or NOTHING after `longest`.
static redial_due_t wait_for_due (span_t longest)
{
    moment_t end = moment_after (now, longest);

    while (now <= end) {
        assert_true (redial_check (&redial));
        redial_due_t due = redial_due (&redial, now);
        if (due != REDIAL_NOTHING)
            return due;
        assert_true (redial_deadline (&redial) > now);
        now = redial_deadline (&redial);
    }
    now = end;
    return REDIAL_NOTHING;
}

static span_t dial_in_vain (bool turned_away)
{
    moment_t from = now;

    assert_int_equal (wait_for_due (60000), REDIAL_DIAL);
    span_t pause = now - from;
    redial_dialled (&redial, now);
    redial_failed (&redial, now, turned_away);
    return pause;
}

// Dials and finds nobody; how long the pause before was.
static span_t fail_once (void)
{
    return dial_in_vain (false);
}

static void come_up (void)
{
    assert_int_equal (wait_for_due (60000), REDIAL_DIAL);
    redial_dialled (&redial, now);
    redial_connected (&redial, now);
}

static void the_first_dial_is_at_once (void **state)
{
    (void)state;
    begin (1);
    assert_int_equal (fail_once (), 0);
}

static void assert_pauses_double (bool turned_away, span_t most)
{
    begin (1);
    (void)dial_in_vain (turned_away);
    span_t longest = RECONNECT_MIN_MS;
    for (int i = 0; i < 20; i++) {
        assert_in_range (dial_in_vain (turned_away), longest / 2, longest);
        longest = longest * 2 < most ? longest * 2 : most;
    }
}

// Issue: back off up to 5 s with jitter.
static void pauses_double_up_to_the_longest (void **state)
{
    (void)state;
    assert_pauses_double (true, RECONNECT_MAX_MS);
}

// Issue: registers again within 1 s of being able to.
static void a_broker_that_is_absent_is_found_within_a_second (void **state)
{
    (void)state;
    assert_pauses_double (false, RECONNECT_ABSENT_MS);
}

static void pauses_grow_from_where_they_were_when_somebody_is_there_again (void **state)
{
    (void)state;
    begin (1);
    for (int i = 0; i < 100; i++)
        (void)fail_once ();
    (void)dial_in_vain (true);
    assert_in_range (fail_once (), RECONNECT_ABSENT_MS, 2 * RECONNECT_ABSENT_MS);
    assert_in_range (fail_once (), RECONNECT_ABSENT_MS / 2, RECONNECT_ABSENT_MS);
}

static void pauses_differ_between_seeds_and_repeat_with_one (void **state)
{
    span_t first[3];
    (void)state;

    for (unsigned i = 0; i < 3; i++) {
        begin (1);
        redial.random = i < 2 ? 7 : 8;
        for (int n = 0; n < 10; n++)
            first[i] = fail_once ();
    }
    assert_int_equal (first[0], first[1]);
    assert_int_not_equal (first[0], first[2]);
}

static void the_first_pause_after_a_good_connection_is_short (void **state)
{
    (void)state;
    begin (1);
    for (int i = 0; i < 10; i++)
        (void)fail_once ();
    come_up ();
    now += REDIAL_STABLE_MS;
    redial_failed (&redial, now, true);
    assert_in_range (fail_once (), 0, REDIAL_QUICK_MS);
    assert_in_range (fail_once (), RECONNECT_MIN_MS / 2, RECONNECT_MIN_MS);
}

// A broker that closes each connection at once is not dialled in a loop.
static void a_connection_that_falls_at_once_counts_as_a_failure (void **state)
{
    (void)state;
    begin (1);
    moment_t from = now;
    for (int i = 0; i < 12; i++) {
        come_up ();
        now += 10;
        redial_failed (&redial, now, true);
    }
    assert_true (now - from > 12000);
}

static void endpoints_are_tried_in_turn_and_pauses_grow_once_a_round (void **state)
{
    (void)state;
    begin (3);
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal (redial.endpoint, i % 3);
        span_t pause = fail_once ();
        if (i == 0)
            assert_int_equal (pause, 0);
        else if (i % 3)
            assert_in_range (pause, 0, REDIAL_QUICK_MS);
        else
            assert_in_range (pause, RECONNECT_MIN_MS * i / 6, RECONNECT_MIN_MS * i / 3);
    }
}

static void a_good_connection_is_sought_again_where_it_was (void **state)
{
    (void)state;
    begin (2);
    (void)fail_once ();
    come_up ();
    assert_int_equal (redial.endpoint, 1);
    now += REDIAL_STABLE_MS;
    redial_failed (&redial, now, true);
    assert_int_equal (redial.endpoint, 1);
    (void)fail_once ();
    assert_int_equal (redial.endpoint, 0);
}

static void dial_and_reach (void)
{
    assert_int_equal (wait_for_due (60000), REDIAL_DIAL);
    redial_dialled (&redial, now);
    redial_reached (&redial);
}

static void a_handshake_has_its_time (void **state)
{
    (void)state;
    begin (1);
    dial_and_reach ();
    assert_int_equal (redial_deadline (&redial), now + REDIAL_DIAL_MS);
    assert_int_equal (wait_for_due (REDIAL_DIAL_MS - 1), REDIAL_NOTHING);
    assert_int_equal (wait_for_due (1), REDIAL_TOO_LONG);
}

static void a_handshake_has_less_time_when_there_are_others_to_try (void **state)
{
    (void)state;
    begin (2);
    dial_and_reach ();
    assert_int_equal (redial_deadline (&redial), now + REDIAL_DIAL_NEXT_MS);
}

// A link that went up between two of the kernel's questions is found soon, a far host at all.
static void a_host_that_does_not_answer_is_asked_often_and_now_and_then_for_long (void **state)
{
    (void)state;
    begin (1);
    for (unsigned i = 1; i <= 12; i++) {
        assert_int_equal (wait_for_due (60000), REDIAL_DIAL);
        redial_dialled (&redial, now);
        assert_int_equal (redial_deadline (&redial) - now,
                          i % 4 == 0 ? REDIAL_DIAL_MS : REDIAL_REACH_MS);
        assert_int_equal (wait_for_due (REDIAL_DIAL_MS), REDIAL_TOO_LONG);
        redial_failed (&redial, now, false);
    }
}

static void a_heartbeat_is_due_in_time (void **state)
{
    (void)state;
    begin (1);
    come_up ();
    for (int i = 0; i < 20; i++) {
        moment_t from = now;
        assert_int_equal (wait_for_due (2 * PEER_HEARTBEAT_MS), REDIAL_BEAT);
        assert_int_equal (now - from, PEER_HEARTBEAT_MS);
        redial_beaten (&redial, now);
        redial_heard (&redial, now);
    }
}

static void silence_ends_a_connection (void **state)
{
    redial_due_t due;
    (void)state;

    begin (1);
    come_up ();
    redial_heard (&redial, now);
    moment_t from = now;
    while ((due = wait_for_due (60000)) == REDIAL_BEAT)
        redial_beaten (&redial, now);
    assert_int_equal (due, REDIAL_SILENT);
    assert_int_equal (now - from, PEER_SILENCE_MS);
}

static void our_own_absence_is_not_the_brokers_silence (void **state)
{
    (void)state;
    begin (1);
    come_up ();
    (void)redial_due (&redial, now);
    now += 60000; // stopped by a debugger, say
    assert_int_equal (redial_due (&redial, now), REDIAL_BEAT);
    redial_beaten (&redial, now);
    moment_t from = now;
    while (wait_for_due (60000) == REDIAL_BEAT)
        redial_beaten (&redial, now);
    assert_in_range (now - from, PEER_SILENCE_MS - PEER_HEARTBEAT_MS, PEER_SILENCE_MS);
}

static void a_stopped_one_wants_nothing (void **state)
{
    (void)state;
    begin (1);
    come_up ();
    redial_stop (&redial, now);
    assert_true (redial_deadline (&redial) == MOMENT_NEVER);
    assert_int_equal (redial_due (&redial, now + 100000), REDIAL_NOTHING);
    assert_true (redial_check (&redial));
    redial_stop (&redial, now);
}

static void it_works_until_time_ends (void **state)
{
    (void)state;
    begin (1);
    now = MOMENT_NEVER - 3;
    come_up ();
    assert_int_equal (redial_due (&redial, now), REDIAL_NOTHING);
    redial_failed (&redial, now, true);
    assert_true (redial_check (&redial));
}

TESTING_MAIN (
    cmocka_unit_test (the_first_dial_is_at_once),
    cmocka_unit_test (pauses_double_up_to_the_longest),
    cmocka_unit_test (a_broker_that_is_absent_is_found_within_a_second),
    cmocka_unit_test (pauses_grow_from_where_they_were_when_somebody_is_there_again),
    cmocka_unit_test (pauses_differ_between_seeds_and_repeat_with_one),
    cmocka_unit_test (the_first_pause_after_a_good_connection_is_short),
    cmocka_unit_test (a_connection_that_falls_at_once_counts_as_a_failure),
    cmocka_unit_test (endpoints_are_tried_in_turn_and_pauses_grow_once_a_round),
    cmocka_unit_test (a_good_connection_is_sought_again_where_it_was),
    cmocka_unit_test (a_handshake_has_its_time),
    cmocka_unit_test (a_handshake_has_less_time_when_there_are_others_to_try),
    cmocka_unit_test (a_host_that_does_not_answer_is_asked_often_and_now_and_then_for_long),
    cmocka_unit_test (a_heartbeat_is_due_in_time),
    cmocka_unit_test (silence_ends_a_connection),
    cmocka_unit_test (our_own_absence_is_not_the_brokers_silence),
    cmocka_unit_test (a_stopped_one_wants_nothing),
    cmocka_unit_test (it_works_until_time_ends), )
