/*  The client's tasks with retries: what goes over the wire when they are sent again.
 */
#include "zfabric_client.h"

#include "tests/client/client_case.h"
#include "tests/support/testing.h"

static void lose_and_return (void)
{
    fake_broker_close (&broker);
    fake_broker_reopen (&broker);
}

static void a_task_is_sent_again_as_it_was (void **state)
{
    static const char payload[] =
        "\"more than the 33 octets that a message of libzmq's has room for\"";
    const zfabric_run_options_t options = {
        .cookie = COOKIE, .retries = 3, .timeout_ms = 3600000, .has_priority = true, .priority = 7};
    static const zfabric_encoding_t codecs[] = {ZFABRIC_ENCODING_JSON, ZFABRIC_ENCODING_MSGPACK};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const zfabric_client_options_t client_options = {.codec = codecs[i]};
        make_client (&client_options);
        zfabric_call_t *call = start ("a \"b\"", payload, &options);
        broker_gets (PACKET_RUN);
        uint64_t keys = broker.packet.keys;
        assert_int_equal (broker.packet.timeout_ms, 3600000);
        for (uint32_t left = 3; left > 0; left--) {
            assert_int_equal (broker.packet.retries, left);
            lose_and_return ();
            broker_gets (PACKET_RUN);
            assert_int_equal (broker.packet.keys, keys);
            assert_int_equal (broker.packet.codec, i ? ENCODING_MSGPACK : ENCODING_JSON);
            assert_true (slice_equal (broker.packet.pipeline, slice_text ("a \"b\"")));
            assert_int_equal (broker.packet.priority, 7);
            assert_in_range (broker.packet.timeout_ms, 3600000 - PATIENCE_MS, 3600000);
            payload_is (fake_broker_payload (&broker).ptr, fake_broker_payload (&broker).len,
                        payload);
            char text[COOKIE_TEXT + 1];
            cookie_print (&cookie, text);
            assert_string_equal (text, COOKIE);
        }
        assert_int_equal (broker.packet.retries, 0);
        lose_and_return ();
        ends (call, ZFABRIC_BROKER_WENT_AWAY, "closed the connection");
        zfabric_client_destroy (&client);
    }
}

// The broker may not have noticed that the connection was lost, and still have the task.
static void a_former_run_is_cleared_away (void **state)
{
    const zfabric_run_options_t options = {.retries = 1};
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "1", &options);
    broker_gets (PACKET_RUN);
    lose_and_return ();
    broker_gets (PACKET_RUN);
    fake_broker_result (&broker, &cookie, ZFABRIC_COOKIE_COLLISION, "", "it is there");
    broker_gets (PACKET_CANCEL);
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    broker_gets (PACKET_RUN);
    payload_is (fake_broker_payload (&broker).ptr, fake_broker_payload (&broker).len, "1");
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "2", NULL);
    const zfabric_result_t *result = end_of (call);
    assert_int_equal (result->rc, ZFABRIC_OK);
    payload_is (result->payload, result->size, "2");
    zfabric_call_destroy (&call);
}

static void partials_begin_anew (void **state)
{
    const zfabric_run_options_t options = {.retries = 1, .stream = true};
    static const uint64_t seqs[] = {0, 1, 0};
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "1", &options);
    broker_gets (PACKET_RUN);
    fake_broker_partial (&broker, &cookie, 0, "1");
    fake_broker_partial (&broker, &cookie, 1, "2");
    lose_and_return ();
    broker_gets (PACKET_RUN);
    fake_broker_partial (&broker, &cookie, 0, "1");
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    for (unsigned i = 0; i < 3; i++) {
        zfabric_partial_t *partial = zfabric_call_next (call, PATIENCE_MS);
        assert_non_null (partial);
        assert_int_equal (partial->seq, seqs[i]);
        zfabric_partial_destroy (&partial);
    }
    ends (call, ZFABRIC_OK, "");
}

static void what_waits_to_be_sent_again_ends_with_its_client (void **state)
{
    const zfabric_run_options_t options = {.retries = 9};
    (void)state;
    make_client (NULL);
    zfabric_call_t *first = start ("p", "1", &options), *second = start ("p", "1", &options);
    broker_gets (PACKET_RUN);
    fake_broker_result (&broker, &cookie, ZFABRIC_BROKER_WENT_AWAY, "", "stopping");
    broker_gets (PACKET_RUN);
    zfabric_client_destroy (&client);
    ends (first, ZFABRIC_BROKER_WENT_AWAY, "the client was closed");
    ends (second, ZFABRIC_BROKER_WENT_AWAY, "the client was closed");
}

TESTING_MAIN (CASE (a_task_is_sent_again_as_it_was),
              CASE (a_former_run_is_cleared_away),
              CASE (partials_begin_anew),
              CASE (what_waits_to_be_sent_again_ends_with_its_client), )
