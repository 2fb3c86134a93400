/*  Headers from one codec to the other (PROTOCOL 6).
 */
#include "tests/support/testing.h"

#include <errno.h>

#include "codec/transcode.h"
#include "tests/codec/headers.h"

#define UUID_OCTETS "\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\x00"

static void assert_becomes (slice_t header, packet_keys_t leave_out, slice_t wanted)
{
    packet_t packet;
    packet_t again;
    fault_t fault = {""};
    buffer_t out;

    read_well (header, &packet);
    buffer_init (&out, LIMIT_HEADER_OCTETS);
    if (transcode_header (header, &packet, leave_out, &out, &fault))
        fail_msg ("%.*s: %s", (int)header.len, (const char *)header.ptr, fault.text);
    if (!slice_equal (buffer_as_slice (&out), wanted))
        fail_msg ("%.*s became \"%.*s\"", (int)header.len, (const char *)header.ptr, (int)out.len,
                  (const char *)out.data);
    read_well (buffer_as_slice (&out), &again);
    assert_int_equal (again.keys, packet.keys & ~leave_out);
    buffer_finish (&out);
}

static void json_becomes_msgpack (void **state)
{
    static const struct {
        slice_t json;
        slice_t msgpack;
    } cases[] = {
        {OCTETS ("{}"), OCTETS ("\x80")},
        {OCTETS ("{ \"packet_type\" : \"RUN\" , \"cookie\" : \"" UUID_UPPER "\"} "),
         OCTETS ("\x82\xabpacket_type\xa3RUN\xa6\x63ookie\xd9\x24" UUID_UPPER)},
        {OCTETS ("{\"variables\":\"{\\n}\",\"wait\":null}"),
         OCTETS ("\x82\xa9variables\xa3{\n}\xa4wait\xc0")},
        {OCTETS ("{\"p\\u0061cket_type\":\"R\\u0055N\"}"), OCTETS ("\x81\xabpacket_type\xa3RUN")},
        {OCTETS ("{\"pipelines\":[\"\\u0061\",\"b\"]}"),
         OCTETS ("\x81\xa9pipelines\x92\xa1\x61\xa1\x62")},
        {OCTETS ("{\"trace\":{\"a\":[1.5,-1,null,{}]},\"x\":[]}"),
         OCTETS ("\x82\xa5trace\x81\xa1\x61\x94\xcb\x3f\xf8\0\0\0\0\0\0\xff\xc0\x80\xa1x\x90")},
        // What was read as 2^64-1 stays an integer.
        {OCTETS ("{\"timeout\":99999999999999999999,\"seq\":-0}"),
         OCTETS ("\x82\xa7timeout\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa3seq\x00")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_becomes (cases[i].json, 0, cases[i].msgpack);
}

static void msgpack_becomes_json (void **state)
{
    static const struct {
        slice_t msgpack;
        slice_t json;
    } cases[] = {
        {OCTETS ("\x80"), OCTETS ("{}")},
        {OCTETS ("\x82\xabpacket_type\xa3RUN\xa6\x63ookie\xc4\x10" UUID_OCTETS),
         OCTETS ("{\"packet_type\":\"RUN\",\"cookie\":\"" UUID "\"}")},
        {OCTETS ("\x81\xa6\x63ookie\xd9\x24" UUID_UPPER),
         OCTETS ("{\"cookie\":\"" UUID_UPPER "\"}")},
        {OCTETS ("\x81\xa6\x63ookie\xc0"), OCTETS ("{\"cookie\":null}")},
        {OCTETS ("\x82\xa9variables\xc4\x03\x81\x01\x02\xa6result\xa1\""),
         OCTETS ("{\"variables\":\"gQEC\",\"result\":\"\\\"\"}")},
        {OCTETS ("\xde\0\x02\xa4wait\xd3\0\0\0\0\0\0\0\x01\xa1x\x92\xc4\x01\x00\xca\x3f\xc0\0\0"),
         OCTETS ("{\"wait\":1,\"x\":[\"AA==\",1.5]}")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_becomes (cases[i].msgpack, 0, cases[i].json);
}

static void keys_are_left_out (void **state)
{
    static const struct {
        slice_t header;
        packet_keys_t keys;
        slice_t left;
    } cases[] = {
        {OCTETS ("{\"variables\":\"x\"}"), PACKET_BIT (VARIABLES), OCTETS ("\x80")},
        {OCTETS ("{\"wait\":1,\"variables\":\"]},\\\"\",\"seq\":2}"), PACKET_BIT (VARIABLES),
         OCTETS ("\x82\xa4wait\x01\xa3seq\x02")},
        {OCTETS ("{\"pipelines\":[\"]\",\"a\"] ,\"wait\" : 1,\"detach\":true}"),
         PACKET_BIT (PIPELINES) | PACKET_BIT (WAIT) | PACKET_BIT (RESULT),
         OCTETS ("\x81\xa6\x64\x65tach\xc3")},
        {OCTETS ("{\"result\":null,\"wait\":1}"), PACKET_BIT (RESULT), OCTETS ("\x81\xa4wait\x01")},
        {OCTETS ("\x83\xa9variables\xc4\x01\xff\xa4wait\x01\xa6result\xc0"),
         PACKET_BIT (VARIABLES) | PACKET_BIT (RESULT), OCTETS ("{\"wait\":1}")},
        {OCTETS ("\x82\xa4wait\x01\xaastacktrace\x92\xa0\xa0"), PACKET_BIT (STACKTRACE),
         OCTETS ("{\"wait\":1}")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_becomes (cases[i].header, cases[i].keys, cases[i].left);
}

static void assert_refused (slice_t header, const char *wanted)
{
    packet_t packet;
    fault_t fault = {""};
    buffer_t out;

    read_well (header, &packet);
    buffer_init (&out, LIMIT_HEADER_OCTETS);
    buffer_octet (&out, 'x');
    errno = 0;
    assert_int_equal (transcode_header (header, &packet, 0, &out, &fault), -1);
    assert_int_equal (errno, EPROTO);
    assert_string_equal (fault.text, wanted);
    assert_int_equal (out.len, 1);
    buffer_finish (&out);
}

static void what_the_other_codec_cannot_say_is_refused (void **state)
{
    (void)state;
    assert_refused (HEADER ("\x81\xa1x\x81\xa1y\x91\xd4\x01\x01"),
                    "x.y[0]: JSON can't say an ext type");
    assert_refused (HEADER ("\x81\xa1x\x81\x01\x01"), "x: map key is not a string");
    assert_refused (HEADER ("\x81\xa1x\xcb\x7f\xf0\0\0\0\0\0\0"), "x: JSON can't say infinity");
    assert_refused (HEADER ("{\"x\":[1e999]}"), "x[0]: a number is too large for a float");
}

static void a_header_of_many_keys_gets_its_wide_head (void **state)
{
    char json[1024] = "{";
    packet_t packet;
    buffer_t out;

    (void)state;
    for (unsigned count = 1; count < 40; count++) {
        size_t len = strlen (json);
        snprintf (json + len - (count > 1), sizeof json - len,
                  "%s\"k%u\":[0,0,0,0,0,0,0,0,0,0,0,0,"
                  "0,0,0,0,0]}",
                  count > 1 ? "," : "", count);
        if (strlen (json) > sizeof json - 64)
            break;
        read_well (slice_text (json), &packet);
        buffer_init (&out, LIMIT_HEADER_OCTETS);
        assert_int_equal (transcode_header (slice_text (json), &packet, 0, &out, NULL), 0);
        read_well (buffer_as_slice (&out), &packet);
        assert_int_equal (out.data[0], count < 16 ? 0x80 + count : 0xde);
        slice_t msgpack = buffer_as_slice (&out);
        buffer_t back;
        buffer_init (&back, LIMIT_HEADER_OCTETS);
        assert_int_equal (transcode_header (msgpack, &packet, 0, &back, NULL), 0);
        assert_slice (buffer_as_slice (&back), json);
        buffer_finish (&back);
        buffer_finish (&out);
    }
}

// A string that is left out costs no room: the limit is that of a header.
static void what_is_left_out_may_be_long (void **state)
{
    const size_t len = 60000;
    uint8_t *header = malloc (len + 32);
    packet_t packet;
    buffer_t out;

    (void)state;
    assert_non_null (header);
    memcpy (header, "\x81\xa9variables\xc5\xea\x60", 14);
    memset (header + 14, 'x', len);
    read_well (slice_of (header, len + 14), &packet);
    buffer_init (&out, 100);
    slice_t whole = slice_of (header, len + 14);
    assert_int_equal (transcode_header (whole, &packet, 0, &out, NULL), -1);
    assert_int_equal (errno, EMSGSIZE);
    buffer_reset (&out);
    assert_int_equal (transcode_header (whole, &packet, PACKET_BIT (VARIABLES), &out, NULL), 0);
    assert_slice (buffer_as_slice (&out), "{}");
    buffer_finish (&out);
    free (header);
}

TESTING_MAIN (cmocka_unit_test (json_becomes_msgpack),
              cmocka_unit_test (msgpack_becomes_json),
              cmocka_unit_test (keys_are_left_out),
              cmocka_unit_test (what_the_other_codec_cannot_say_is_refused),
              cmocka_unit_test (a_header_of_many_keys_gets_its_wide_head),
              cmocka_unit_test (what_is_left_out_may_be_long), )
