/*  What both codecs have in common: telling them apart, writing, and reading back what was written.
 */
#include "tests/support/testing.h"

#include <errno.h>

#include "tests/codec/headers.h"

static const encoding_t codecs[] = {ENCODING_JSON, ENCODING_MSGPACK};

// PROTOCOL 2: the first octet of the header tells its codec.
static void the_first_octet_tells_the_codec (void **state)
{
    (void)state;
    for (unsigned octet = 0; octet < 256; octet++) {
        uint8_t first = (uint8_t)octet;
        encoding_t codec = ENCODING_COUNT;
        int result = codec_sniff (slice_of (&first, 1), &codec);
        bool map = (octet >= 0x80 && octet <= 0x8f) || octet == 0xde || octet == 0xdf;
        assert_int_equal (result, octet == '{' || map ? 0 : -1);
        if (result == 0)
            assert_int_equal (codec, map ? ENCODING_MSGPACK : ENCODING_JSON);
    }
    encoding_t codec;
    assert_int_equal (codec_sniff (slice_of (NULL, 0), &codec), -1);
}

static const slice_t patterns[] = {OCTETS ("a.b"), OCTETS ("c*"), OCTETS ("\xc3\xa9\"\\")};
static const slice_t frames[] = {OCTETS ("one\ttwo"), OCTETS ("")};

static void fill (packet_t *packet, encoding_t codec, packet_keys_t keys)
{
    packet_init (packet, codec);
    packet->keys = keys;
    packet->type = PACKET_RUN;
    assert_int_equal (cookie_parse (slice_text (UUID_UPPER), &packet->cookie), 0);
    packet->pipeline = slice_text ("demo \"x\" \xe2\x82\xac");
    packet->variables.text = text_plain (slice_text ("{\"a\":\n1}\x01"));
    packet->encoding = ENCODING_RAW;
    packet->detach = true;
    packet->stream = true;
    packet->orphan_cancel = true;
    packet->priority = 9;
    packet->retries = 100;
    packet->capacity = 65535;
    packet->rc = ZFABRIC_WORKER_WENT_AWAY;
    packet->timeout_ms = UINT64_MAX;
    packet->wait_ms = 127;
    packet->heartbeat_ms = 100000;
    packet->seq = UINT64_C (1) << 32;
    packet->pipelines = (strings_t){.items = patterns, .count = 3};
    packet->name = text_plain (slice_text ("n/\x7f"));
    packet->error = text_plain (slice_text ("\b\f\n\r\t\x1f"));
    packet->stacktrace = (strings_t){.items = frames, .count = 2};
    packet->result.text = text_plain (slice_text ("r"));
}

static void assert_strings (encoding_t codec, const strings_t *read, const strings_t *written)
{
    slice_t rest = read->raw;
    text_t text;

    assert_int_equal (read->count, written->count);
    for (uint32_t i = 0; i < written->count; i++) {
        assert_true (strings_next (codec, &rest, &text));
        char wanted[64];
        snprintf (wanted, sizeof wanted, "%.*s", (int)written->items[i].len,
                  (const char *)written->items[i].ptr);
        assert_text (text, wanted);
    }
    assert_false (strings_next (codec, &rest, &text));
}

static void assert_same (const packet_t *read, const packet_t *written)
{
    packet_keys_t keys = written->keys | PACKET_BIT (PACKET_TYPE);

    assert_int_equal (read->keys, keys);
    assert_int_equal (read->type, written->type);
#define HAS(id) (keys & PACKET_BIT (id))
    if (HAS (COOKIE)) {
        assert_true (cookie_equal (&read->cookie, &written->cookie));
        assert_int_equal (read->cookie.upper, written->cookie.upper);
    }
    if (HAS (PIPELINE))
        assert_octets (read->pipeline, written->pipeline);
    if (HAS (VARIABLES))
        assert_text (read->variables.text, (const char *)written->variables.text.raw.ptr);
    if (HAS (RESULT))
        assert_text (read->result.text, (const char *)written->result.text.raw.ptr);
    if (HAS (NAME))
        assert_text (read->name, (const char *)written->name.raw.ptr);
    if (HAS (ERROR))
        assert_text (read->error, (const char *)written->error.raw.ptr);
    if (HAS (PIPELINES))
        assert_strings (read->codec, &read->pipelines, &written->pipelines);
    if (HAS (STACKTRACE))
        assert_strings (read->codec, &read->stacktrace, &written->stacktrace);
    if (HAS (ENCODING))
        assert_int_equal (read->encoding, written->encoding);
    assert_int_equal (read->detach, HAS (DETACH) && written->detach);
    assert_int_equal (read->stream, HAS (STREAM) && written->stream);
    assert_int_equal (read->orphan_cancel, HAS (ORPHAN) && written->orphan_cancel);
    assert_int_equal (read->priority, HAS (PRIORITY) ? written->priority : DEFAULT_PRIORITY);
    assert_int_equal (read->retries, HAS (RETRIES) ? written->retries : 0);
    assert_int_equal (read->capacity, HAS (CAPACITY) ? written->capacity : 0);
    if (HAS (RC))
        assert_int_equal (read->rc, written->rc);
    assert_true (read->timeout_ms == (HAS (TIMEOUT) ? written->timeout_ms : 0));
    assert_true (read->wait_ms == (HAS (WAIT) ? written->wait_ms : 0));
    assert_true (read->heartbeat_ms == (HAS (HEARTBEAT) ? written->heartbeat_ms : 0));
    assert_true (read->seq == (HAS (SEQ) ? written->seq : 0));
#undef HAS
}

