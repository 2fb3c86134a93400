/*  The multiplexor as stories: what happens, and what its sink then says.
 */
#include "client/multiplexor.h"

#include "fabric/limits.h"
#include "tests/client/multiplexor_story.h"
#include "tests/support/testing.h"

static void a_task_is_run (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    connection ();
    add (a);
    hears ("RUN a; ");
    result ("a", ZFABRIC_OK);
    hears ("a ends OK; ");
    result ("a", ZFABRIC_OK); // PROTOCOL 4: exactly one, so this is nobody's
    hears ("stray RESULT; ");
}

static void many_tasks_are_told_apart (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN),
            *c = make ("c", SESSION_RUN);
    connection ();
    add (a);
    add (b);
    add (c);
    hears ("RUN a; RUN b; RUN c; ");
    result ("c", ZFABRIC_OK);
    result ("a", ZFABRIC_PROCESSOR_EXCEPTION);
    result ("b", ZFABRIC_OK);
    hears ("c ends OK; a ends PROCESSOR_EXCEPTION; b ends OK; ");
}

static void partials_go_to_their_task (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN);
    connection ();
    add (a);
    add (b);
    forget ();
    comes (PACKET_PARTIAL, "a", ZFABRIC_OK, 0);
    comes (PACKET_PARTIAL, "b", ZFABRIC_OK, 0);
    comes (PACKET_PARTIAL, "a", ZFABRIC_OK, 1);
    comes (PACKET_PARTIAL, "z", ZFABRIC_OK, 0);
    comes (PACKET_PARTIAL, NULL, ZFABRIC_OK, 0);
    hears ("a gets 0; b gets 0; a gets 1; ");
    result ("a", ZFABRIC_OK);
    comes (PACKET_PARTIAL, "a", ZFABRIC_OK, 2);
    hears ("a ends OK; ");
}

// PROTOCOL 3: packets whose type a peer does not know are ignored.
static void other_packets_are_ignored (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    connection ();
    add (a);
    forget ();
    comes (PACKET_UNKNOWN, "a", ZFABRIC_OK, 0);
    comes (PACKET_REGISTER, "a", ZFABRIC_OK, 0);
    comes (PACKET_RUN, "a", ZFABRIC_OK, 0);
    comes (PACKET_CANCEL, "a", ZFABRIC_OK, 0);
    comes (PACKET_SHUTDOWN, NULL, ZFABRIC_OK, 0);
    answer ();
    hears ("");
}

static void refusals_without_a_cookie_are_told (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    connection ();
    add (a);
    forget ();
    result (NULL, ZFABRIC_BAD_PACKET);
    hears ("stray RESULT; ");
}

// A call must not hang because its one RESULT could not be read.
static void a_broken_result_ends_its_task (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN),
            *c = make ("c", SESSION_RUN);
    packet_t packet;
    connection ();
    add (a);
    add (b);
    add (c);
    forget ();
    packet_init (&packet, ENCODING_JSON);
    multiplexor_broken (&mux, &packet, "not a header");
    hears ("stray ?: not a header; ");
    packet.cookie = a->session.cookie;
    packet.keys = PACKET_BIT (COOKIE);
    multiplexor_broken (&mux, &packet, "rc: not a result code");
    hears ("a ends EXCEPTION: rc: not a result code; ");
    packet.type = PACKET_PARTIAL;
    packet.cookie = b->session.cookie;
    packet.keys |= PACKET_BIT (PACKET_TYPE);
    multiplexor_broken (&mux, &packet, "seq: not an integer");
    hears ("stray PARTIAL: seq: not an integer; ");
    packet.type = PACKET_RESULT;
    multiplexor_packet (&mux, &packet, NULL, now);
    hears ("b ends EXCEPTION: rc: missing; ");
}

static void what_was_not_sent_waits_for_the_connection (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN);
    add (a);
    pass (CONNECT_MS - 1);
    add (b);
    hears ("");
    connection ();
    hears ("RUN a; RUN b; ");
    assert_true (multiplexor_deadline (&mux) == MOMENT_NEVER);
}

static void without_a_connection_calls_end_in_time (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_CANCEL);
    add (a);
    pass (1000);
    add (b);
    multiplexor_lost (&mux, now, "a try that failed");
    pass (10000);
    hears ("(5000) a ends BROKER_WENT_AWAY: nobody there; "
           "(6000) b ends BROKER_WENT_AWAY: nobody there; ");
}

static void a_lost_connection_ends_what_was_sent (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_CANCEL),
            *c = make ("c", SESSION_RUN);
    connection ();
    add (a);
    add (b);
    room = 0;
    add (c);
    forget ();
    pass (CONNECT_MS * 2);
    multiplexor_lost (&mux, now, "it is gone");
    hears ("a ends BROKER_WENT_AWAY: it is gone; b ends BROKER_WENT_AWAY: it is gone; ");
    // The other has its time from the loss on.
    pass (CONNECT_MS - 1);
    hears ("");
    room = 1;
    connection ();
    hears ("RUN c; ");
    result ("c", ZFABRIC_OK);
    hears ("c ends OK; ");
}

