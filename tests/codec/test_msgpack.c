/*  msgpack headers (PROTOCOL 2): what is accepted, refused, and read.
 */
#include "tests/support/testing.h"

#include "tests/codec/headers.h"

#define UUID_OCTETS "\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\x00"
#define RUN                                                                                        \
    "\x84\xabpacket_type\xa3RUN\xa6"                                                               \
    "cookie\xc4\x10" UUID_OCTETS "\xa8pipeline\xa9"                                                \
    "demo.echo\xa7timeout\x01"
#define ALL                                                                                        \
    "\xde\x00\x16\xabpacket_type\xa3RUN\xa6"                                                       \
    "cookie\xd9\x24" UUID_UPPER "\xa8pipeline\xa6"                                                 \
    "d\xc3\xa9mo!\xa9variables\xc4\x02\x81\xa1"                                                    \
    "\xa8"                                                                                         \
    "encoding\xa3raw\xa6"                                                                          \
    "detach\xc3\xa6stream\xc2\xa7timeout\xcd\xea\x60"                                              \
    "\xa4wait\x00\xa8priority\x09\xa7retries\xd0\x64\xa6orphan\xa6"                                \
    "cancel"                                                                                       \
    "\xa8"                                                                                         \
    "capacity\xcd\xff\xff\xa9pipelines\x92\xa1"                                                    \
    "a\xd9\x03"                                                                                    \
    "b.*\xa4name\xa1n"                                                                             \
    "\xa9heartbeat\xd3\0\0\0\0\0\0\0\x64\xa2rc\xa9TIMED_OUT\xa5"                                   \
    "error\xa1"                                                                                    \
    "e"                                                                                            \
    "\xaastacktrace\xdc\0\x02\xa3one\xda\0\x03two\xa6result\xa1r"                                  \
    "\xa3seq\xcf\xff\xff\xff\xff\xff\xff\xff\xff"                                                  \
    "\xabtraceparent\x82\xa1"                                                                      \
    "a\x92\x01\xc7\x01\x05x\xc4\x01k\xcb\x3f\xf0\0\0\0\0\0\0"

static void every_key_is_read (void **state)
{
    packet_t packet;
    packet_t *p = read_well (HEADER (ALL), &packet);

    (void)state;
    assert_int_equal (p->codec, ENCODING_MSGPACK);
    assert_int_equal (p->keys, (1u << PACKET_KEY_COUNT) - 1);
    assert_int_equal (p->type, PACKET_RUN);
    char cookie[COOKIE_TEXT + 1];
    cookie_print (&p->cookie, cookie);
    assert_string_equal (cookie, UUID_UPPER);
    assert_false (p->cookie.binary);
    assert_slice (p->pipeline, "d\xc3\xa9mo!");
    assert_slice (p->variables.text.raw, "\x81\xa1");
    assert_slice (p->variables.member, "\xa9variables\xc4\x02\x81\xa1");
    assert_int_equal (p->encoding, ENCODING_RAW);
    assert_true (p->detach);
    assert_false (p->stream);
    assert_int_equal (p->timeout_ms, 60000);
    assert_int_equal (p->wait_ms, 0);
    assert_int_equal (p->priority, 9);
    assert_int_equal (p->retries, 100);
    assert_true (p->orphan_cancel);
    assert_int_equal (p->capacity, 65535);
    assert_int_equal (p->pipelines.count, 2);
    assert_text (p->name, "n");
    assert_int_equal (p->heartbeat_ms, 100);
    assert_int_equal (p->rc, ZFABRIC_TIMED_OUT);
    assert_text (p->error, "e");
    assert_int_equal (p->stacktrace.count, 2);
    assert_text (p->result.text, "r");
    assert_slice (p->result.member, "\xa6result\xa1r");
    assert_true (p->seq == UINT64_MAX);
}

static void a_cookie_may_be_16_octets (void **state)
{
    packet_t packet;

    (void)state;
    read_well (HEADER (RUN), &packet);
    assert_true (packet.cookie.binary);
    assert_memory_equal (packet.cookie.octets, UUID_OCTETS, COOKIE_OCTETS);
}

