/*  The client against a raw ROUTER that does what each test tells it: running and cancelling.
 */
#include "zfabric_client.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "tests/client/client_case.h"
#include "tests/support/testing.h"

// ---- running

static void a_task_goes_there_and_back (void **state)
{
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("greet", "\"you\"", NULL);
    assert_null (zfabric_call_wait (call, 0));
    assert_int_equal (errno, ETIMEDOUT);
    assert_null (zfabric_call_wait (call, 1));
    broker_gets (PACKET_RUN);
    // The payload is a frame of its own, and nothing is said that is not needed.
    assert_int_equal (broker.message.frames, 2);
    assert_int_equal (broker.packet.codec, ENCODING_JSON);
    assert_int_equal (broker.packet.keys,
                      PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE) | PACKET_BIT (PIPELINE));
    assert_true (slice_equal (broker.packet.pipeline, slice_text ("greet")));
    payload_is (fake_broker_payload (&broker).ptr, fake_broker_payload (&broker).len, "\"you\"");
    char text[COOKIE_TEXT + 1];
    cookie_print (&cookie, text);
    assert_string_equal (text, zfabric_call_cookie (call));
    assert_int_equal (zfabric_client_open (client), 1);
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "\"hello\"", NULL);
    const zfabric_result_t *result = end_of (call);
    assert_int_equal (result->rc, ZFABRIC_OK);
    assert_int_equal (result->encoding, ZFABRIC_ENCODING_JSON);
    payload_is (result->payload, result->size, "\"hello\"");
    assert_string_equal (result->error, "");
    assert_int_equal (result->stacktrace_count, 0);
    assert_ptr_equal (zfabric_call_wait (call, -1), result);
    assert_int_equal (zfabric_client_open (client), 0);
    zfabric_call_destroy (&call);
    assert_null (call);
}

static void a_task_goes_there_and_back_in_msgpack (void **state)
{
    const zfabric_client_options_t options = {.codec = ZFABRIC_ENCODING_MSGPACK};
    (void)state;
    make_client (&options);
    zfabric_call_t *call = start ("greet", "\xa3you", NULL);
    broker_gets (PACKET_RUN);
    assert_int_equal (broker.packet.codec, ENCODING_MSGPACK);
    assert_false (packet_has (&broker.packet, PACKET_BIT (ENCODING)));
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "\xa5hello", NULL);
    const zfabric_result_t *result = end_of (call);
    assert_int_equal (result->encoding, ZFABRIC_ENCODING_MSGPACK);
    payload_is (result->payload, result->size, "\xa5hello");
    zfabric_call_destroy (&call);
}

static void run_starts_and_waits (void **state)
{
    (void)state;
    fake_broker_serve (&broker);
    make_client (NULL);
    zfabric_result_t *result = zfabric_client_run (client, "echo", "[1]", 3, NULL);
    assert_non_null (result);
    assert_int_equal (result->rc, ZFABRIC_OK);
    zfabric_client_destroy (&client); // the result is ours
    payload_is (result->payload, result->size, "[1]");
    zfabric_result_destroy (&result);
    assert_null (result);
    fake_broker_stop (&broker);
}

static void an_empty_payload_is_one (void **state)
{
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = zfabric_client_start (client, "nothing", NULL, 0, NULL);
    broker_gets (PACKET_RUN);
    assert_int_equal (broker.message.frames, 2);
    assert_int_equal (fake_broker_payload (&broker).len, 0);
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    assert_null (end_of (call)->payload);
    assert_int_equal (end_of (call)->size, 0);
    zfabric_call_destroy (&call);
}

