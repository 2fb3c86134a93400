/*  Many tasks of one client: started together, told of by a descriptor, ended together.
 */
#define _POSIX_C_SOURCE 200809L

#include "zfabric_client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/client/client_case.h"
#include "tests/support/testing.h"

// ---- in bulk

static void many_are_started_at_once (void **state)
{
    enum { MANY = 300 };
    const zfabric_run_options_t urgent = {.has_priority = true, .priority = 9};
    zfabric_run_t runs[MANY];
    zfabric_call_t *calls[MANY];
    char payloads[MANY][8];
    (void)state;
    make_client (NULL);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf (payloads[i], sizeof payloads[i], "%u", i);
        runs[i] = (zfabric_run_t){"p", payloads[i], strlen (payloads[i]), i % 2 ? &urgent : NULL};
    }
    assert_int_equal (zfabric_client_start_many (client, runs, MANY, calls), MANY);
    assert_int_equal (zfabric_client_open (client), MANY);
    for (unsigned i = 0; i < MANY; i++) {
        char text[COOKIE_TEXT + 1];
        broker_gets (PACKET_RUN); // in order
        cookie_print (&cookie, text);
        assert_string_equal (text, zfabric_call_cookie (calls[i]));
        payload_is (fake_broker_payload (&broker).ptr, fake_broker_payload (&broker).len,
                    payloads[i]);
        assert_int_equal (packet_has (&broker.packet, PACKET_BIT (PRIORITY)), i % 2);
        fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    }
    for (unsigned i = 0; i < MANY; i++)
        ends (calls[i], ZFABRIC_OK, "");
}

static void as_many_are_started_as_can_be (void **state)
{
    const zfabric_client_options_t options = {.max_open = 3};
    const zfabric_run_t runs[] = {{.pipeline = "p"},
                                  {.pipeline = "p"},
                                  {.pipeline = ""},
                                  {.pipeline = "p"},
                                  {.pipeline = "p"}};
    zfabric_call_t *calls[5], *rest[2];
    (void)state;
    make_client (&options);
    // The third can't be; then there is no room for the fifth.
    assert_int_equal (zfabric_client_start_many (client, runs, 5, calls), 2);
    assert_int_equal (errno, EINVAL);
    assert_true (calls[0] && calls[1] && !calls[2] && !calls[3] && !calls[4]);
    assert_int_equal (zfabric_client_start_many (client, runs + 3, 2, rest), 1);
    assert_int_equal (errno, EAGAIN);
    assert_true (rest[0] && !rest[1]);
    assert_int_equal (zfabric_client_open (client), 3);
    assert_int_equal (zfabric_client_start_many (client, NULL, 0, NULL), 0);
    assert_int_equal (zfabric_client_start_many (client, NULL, 1, NULL), 0);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (zfabric_client_start_many (NULL, runs, 1, NULL), 0);
    assert_int_equal (errno, EINVAL);
    zfabric_call_destroy (&calls[0]);
    zfabric_call_destroy (&calls[1]);
    zfabric_call_destroy (&rest[0]);
}

static atomic_uint results;

static void count_result (zfabric_call_t *call, const zfabric_result_t *result, void *arg)
{
    (void)call;
    assert_ptr_equal (arg, &results);
    assert_ptr_equal (zfabric_call_arg (call), &results);
    atomic_fetch_add (&results, result->rc == ZFABRIC_OK);
}

static void who_wants_callbacks_only_keeps_no_calls (void **state)
{
    const zfabric_run_options_t options = {
        .on_result = count_result, .arg = &results, .notify = true};
    const zfabric_run_t runs[] = {{"echo", "1", 1, &options}, {"echo", "2", 1, &options}};
    (void)state;
    fake_broker_serve (&broker);
    make_client (NULL);
    assert_int_equal (zfabric_client_start_many (client, runs, 2, NULL), 2);
    // They are nobody's: zfabric_client_next () has nothing to give.
    assert_null (zfabric_client_next (client, -1));
    assert_int_equal (errno, ENODATA);
    zfabric_result_t *result = zfabric_client_run (client, "echo", "3", 1, NULL);
    assert_int_equal (result->rc, ZFABRIC_OK);
    zfabric_result_destroy (&result);
    assert_int_equal (atomic_load (&results), 2);
    fake_broker_stop (&broker);
}

// ---- told of

static const zfabric_run_options_t notified = {.notify = true};
static const zfabric_run_options_t notified_stream = {.notify = true, .stream = true};

