// Legacy packets become header and payload, and the other way round.

#include "tests/support/testing.h"

#include "transports/framing.h"
#include "transports/legacy.h"

#include <errno.h>

#define K "\"cookie\":\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\""

static buffer_t header, payload, out;

static int set_up (void **state)
{
    (void)state;
    buffer_init (&header, LIMIT_HEADER_OCTETS);
    buffer_init (&payload, SIZE_MAX);
    buffer_init (&out, SIZE_MAX);
    return 0;
}

static int tear_down (void **state)
{
    (void)state;
    buffer_finish (&header);
    buffer_finish (&payload);
    buffer_finish (&out);
    return 0;
}

static void assert_octets (const buffer_t *buffer, const char *text)
{
    assert_int_equal (buffer->len, strlen (text));
    assert_memory_equal (buffer->data, text, buffer->len);
}

static void reads_header_and_payload (void **state)
{
    static const struct {
        const char *frame, *header, *payload;
    } rows[] = {
        {"{\"packet_type\":\"RUN\"," K ",\"pipeline\":\"p\",\"variables\":\"{\\\"a\\\":1}\"}",
         "{\"packet_type\":\"RUN\"," K ",\"pipeline\":\"p\"}", "{\"a\":1}"},
        // Every key, null where it is empty, as ReasonChip writes them.
        {" { \"packet_type\" : \"RUN\" , \"variables\" : null, " K ",\"pipeline\":\"p\","
         "\"capacity\":null,\"rc\":null,\"result\":null,\"error\":null,\"stacktrace\":null}\n",
         "{\"packet_type\" : \"RUN\" ," K ",\"pipeline\":\"p\",\"capacity\":null,\"rc\":null,"
         "\"error\":null,\"stacktrace\":null}",
         NULL},
        {"{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\",\"result\":\"\\u00e9\\n\","
         "\"variables\":\"1\"}",
         "{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\"}", "\xc3\xa9\n"},
        // Keys are what they say, however it is spelt; what is unknown is passed on.
        {"{\"packet_type\":\"RUN\"," K ",\"pipeline\":\"p\",\"v\\u0061riables\":\"2\","
         "\"x\":{\"variables\":\"3\",\"y\":[\"]\"]}}",
         "{\"packet_type\":\"RUN\"," K ",\"pipeline\":\"p\","
         "\"x\":{\"variables\":\"3\",\"y\":[\"]\"]}}",
         "2"},
        {"{\"packet_type\":\"REGISTER\",\"capacity\":4}",
         "{\"packet_type\":\"REGISTER\",\"capacity\":4}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        legacy_t legacy;
        fault_t fault;
        assert_int_equal (legacy_read (slice_text (rows[i].frame), &header, &legacy, &fault), 0);
        assert_int_equal (legacy.has_payload, rows[i].payload != NULL);
        buffer_reset (&payload);
        if (legacy.has_payload) {
            codec_text (legacy.payload, &payload);
            assert_octets (&payload, rows[i].payload);
        }
        // Spaces beside members may go.
        packet_t packet;
        assert_int_equal (codec_read (buffer_as_slice (&header), &packet, &fault), 0);
        assert_int_equal (packet.keys, legacy.packet.keys);
        if (i != 1)
            assert_octets (&header, rows[i].header);
    }
}

static void refuses_what_is_no_packet (void **state)
{
    static const struct {
        const char *frame, *words;
    } rows[] = {
        {"", "empty"},
        {"[]", "not an object"},
        {"{", "no key"},
        {"{\"packet_type\":\"RUN\"", "it ends too soon"},
        {"{\"result\":\"1\" 2}", "neither a comma nor an end"},
        {"{\"packet_type\":\"RUN\"} x", "something follows"},
        {"{\"packet_type\" \"RUN\"}", "no colon"},
        {"{\"variables\":{\"a\":1}}", "variables: not a string"},
        {"{\"variables\":1}", "variables: not a string"},
        {"{\"result\":\"1\",\"result\":\"2\"}", "result: appears twice"},
        {"{\"result\":null,\"r\\u0065sult\":\"2\"}", "result: appears twice"},
        {"{\"variables\":\"\\ud800\"}", "variables: not a string"},
        {"{\"packet_type\":\"RUN\",\"packet_type\":\"RUN\"}", "packet_type: appears twice"},
        {"{\"packet_type\":1}", "packet_type"},
        {"{\"x\":[}]}", ""},
        {"{\"x\":nul}", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        legacy_t legacy;
        fault_t fault;
        assert_int_equal (legacy_read (slice_text (rows[i].frame), &header, &legacy, &fault), -1);
        assert_int_equal (errno, EPROTO);
        if (!strstr (fault.text, rows[i].words))
            fail_msg ("%s: %s", rows[i].frame, fault.text);
    }
}

static void names_the_task_of_what_it_refuses (void **state)
{
    legacy_t legacy;
    fault_t fault;

    (void)state;
    assert_int_equal (
        legacy_read (slice_text ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"WHAT\"}"), &header,
                     &legacy, &fault),
        -1);
    assert_true (packet_has (&legacy.packet, PACKET_BIT (COOKIE)));
}

// A stack trace as long as a payload is left out; the rest arrives.
static void leaves_out_a_trace_that_is_too_long (void **state)
{
    buffer_t frame;
    legacy_t legacy;
    fault_t fault;

    (void)state;
    buffer_init (&frame, SIZE_MAX);
    buffer_text (&frame, "{\"packet_type\":\"RESULT\"," K ",\"rc\":\"EXCEPTION\",\"error\":\"e\","
                         "\"stacktrace\":[\"");
    for (size_t i = 0; i < LIMIT_HEADER_OCTETS; i++)
        buffer_octet (&frame, 'x');
    buffer_text (&frame, "\"]}");
    assert_int_equal (legacy_read (buffer_as_slice (&frame), &header, &legacy, &fault), 0);
    assert_octets (&header,
                   "{\"packet_type\":\"RESULT\"," K ",\"rc\":\"EXCEPTION\",\"error\":\"e\"}");
    buffer_finish (&frame);
}

// ---- the other way

static void write_it (const char *text, slice_t octets)
{
    packet_t packet;
    fault_t fault;

    buffer_reset (&out);
    assert_int_equal (codec_read (slice_text (text), &packet, &fault), 0);
    assert_int_equal (legacy_write (slice_text (text), &packet, octets, &out, &fault), 0);
    // The prefix says how long the rest is.
    uint8_t prefix[FRAMING_PREFIX];
    framing_prefix (prefix, (uint32_t)(out.len - FRAMING_PREFIX));
    assert_memory_equal (out.data, prefix, FRAMING_PREFIX);
    memmove (out.data, out.data + FRAMING_PREFIX, out.len - FRAMING_PREFIX);
    out.len -= FRAMING_PREFIX;
}

static void writes_payloads_as_strings (void **state)
{
    (void)state;
    write_it ("{\"packet_type\":\"RUN\"," K ",\"pipeline\":\"p\"}", slice_text ("{\"a\":\"\\n\"}"));
    assert_octets (&out, "{\"packet_type\":\"RUN\"," K
                         ",\"pipeline\":\"p\",\"variables\":\"{\\\"a\\\":\\\"\\\\n\\\"}\"}");
    write_it ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\",\"result\":null}", slice_text ("1"));
    assert_octets (&out, "{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\",\"result\":\"1\"}");
    // The same key in other letters.
    write_it ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\",\"r\\u0065sult\":null}",
              slice_text ("1"));
    assert_octets (&out, "{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\",\"result\":\"1\"}");
    write_it ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\",\"variables\":\"2\"}",
              slice_text ("1"));
    assert_octets (&out, "{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\",\"result\":\"1\"}");
    write_it ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\"}", slice_of (NULL, 0));
    assert_octets (&out, "{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\"}");
}