static void options_are_sent (void **state)
{
    const zfabric_run_options_t options = {.cookie = COOKIE,
                                           .encoding = ZFABRIC_ENCODING_RAW,
                                           .timeout_ms = 60000,
                                           .has_wait = true,
                                           .has_priority = true,
                                           .retries = 3,
                                           .orphan_cancel = true,
                                           .stream = true};
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "\x01\x02", &options);
    assert_string_equal (zfabric_call_cookie (call), COOKIE);
    broker_gets (PACKET_RUN);
    const packet_t *packet = &broker.packet;
    assert_true (packet_has (packet, PACKET_BIT (ENCODING) | PACKET_BIT (TIMEOUT)
                                         | PACKET_BIT (WAIT) | PACKET_BIT (PRIORITY)
                                         | PACKET_BIT (RETRIES) | PACKET_BIT (ORPHAN)
                                         | PACKET_BIT (STREAM)));
    assert_int_equal (packet->encoding, ENCODING_RAW);
    assert_int_equal (packet->timeout_ms, 60000);
    assert_int_equal (packet->wait_ms, 0);
    assert_int_equal (packet->priority, 0);
    assert_int_equal (packet->retries, 3);
    assert_true (packet->orphan_cancel && packet->stream && !packet->detach);
    // Answers are matched by the cookie's octets, not by its spelling.
    cookie.upper = 0;
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    ends (call, ZFABRIC_OK, "");
}

static void a_failure_carries_its_words (void **state)
{
    static const char header[] =
        "{\"packet_type\":\"RESULT\",\"cookie\":\"" COOKIE "\",\"rc\":\"PROCESSOR_EXCEPTION\","
        "\"error\":\"it \\\"broke\\\" \\u00fcb\\u0000er\",\"stacktrace\":[\"a\\tb\",\"\",\"c\"],"
        "\"encoding\":\"raw\",\"unknown\":[1,2]}";
    const zfabric_run_options_t options = {.cookie = COOKIE};
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "", &options);
    broker_gets (PACKET_RUN);
    fake_broker_send_octets (&broker, header, sizeof header - 1, true);
    const zfabric_result_t *result = end_of (call);
    assert_int_equal (result->rc, ZFABRIC_PROCESSOR_EXCEPTION);
    assert_int_equal (result->encoding, ZFABRIC_ENCODING_RAW);
    assert_string_equal (result->error, "it \"broke\" \xc3\xbc"
                                        "b?er");
    assert_int_equal (result->stacktrace_count, 3);
    assert_string_equal (result->stacktrace[0], "a\tb");
    assert_string_equal (result->stacktrace[1], "");
    assert_string_equal (result->stacktrace[2], "c");
    zfabric_call_destroy (&call);
}

static void partials_come_in_order (void **state)
{
    const zfabric_run_options_t options = {.stream = true};
    char text[32];
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "", &options);
    assert_null (zfabric_call_next (call, 0));
    assert_int_equal (errno, ETIMEDOUT);
    broker_gets (PACKET_RUN);
    assert_true (broker.packet.stream);
    for (unsigned i = 0; i < 100; i++) {
        snprintf (text, sizeof text, "%u", i);
        fake_broker_partial (&broker, &cookie, i, text);
    }
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "\"end\"", NULL);
    for (unsigned i = 0; i < 100; i++) {
        zfabric_partial_t *partial = zfabric_call_next (call, PATIENCE_MS);
        assert_non_null (partial);
        assert_int_equal (partial->seq, i);
        snprintf (text, sizeof text, "%u", i);
        payload_is (partial->payload, partial->size, text);
        zfabric_partial_destroy (&partial);
    }
    assert_null (zfabric_call_next (call, -1));
    assert_int_equal (errno, ENODATA);
    ends (call, ZFABRIC_OK, "");
}

// What nobody takes is bounded; what is left is the oldest, and the gap can be seen.
static void partials_that_nobody_takes_are_bounded (void **state)
{
    enum { MANY = 10100 };
    const zfabric_run_options_t options = {.stream = true};
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "", &options);
    broker_gets (PACKET_RUN);
    for (unsigned i = 0; i < MANY; i++)
        fake_broker_partial (&broker, &cookie, i, "0");
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    assert_int_equal (end_of (call)->rc, ZFABRIC_OK);
    zfabric_partial_t *partial;
    unsigned count = 0;
    while ((partial = zfabric_call_next (call, 0))) {
        assert_int_equal (partial->seq, count++);
        zfabric_partial_destroy (&partial);
    }
    assert_int_equal (count, 10000);
    zfabric_call_destroy (&call);
}