// An answer of the connection before can't come any more; the cookie may be used again.
static void a_cookie_can_be_used_again (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *again = make ("a again", SESSION_RUN);
    connection ();
    add (a);
    multiplexor_lost (&mux, now, "it is gone");
    add (again);
    connection ();
    result ("a", ZFABRIC_OK);
    hears ("RUN a; a ends BROKER_WENT_AWAY: it is gone; RUN a again; a again ends OK; ");
}

static void a_cookie_in_use_is_refused (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *again = make ("a again", SESSION_RUN);
    connection ();
    add (a);
    add (again);
    hears ("RUN a; a again ends COOKIE_COLLISION: this client has a call with this cookie open; ");
    result ("a", ZFABRIC_OK);
    hears ("a ends OK; ");
}

static void a_task_is_cancelled (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    connection ();
    add (a);
    multiplexor_cancel (&mux, &a->session);
    multiplexor_cancel (&mux, &a->session);
    multiplexor_flush (&mux);
    hears ("RUN a; CANCEL own a; ");
    result ("a", ZFABRIC_CANCELLED);
    hears ("a ends CANCELLED; ");
    multiplexor_cancel (&mux, &a->session); // too late: nothing happens
    multiplexor_flush (&mux);
    hears ("");
}

static void what_was_not_sent_is_cancelled_at_once (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    add (a);
    multiplexor_cancel (&mux, &a->session);
    connection ();
    hears ("a ends CANCELLED: cancelled before it was sent; ");
}

static void a_cancel_that_was_not_sent_is_forgotten_with_the_connection (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    connection ();
    add (a);
    room = 0;
    multiplexor_cancel (&mux, &a->session);
    multiplexor_flush (&mux);
    multiplexor_lost (&mux, now, "it is gone");
    room = 10;
    connection ();
    hears ("RUN a; a ends BROKER_WENT_AWAY: it is gone; ");
}

static void a_strangers_task_is_cancelled_by_cookie (void **state)
{
    (void)state;
    named_t *x = make ("x", SESSION_CANCEL), *y = make ("y", SESSION_CANCEL);
    connection ();
    add (x);
    add (y);
    hears ("CANCEL x; CANCEL y; ");
    result ("y", ZFABRIC_COOKIE_NOT_FOUND);
    result ("x", ZFABRIC_OK);
    hears ("y ends COOKIE_NOT_FOUND; x ends OK; ");
}

static void cancels_of_one_cookie_share_the_answer (void **state)
{
    (void)state;
    named_t *x = make ("x", SESSION_CANCEL), *x2 = make ("x2", SESSION_CANCEL);
    connection ();
    add (x);
    add (x2);
    hears ("CANCEL x; ");
    result ("x", ZFABRIC_COOKIE_NOT_FOUND);
    hears ("x ends COOKIE_NOT_FOUND; x2 ends COOKIE_NOT_FOUND; ");
}

// PROTOCOL 4: the broker says OK only to who is not the task's own client.
static void ones_own_task_is_cancelled_by_cookie (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *x = make ("a's cancel", SESSION_CANCEL);
    connection ();
    add (a);
    add (x);
    hears ("RUN a; a's cancel ends OK; CANCEL own a; ");
    result ("a", ZFABRIC_CANCELLED);
    hears ("a ends CANCELLED; ");
}

static void a_cancel_and_a_later_run_of_one_cookie_are_told_apart (void **state)
{
    (void)state;
    named_t *x = make ("a's cancel", SESSION_CANCEL), *a = make ("a", SESSION_RUN);
    connection ();
    add (x);
    add (a);
    result ("a", ZFABRIC_COOKIE_NOT_FOUND);
    result ("a", ZFABRIC_OK);
    hears ("CANCEL a's cancel; RUN a; a's cancel ends COOKIE_NOT_FOUND; a ends OK; ");
}

static void a_full_pipe_is_waited_for (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN),
            *c = make ("c", SESSION_RUN);
    connection ();
    room = 1;
    add (a);
    add (b);
    multiplexor_cancel (&mux, &a->session);
    add (c);
    hears ("RUN a; ");
    room = 2;
    multiplexor_flush (&mux); // it is not asked again before it says so
    hears ("");
    multiplexor_writable (&mux);
    hears ("CANCEL own a; RUN b; ");
    room = 1;
    multiplexor_writable (&mux);
    hears ("RUN c; ");
    result ("a", ZFABRIC_CANCELLED);
    result ("b", ZFABRIC_OK);
    forget ();
}