static bool readable (int fd, int timeout_ms)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};

    return poll (&item, 1, timeout_ms) == 1;
}

static void a_descriptor_tells_of_ends (void **state)
{
    (void)state;
    make_client (NULL);
    int fd = zfabric_client_descriptor (client);
    assert_true (fd >= 0);
    assert_int_equal (zfabric_client_descriptor (client), fd);
    assert_null (zfabric_client_next (client, 0));
    assert_int_equal (errno, ENODATA);
    zfabric_call_t *first = start ("p", "", &notified), *second = start ("p", "", &notified);
    zfabric_call_t *silent = start ("p", "", NULL);
    assert_null (zfabric_client_next (client, 0));
    assert_int_equal (errno, ETIMEDOUT);
    assert_null (zfabric_client_next (client, 1));
    assert_int_equal (errno, ETIMEDOUT);
    assert_false (readable (fd, 0));
    for (unsigned i = 0; i < 3; i++) {
        broker_gets (PACKET_RUN);
        fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    }
    assert_int_equal (end_of (silent)->rc, ZFABRIC_OK);
    assert_true (readable (fd, PATIENCE_MS)); // the others came before
    assert_true (readable (fd, 0));           // and until they are taken
    assert_ptr_equal (zfabric_client_next (client, 0), first);
    assert_true (readable (fd, 0));
    assert_ptr_equal (zfabric_client_next (client, -1), second);
    assert_false (readable (fd, 0));
    assert_true (zfabric_call_ended (first) && zfabric_call_ended (second));
    assert_null (zfabric_client_next (client, -1)); // rather than to wait for ever
    assert_int_equal (errno, ENODATA);
    ends (first, ZFABRIC_OK, "");
    ends (second, ZFABRIC_OK, "");
    ends (silent, ZFABRIC_OK, "");
}

static void a_descriptor_that_is_asked_for_late_tells_as_well (void **state)
{
    (void)state;
    fake_broker_serve (&broker);
    make_client (NULL);
    zfabric_call_t *call = start ("echo", "1", &notified);
    assert_int_equal (end_of (call)->rc, ZFABRIC_OK);
    assert_true (readable (zfabric_client_descriptor (client), 0));
    assert_ptr_equal (zfabric_client_next (client, 0), call);
    zfabric_call_destroy (&call);
    fake_broker_stop (&broker);
}

static void next_tells_of_partials_once_until_more_come (void **state)
{
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "", &notified_stream);
    broker_gets (PACKET_RUN);
    for (uint64_t round = 0; round < 3; round++) {
        fake_broker_partial (&broker, &cookie, round, "1");
        assert_ptr_equal (zfabric_client_next (client, PATIENCE_MS), call);
        assert_false (zfabric_call_ended (call));
        zfabric_partial_t *partial = zfabric_call_next (call, 0);
        assert_int_equal (partial->seq, round);
        zfabric_partial_destroy (&partial);
        assert_null (zfabric_client_next (client, 0));
        assert_int_equal (errno, ETIMEDOUT);
    }
    fake_broker_partial (&broker, &cookie, 3, "1");
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    assert_int_equal (end_of (call)->rc, ZFABRIC_OK);
    assert_ptr_equal (zfabric_client_next (client, 0), call); // both at once
    zfabric_partial_t *partial = zfabric_call_next (call, 0);
    assert_non_null (partial);
    zfabric_partial_destroy (&partial);
    assert_null (zfabric_client_next (client, 0));
    assert_int_equal (errno, ENODATA);
    ends (call, ZFABRIC_OK, "");
}

// Who lets go of a call hears no more of it.
static void destroyed_calls_are_not_told_of (void **state)
{
    (void)state;
    make_client (NULL);
    int fd = zfabric_client_descriptor (client);
    zfabric_call_t *open = start ("p", "", &notified), *ended = start ("p", "", &notified);
    broker_gets (PACKET_RUN);
    cookie_t first = cookie;
    broker_gets (PACKET_RUN);
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    assert_int_equal (end_of (ended)->rc, ZFABRIC_OK);
    zfabric_call_destroy (&ended);
    assert_false (readable (fd, 0));
    zfabric_call_destroy (&open);
    assert_null (zfabric_client_next (client, -1));
    assert_int_equal (errno, ENODATA);
    fake_broker_result (&broker, &first, ZFABRIC_OK, "", NULL);
    zfabric_call_t *last = start ("p", "", &notified);
    broker_gets (PACKET_RUN);
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    assert_ptr_equal (zfabric_client_next (client, PATIENCE_MS), last);
    zfabric_call_destroy (&last);
}

