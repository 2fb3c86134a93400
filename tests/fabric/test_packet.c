#include "fabric/packet.h"

#include "tests/support/testing.h"

#include <errno.h>
#include <stdio.h>

static void a_fresh_view_has_the_defaults (void **state)
{
    (void)state;
    packet_t packet;

    memset (&packet, 0x5a, sizeof packet);
    packet_init (&packet, ENCODING_MSGPACK);
    assert_int_equal (packet.codec, ENCODING_MSGPACK);
    assert_int_equal (packet.encoding, ENCODING_MSGPACK);
    assert_int_equal (packet.keys, 0);
    assert_int_equal (packet.type, PACKET_UNKNOWN);
    assert_int_equal (packet.priority, 5);
    assert_int_equal (packet.retries, 0);
    assert_false (packet.detach);
    assert_false (packet.stream);
    assert_false (packet.orphan_cancel);
    assert_null (packet.pipeline.ptr);
}

static void every_name_leads_back_to_its_number (void **state)
{
    (void)state;
    for (unsigned i = PACKET_UNKNOWN + 1; i < PACKET_TYPE_COUNT; i++)
        assert_int_equal (packet_type_of (slice_text (packet_type_name (i))), i);
    for (unsigned i = 0; i < PACKET_KEY_COUNT; i++)
        assert_int_equal (packet_key_of (slice_text (packet_key_name (i))), i);
    for (unsigned i = 0; i < ENCODING_COUNT; i++)
        assert_int_equal (encoding_of (slice_text (encoding_name (i))), i);
}

// PROTOCOL 2 and 3: these names are the wire's.
static void the_names_are_the_protocols (void **state)
{
    (void)state;
    assert_string_equal (packet_type_name (PACKET_HEARTBEAT), "HEARTBEAT");
    assert_string_equal (packet_key_name (PACKET_KEY_PACKET_TYPE), "packet_type");
    assert_string_equal (packet_key_name (PACKET_KEY_STACKTRACE), "stacktrace");
    assert_string_equal (packet_key_name (PACKET_KEY_SEQ), "seq");
    assert_string_equal (encoding_name (ENCODING_JSON), "json");
    assert_string_equal (encoding_name (ENCODING_RAW), "raw");
    assert_int_equal (PACKET_TYPE_COUNT, 8);
    assert_int_equal (PACKET_KEY_COUNT, 21);
}

static void unknown_names_and_numbers_are_told (void **state)
{
    (void)state;
    static const char *const strange[] = {"", "?", "run", "RUN ", "RU", "RUNN", "Cookie", "JSON"};

    for (unsigned i = 0; i < sizeof strange / sizeof *strange; i++) {
        assert_int_equal (packet_type_of (slice_text (strange[i])), PACKET_UNKNOWN);
        assert_int_equal (packet_key_of (slice_text (strange[i])), PACKET_KEY_COUNT);
        assert_int_equal (encoding_of (slice_text (strange[i])), ENCODING_COUNT);
    }
    assert_int_equal (packet_type_of (slice_of ("RUN\0", 4)), PACKET_UNKNOWN);
    assert_string_equal (packet_type_name (PACKET_UNKNOWN), "?");
    assert_string_equal (packet_type_name (PACKET_TYPE_COUNT), "?");
    assert_string_equal (packet_type_name ((packet_type_t)-1), "?");
    assert_string_equal (packet_key_name (PACKET_KEY_COUNT), "?");
    assert_string_equal (encoding_name (ENCODING_COUNT), "?");
}

