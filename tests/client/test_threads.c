/*  One client and many threads, while its broker serves, and while it comes and goes. What matters
 *  most here is what the sanitizers say.
 */
#define _GNU_SOURCE

#include "zfabric_client.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/client/fake_broker.h"
#include "tests/support/testing.h"

#define THREADS 16
#define ROUNDS  150

static fake_broker_t broker;
static zfabric_client_t *client;
static atomic_uint ended;      // calls whose callback was called
static atomic_uint went_away;  // calls that the loss of a connection ended
static atomic_uint unexpected; // what should not have been

// Not cmocka's asserts: these are not for threads.
static void expect (bool good, const char *what)
{
    if (!good) {
        fprintf (stderr, "%s\n", what);
        atomic_fetch_add (&unexpected, 1);
    }
}

static zfabric_call_t *start (const char *pipeline, const zfabric_run_options_t *options)
{
    zfabric_call_t *call;

    // EAGAIN: as many calls are open as there may be. That passes.
    while (!(call = zfabric_client_start (client, pipeline, "\"x\"", 3, options)))
        expect (errno == EAGAIN, "a start failed");
    return call;
}

static void run_one (void)
{
    zfabric_result_t *result = zfabric_client_run (client, "echo", "\"x\"", 3, NULL);

    expect (result || errno == EAGAIN, "a run failed");
    if (result && result->rc == ZFABRIC_BROKER_WENT_AWAY)
        atomic_fetch_add (&went_away, 1);
    else if (result)
        expect (result->rc == ZFABRIC_OK && result->size == 3, "a run's result");
    zfabric_result_destroy (&result);
}

static void cancel_one (void)
{
    zfabric_call_t *call = start ("never", NULL);

    zfabric_call_cancel (call);
    const zfabric_result_t *result = zfabric_call_wait (call, PATIENCE_MS);
    expect (result && (result->rc == ZFABRIC_CANCELLED || result->rc == ZFABRIC_BROKER_WENT_AWAY),
            "a cancel's result");
    zfabric_call_destroy (&call);
}

static void cancel_by_cookie (void)
{
    zfabric_call_t *call = start ("never", NULL);
    zfabric_call_t *cancel = NULL;

    while (!(cancel = zfabric_client_cancel (client, zfabric_call_cookie (call))))
        expect (errno == EAGAIN, "a cancel failed");
    expect (zfabric_call_wait (cancel, PATIENCE_MS) != NULL, "a cancel's end");
    expect (zfabric_call_wait (call, PATIENCE_MS) != NULL, "a cancelled call's end");
    zfabric_call_destroy (&cancel);
    zfabric_call_destroy (&call);
}

static void stream_one (void)
{
    const zfabric_run_options_t options = {.stream = true};
    zfabric_call_t *call = start ("count", &options);
    zfabric_partial_t *partial;
    unsigned count = 0;

    while ((partial = zfabric_call_next (call, PATIENCE_MS))) {
        expect (partial->seq == count++ && partial->size == 5, "a partial");
        zfabric_partial_destroy (&partial);
    }
    expect (errno == ENODATA, "the end of partials");
    const zfabric_result_t *result = zfabric_call_wait (call, 0);
    expect (result && (count == 2 || result->rc == ZFABRIC_BROKER_WENT_AWAY), "all partials");
    zfabric_call_destroy (&call);
}

static void on_result (zfabric_call_t *call, const zfabric_result_t *result, void *arg)
{
    (void)call, (void)arg;
    expect (result->rc == ZFABRIC_OK || result->rc == ZFABRIC_BROKER_WENT_AWAY, "a callback");
    atomic_fetch_add (&ended, 1);
}

static void let_go_of_one (bool with_callback)
{
    const zfabric_run_options_t options = {.on_result = with_callback ? on_result : NULL,
                                           .detach = !with_callback};
    zfabric_call_t *call = start ("echo", &options);

    if (!with_callback)
        zfabric_call_cancel (call);
    zfabric_call_destroy (&call);
}