static void a_detached_task_ends_when_the_broker_took_it (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN),
            *c = make ("c", SESSION_RUN);
    a->session.detach = b->session.detach = true;
    connection ();
    multiplexor_add (&mux, &a->session, now);
    multiplexor_add (&mux, &b->session, now);
    multiplexor_add (&mux, &c->session, now); // not detached, and behind them
    multiplexor_flush (&mux);
    hears ("RUN a; RUN b; RUN c; HEARTBEAT; ");
    answer ();
    hears ("a ends OK; b ends OK; ");
    result ("c", ZFABRIC_OK);
    hears ("c ends OK; ");
}

// PROTOCOL 2, detach: a RESULT comes only if it is refused at once.
static void a_detached_task_that_is_refused_says_so (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN);
    a->session.detach = b->session.detach = true;
    connection ();
    add (a);
    add (b);
    hears ("RUN a; HEARTBEAT; RUN b; HEARTBEAT; ");
    result ("a", ZFABRIC_NO_CAPACITY);
    answer ();
    hears ("a ends NO_CAPACITY; ");
    answer ();
    hears ("b ends OK; ");
    result ("b", ZFABRIC_NO_CAPACITY); // its wait was over
    hears ("stray RESULT; ");
}

static void a_fence_waits_for_room (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    a->session.detach = true;
    connection ();
    beats = 7; // the link's own
    for (int i = 0; i < 7; i++)
        answer ();
    room = 1;
    add (a);
    hears ("RUN a; ");
    room = 1;
    multiplexor_writable (&mux);
    hears ("HEARTBEAT; ");
    answer ();
    hears ("a ends OK; ");
}

static void a_task_that_was_not_sent_times_out_here (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN),
            *c = make ("c", SESSION_RUN);
    b->session.timeout_ms = 300;
    c->session.timeout_ms = 200;
    add (a);
    add (b);
    add (c);
    pass (1000);
    hears ("(200) c ends TIMED_OUT: it was not sent in time; "
           "(300) b ends TIMED_OUT: it was not sent in time; ");
    pass (10000);
    hears ("(5000) a ends BROKER_WENT_AWAY: nobody there; ");
}

// The broker keeps the time of what it has; this is for one that forgot.
static void a_task_that_was_sent_times_out_here_later (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN);
    a->session.timeout_ms = b->session.timeout_ms = 300;
    add (a);
    add (b);
    pass (100);
    connection ();
    hears ("RUN a; RUN b; ");
    pass (250);
    result ("b", ZFABRIC_TIMED_OUT);
    hears ("b ends TIMED_OUT; ");
    pass (10000);
    hears ("(5300) a ends TIMED_OUT: the broker did not end it in time; ");
}

static void the_longest_timeout_is_no_timeout (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    a->session.timeout_ms = UINT64_MAX;
    connection ();
    add (a);
    assert_true (multiplexor_deadline (&mux) == MOMENT_NEVER);
    multiplexor_lost (&mux, now, "gone");
    hears ("RUN a; a ends BROKER_WENT_AWAY: gone; ");
}

static void the_end_ends_all (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN),
            *x = make ("x", SESSION_CANCEL);
    connection ();
    add (a);
    room = 0;
    add (b);
    add (x);
    multiplexor_stop (&mux, "closed");
    hears ("RUN a; a ends BROKER_WENT_AWAY: closed; b ends BROKER_WENT_AWAY: closed; "
           "x ends BROKER_WENT_AWAY: closed; ");
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, story_begin, story_end)

TESTING_MAIN (CASE (a_task_is_run),
              CASE (many_tasks_are_told_apart),
              CASE (partials_go_to_their_task),
              CASE (other_packets_are_ignored),
              CASE (refusals_without_a_cookie_are_told),
              CASE (a_broken_result_ends_its_task),
              CASE (what_was_not_sent_waits_for_the_connection),
              CASE (without_a_connection_calls_end_in_time),
              CASE (a_lost_connection_ends_what_was_sent),
              CASE (a_cookie_can_be_used_again),
              CASE (a_cookie_in_use_is_refused),
              CASE (a_task_is_cancelled),
              CASE (what_was_not_sent_is_cancelled_at_once),
              CASE (a_cancel_that_was_not_sent_is_forgotten_with_the_connection),
              CASE (a_strangers_task_is_cancelled_by_cookie),
              CASE (cancels_of_one_cookie_share_the_answer),
              CASE (ones_own_task_is_cancelled_by_cookie),
              CASE (a_cancel_and_a_later_run_of_one_cookie_are_told_apart),
              CASE (a_full_pipe_is_waited_for),
              CASE (a_detached_task_ends_when_the_broker_took_it),
              CASE (a_detached_task_that_is_refused_says_so),
              CASE (a_fence_waits_for_room),
              CASE (a_task_that_was_not_sent_times_out_here),
              CASE (a_task_that_was_sent_times_out_here_later),
              CASE (the_longest_timeout_is_no_timeout),
              CASE (the_end_ends_all), )
