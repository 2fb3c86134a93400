/*  The baton: its states, and then a real client whose callers have it, while
 * others come between, the broker goes, or the client is stopped.
 *
 *  Whether a caller is lent the baton depends on who is faster, so each story is told several
 * times, and all of them together must have seen it.
 */
#define _GNU_SOURCE

#include "client/baton.h"

#include <errno.h>
#include <sched.h>

#include "client/client.h"
#include "tests/client/client_case.h"
#include "tests/support/testing.h"

#define ROUNDS 10
#define LOOKS  100000 // at most, for what is to come soon

// ---- the states

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_bool ended;
    baton_t baton;
    baton_wish_t wish;
} place_t;

static void place_init (place_t *self)
{
    *self = (place_t){.lock = PTHREAD_MUTEX_INITIALIZER};
    (void)pthread_cond_init (&self->changed, NULL);
    baton_init (&self->baton);
    self->wish = (baton_wish_t){.changed = &self->changed, .in_vain = &self->ended};
}

static void place_finish (place_t *self)
{
    baton_finish (&self->baton);
    (void)pthread_cond_destroy (&self->changed);
}

static void who_wants_it_is_lent_it (void **state)
{
    place_t at;
    (void)state;

    place_init (&at);
    baton_offer (&at.baton);
    assert_int_equal (at.baton.state, BATON_OWN); // nobody wants them
    assert_false (baton_borrow (&at.baton));
    baton_want (&at.baton, &at.wish);
    baton_offer (&at.baton);
    assert_int_equal (at.baton.state, BATON_LENT);
    assert_true (at.wish.has);
    baton_leave (&at.baton);
    assert_true (baton_borrow (&at.baton));
    assert_false (baton_borrow (&at.baton));
    baton_recall (&at.baton); // not while somebody has them
    assert_int_equal (at.baton.state, BATON_LENT);
    baton_leave (&at.baton);
    baton_recall (&at.baton);
    assert_int_equal (at.baton.state, BATON_OWN);
    assert_int_equal (at.baton.lent, 2);
    place_finish (&at);
}

static void a_wish_that_is_over_is_none (void **state)
{
    place_t at;
    (void)state;

    place_init (&at);
    baton_want (&at.baton, &at.wish);
    baton_unwant (&at.baton, &at.wish);
    baton_offer (&at.baton);
    assert_int_equal (at.baton.state, BATON_OWN);
    baton_want (&at.baton, &at.wish);
    atomic_store (&at.ended, true);
    baton_offer (&at.baton);
    assert_int_equal (at.baton.state, BATON_OWN);
    assert_false (at.wish.has);
    place_finish (&at);
}

// Whether the next offer lends them.
static bool offered (place_t *at)
{
    at->wish.has = false;
    baton_want (&at->baton, &at->wish);
    baton_offer (&at->baton);
    return at->wish.has;
}

static void what_is_in_vain_is_offered_more_seldom (void **state)
{
    unsigned skipped = 0;
    place_t at;
    (void)state;

    place_init (&at);
    for (unsigned expected = 0; expected < 8; expected = 2 * expected + 1) {
        for (skipped = 0; !offered (&at); skipped++)
            assert_in_range (skipped, 0, expected);
        assert_int_equal (skipped, expected);
        baton_give_back (&at.baton);
    }
    while (!offered (&at))
        ;
    baton_leave (&at.baton);
    assert_true (baton_borrow (&at.baton)); // of use again
    baton_give_back (&at.baton);
    assert_false (offered (&at));
    assert_true (offered (&at));
    place_finish (&at);
}

static void what_nobody_comes_for_is_taken_back (void **state)
{
    place_t at;
    (void)state;

    place_init (&at);
    baton_want (&at.baton, &at.wish);
    baton_offer (&at.baton);
    baton_leave (&at.baton);
    pthread_mutex_lock (&at.lock);
    baton_await (&at.baton, &at.lock); // ends by itself
    pthread_mutex_unlock (&at.lock);
    assert_int_equal (at.baton.state, BATON_OWN);
    assert_int_equal (at.baton.rests_for, 1);
    place_finish (&at);
}

// ---- a client

static atomic_uint unexpected;
static uint64_t lent;        // in all stories
static atomic_bool in_never; // what is open from now on is that task
static pthread_t callbacks_by;
static atomic_uint callbacks;

static baton_state_t baton_now (void)
{
    pthread_mutex_lock (&client->hub->lock);
    baton_state_t state = client->hub->baton.state;
    pthread_mutex_unlock (&client->hub->lock);
    return state;
}

static int open_serving (void **state)
{
    (void)state;
    atomic_store (&unexpected, 0);
    atomic_store (&callbacks, 0);
    fake_broker_open (&broker);
    fake_broker_serve (&broker);
    make_client (NULL);
    return 0;
}

static void forget_client (void)
{
    lent += client->hub->baton.lent;
    zfabric_client_destroy (&client);
}

static int close_serving (void **state)
{
    (void)state;
    forget_client ();
    fake_broker_stop (&broker);
    fake_broker_close (&broker);
    return unexpected ? -1 : 0;
}

#define SERVED(name) cmocka_unit_test_setup_teardown (name, open_serving, close_serving)

static zfabric_rc_t run (const char *pipeline, const zfabric_run_options_t *options)
{
    zfabric_result_t *result = zfabric_client_run (client, pipeline, "1", 1, options);
    zfabric_rc_t rc = result ? result->rc : ZFABRIC_EXCEPTION;

    zfabric_result_destroy (&result);
    return rc;
}