// ---- callbacks

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned partials;
    unsigned results;
    zfabric_rc_t rc;
    int problem; // errno of a wait on the client's thread
    char words[512];
    zfabric_client_event_t event;
    unsigned events[4];
} heard_t;

static heard_t heard = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void hear_partial (zfabric_call_t *call, const zfabric_partial_t *partial, void *arg)
{
    heard_t *to = (heard_t *)arg;
    (void)call;
    pthread_mutex_lock (&to->lock);
    to->partials += partial->seq == to->partials;
    pthread_mutex_unlock (&to->lock);
}

static void hear_result (zfabric_call_t *call, const zfabric_result_t *result, void *arg)
{
    heard_t *to = (heard_t *)arg;
    bool waits = zfabric_client_run (client, "p", "", 0, NULL) != NULL;
    int problem = errno;
    zfabric_call_t *another = zfabric_client_start (client, "another", "", 0, NULL);

    waits = zfabric_call_wait (another, -1) != NULL || waits;
    assert_int_equal (errno, problem);
    zfabric_call_destroy (&another);
    pthread_mutex_lock (&to->lock);
    to->results++;
    to->rc = result->rc;
    to->problem = waits ? 0 : problem;
    pthread_cond_broadcast (&to->changed);
    pthread_mutex_unlock (&to->lock);
    (void)call;
}

static void callbacks_are_called (void **state)
{
    const zfabric_run_options_t options = {
        .on_result = hear_result, .on_partial = hear_partial, .arg = &heard};
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "", &options);
    zfabric_call_destroy (&call); // they are called all the same
    broker_gets (PACKET_RUN);
    assert_true (broker.packet.stream); // on_partial says that they are wanted
    for (unsigned i = 0; i < 10; i++)
        fake_broker_partial (&broker, &cookie, i, "0");
    fake_broker_result (&broker, &cookie, ZFABRIC_EXCEPTION, "", "no");
    broker_gets (PACKET_RUN);
    assert_true (slice_equal (broker.packet.pipeline, slice_text ("another")));
    pthread_mutex_lock (&heard.lock);
    while (!heard.results)
        pthread_cond_wait (&heard.changed, &heard.lock);
    assert_int_equal (heard.partials, 10);
    assert_int_equal (heard.results, 1);
    assert_int_equal (heard.rc, ZFABRIC_EXCEPTION);
    assert_int_equal (heard.problem, EDEADLK);
    pthread_mutex_unlock (&heard.lock);
}

static void hear_event (zfabric_client_event_t event, const char *text, void *arg)
{
    heard_t *to = (heard_t *)arg;

    pthread_mutex_lock (&to->lock);
    to->events[event]++;
    snprintf (to->words, sizeof to->words, "%s", text);
    pthread_cond_broadcast (&to->changed);
    pthread_mutex_unlock (&to->lock);
}

static void wait_for_event (zfabric_client_event_t event, const char *words)
{
    pthread_mutex_lock (&heard.lock);
    while (!heard.events[event])
        pthread_cond_wait (&heard.changed, &heard.lock);
    if (!strstr (heard.words, words))
        fail_msg ("%s", heard.words);
    heard.events[event] = 0;
    pthread_mutex_unlock (&heard.lock);
}