static void writes_other_encodings_as_json (void **state)
{
    (void)state;
    write_it ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\",\"encoding\":\"msgpack\"}",
              slice_of ("\x92\x01\xc4\x01\xff", 5));
    assert_octets (&out, "{\"packet_type\":\"RESULT\"," K
                         ",\"rc\":\"OK\",\"result\":\"[1,\\\"/w==\\\"]\"}");
    write_it ("{\"encoding\":\"raw\",\"packet_type\":\"RUN\"," K ",\"pipeline\":\"p\"}",
              slice_of ("\xff", 1));
    assert_octets (&out, "{\"packet_type\":\"RUN\"," K
                         ",\"pipeline\":\"p\",\"variables\":\"\\\"/w==\\\"\"}");
}

static void writes_no_code_that_they_do_not_know (void **state)
{
    (void)state;
    write_it ("{\"packet_type\":\"RESULT\",\"rc\":\"CANCELLED\"," K "}", slice_of (NULL, 0));
    assert_octets (&out, "{\"packet_type\":\"RESULT\"," K
                         ",\"rc\":\"EXCEPTION\",\"error\":\"CANCELLED\"}");
    write_it ("{\"packet_type\":\"RESULT\"," K
              ",\"error\":\"it \\\"said\\\" no\",\"rc\":\"FORBIDDEN\",\"stacktrace\":[\"a\"]}",
              slice_of (NULL, 0));
    assert_octets (&out,
                   "{\"packet_type\":\"RESULT\"," K ",\"stacktrace\":[\"a\"],\"rc\":\"EXCEPTION\","
                   "\"error\":\"FORBIDDEN: it \\\"said\\\" no\"}");
}