static void what_is_written_reads_back (void **state)
{
    (void)state;
    for (unsigned c = 0; c < 2; c++) {
        // Each key alone, all together, and what one key less leaves.
        for (unsigned key = 0; key <= 2 * PACKET_KEY_COUNT; key++) {
            packet_keys_t all = (UINT32_C (1) << PACKET_KEY_COUNT) - 1;
            packet_keys_t keys = key < PACKET_KEY_COUNT ? UINT32_C (1) << key
                                 : key < 2 * PACKET_KEY_COUNT
                                     ? all & ~(UINT32_C (1) << (key - PACKET_KEY_COUNT))
                                     : all;
            packet_t packet;
            packet_t read;
            buffer_t out;
            fill (&packet, codecs[c], keys);
            buffer_init (&out, LIMIT_HEADER_OCTETS);
            codec_write (&packet, &out);
            assert_int_equal (out.failed, 0);
            assert_same (read_well (buffer_as_slice (&out), &read), &packet);
            buffer_finish (&out);
        }
    }
}

static void assert_written (const packet_t *packet, slice_t wanted)
{
    buffer_t out;

    buffer_init (&out, LIMIT_HEADER_OCTETS);
    codec_write (packet, &out);
    assert_octets (buffer_as_slice (&out), wanted);
    buffer_finish (&out);
}

static void the_type_is_written_first_and_the_cookie_second (void **state)
{
    packet_t packet;

    (void)state;
    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_RESULT;
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (RC) | PACKET_BIT (COOKIE);
    packet.rc = ZFABRIC_OK;
    assert_int_equal (cookie_parse (slice_text (UUID), &packet.cookie), 0);
    assert_written (&packet,
                    HEADER ("{\"packet_type\":\"RESULT\",\"cookie\":\"" UUID "\",\"rc\":\"OK\"}"));
    packet.codec = ENCODING_MSGPACK;
    assert_written (&packet, HEADER ("\x83\xabpacket_type\xa6RESULT\xa6"
                                     "cookie\xd9\x24" UUID "\xa2rc\xa2OK"));
}

static void a_binary_cookie_stays_binary_where_it_can (void **state)
{
    packet_t packet;

    (void)state;
    packet_init (&packet, ENCODING_MSGPACK);
    packet.type = PACKET_CANCEL;
    packet.keys = PACKET_BIT (COOKIE);
    assert_int_equal (cookie_from_octets (HEADER ("0123456789abcdef"), &packet.cookie), 0);
    assert_written (&packet, HEADER ("\x82\xabpacket_type\xa6"
                                     "CANCEL\xa6"
                                     "cookie\xc4\x10"
                                     "0123456789abcdef"));
    packet.codec = ENCODING_JSON;
    assert_written (&packet, HEADER ("{\"packet_type\":\"CANCEL\",\"cookie\":"
                                     "\"30313233-3435-3637-3839-616263646566\"}"));
}

static void texts_are_escaped_and_repaired (void **state)
{
    packet_t packet;

    (void)state;
    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_RESULT;
    packet.keys = PACKET_BIT (ERROR);
    packet.error = text_plain (HEADER ("\"\\/\x7f\xc3\xa9\xff\0\x1f\n\xe2\x82"));
    assert_written (&packet, HEADER ("{\"packet_type\":\"RESULT\",\"error\":\"\\\"\\\\/\x7f\xc3\xa9"
                                     "\xef\xbf\xbd\\u0000\\u001f\\n\xef\xbf\xbd\xef\xbf\xbd\"}"));
    packet.codec = ENCODING_MSGPACK;
    assert_written (&packet, HEADER ("\x82\xabpacket_type\xa6RESULT\xa5"
                                     "error\xb2\"\\/\x7f\xc3\xa9"
                                     "\xef\xbf\xbd\0\x1f\n\xef\xbf\xbd\xef\xbf\xbd"));
}