// Three at once, one of them with a call that whoever comes first takes from the queue.
static void run_in_bulk (void)
{
    const zfabric_run_options_t notified = {.notify = true};
    const zfabric_run_t runs[] = {
        {"echo", "1", 1, &notified}, {"echo", "2", 1, NULL}, {"never", "3", 1, NULL}};
    zfabric_call_t *calls[3], *call;
    size_t count = zfabric_client_start_many (client, runs, 3, calls);

    expect (count == 3 || errno == EAGAIN, "a start of many");
    for (size_t i = 1; i < count; i++) {
        zfabric_call_cancel (calls[i]);
        expect (zfabric_call_wait (calls[i], PATIENCE_MS) != NULL, "an end of many");
        zfabric_call_destroy (&calls[i]);
    }
    if ((call = zfabric_client_next (client, (int)count - 1))) {
        (void)zfabric_call_ended (call);
        zfabric_call_destroy (&call);
    }
}

static void *use_client (void *arg)
{
    unsigned number = *(unsigned *)arg;

    for (unsigned i = 0; i < ROUNDS; i++) {
        switch ((number + i) % 8) {
        case 0:
        case 1:
            run_one ();
            break;
        case 2:
            cancel_one ();
            break;
        case 3:
            stream_one ();
            break;
        case 4:
            let_go_of_one (true);
            break;
        case 5:
            let_go_of_one (false);
            break;
        case 6:
            run_in_bulk ();
            break;
        default:
            cancel_by_cookie ();
        }
        expect (zfabric_client_descriptor (client) >= 0, "a descriptor");
        (void)zfabric_client_connected (client, NULL, 0);
        (void)zfabric_client_open (client);
    }
    return NULL;
}

typedef struct {
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
} crowd_t;

static void begin_with (crowd_t *crowd, void *(*use) (void *arg))
{
    for (unsigned i = 0; i < THREADS; i++) {
        crowd->numbers[i] = i;
        assert_int_equal (pthread_create (&crowd->threads[i], NULL, use, &crowd->numbers[i]), 0);
    }
}

static void begin (crowd_t *crowd)
{
    begin_with (crowd, use_client);
}

static void finish (crowd_t *crowd)
{
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join (crowd->threads[i], NULL);
}

static unsigned callbacks_started (void)
{
    unsigned count = 0;

    for (unsigned number = 0; number < THREADS; number++) {
        for (unsigned i = 0; i < ROUNDS; i++)
            count += (number + i) % 8 == 4;
    }
    return count;
}

// Calls that nobody has taken from the queue are taken here.
static void destroy_client (void)
{
    zfabric_call_t *call;

    zfabric_client_stop (client);
    while ((call = zfabric_client_next (client, -1)))
        zfabric_call_destroy (&call);
    expect (errno == ENODATA, "the end of the queue");
    zfabric_client_destroy (&client);
}

static void many_threads_share_a_client (void **state)
{
    const zfabric_client_options_t options = {.max_open = 20};
    crowd_t crowd;
    (void)state;

    fake_broker_open (&broker);
    fake_broker_serve (&broker);
    client = zfabric_client_new (broker.endpoint, &options, NULL, 0);
    begin (&crowd);
    finish (&crowd);
    destroy_client (); // what is left ends
    fake_broker_stop (&broker);
    fake_broker_close (&broker);
    assert_int_equal (unexpected, 0);
    assert_int_equal (went_away, 0);
    assert_int_equal (ended, callbacks_started ());
}

// Every call has its end, whatever becomes of the broker.
static void the_broker_comes_and_goes (void **state)
{
    const zfabric_client_options_t options = {.codec = ZFABRIC_ENCODING_MSGPACK};
    crowd_t crowd;
    (void)state;

    atomic_store (&ended, 0);
    fake_broker_open (&broker);
    fake_broker_serve (&broker);
    client = zfabric_client_new (broker.endpoint, &options, NULL, 0);
    begin (&crowd);
    for (unsigned i = 0; i < 3; i++) {
        run_one (); // it is there
        fake_broker_stop (&broker);
        fake_broker_close (&broker);
        fake_broker_reopen (&broker);
        fake_broker_serve (&broker);
    }
    finish (&crowd);
    destroy_client ();
    fake_broker_stop (&broker);
    fake_broker_close (&broker);
    assert_int_equal (unexpected, 0);
    assert_int_equal (ended, callbacks_started ());
}

