/*  A broker and a client in one process, over inproc and tcp.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/testing.h"
#include "zfabric_broker.h"
#include "zfabric_client.h"

#define PATIENCE_MS 30000
#define COOKIE      "01234567-89ab-4cde-8f01-23456789abcd"

static zfabric_broker_t *broker;
static zfabric_client_t *client;

static void open_both (const char *serve, zfabric_encoding_t codec)
{
    static unsigned number; // libzmq frees an inproc name a moment after its socket was closed
    char workers[64];
    const char *const serving[] = {serve}, *const listening[] = {workers};
    const zfabric_client_options_t options = {.codec = codec};
    zfabric_broker_options_t broker_options;
    char problem[256] = "";

    snprintf (workers, sizeof workers, "inproc://workers-%u", number++);
    zfabric_broker_options_init (&broker_options);
    broker_options.serve = serving;
    broker_options.serve_count = 1;
    broker_options.listen = listening;
    broker_options.listen_count = 1;
    broker = zfabric_broker_new (&broker_options, problem, sizeof problem);
    assert_string_equal (problem, "");
    client =
        zfabric_client_new (zfabric_broker_serving (broker, 0), &options, problem, sizeof problem);
    assert_string_equal (problem, "");
}

static int tear_down (void **state)
{
    (void)state;
    zfabric_client_destroy (&client);
    zfabric_broker_destroy (&broker);
    return 0;
}

static void ends (zfabric_call_t *call, zfabric_rc_t rc)
{
    assert_non_null (call);
    const zfabric_result_t *result = zfabric_call_wait (call, PATIENCE_MS);
    assert_non_null (result);
    if (result->rc != rc)
        fail_msg ("%s: %s", zfabric_rc_name (result->rc), result->error);
    zfabric_call_destroy (&call);
}

// Everything that a client can meet where no worker is.
static void they_understand_each_other (void)
{
    const zfabric_run_options_t at_once = {.has_wait = true};
    const zfabric_run_options_t in_time = {.timeout_ms = 50};
    const zfabric_run_options_t detached = {.detach = true, .cookie = COOKIE};
    const zfabric_run_options_t refused = {.detach = true, .has_wait = true};
    const zfabric_run_options_t same = {.cookie = COOKIE};

    zfabric_result_t *result = zfabric_client_run (client, "$ping", NULL, 0, NULL);
    assert_int_equal (result->rc, ZFABRIC_OK);
    assert_true (result->size > 0);
    zfabric_result_destroy (&result);

    ends (zfabric_client_start (client, "p", NULL, 0, &at_once), ZFABRIC_NO_CAPACITY);
    ends (zfabric_client_start (client, "p", NULL, 0, &in_time), ZFABRIC_TIMED_OUT);
    ends (zfabric_client_start (client, "$nothing", NULL, 0, NULL), ZFABRIC_BAD_PACKET);
    ends (zfabric_client_cancel (client, COOKIE), ZFABRIC_COOKIE_NOT_FOUND);
    ends (zfabric_client_start (client, "p", NULL, 0, &detached), ZFABRIC_OK);
    ends (zfabric_client_start (client, "p", NULL, 0, &same), ZFABRIC_COOKIE_COLLISION);
    ends (zfabric_client_start (client, "p", NULL, 0, &refused), ZFABRIC_NO_CAPACITY);

    zfabric_call_t *call = zfabric_client_start (client, "p", NULL, 0, NULL);
    zfabric_call_cancel (call);
    ends (call, ZFABRIC_CANCELLED);
}

static void over_inproc (void **state)
{
    (void)state;
    open_both ("inproc://clients", ZFABRIC_ENCODING_JSON);
    they_understand_each_other ();
}

static void over_tcp_in_msgpack (void **state)
{
    (void)state;
    open_both ("tcp://127.0.0.1:*", ZFABRIC_ENCODING_MSGPACK);
    they_understand_each_other ();
}

// PROTOCOL 5.9: what is left when the broker stops is answered with BROKER_WENT_AWAY.
static void a_stopping_broker_answers (void **state)
{
    zfabric_call_t *calls[100];
    (void)state;
    open_both ("tcp://127.0.0.1:*", ZFABRIC_ENCODING_JSON);
    for (unsigned i = 0; i < 100; i++)
        calls[i] = zfabric_client_start (client, "p", NULL, 0, NULL);
    zfabric_result_t *result = zfabric_client_run (client, "$ping", NULL, 0, NULL);
    zfabric_result_destroy (&result); // the broker has them all
    zfabric_broker_destroy (&broker);
    for (unsigned i = 0; i < 100; i++)
        ends (calls[i], ZFABRIC_BROKER_WENT_AWAY);
}

TESTING_MAIN (cmocka_unit_test_teardown (over_inproc, tear_down),
              cmocka_unit_test_teardown (over_tcp_in_msgpack, tear_down),
              cmocka_unit_test_teardown (a_stopping_broker_answers, tear_down), )