static void texts_may_be_empty_without_a_pointer (void **state)
{
    packet_t packet;

    (void)state;
    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_RESULT;
    packet.keys = PACKET_BIT (ERROR) | PACKET_BIT (RESULT) | PACKET_BIT (STACKTRACE);
    assert_written (&packet, HEADER ("{\"packet_type\":\"RESULT\",\"error\":\"\","
                                     "\"stacktrace\":[],\"result\":\"\"}"));
    packet.codec = ENCODING_MSGPACK;
    assert_written (&packet, HEADER ("\x84\xabpacket_type\xa6RESULT\xa5"
                                     "error\xa0"
                                     "\xaastacktrace\x90\xa6result\xc4\0"));
}

static void integers_are_written_as_short_as_can_be (void **state)
{
    static const struct {
        uint64_t number;
        slice_t octets;
    } cases[] = {
        {0, OCTETS ("\x00")},
        {127, OCTETS ("\x7f")},
        {128, OCTETS ("\xcc\x80")},
        {255, OCTETS ("\xcc\xff")},
        {256, OCTETS ("\xcd\x01\x00")},
        {65535, OCTETS ("\xcd\xff\xff")},
        {65536, OCTETS ("\xce\x00\x01\x00\x00")},
        {UINT32_MAX, OCTETS ("\xce\xff\xff\xff\xff")},
        {UINT64_C (1) << 32, OCTETS ("\xcf\0\0\0\x01\0\0\0\0")},
        {UINT64_MAX, OCTETS ("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        packet_t packet;
        buffer_t out;
        packet_init (&packet, ENCODING_MSGPACK);
        packet.type = PACKET_PARTIAL;
        packet.keys = PACKET_BIT (SEQ);
        packet.seq = cases[i].number;
        buffer_init (&out, 256);
        codec_write (&packet, &out);
        size_t before = sizeof "\x82\xabpacket_type\xa7PARTIAL\xa3seq" - 1;
        assert_octets (slice_of (out.data + before, out.len - before), cases[i].octets);
        buffer_finish (&out);
    }
}

static void payloads_are_written_in_the_width_they_need (void **state)
{
    static const struct {
        size_t len;
        slice_t head;
    } cases[] = {
        {0, OCTETS ("\xc4\x00")},
        {255, OCTETS ("\xc4\xff")},
        {256, OCTETS ("\xc5\x01\x00")},
        {65535, OCTETS ("\xc5\xff\xff")},
        {65536, OCTETS ("\xc6\x00\x01\x00\x00")},
    };
    static const uint8_t payload[65536] = {0xff};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        packet_t packet;
        buffer_t out;
        packet_init (&packet, ENCODING_MSGPACK);
        packet.type = PACKET_RUN;
        packet.keys = PACKET_BIT (VARIABLES);
        packet.variables.text = text_plain (slice_of (payload, cases[i].len));
        buffer_init (&out, 2 * LIMIT_HEADER_OCTETS);
        codec_write (&packet, &out);
        size_t before = sizeof "\x82\xabpacket_type\xa3RUN\xa9variables" - 1;
        size_t head = cases[i].head.len;
        assert_octets (slice_of (out.data + before, head), cases[i].head);
        assert_octets (slice_of (out.data + before + head, out.len - before - head),
                       slice_of (payload, cases[i].len));
        buffer_finish (&out);
    }
}

static void a_full_buffer_is_told (void **state)
{
    (void)state;
    for (unsigned c = 0; c < 2; c++) {
        packet_t packet;
        buffer_t out;
        fill (&packet, codecs[c], (UINT32_C (1) << PACKET_KEY_COUNT) - 1);
        buffer_init (&out, LIMIT_HEADER_OCTETS);
        codec_write (&packet, &out);
        size_t needed = out.len;
        buffer_finish (&out);
        for (size_t limit = 0; limit <= needed; limit++) {
            buffer_init (&out, limit);
            codec_write (&packet, &out);
            assert_int_equal (out.failed, limit < needed ? EMSGSIZE : 0);
            buffer_finish (&out);
        }
    }
}

TESTING_MAIN (cmocka_unit_test (the_first_octet_tells_the_codec),
              cmocka_unit_test (what_is_written_reads_back),
              cmocka_unit_test (the_type_is_written_first_and_the_cookie_second),
              cmocka_unit_test (a_binary_cookie_stays_binary_where_it_can),
              cmocka_unit_test (texts_are_escaped_and_repaired),
              cmocka_unit_test (texts_may_be_empty_without_a_pointer),
              cmocka_unit_test (integers_are_written_as_short_as_can_be),
              cmocka_unit_test (payloads_are_written_in_the_width_they_need),
              cmocka_unit_test (a_full_buffer_is_told), )
