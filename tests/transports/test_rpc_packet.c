// Messages of gRPC become header and payload, and the other way round.

#include "tests/support/testing.h"

#include "transports/reasonchip.pb-c.h"
#include "transports/rpc_packet.h"

#include <errno.h>

#define COOKIE "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
#define K      "\"cookie\":\"" COOKIE "\""

typedef Reasonchip__ReasonChipPacket message_t;

static buffer_t header, out;
static fault_t fault;

static int set_up (void **state)
{
    (void)state;
    buffer_init (&header, LIMIT_HEADER_OCTETS);
    buffer_init (&out, SIZE_MAX);
    return 0;
}

static int tear_down (void **state)
{
    (void)state;
    buffer_finish (&header);
    buffer_finish (&out);
    return 0;
}

static ProtobufCBinaryData text (const char *octets)
{
    return (ProtobufCBinaryData){.data = (uint8_t *)octets, .len = strlen (octets)};
}

static void pack (const message_t *message)
{
    buffer_reset (&out);
    uint8_t *room =
        buffer_reserve (&out, reasonchip__reason_chip_packet__get_packed_size (message));
    assert_non_null (room);
    out.len += reasonchip__reason_chip_packet__pack (message, room);
}

static message_t message_of (const char *type, Reasonchip__UUID *uuid)
{
    message_t message = REASONCHIP__REASON_CHIP_PACKET__INIT;

    reasonchip__uuid__init (uuid);
    uuid->value = text (COOKIE);
    message.packet_type = text (type);
    message.cookie = uuid;
    return message;
}

static int read_it (rpc_packet_t *packet, uint64_t timeout_ms)
{
    return rpc_packet_read (packet, buffer_as_slice (&out), timeout_ms, &header, &fault);
}

static void assert_header (const char *words)
{
    assert_int_equal (header.len, strlen (words));
    assert_memory_equal (header.data, words, header.len);
}

static void assert_slice (slice_t slice, const char *words)
{
    assert_true (slice_equal (slice, slice_text (words)));
}

static void reads_a_run (void **state)
{
    Reasonchip__UUID uuid;
    message_t message = message_of ("RUN", &uuid);
    rpc_packet_t packet;

    (void)state;
    message.pipeline = text ("caf\xc3\xa9");
    message.variables = text ("{\"a\":\"\\u00e9\"}");
    message.result = text ("of no use");
    message.detach = message.stream = 1;
    pack (&message);
    assert_int_equal (read_it (&packet, 1500), 0);
    assert_header ("{\"packet_type\":\"RUN\"," K ",\"pipeline\":\"caf\xc3\xa9\",\"detach\":true,"
                   "\"stream\":true,\"timeout\":1500}");
    assert_true (packet.legacy.has_payload);
    assert_slice (packet.legacy.payload.raw, "{\"a\":\"\\u00e9\"}");
    assert_int_equal (packet.legacy.packet.timeout_ms, 1500);
    rpc_packet_finish (&packet);
    // Nothing is said that was not.
    message = message_of ("CANCEL", &uuid);
    pack (&message);
    assert_int_equal (read_it (&packet, 1500), 0);
    assert_header ("{\"packet_type\":\"CANCEL\"," K "}");
    assert_false (packet.legacy.has_payload);
    rpc_packet_finish (&packet);
}

static void reads_a_workers_packets (void **state)
{
    ProtobufCBinaryData lines[] = {text ("one"), text ("\"two\"\n"), text ("")};
    message_t message = REASONCHIP__REASON_CHIP_PACKET__INIT;
    Reasonchip__UUID uuid;
    rpc_packet_t packet;

    (void)state;
    message.packet_type = text ("REGISTER");
    pack (&message);
    assert_int_equal (read_it (&packet, 0), 0);
    assert_header ("{\"packet_type\":\"REGISTER\",\"capacity\":0}");
    rpc_packet_finish (&packet);
    message = message_of ("RESULT", &uuid);
    message.rc = text ("EXCEPTION");
    message.error = text ("no");
    message.stacktrace = lines;
    message.n_stacktrace = 3;
    message.result = text ("7");
    pack (&message);
    assert_int_equal (read_it (&packet, 0), 0);
    assert_header ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"EXCEPTION\",\"error\":\"no\","
                   "\"stacktrace\":[\"one\",\"\\\"two\\\"\\n\",\"\"]}");
    assert_slice (packet.legacy.payload.raw, "7");
    rpc_packet_finish (&packet);
}

static void leaves_out_what_makes_a_header_too_long (void **state)
{
    static char lots[LIMIT_HEADER_OCTETS - 50];
    ProtobufCBinaryData lines[] = {text ("one"), {.data = (uint8_t *)lots, .len = sizeof lots}};
    Reasonchip__UUID uuid;
    message_t message = message_of ("RESULT", &uuid);
    rpc_packet_t packet;

    (void)state;
    memset (lots, 'x', sizeof lots);
    message.rc = text ("EXCEPTION");
    message.error = text ("no");
    message.stacktrace = lines;
    message.n_stacktrace = 2;
    pack (&message);
    assert_int_equal (read_it (&packet, 0), 0);
    assert_header ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"EXCEPTION\",\"error\":\"no\"}");
    rpc_packet_finish (&packet);
    message.error = lines[1];
    message.n_stacktrace = 1;
    pack (&message);
    assert_int_equal (read_it (&packet, 0), 0);
    assert_header ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"EXCEPTION\","
                   "\"stacktrace\":[\"one\"]}");
    rpc_packet_finish (&packet);
    // A pipeline can't be left out.
    message.pipeline = message.rc = lines[1];
    pack (&message);
    assert_int_equal (read_it (&packet, 0), -1);
    assert_int_equal (errno, EPROTO);
    rpc_packet_finish (&packet);
}