// PROTOCOL 2: a key of the wrong type or out of range makes a bad packet; null is absent.
static void values_are_checked_by_key (void **state)
{
    static const header_case_t cases[] = {
        {OCTETS ("\x81\xabpacket_type\xa4WHAT"), NULL},
        {OCTETS ("\x81\xabpacket_type\xc4\x03RUN"), "packet_type: not a string"},
        {OCTETS ("\x81\xa6"
                 "cookie\xc0"),
         NULL},
        {OCTETS ("\x81\xa6"
                 "cookie\xb0" UUID_OCTETS),
         "cookie: not"},
        {OCTETS ("\x81\xa6"
                 "cookie\xc4\x0f"
                 "123456789012345"),
         "cookie: not a UUID"},
        {OCTETS ("\x81\xa6"
                 "cookie\xc4\x24" UUID),
         "cookie: not a UUID"},
        {OCTETS ("\x81\xa6"
                 "cookie\xd8\x01" UUID_OCTETS),
         "cookie: not a UUID"},
        {OCTETS ("\x81\xa6"
                 "cookie\xc6\0\0\0\x10" UUID_OCTETS),
         NULL},
        {OCTETS ("\x81\xa6"
                 "cookie\xdb\0\0\0\x24" UUID),
         NULL},
        {OCTETS ("\x81\xa8pipeline\xa0"), "pipeline: not a string of"},
        {OCTETS ("\x81\xa8pipeline\xc4\x01"
                 "a"),
         "pipeline: not"},
        {OCTETS ("\x81\xa8pipeline\xa1\0"), "pipeline: not"},
        {OCTETS ("\x81\xa9variables\xc4\0"), NULL},
        {OCTETS ("\x81\xa9variables\xa0"), NULL},
        {OCTETS ("\x81\xa9variables\x80"), "variables: not a string or bin"},
        {OCTETS ("\x81\xa9variables\xa1\xff"), "variables: not UTF-8"},
        {OCTETS ("\x81\xa9variables\xc4\x01\xff"), NULL},
        {OCTETS ("\x81\xa8"
                 "encoding\xa4json"),
         NULL},
        {OCTETS ("\x81\xa8"
                 "encoding\xa4yaml"),
         "encoding: not"},
        {OCTETS ("\x81\xa6"
                 "detach\x01"),
         "detach: not a boolean"},
        {OCTETS ("\x81\xa6stream\xc0"), NULL},
        {OCTETS ("\x81\xa7timeout\x00"), "timeout: not an integer >= 1"},
        {OCTETS ("\x81\xa7timeout\xd3\x7f\xff\xff\xff\xff\xff\xff\xff"), NULL},
        {OCTETS ("\x81\xa7timeout\xd0\xff"), "timeout: not"},
        {OCTETS ("\x81\xa7timeout\xe0"), "timeout: not"},
        {OCTETS ("\x81\xa7timeout\xca\x3f\x80\0\0"), "timeout: not"},
        {OCTETS ("\x81\xa7timeout\xcb\x3f\xf0\0\0\0\0\0\0"), "timeout: not"},
        {OCTETS ("\x81\xa7timeout\xa1"
                 "1"),
         "timeout: not"},
        {OCTETS ("\x81\xa8priority\x0a"), "priority: not an integer from 0 to 9"},
        {OCTETS ("\x81\xa8priority\xcf\0\0\0\0\0\0\0\x09"), NULL},
        {OCTETS ("\x81\xa8priority\xcf\0\0\0\x01\0\0\0\x01"), "priority: not"},
        {OCTETS ("\x81\xa8"
                 "capacity\xce\0\x01\0\0"),
         "capacity: not"},
        {OCTETS ("\x81\xa9pipelines\x90"), "pipelines: not an array of 1 to 1024"},
        {OCTETS ("\x81\xa9pipelines\x91\xc4\x01"
                 "a"),
         "pipelines: not"},
        {OCTETS ("\x81\xa9pipelines\x91\xa1$"), "pipelines: not"},
        {OCTETS ("\x81\xa9pipelines\x92\xa1"
                 "a\xa1*"),
         NULL},
        {OCTETS ("\x81\xa9pipelines\x81\xa1"
                 "a\xa1*"),
         "pipelines: not"},
        {OCTETS ("\x81\xaastacktrace\x90"), NULL},
        {OCTETS ("\x81\xaastacktrace\x91\x91\xa1"
                 "a"),
         "stacktrace: not an array of strings"},
        {OCTETS ("\x81\xaastacktrace\x91\xa1\xff"), "stacktrace: not UTF-8"},
        {OCTETS ("\x81\xa4name\xc4\x01n"), "name: not a string"},
        {OCTETS ("\x81\xa2rc\xa2no"), "rc: not a result code"},
        {OCTETS ("\x81\xa6result\xc1"), "result: malformed msgpack at octet 8"},
    };

    (void)state;
    check_headers (cases, sizeof cases / sizeof *cases);
}

