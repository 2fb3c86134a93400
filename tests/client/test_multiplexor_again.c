/*  The multiplexor's tasks with retries, as stories: what is sent again, and what is not.
 */
#include "client/multiplexor.h"

#include "fabric/limits.h"
#include "tests/client/multiplexor_story.h"
#include "tests/support/testing.h"

static named_t *make_again (const char *name, uint8_t retries)
{
    named_t *named = make (name, SESSION_RUN);

    named->session.retries = retries;
    return named;
}

static void lose (void)
{
    multiplexor_lost (&mux, now, "gone");
}

static void what_has_retries_is_sent_again (void **state)
{
    (void)state;
    named_t *a = make_again ("a", 2), *b = make_again ("b", 0), *c = make_again ("c", 1);
    named_t *d = make_again ("d", 0);
    connection ();
    add (a);
    add (b);
    add (c);
    forget ();
    lose ();
    hears ("b ends BROKER_WENT_AWAY: gone; ");
    assert_int_equal (a->session.retries, 1);
    assert_true (a->session.again);
    add (d);
    connection ();
    hears ("RUN a; RUN c; RUN d; "); // before what came later
    assert_false (d->session.again);
    lose ();
    hears ("c ends BROKER_WENT_AWAY: gone; d ends BROKER_WENT_AWAY: gone; ");
    connection ();
    hears ("RUN a; ");
    assert_int_equal (a->session.retries, 0);
    result ("a", ZFABRIC_OK);
    hears ("a ends OK; ");
}

// Nothing is taken for what was not sent; and it waits for a connection as long as anything.
static void waiting_takes_no_retries (void **state)
{
    (void)state;
    named_t *a = make_again ("a", 1);
    add (a);
    lose ();
    lose ();
    assert_int_equal (a->session.retries, 1);
    pass (1000);
    connection ();
    hears ("RUN a; ");
    lose ();
    lose ();
    assert_int_equal (a->session.retries, 0);
    pass (CONNECT_MS - 1);
    hears ("");
    pass (1);
    hears ("(6000) a ends BROKER_WENT_AWAY: nobody there; ");
}

static void partials_begin_anew (void **state)
{
    (void)state;
    named_t *a = make_again ("a", 1);
    connection ();
    add (a);
    comes (PACKET_PARTIAL, "a", ZFABRIC_OK, 0);
    lose ();
    connection ();
    comes (PACKET_PARTIAL, "a", ZFABRIC_OK, 0);
    result ("a", ZFABRIC_OK);
    hears ("RUN a; a gets 0; RUN a; a gets 0; a ends OK; ");
}

// The broker of a stop in order says it itself; the next one gets the task when it has gone.
static void a_stopping_broker_is_waited_for (void **state)
{
    (void)state;
    named_t *a = make_again ("a", 2), *b = make_again ("b", 1), *c = make_again ("c", 0);
    connection ();
    add (a);
    add (b);
    add (c);
    forget ();
    result ("b", ZFABRIC_BROKER_WENT_AWAY);
    result ("c", ZFABRIC_BROKER_WENT_AWAY);
    hears ("c ends BROKER_WENT_AWAY; ");
    result ("b", ZFABRIC_OK); // it did not have it any more
    hears ("stray RESULT; ");
    pass (20000);
    hears ("");
    lose ();
    connection ();
    hears ("RUN b; RUN a; ");
    assert_int_equal (a->session.retries, 1);
    assert_int_equal (b->session.retries, 0);
    result ("b", ZFABRIC_BROKER_WENT_AWAY);
    hears ("b ends BROKER_WENT_AWAY; ");
}

static void a_broker_that_says_so_and_stays_is_given_up (void **state)
{
    (void)state;
    named_t *a = make_again ("a", 9);
    connection ();
    add (a);
    result ("a", ZFABRIC_BROKER_WENT_AWAY);
    forget ();
    pass (DEFAULT_DRAIN_MS + CONNECT_MS);
    hears ("(35000) a ends BROKER_WENT_AWAY: the broker said that it stops, but it did not; ");
}

// PROTOCOL 5.7: a broker that has not noticed the loss finishes the former run, or lets it finish.
static void a_former_run_is_cleared_away (void **state)
{
    (void)state;
    named_t *a = make_again ("a", 1);
    connection ();
    add (a);
    lose ();
    connection ();
    hears ("RUN a; RUN a; ");
    result ("a", ZFABRIC_COOKIE_COLLISION);
    hears ("CANCEL own a; ");
    pass (RESEND_PAUSE_MS); // its answer can be late, but comes before the RUN's
    hears ("(200) RUN a; ");
    result ("a", ZFABRIC_OK);
    hears ("");
    result ("a", ZFABRIC_COOKIE_COLLISION); // the worker takes its time
    pass (RESEND_PAUSE_MS);
    hears ("(400) RUN a; ");
    result ("a", ZFABRIC_OK);
    hears ("a ends OK; ");
    assert_int_equal (a->session.retries, 0); // one loss, one retry
}