static void *wait_for_call (void *arg)
{
    const zfabric_result_t *result = zfabric_call_wait ((zfabric_call_t *)arg, PATIENCE_MS);

    expect (result && result->rc == ZFABRIC_BROKER_WENT_AWAY, "a waiter's result");
    return NULL;
}

// Threads that wait when the client is closed are let go; calls are used after that.
static void waiters_are_let_go (void **state)
{
    pthread_t threads[THREADS];
    zfabric_call_t *calls[THREADS];
    (void)state;

    fake_broker_open (&broker);
    fake_broker_serve (&broker);
    client = zfabric_client_new (broker.endpoint, NULL, NULL, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        calls[i] = start ("never", NULL);
        assert_int_equal (pthread_create (&threads[i], NULL, wait_for_call, calls[i]), 0);
    }
    run_one (); // the broker has them all
    zfabric_client_destroy (&client);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join (threads[i], NULL);
        zfabric_call_cancel (calls[i]);
        zfabric_call_destroy (&calls[i]);
    }
    fake_broker_stop (&broker);
    fake_broker_close (&broker);
    assert_int_equal (unexpected, 0);
}

static void *use_until_stopped (void *arg)
{
    unsigned number = *(unsigned *)arg;
    zfabric_call_t *call;

    for (unsigned i = 0; i < 3 * ROUNDS; i++) {
        if (number == 0 && i == ROUNDS)
            zfabric_client_stop (client);
        call = zfabric_client_start (client, i % 2 ? "echo" : "never", "1", 1, NULL);
        if (!call) {
            expect (errno == ESHUTDOWN || errno == EAGAIN, "a start while it stops");
            continue;
        }
        if (i % 4 < 2) {
            zfabric_call_cancel (call);
            expect (zfabric_call_wait (call, PATIENCE_MS) != NULL, "an end while it stops");
        }
        zfabric_call_destroy (&call);
    }
    return NULL;
}

// One of those who run, cancel and destroy stops it for all; nobody waits in vain.
static void one_of_many_stops_it (void **state)
{
    crowd_t crowd;
    (void)state;

    fake_broker_open (&broker);
    fake_broker_serve (&broker);
    client = zfabric_client_new (broker.endpoint, NULL, NULL, 0);
    begin_with (&crowd, use_until_stopped);
    finish (&crowd);
    assert_int_equal (zfabric_client_open (client), 0);
    zfabric_client_destroy (&client);
    fake_broker_stop (&broker);
    fake_broker_close (&broker);
    assert_int_equal (unexpected, 0);
}

static void *make_and_close (void *arg)
{
    for (unsigned i = 0; i < 4; i++) {
        zfabric_client_t *own = zfabric_client_new ((const char *)arg, NULL, NULL, 0);
        zfabric_call_t *call = zfabric_client_start (own, "echo", "1", 1, NULL);
        if (i % 2)
            expect (zfabric_call_wait (call, PATIENCE_MS) != NULL, "an end");
        zfabric_client_destroy (&own);
        expect (zfabric_call_wait (call, 0) != NULL, "an end after the client's");
        zfabric_call_destroy (&call);
    }
    return NULL;
}

static void clients_come_and_go_in_many_threads (void **state)
{
    pthread_t threads[THREADS];
    (void)state;

    fake_broker_open (&broker);
    fake_broker_serve (&broker);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal (pthread_create (&threads[i], NULL, make_and_close, broker.endpoint), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    fake_broker_stop (&broker);
    fake_broker_close (&broker);
    assert_int_equal (unexpected, 0);
}

TESTING_MAIN (cmocka_unit_test (many_threads_share_a_client),
              cmocka_unit_test (the_broker_comes_and_goes),
              cmocka_unit_test (waiters_are_let_go),
              cmocka_unit_test (one_of_many_stops_it),
              cmocka_unit_test (clients_come_and_go_in_many_threads), )