static void the_connection_is_told (void **state)
{
    const zfabric_client_options_t options = {.on_event = hear_event, .event_arg = &heard};
    char reason[256];
    (void)state;
    make_client (&options);
    wait_for_event (ZFABRIC_CLIENT_EVENT_UP, broker.endpoint);
    assert_true (zfabric_client_connected (client, reason, sizeof reason));
    fake_broker_close (&broker);
    wait_for_event (ZFABRIC_CLIENT_EVENT_LOST, "");
    wait_for_event (ZFABRIC_CLIENT_EVENT_FAILED, "nobody listens on");
    assert_false (zfabric_client_connected (client, reason, sizeof reason));
    assert_non_null (strstr (reason, broker.endpoint));
    fake_broker_reopen (&broker);
    wait_for_event (ZFABRIC_CLIENT_EVENT_UP, broker.endpoint);
}

static void refusals_of_nobodys_packets_are_told (void **state)
{
    const zfabric_client_options_t options = {.on_event = hear_event, .event_arg = &heard};
    (void)state;
    make_client (&options);
    zfabric_call_t *call = start ("p", "", NULL);
    broker_gets (PACKET_RUN);
    cookie_t own = cookie;
    fake_broker_result (&broker, NULL, ZFABRIC_BAD_PACKET, "", "no header");
    wait_for_event (ZFABRIC_CLIENT_EVENT_REFUSED, "BAD_PACKET: no header");
    fake_broker_result (&broker, &own, ZFABRIC_OK, "", NULL);
    ends (call, ZFABRIC_OK, "");
}

// ---- cancelling

static void a_task_is_cancelled (void **state)
{
    (void)state;
    fake_broker_serve (&broker);
    make_client (NULL);
    zfabric_call_t *call = start ("never", "", NULL);
    zfabric_call_cancel (call);
    zfabric_call_cancel (call);
    ends (call, ZFABRIC_CANCELLED, "");
    call = start ("echo", "", NULL);
    assert_int_equal (end_of (call)->rc, ZFABRIC_OK);
    zfabric_call_cancel (call);
    assert_int_equal (end_of (call)->rc, ZFABRIC_OK);
    zfabric_call_destroy (&call);
    fake_broker_stop (&broker);
}

static void a_strangers_task_is_cancelled_by_its_cookie (void **state)
{
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = zfabric_client_cancel (client, COOKIE);
    assert_string_equal (zfabric_call_cookie (call), COOKIE);
    broker_gets (PACKET_CANCEL);
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    ends (call, ZFABRIC_OK, "");
    call = zfabric_client_cancel (client, COOKIE);
    broker_gets (PACKET_CANCEL);
    fake_broker_result (&broker, &cookie, ZFABRIC_COOKIE_NOT_FOUND, "", "no such task");
    ends (call, ZFABRIC_COOKIE_NOT_FOUND, "no such task");
}

static void a_detached_task_ends_when_it_was_taken (void **state)
{
    const zfabric_run_options_t options = {.detach = true};
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "", &options);
    broker_gets (PACKET_RUN);
    assert_true (broker.packet.detach);
    assert_null (zfabric_call_wait (call, 0));
    fake_broker_beat (&broker);
    ends (call, ZFABRIC_OK, "");
    call = start ("p", "", &options);
    broker_gets (PACKET_RUN);
    fake_broker_result (&broker, &cookie, ZFABRIC_NO_CAPACITY, "", "full");
    fake_broker_beat (&broker);
    ends (call, ZFABRIC_NO_CAPACITY, "full");
}

TESTING_MAIN (CASE (a_task_goes_there_and_back),
              CASE (a_task_goes_there_and_back_in_msgpack),
              CASE (run_starts_and_waits),
              CASE (an_empty_payload_is_one),
              CASE (options_are_sent),
              CASE (a_failure_carries_its_words),
              CASE (partials_come_in_order),
              CASE (partials_that_nobody_takes_are_bounded),
              CASE (callbacks_are_called),
              CASE (the_connection_is_told),
              CASE (refusals_of_nobodys_packets_are_told),
              CASE (a_task_is_cancelled),
              CASE (a_strangers_task_is_cancelled_by_its_cookie),
              CASE (a_detached_task_ends_when_it_was_taken), )