static void each_type_needs_its_keys (void **state)
{
    (void)state;
    static const struct {
        packet_type_t type;
        packet_keys_t needs;
    } cases[] = {
        {PACKET_UNKNOWN, 0},
        {PACKET_REGISTER, PACKET_BIT (CAPACITY)},
        {PACKET_RUN, PACKET_BIT (COOKIE) | PACKET_BIT (PIPELINE)},
        {PACKET_CANCEL, PACKET_BIT (COOKIE)},
        {PACKET_PARTIAL, PACKET_BIT (COOKIE)},
        {PACKET_RESULT, PACKET_BIT (COOKIE) | PACKET_BIT (RC)},
        {PACKET_SHUTDOWN, 0},
        {PACKET_HEARTBEAT, 0},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        packet_keys_t needs = cases[i].needs | PACKET_BIT (PACKET_TYPE);
        packet_t packet;
        fault_t fault = {""};

        packet_init (&packet, ENCODING_JSON);
        packet.type = cases[i].type;
        packet.keys = needs;
        assert_int_equal (packet_check (&packet, &fault), 0);
        assert_string_equal (fault.text, "");

        for (unsigned key = 0; key < PACKET_KEY_COUNT; key++) {
            char wanted[64];
            if (!(needs >> key & 1))
                continue;
            packet.keys = needs & ~(UINT32_C (1) << key);
            errno = 0;
            assert_int_equal (packet_check (&packet, &fault), -1);
            assert_int_equal (errno, EPROTO);
            snprintf (wanted, sizeof wanted, "%s: missing", packet_key_name (key));
            assert_string_equal (fault.text, wanted);
            assert_int_equal (packet_check (&packet, NULL), -1);
        }
    }
}

static void a_payload_in_the_header_belongs_to_its_type (void **state)
{
    (void)state;
    packet_t packet;

    packet_init (&packet, ENCODING_JSON);
    packet.keys = PACKET_BIT (VARIABLES) | PACKET_BIT (RESULT);
    for (unsigned type = 0; type < PACKET_TYPE_COUNT; type++) {
        const inline_payload_t *wanted = type == PACKET_RUN ? &packet.variables : NULL;
        if (type == PACKET_RESULT || type == PACKET_PARTIAL)
            wanted = &packet.result;
        packet.type = type;
        assert_ptr_equal (packet_inline (&packet), wanted);
    }
    packet.keys = 0;
    packet.type = PACKET_RUN;
    assert_null (packet_inline (&packet));
    packet.type = PACKET_RESULT;
    assert_null (packet_inline (&packet));
}

static void pipelines_have_1_to_255_octets (void **state)
{
    (void)state;
    char name[300];

    memset (name, 'p', sizeof name);
    assert_false (pipeline_valid (slice_of (name, 0)));
    assert_true (pipeline_valid (slice_of (name, 1)));
    assert_true (pipeline_valid (slice_of (name, 255)));
    assert_false (pipeline_valid (slice_of (name, 256)));
}

static void pipelines_have_no_control_characters (void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0x80; c++) {
        uint8_t name[] = {'a', (uint8_t)c, 'b'};
        assert_int_equal (pipeline_valid (slice_of (name, 3)), c >= 0x20 && c != 0x7f);
    }
    for (unsigned c = 0x80; c < 0xc0; c++) { // U+0080 to U+00BF
        uint8_t name[] = {0xc2, (uint8_t)c};
        assert_int_equal (pipeline_valid (slice_of (name, 2)), c >= 0xa0);
    }
    assert_true (pipeline_valid (slice_text ("gr\xc3\xb6\xc3\x9f"
                                             "e.\xe2\x82\xac/\xf0\x9f\x90\xa7")));
    // 0x80 to 0x9f behind another lead is no control character
    assert_true (pipeline_valid (slice_text ("\xc3\x80\xc3\x9f\xe2\x80\x93")));
}

static void the_brokers_own_pipelines_cannot_be_registered (void **state)
{
    (void)state;
    assert_true (pipeline_valid (slice_text ("$ping")));
    assert_false (pattern_valid (slice_text ("$ping")));
    assert_false (pattern_valid (slice_text ("$")));
    assert_false (pattern_valid (slice_text ("$*")));
    assert_false (pattern_valid (slice_text ("")));
    assert_false (pattern_valid (slice_text ("a\nb")));
    assert_true (pattern_valid (slice_text ("*")));
    assert_true (pattern_valid (slice_text ("a$")));
    assert_true (pattern_valid (slice_text ("image.*")));
}

TESTING_MAIN (cmocka_unit_test (a_fresh_view_has_the_defaults),
              cmocka_unit_test (every_name_leads_back_to_its_number),
              cmocka_unit_test (the_names_are_the_protocols),
              cmocka_unit_test (unknown_names_and_numbers_are_told),
              cmocka_unit_test (each_type_needs_its_keys),
              cmocka_unit_test (a_payload_in_the_header_belongs_to_its_type),
              cmocka_unit_test (pipelines_have_1_to_255_octets),
              cmocka_unit_test (pipelines_have_no_control_characters),
              cmocka_unit_test (the_brokers_own_pipelines_cannot_be_registered), )