// PROTOCOL 2: strings are UTF-8, at most 16 deep, the header a map of string keys, nothing behind.
static void syntax_is_strict (void **state)
{
    static const header_case_t cases[] = {
        {OCTETS ("\x80"), NULL},
        {OCTETS ("\xde\0\0"), NULL},
        {OCTETS ("\xdf\0\0\0\0"), NULL},
        {OCTETS ("\xdf\0\0\0\x01\xa1"
                 "a\xc0"),
         NULL},
        {OCTETS ("\x80\xc0"), "header: malformed msgpack at octet 1"},
        {OCTETS ("\x90"), "header: neither"},
        {OCTETS ("\x81"), "header: malformed"},
        {OCTETS ("\x81\xa1"
                 "a"),
         "a: malformed"},
        {OCTETS ("\x8f\xa1"
                 "a\x01"),
         "header: malformed msgpack at octet 0"},
        {OCTETS ("\xde\xff\xff\xa1"
                 "a\x01"),
         "header: malformed"},
        {OCTETS ("\xdf\xff\xff\xff\xff\xa1"
                 "a\x01"),
         "header: malformed"},
        {OCTETS ("\xdf\x80\0\0\0\xa1"
                 "a\x01"),
         "header: malformed"},
        {OCTETS ("\x81\xa1"
                 "a\xdd\xff\xff\xff\xff"),
         "a: malformed msgpack at octet 3"},
        {OCTETS ("\x81\xa1"
                 "a\xdb\xff\xff\xff\xff"),
         "a: malformed"},
        {OCTETS ("\x81\xa1"
                 "a\xc6\xff\xff\xff\xff"),
         "a: malformed"},
        {OCTETS ("\x81\xa1"
                 "a\xc9\xff\xff\xff\xff"),
         "a: malformed"},
        {OCTETS ("\x81\xa1"
                 "a\xd9"),
         "a: malformed"},
        {OCTETS ("\x81\xa1"
                 "a\xcf\0\0"),
         "a: malformed"},
        {OCTETS ("\x81\xa1"
                 "a\xc1"),
         "a: malformed"},
        {OCTETS ("\x81\xa1"
                 "a\xd4\x01x"),
         NULL},
        {OCTETS ("\x81\xa1"
                 "a\xc7\0\x01"),
         NULL},
        {OCTETS ("\x81\xa1"
                 "a\xca\x7f\xc0\0\0"),
         NULL},
        {OCTETS ("\x81\xa1"
                 "a\xa1\xff"),
         "a: not UTF-8"},
        {OCTETS ("\x81\xa1"
                 "a\xa3\xed\xa0\x80"),
         "a: not UTF-8"},
        {OCTETS ("\x81\xa1\xff\xc0"), "\xff: not UTF-8"},
        {OCTETS ("\x81\x01\xc0"), "header: a key is not a string"},
        {OCTETS ("\x81\xc4\x01"
                 "a\xc0"),
         "header: a key is not a string"},
        {OCTETS ("\x81\x91\xc0\xc0"), "header: a key is not a string"},
        {OCTETS ("\x81\xa1"
                 "a\x84\x01\xc0\xc4\x01"
                 "b\x01\x91\x01\x02\xc3\x04"),
         NULL},
        {OCTETS ("\x81\xa1"
                 "a\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x90"),
         NULL},
        {OCTETS ("\x81\xa1"
                 "a\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x90"),
         "a: malformed"},
        {OCTETS ("\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81"),
         "header:"},
    };

    (void)state;
    check_headers (cases, sizeof cases / sizeof *cases);
}