static void says_what_json_can_not (void **state)
{
    static const char text[] = "{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\","
                               "\"encoding\":\"msgpack\"}";
    packet_t packet;
    fault_t fault;

    (void)state;
    assert_int_equal (codec_read (slice_text (text), &packet, &fault), 0);
    buffer_text (&out, "before");
    // A map whose key is no string.
    assert_int_equal (
        legacy_write (slice_text (text), &packet, slice_of ("\x81\x01\x02", 3), &out, &fault), -1);
    assert_int_equal (errno, EPROTO);
    assert_non_null (strstr (fault.text, "result"));
    assert_octets (&out, "before");
}

static void refuses_a_packet_without_a_type (void **state)
{
    packet_t packet;
    fault_t fault;

    (void)state;
    assert_int_equal (codec_read (slice_text ("{}"), &packet, &fault), 0);
    assert_int_equal (legacy_write (slice_text ("{}"), &packet, slice_text ("1"), &out, &fault),
                      -1);
    assert_int_equal (errno, EPROTO);
    assert_int_equal (out.len, 0);
}

static void registers_with_another_capacity (void **state)
{
    (void)state;
    legacy_register (slice_text ("{\"capacity\":8,\"packet_type\":\"REGISTER\",\"heartbeat\":500,"
                                 "\"pipelines\":[\"a*\"]}"),
                     3, &out);
    assert_octets (&out, "{\"packet_type\":\"REGISTER\",\"pipelines\":[\"a*\"],\"capacity\":3}");
}

int main (int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE (reads_header_and_payload),
        CASE (refuses_what_is_no_packet),
        CASE (names_the_task_of_what_it_refuses),
        CASE (leaves_out_a_trace_that_is_too_long),
        CASE (writes_payloads_as_strings),
        CASE (writes_other_encodings_as_json),
        CASE (writes_no_code_that_they_do_not_know),
        CASE (says_what_json_can_not),
        CASE (refuses_a_packet_without_a_type),
        CASE (registers_with_another_capacity),
    };

    if (argc > 1)
        cmocka_set_test_filter (argv[1]);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