static atomic_int problem_of_next;

static void wait_for_next (zfabric_call_t *call, const zfabric_result_t *result, void *arg)
{
    (void)call, (void)result, (void)arg;
    atomic_store (&problem_of_next, zfabric_client_next (client, -1) ? -1 : errno);
    zfabric_client_stop (client); // does not wait for itself
}

static void the_clients_thread_does_not_wait_for_itself (void **state)
{
    const zfabric_run_options_t options = {.on_result = wait_for_next};
    (void)state;
    fake_broker_serve (&broker);
    make_client (NULL);
    zfabric_call_t *open = start ("never", "", &notified), *call = start ("echo", "1", &options);
    assert_int_equal (end_of (call)->rc, ZFABRIC_OK);
    assert_int_equal (atomic_load (&problem_of_next), EDEADLK);
    ends (open, ZFABRIC_BROKER_WENT_AWAY, "the client was closed");
    zfabric_call_destroy (&call);
    fake_broker_stop (&broker);
}

// ---- stopped

static void *wait_for_all (void *arg)
{
    unsigned *count = (unsigned *)arg;
    zfabric_call_t *call;

    while ((call = zfabric_client_next (client, -1))) {
        ++*count;
        zfabric_call_destroy (&call);
    }
    return errno == ENODATA ? NULL : arg;
}

static void a_stopped_client_says_so (void **state)
{
    enum { MANY = 50 };
    unsigned counts[2] = {0, 0};
    pthread_t waiters[2];
    const zfabric_run_t run = {.pipeline = "p"};
    char reason[64];
    void *problem;
    (void)state;
    make_client (NULL);
    for (unsigned i = 0; i < MANY; i++)
        start ("p", "", &notified); // whose call comes back
    zfabric_call_t *silent = start ("p", "", NULL);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal (pthread_create (&waiters[i], NULL, wait_for_all, &counts[i]), 0);
    zfabric_client_stop (client);
    zfabric_client_stop (client);
    zfabric_client_stop (NULL);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join (waiters[i], &problem);
        assert_null (problem);
    }
    assert_int_equal (counts[0] + counts[1], MANY);
    ends (silent, ZFABRIC_BROKER_WENT_AWAY, "the client was closed");
    assert_int_equal (zfabric_client_open (client), 0);
    assert_false (zfabric_client_connected (client, reason, sizeof reason));
    assert_null (zfabric_client_start (client, "p", "", 0, NULL));
    assert_int_equal (errno, ESHUTDOWN);
    assert_int_equal (zfabric_client_start_many (client, &run, 1, NULL), 0);
    assert_int_equal (errno, ESHUTDOWN);
    assert_null (zfabric_client_run (client, "p", "", 0, NULL));
    assert_int_equal (errno, ESHUTDOWN);
    assert_null (zfabric_client_cancel (client, COOKIE));
    assert_int_equal (errno, ESHUTDOWN);
}

static void nothing_is_done_with_no_client (void **state)
{
    char reason[8] = "before";
    (void)state;
    assert_null (zfabric_client_next (NULL, -1));
    assert_int_equal (errno, EINVAL);
    assert_int_equal (zfabric_client_descriptor (NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (zfabric_client_open (NULL), 0);
    assert_false (zfabric_client_connected (NULL, reason, sizeof reason));
    assert_string_equal (reason, "");
    assert_null (zfabric_client_run (NULL, "p", "", 0, NULL));
    assert_int_equal (errno, EINVAL);
    assert_false (zfabric_call_ended (NULL));
    assert_string_equal (zfabric_call_cookie (NULL), "");
    assert_null (zfabric_call_arg (NULL));
}

TESTING_MAIN (CASE (many_are_started_at_once),
              CASE (as_many_are_started_as_can_be),
              CASE (who_wants_callbacks_only_keeps_no_calls),
              CASE (a_descriptor_tells_of_ends),
              CASE (a_descriptor_that_is_asked_for_late_tells_as_well),
              CASE (next_tells_of_partials_once_until_more_come),
              CASE (destroyed_calls_are_not_told_of),
              CASE (the_clients_thread_does_not_wait_for_itself),
              CASE (a_stopped_client_says_so),
              CASE (nothing_is_done_with_no_client), )