// Until the baton is free, as it is after the end of a task that was run with it.
static void run_until_free (void)
{
    for (unsigned i = 0; i < LOOKS && baton_now () != BATON_FREE; i++) {
        if (run ("echo", NULL) != ZFABRIC_OK)
            atomic_fetch_add (&unexpected, 1);
    }
}

// Runs a task that does not end by itself; the way it ends is the argument.
static void *run_never (void *arg)
{
    const zfabric_run_options_t options = {.cookie = COOKIE};

    run_until_free ();
    atomic_store (&in_never, true);
    if (run ("never", &options) != *(const zfabric_rc_t *)arg)
        atomic_fetch_add (&unexpected, 1);
    return NULL;
}

// A thread that runs such a task, which is open; most often with the baton.
static pthread_t begin_never (const zfabric_rc_t *rc)
{
    pthread_t thread;

    atomic_store (&in_never, false);
    assert_int_equal (pthread_create (&thread, NULL, run_never, (void *)(uintptr_t)rc), 0);
    while (!atomic_load (&in_never) || zfabric_client_open (client) != 1)
        sched_yield ();
    return thread;
}

static void tasks_are_run_by_their_caller (void **state)
{
    (void)state;
    run_until_free ();
    assert_int_not_equal (client->hub->baton.lent, 0);
    // And the client's own thread goes on when nobody comes any more.
    zfabric_call_t *call = start ("echo", "1", NULL);
    ends (call, ZFABRIC_OK, "");
}

static void others_may_come_between (void **state)
{
    static const zfabric_rc_t rc = ZFABRIC_CANCELLED;
    (void)state;

    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_t thread = begin_never (&rc);
        assert_int_equal (run ("echo", NULL), ZFABRIC_OK);
        ends (start ("echo", "1", NULL), ZFABRIC_OK, "");
        zfabric_call_t *cancel = zfabric_client_cancel (client, COOKIE);
        (void)end_of (cancel);
        zfabric_call_destroy (&cancel);
        pthread_join (thread, NULL);
    }
}

static void who_stops_the_client_ends_them (void **state)
{
    static const zfabric_rc_t rc = ZFABRIC_BROKER_WENT_AWAY;
    (void)state;

    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_t thread = begin_never (&rc);
        zfabric_client_stop (client);
        pthread_join (thread, NULL);
        assert_int_equal (zfabric_client_open (client), 0);
        forget_client ();
        make_client (NULL);
    }
}

static void a_free_baton_does_not_keep_a_client_from_stopping (void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        run_until_free ();
        forget_client ();
        make_client (NULL);
    }
}

static void the_loss_of_the_broker_ends_them (void **state)
{
    static const zfabric_rc_t rc = ZFABRIC_BROKER_WENT_AWAY;
    (void)state;

    for (unsigned i = 0; i < 2; i++) {
        pthread_t thread = begin_never (&rc);
        fake_broker_stop (&broker);
        fake_broker_close (&broker);
        pthread_join (thread, NULL);
        fake_broker_reopen (&broker);
        fake_broker_serve (&broker);
    }
}

static void on_result (zfabric_call_t *call, const zfabric_result_t *result, void *arg)
{
    (void)call, (void)arg;
    if (result->rc != ZFABRIC_OK || !pthread_equal (pthread_self (), callbacks_by))
        atomic_fetch_add (&unexpected, 1);
    atomic_fetch_add (&callbacks, 1);
}

static void note_thread (zfabric_call_t *call, const zfabric_result_t *result, void *arg)
{
    (void)call, (void)result, (void)arg;
    callbacks_by = pthread_self ();
}

static void *run_some (void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 50 * ROUNDS; i++) {
        if (run ("echo", NULL) != ZFABRIC_OK)
            atomic_fetch_add (&unexpected, 1);
    }
    return NULL;
}

// However many callers run tasks meanwhile.
static void callbacks_stay_on_the_clients_own_thread (void **state)
{
    const zfabric_run_options_t first = {.on_result = note_thread};
    const zfabric_run_options_t options = {.on_result = on_result};
    pthread_t threads[3];
    (void)state;

    ends (start ("echo", "1", &first), ZFABRIC_OK, "");
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal (pthread_create (&threads[i], NULL, run_some, NULL), 0);
    for (unsigned i = 0; i < 20 * ROUNDS; i++) {
        ends (start ("echo", "1", &options), ZFABRIC_OK, "");
        assert_int_equal (run ("echo", &options), ZFABRIC_OK);
    }
    for (unsigned i = 0; i < 3; i++)
        pthread_join (threads[i], NULL);
    assert_int_equal (callbacks, 40 * ROUNDS);
}

static void all_of_that_was_with_a_lent_baton (void **state)
{
    (void)state;
    assert_true (lent > 3 * ROUNDS);
}

TESTING_MAIN (cmocka_unit_test (who_wants_it_is_lent_it),
              cmocka_unit_test (a_wish_that_is_over_is_none),
              cmocka_unit_test (what_is_in_vain_is_offered_more_seldom),
              cmocka_unit_test (what_nobody_comes_for_is_taken_back),
              SERVED (tasks_are_run_by_their_caller),
              SERVED (others_may_come_between),
              SERVED (who_stops_the_client_ends_them),
              SERVED (a_free_baton_does_not_keep_a_client_from_stopping),
              SERVED (the_loss_of_the_broker_ends_them),
              SERVED (callbacks_stay_on_the_clients_own_thread),
              cmocka_unit_test (all_of_that_was_with_a_lent_baton), )