// PROTOCOL 2: a key that appears twice makes a bad packet, at whatever level and of whatever type.
static void a_key_appears_once (void **state)
{
    static const header_case_t cases[] = {
        {OCTETS ("\x82\xa4wait\x01\xa4wait\x01"), "wait: appears twice"},
        {OCTETS ("\x82\xa4wait\xc0\xd9\x04wait\x01"), "wait: appears twice"},
        {OCTETS ("\x82\xa1"
                 "a\x01\xda\0\x01"
                 "a\x01"),
         "a: appears twice"},
        {OCTETS ("\x82\xa1"
                 "a\x01\xa1"
                 "b\x81\xa1"
                 "a\x01"),
         NULL},
        {OCTETS ("\x81\xa1"
                 "a\x82\xa1x\x01\xdb\0\0\0\x01x\x01"),
         "a: key x appears twice inside"},
        {OCTETS ("\x81\xa1"
                 "a\x82\x01\x01\xcc\x01\x01"),
         "a: key that is no string appears twice"},
        {OCTETS ("\x81\xa1"
                 "a\x82\xff\x01\xd1\xff\xff\x01"),
         "a: key that is no string"},
        {OCTETS ("\x81\xa1"
                 "a\x82\x01\x01\xff\x01"),
         NULL},
        {OCTETS ("\x81\xa1"
                 "a\x82\xc4\x01x\x01\xc5\0\x01x\x01"),
         "a: key that is no string"},
        {OCTETS ("\x81\xa1"
                 "a\x82\xc4\x01x\x01\xa1x\x01"),
         NULL},
        {OCTETS ("\x81\xa1"
                 "a\x82\x92\x01\x02\x01\x92\x01\x02\x01"),
         "a: key that is no string"},
        {OCTETS ("\x81\xa1"
                 "a\x82\x92\x01\x02\x01\x92\x01\x03\x01"),
         NULL},
        {OCTETS ("\x81\xa1"
                 "a\x82\x91\x01\x01\x92\x01\x02\x01"),
         NULL},
        {OCTETS ("\x81\xa1"
                 "a\x82\xc0\x01\xc0\x01"),
         "a: key that is no string"},
        {OCTETS ("\x81\xa1"
                 "a\x82\xc2\x01\xc3\x01"),
         NULL},
        {OCTETS ("\x81\xa4name\x82\xa1x\x01\xa1x\x01"), "name: key x appears twice inside"},
    };

    (void)state;
    check_headers (cases, sizeof cases / sizeof *cases);
}

