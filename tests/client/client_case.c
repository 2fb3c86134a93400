#include "tests/client/client_case.h"

#include "tests/support/testing.h"

fake_broker_t broker;
zfabric_client_t *client;
cookie_t cookie;

int case_begin (void **state)
{
    (void)state;
    fake_broker_open (&broker);
    return 0;
}

int case_end (void **state)
{
    (void)state;
    zfabric_client_destroy (&client);
    fake_broker_close (&broker);
    return 0;
}

void make_client (const zfabric_client_options_t *options)
{
    char problem[256] = "";

    client = zfabric_client_new (broker.endpoint, options, problem, sizeof problem);
    assert_string_equal (problem, "");
    assert_non_null (client);
}

zfabric_call_t *
start (const char *pipeline, const char *payload, const zfabric_run_options_t *options)
{
    zfabric_call_t *call =
        zfabric_client_start (client, pipeline, payload, strlen (payload), options);

    assert_non_null (call);
    return call;
}

void broker_gets (packet_type_t type)
{
    assert_int_equal (fake_broker_next (&broker), type);
    cookie = broker.packet.cookie;
}

const zfabric_result_t *end_of (zfabric_call_t *call)
{
    const zfabric_result_t *result = zfabric_call_wait (call, PATIENCE_MS);

    assert_non_null (result);
    return result;
}

void ends (zfabric_call_t *call, zfabric_rc_t rc, const char *words)
{
    const zfabric_result_t *result = end_of (call);

    if (result->rc != rc || !strstr (result->error, words))
        fail_msg ("%s: %s", zfabric_rc_name (result->rc), result->error);
    zfabric_call_destroy (&call);
}

void payload_is (const void *payload, size_t size, const char *expected)
{
    assert_int_equal (size, strlen (expected));
    assert_memory_equal (payload, expected, size);
}