static void refuses_what_is_no_packet (void **state)
{
    static const struct {
        const char *octets, *words;
    } rows[] = {
        {"\x0a\xff", "packet: not a ReasonChipPacket"},
        {"garbage", "packet: not a ReasonChipPacket"},
        {"\x12\x03\x0a\x05x", "packet: not a ReasonChipPacket"},
        {"\x0a\x03RUN\x1a\x02\xc3(", "pipeline: not UTF-8"},
        {"\x0a\x03RUN\x22\x01\xff", "variables: not UTF-8"},
        {"\x0a\x06RESULT\x3a\x01\xff", "stacktrace: not UTF-8"},
        {"\x12\x04\x0a\x02no", "cookie: not a UUID"},
    };
    rpc_packet_t packet;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buffer_reset (&out);
        buffer_text (&out, rows[i].octets);
        assert_int_equal (read_it (&packet, 0), -1);
        assert_int_equal (errno, EPROTO);
        if (strncmp (fault.text, rows[i].words, strlen (rows[i].words)) != 0)
            fail_msg ("%zu: %s", i, fault.text);
        rpc_packet_finish (&packet);
    }
}

// A field for every two octets: no more memory than three times the message's length.
static void has_no_memory_for_endless_fields (void **state)
{
    rpc_packet_t packet;

    (void)state;
    for (unsigned i = 0; i < 1000000; i++)
        buffer_append (&out, "\x3a\x00", 2);
    assert_int_equal (read_it (&packet, 0), -1);
    assert_int_equal (errno, EPROTO);
    rpc_packet_finish (&packet);
}

static void write_it (const char *words, const char *payload, rpc_packet_t *again)
{
    packet_t packet;

    assert_int_equal (codec_read (slice_text (words), &packet, &fault), 0);
    buffer_reset (&out);
    assert_int_equal (rpc_packet_write (&packet, slice_text (payload), &out, &fault), 0);
    assert_int_equal (read_it (again, 0), 0);
}

static void writes_what_it_reads (void **state)
{
    static const char run[] = "{\"packet_type\":\"RUN\"," K ",\"pipeline\":\"p\",\"stream\":true}";
    rpc_packet_t again;

    (void)state;
    write_it (run, "[1.5]", &again);
    assert_header (run);
    assert_slice (again.legacy.payload.raw, "[1.5]");
    rpc_packet_finish (&again);
    static const char result[] = "{\"packet_type\":\"RESULT\"," K ",\"rc\":\"EXCEPTION\","
                                 "\"error\":\"\\\"no\\\"\",\"stacktrace\":[\"a\",\"\",\"b\"]}";
    write_it (result, "", &again);
    assert_header (result);
    rpc_packet_finish (&again);
}

static void says_in_legacy_words_what_legacy_peers_do_not_know (void **state)
{
    rpc_packet_t again;

    (void)state;
    write_it ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"TIMED_OUT\",\"error\":\"late\"}", "",
              &again);
    assert_header ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"EXCEPTION\","
                   "\"error\":\"TIMED_OUT: late\"}");
    rpc_packet_finish (&again);
    write_it ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"OK\",\"encoding\":\"msgpack\"}",
              "\x81\xa1"
              "a\x01",
              &again);
    assert_slice (again.legacy.payload.raw, "{\"a\":1}");
    rpc_packet_finish (&again);
    write_it ("{\"packet_type\":\"RUN\"," K ",\"pipeline\":\"p\",\"encoding\":\"raw\"}", "\xff\xfe",
              &again);
    assert_slice (again.legacy.payload.raw, "\"//4=\"");
    rpc_packet_finish (&again);
}

static void writes_words_of_its_own (void **state)
{
    cookie_t cookie;
    rpc_packet_t packet;

    (void)state;
    assert_int_equal (cookie_parse (slice_text (COOKIE), &cookie), 0);
    rpc_packet_result (&cookie, ZFABRIC_CANCELLED, "why", &out);
    assert_int_equal (read_it (&packet, 0), 0);
    assert_header ("{\"packet_type\":\"RESULT\"," K ",\"rc\":\"EXCEPTION\","
                   "\"error\":\"CANCELLED: why\"}");
    rpc_packet_finish (&packet);
    buffer_reset (&out);
    rpc_packet_order (PACKET_SHUTDOWN, NULL, &out);
    assert_int_equal (read_it (&packet, 0), 0);
    assert_header ("{\"packet_type\":\"SHUTDOWN\"}");
    rpc_packet_finish (&packet);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown (reads_a_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown (reads_a_workers_packets, set_up, tear_down),
        cmocka_unit_test_setup_teardown (leaves_out_what_makes_a_header_too_long, set_up,
                                         tear_down),
        cmocka_unit_test_setup_teardown (refuses_what_is_no_packet, set_up, tear_down),
        cmocka_unit_test_setup_teardown (has_no_memory_for_endless_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown (writes_what_it_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown (says_in_legacy_words_what_legacy_peers_do_not_know, set_up,
                                         tear_down),
        cmocka_unit_test_setup_teardown (writes_words_of_its_own, set_up, tear_down),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