// A fault of meaning does not hide the cookie, whether it comes before or after.
static void the_cookie_survives_other_faults (void **state)
{
    static const struct {
        slice_t header;
        bool cookie;
    } cases[] = {
        {OCTETS ("\x82\xa7timeout\x00\xa6"
                 "cookie\xc4\x10" UUID_OCTETS),
         true},
        {OCTETS ("\x82\xa6"
                 "cookie\xc4\x10" UUID_OCTETS "\xc1"),
         true},
        {OCTETS ("\x82\xa4name\xa1\xff\xa6"
                 "cookie\xc4\x10" UUID_OCTETS),
         true},
        {OCTETS ("\x82\x92\x01\x81\x01\x02\xc0\xa6"
                 "cookie\xc4\x10" UUID_OCTETS),
         true},
        {OCTETS ("\x82\xa6"
                 "cookie\xc4\x10" UUID_OCTETS "\xa6"
                 "cookie\xc0"),
         false},
        {OCTETS ("\x82\xa6"
                 "cookie\xc0\xa6"
                 "cookie\xc4\x10" UUID_OCTETS),
         false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        packet_t packet;
        assert_int_equal (codec_read (cases[i].header, &packet, NULL), -1);
        assert_int_equal (packet_has (&packet, PACKET_BIT (COOKIE)), cases[i].cookie);
    }
}

// Hostile headers cost O(n log n): this would take seconds with a comparison of each with each.
static void thousands_of_keys_are_told_apart (void **state)
{
    static uint8_t text[LIMIT_HEADER_OCTETS];
    const unsigned count = 16000;
    uint8_t *at = text;
    fault_t fault;

    (void)state;
    *at++ = 0x81;
    *at++ = 0xa0;
    *at++ = 0xde;
    *at++ = (uint8_t)(count >> 8);
    *at++ = (uint8_t)count;
    for (unsigned i = 0; i < count; i++) {
        unsigned key = 256 + i * 7919 % count; // 7919 is prime: all of 256 .. 16255
        *at++ = 0xcd;
        *at++ = (uint8_t)(key >> 8);
        *at++ = (uint8_t)key;
        *at++ = 0xc0;
    }
    assert_true (reads (slice_of (text, (size_t)(at - text)), &fault));
    at[-3] = text[6];
    at[-2] = text[7];
    assert_false (reads (slice_of (text, (size_t)(at - text)), &fault));
}

static void no_proper_prefix_is_a_header (void **state)
{
    (void)state;
    no_prefix_is_read (HEADER (RUN));
    no_prefix_is_read (HEADER (ALL));
}

static void changed_octets_do_no_harm (void **state)
{
    (void)state;
    read_all_changes (HEADER (RUN));
    read_all_changes (HEADER (ALL));
}

static void strings_are_walked (void **state)
{
    packet_t packet;
    text_t text;

    (void)state;
    read_well (HEADER ("\x81\xaastacktrace\xdd\0\0\0\x03\xa1"
                       "a\xd9\x01"
                       "b\xa0"),
               &packet);
    slice_t rest = packet.stacktrace.raw;
    assert_true (strings_next (ENCODING_MSGPACK, &rest, &text));
    assert_text (text, "a");
    assert_true (strings_next (ENCODING_MSGPACK, &rest, &text));
    assert_text (text, "b");
    assert_true (strings_next (ENCODING_MSGPACK, &rest, &text));
    assert_text (text, "");
    assert_false (strings_next (ENCODING_MSGPACK, &rest, &text));
    assert_false (strings_next (ENCODING_MSGPACK, &rest, &text));

    read_well (HEADER ("\x81\xaastacktrace\x90"), &packet);
    rest = packet.stacktrace.raw;
    assert_false (strings_next (ENCODING_MSGPACK, &rest, &text));
}

// The count is one less in the width that it has; the rest stays to the octet.
static void a_member_is_cut_and_the_count_lowered (void **state)
{
    static const struct {
        slice_t header;
        slice_t left;
    } cases[] = {
        {OCTETS ("\x81\xa9variables\xa1x"), OCTETS ("\x80")},
        {OCTETS ("\x82\xa9variables\xc4\0\xa4wait\xcc\x01"), OCTETS ("\x81\xa4wait\xcc\x01")},
        {OCTETS ("\xde\0\x02\xa4wait\x01\xda\0\x09variables\xc5\0\x01x"),
         OCTETS ("\xde\0\x01\xa4wait\x01")},
        {OCTETS ("\xdf\0\0\0\x01\xa9variables\xa1x"), OCTETS ("\xdf\0\0\0\0")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        packet_t packet;
        read_well (cases[i].header, &packet);
        assert_cut (cases[i].header, packet.variables.member, cases[i].left);
    }
}

static void a_count_is_lowered_with_borrows (void **state)
{
    static uint8_t header[2 + 256 * 4 + 32] = {0xde, 0x01, 0x00};
    uint8_t *at = header + 3;
    packet_t packet;
    buffer_t out;

    (void)state;
    memcpy (at, "\xa9variables\xa0", 11);
    at += 11;
    for (unsigned i = 0; i < 255; i++) {
        at += snprintf ((char *)at, 8, "\xa2%02x", i) + 1;
        at[-1] = 0xc0;
    }
    slice_t whole = slice_of (header, (size_t)(at - header));
    read_well (whole, &packet);
    buffer_init (&out, 4096);
    codec_cut (ENCODING_MSGPACK, whole, packet.variables.member, &out);
    assert_memory_equal (out.data, "\xde\x00\xff\xa2", 4);
    read_well (buffer_as_slice (&out), &packet);
    buffer_finish (&out);
}

TESTING_MAIN (cmocka_unit_test (every_key_is_read),
              cmocka_unit_test (a_cookie_may_be_16_octets),
              cmocka_unit_test (values_are_checked_by_key),
              cmocka_unit_test (syntax_is_strict),
              cmocka_unit_test (a_key_appears_once),
              cmocka_unit_test (the_cookie_survives_other_faults),
              cmocka_unit_test (thousands_of_keys_are_told_apart),
              cmocka_unit_test (no_proper_prefix_is_a_header),
              cmocka_unit_test (changed_octets_do_no_harm),
              cmocka_unit_test (strings_are_walked),
              cmocka_unit_test (a_member_is_cut_and_the_count_lowered),
              cmocka_unit_test (a_count_is_lowered_with_borrows), )