static void a_former_run_that_does_not_end_is_told (void **state)
{
    (void)state;
    named_t *a = make_again ("a", 1);
    connection ();
    add (a);
    lose ();
    connection ();
    result ("a", ZFABRIC_COOKIE_COLLISION);
    result ("a", ZFABRIC_OK); // the CANCEL's
    for (unsigned i = 0; i < RESEND_LIMIT_MS / RESEND_PAUSE_MS - 1; i++) {
        pass (RESEND_PAUSE_MS);
        result ("a", ZFABRIC_COOKIE_COLLISION);
    }
    forget ();
    pass (RESEND_PAUSE_MS);
    hears ("(10000) a ends COOKIE_COLLISION: the broker has not ended the task's run of before the "
           "connection was lost; ");
}

static void a_first_collision_is_one (void **state)
{
    (void)state;
    named_t *a = make_again ("a", 5);
    connection ();
    add (a);
    result ("a", ZFABRIC_COOKIE_COLLISION);
    hears ("RUN a; a ends COOKIE_COLLISION; ");
}

static void a_loss_ends_the_waiting_for_a_collision (void **state)
{
    (void)state;
    named_t *a = make_again ("a", 1);
    connection ();
    add (a);
    lose ();
    connection ();
    room = 0;
    result ("a", ZFABRIC_COOKIE_COLLISION); // and its CANCEL can't be sent
    forget ();
    lose ();
    room = 100;
    connection ();
    hears ("RUN a; ");
    result ("a", ZFABRIC_OK);
    hears ("a ends OK; ");
}

static void what_is_cancelled_is_not_sent_again (void **state)
{
    (void)state;
    named_t *a = make_again ("a", 9), *b = make_again ("b", 9), *c = make_again ("c", 9),
            *d = make_again ("d", 9), *e = make_again ("e", 9);
    connection ();
    add (a);
    add (b);
    multiplexor_cancel (&mux, &a->session);
    lose ();
    hears ("RUN a; RUN b; a ends BROKER_WENT_AWAY: gone; ");
    multiplexor_cancel (&mux, &b->session); // while it waits for a connection
    hears ("b ends CANCELLED: cancelled before it was sent; ");
    connection ();
    add (c);
    result ("c", ZFABRIC_BROKER_WENT_AWAY);
    multiplexor_cancel (&mux, &c->session); // for the next broker
    hears ("RUN c; c ends CANCELLED: cancelled before it was sent; ");
    add (d);
    multiplexor_cancel (&mux, &d->session);
    result ("d", ZFABRIC_BROKER_WENT_AWAY);
    hears ("RUN d; d ends BROKER_WENT_AWAY; ");
    add (e);
    lose ();
    connection ();
    result ("e", ZFABRIC_COOKIE_COLLISION);
    forget ();
    multiplexor_cancel (&mux, &e->session); // for the end of its former run
    hears ("e ends CANCELLED: cancelled before it was sent; ");
}

static void detached_tasks_are_sent_again_until_they_were_taken (void **state)
{
    (void)state;
    named_t *a = make_again ("a", 1), *b = make_again ("b", 1);
    a->session.detach = b->session.detach = true;
    connection ();
    add (a);
    answer ();
    add (b);
    hears ("RUN a; HEARTBEAT; a ends OK; RUN b; HEARTBEAT; ");
    lose ();
    connection ();
    multiplexor_flush (&mux);
    hears ("RUN b; HEARTBEAT; ");
    answer ();
    hears ("b ends OK; ");
}

static void a_timeout_counts_from_the_start (void **state)
{
    (void)state;
    named_t *a = make_again ("a", 3), *b = make_again ("b", 3);
    a->session.timeout_ms = 3000;
    b->session.timeout_ms = 4000;
    connection ();
    add (a);
    add (b);
    pass (1000);
    lose ();
    forget ();
    pass (2000);
    hears ("(3000) a ends TIMED_OUT: it was not sent in time; ");
    connection ();
    pass (1000); // the broker has longer to say so
    hears ("RUN b; ");
    pass (PEER_SILENCE_MS);
    hears ("(9000) b ends TIMED_OUT: the broker did not end it in time; ");
}

#define STORY(name) cmocka_unit_test_setup_teardown (name, story_begin, story_end)

TESTING_MAIN (STORY (what_has_retries_is_sent_again),
              STORY (waiting_takes_no_retries),
              STORY (partials_begin_anew),
              STORY (a_stopping_broker_is_waited_for),
              STORY (a_broker_that_says_so_and_stays_is_given_up),
              STORY (a_former_run_is_cleared_away),
              STORY (a_former_run_that_does_not_end_is_told),
              STORY (a_first_collision_is_one),
              STORY (a_loss_ends_the_waiting_for_a_collision),
              STORY (what_is_cancelled_is_not_sent_again),
              STORY (detached_tasks_are_sent_again_until_they_were_taken),
              STORY (a_timeout_counts_from_the_start), )
