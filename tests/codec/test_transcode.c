/*  Documents from one codec to the other (PROTOCOL 6): what becomes of what, and what is refused.
 */
#include "tests/support/testing.h"

#include "fabric/utf8.h"
#include "tests/codec/documents.h"

typedef struct {
    slice_t json;
    slice_t msgpack;
} pair_t;

static void values_map_to_each_other (void **state)
{
    static const pair_t pairs[] = {
        {OCTETS ("null"), OCTETS ("\xc0")},
        {OCTETS ("false"), OCTETS ("\xc2")},
        {OCTETS ("true"), OCTETS ("\xc3")},
        {OCTETS ("[]"), OCTETS ("\x90")},
        {OCTETS ("{}"), OCTETS ("\x80")},
        {OCTETS ("\"\""), OCTETS ("\xa0")},
        {OCTETS ("[null,[],{},[[1]]]"), OCTETS ("\x94\xc0\x90\x80\x91\x91\x01")},
        {OCTETS ("{\"a\":1,\"b\":{\"c\":[true]}}"),
         OCTETS ("\x82\xa1\x61\x01\xa1\x62\x81\xa1\x63\x91\xc3")},
        // Duplicates are the user's own business.
        {OCTETS ("{\"a\":1,\"a\":2}"), OCTETS ("\x82\xa1\x61\x01\xa1\x61\x02")},
        {OCTETS ("\"\\u0000\\u001f\\\"\\\\/\x7f\xc3\xa9\""),
         OCTETS ("\xa8\0\x1f\"\\/\x7f\xc3\xa9")},
        {OCTETS ("{\"\":\"\"}"), OCTETS ("\x81\xa0\xa0")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_transcoded (pairs[i].json, ENCODING_JSON, pairs[i].msgpack);
        assert_transcoded (pairs[i].msgpack, ENCODING_MSGPACK, pairs[i].json);
    }
}

// PROTOCOL 6: integers keep every digit from -2^63 to 2^64-1.
static void integers_keep_every_digit (void **state)
{
    static const pair_t pairs[] = {
        {OCTETS ("0"), OCTETS ("\x00")},
        {OCTETS ("127"), OCTETS ("\x7f")},
        {OCTETS ("128"), OCTETS ("\xcc\x80")},
        {OCTETS ("255"), OCTETS ("\xcc\xff")},
        {OCTETS ("256"), OCTETS ("\xcd\x01\x00")},
        {OCTETS ("65535"), OCTETS ("\xcd\xff\xff")},
        {OCTETS ("65536"), OCTETS ("\xce\x00\x01\x00\x00")},
        {OCTETS ("4294967295"), OCTETS ("\xce\xff\xff\xff\xff")},
        {OCTETS ("4294967296"), OCTETS ("\xcf\0\0\0\x01\0\0\0\0")},
        {OCTETS ("9007199254740993"), OCTETS ("\xcf\0\x20\0\0\0\0\0\x01")},
        {OCTETS ("9223372036854775807"), OCTETS ("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff")},
        {OCTETS ("9223372036854775808"), OCTETS ("\xcf\x80\0\0\0\0\0\0\0")},
        {OCTETS ("18446744073709551615"), OCTETS ("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")},
        {OCTETS ("-1"), OCTETS ("\xff")},
        {OCTETS ("-32"), OCTETS ("\xe0")},
        {OCTETS ("-33"), OCTETS ("\xd0\xdf")},
        {OCTETS ("-128"), OCTETS ("\xd0\x80")},
        {OCTETS ("-129"), OCTETS ("\xd1\xff\x7f")},
        {OCTETS ("-32768"), OCTETS ("\xd1\x80\x00")},
        {OCTETS ("-32769"), OCTETS ("\xd2\xff\xff\x7f\xff")},
        {OCTETS ("-2147483648"), OCTETS ("\xd2\x80\x00\x00\x00")},
        {OCTETS ("-2147483649"), OCTETS ("\xd3\xff\xff\xff\xff\x7f\xff\xff\xff")},
        {OCTETS ("-9223372036854775807"), OCTETS ("\xd3\x80\0\0\0\0\0\0\x01")},
        {OCTETS ("-9223372036854775808"), OCTETS ("\xd3\x80\0\0\0\0\0\0\0")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_transcoded (pairs[i].json, ENCODING_JSON, pairs[i].msgpack);
        assert_transcoded (pairs[i].msgpack, ENCODING_MSGPACK, pairs[i].json);
    }
}

// PROTOCOL 6: floats keep their value; a JSON integer outside of the range becomes one.
static void floats_keep_their_value (void **state)
{
    static const pair_t pairs[] = {
        {OCTETS ("1.0"), OCTETS ("\xcb\x3f\xf0\0\0\0\0\0\0")},
        {OCTETS ("0.0"), OCTETS ("\xcb\0\0\0\0\0\0\0\0")},
        {OCTETS ("-0.0"), OCTETS ("\xcb\x80\0\0\0\0\0\0\0")},
        {OCTETS ("0.1"), OCTETS ("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a")},
        {OCTETS ("-1.5e300"), OCTETS ("\xcb\xfe\x41\xeb\x2d\x66\x00\x58\x35")},
        {OCTETS ("5e-324"), OCTETS ("\xcb\0\0\0\0\0\0\0\x01")},
        {OCTETS ("1.7976931348623157e308"), OCTETS ("\xcb\x7f\xef\xff\xff\xff\xff\xff\xff")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_transcoded (pairs[i].json, ENCODING_JSON, pairs[i].msgpack);
        assert_transcoded (pairs[i].msgpack, ENCODING_MSGPACK, pairs[i].json);
    }
    assert_transcoded (DOCUMENT ("-0"), ENCODING_JSON, DOCUMENT ("\x00"));
    assert_transcoded (DOCUMENT ("1e0"), ENCODING_JSON, pairs[0].msgpack);
    assert_transcoded (DOCUMENT ("1e-400"), ENCODING_JSON, pairs[1].msgpack);
    assert_transcoded (DOCUMENT ("-1e-400"), ENCODING_JSON, pairs[2].msgpack);
    assert_transcoded (DOCUMENT ("18446744073709551616"), ENCODING_JSON,
                       DOCUMENT ("\xcb\x43\xf0\0\0\0\0\0\0"));
    assert_transcoded (DOCUMENT ("-9223372036854775809"), ENCODING_JSON,
                       DOCUMENT ("\xcb\xc3\xe0\0\0\0\0\0\0"));
    // float32
    assert_transcoded (DOCUMENT ("\xca\x3f\x80\0\0"), ENCODING_MSGPACK, DOCUMENT ("1.0"));
    assert_transcoded (DOCUMENT ("\xca\x3d\xcc\xcc\xcd"), ENCODING_MSGPACK,
                       DOCUMENT ("0.10000000149011612"));
    assert_transcoded (DOCUMENT ("\xca\x80\0\0\0"), ENCODING_MSGPACK, DOCUMENT ("-0.0"));
    assert_transcoded (DOCUMENT ("\xca\0\0\0\x01"), ENCODING_MSGPACK,
                       DOCUMENT ("1.401298464324817e-45"));
}

// Encodings that are wider than they need be are as good as others.
static void wide_encodings_are_read (void **state)
{
    static const pair_t pairs[] = {
        {OCTETS ("1"), OCTETS ("\xcc\x01")},
        {OCTETS ("1"), OCTETS ("\xcd\x00\x01")},
        {OCTETS ("1"), OCTETS ("\xd3\0\0\0\0\0\0\0\x01")},
        {OCTETS ("-1"), OCTETS ("\xd3\xff\xff\xff\xff\xff\xff\xff\xff")},
        {OCTETS ("\"a\""), OCTETS ("\xdb\0\0\0\x01\x61")},
        {OCTETS ("[\"a\"]"), OCTETS ("\xdd\0\0\0\x01\xd9\x01\x61")},
        {OCTETS ("{\"a\":[]}"), OCTETS ("\xdf\0\0\0\x01\xda\x00\x01\x61\xdc\0\0")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_transcoded (pairs[i].msgpack, ENCODING_MSGPACK, pairs[i].json);
}

// PROTOCOL 6: msgpack bin becomes a base64 string, padded; the way back it stays a string.
static void bin_becomes_base64 (void **state)
{
    static const pair_t pairs[] = {
        {OCTETS ("\"\""), OCTETS ("\xc4\x00")},
        {OCTETS ("\"AA==\""), OCTETS ("\xc4\x01\x00")},
        {OCTETS ("\"//4=\""), OCTETS ("\xc4\x02\xff\xfe")},
        {OCTETS ("\"+/+/\""), OCTETS ("\xc4\x03\xfb\xff\xbf")},
        {OCTETS ("[\"Zm9vYmE=\"]"), OCTETS ("\x91\xc5\x00\x05\x66\x6f\x6f\x62\x61")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_transcoded (pairs[i].msgpack, ENCODING_MSGPACK, pairs[i].json);
    assert_transcoded (DOCUMENT ("\"AA==\""), ENCODING_JSON, DOCUMENT ("\xa4\x41\x41=="));
}

static void long_bins_are_one_base64_string (void **state)
{
    static const size_t lens[] = {3071, 3072, 3073, 6143, 6144, 6145, 65535, 65536, 100000};

    (void)state;
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        size_t len = lens[i];
        uint8_t *in = malloc (len + 5);
        fault_t fault;
        buffer_t out;
        assert_non_null (in);
        in[0] = 0xc6;
        in[1] = 0;
        in[2] = (uint8_t)(len >> 16);
        in[3] = (uint8_t)(len >> 8);
        in[4] = (uint8_t)len;
        memset (in + 5, 0, len);
        assert_int_equal (transcode (slice_of (in, len + 5), ENCODING_MSGPACK, &out, &fault), 0);
        assert_int_equal (out.len, (len + 2) / 3 * 4 + 2);
        for (size_t j = 1; j < out.len - 1; j++)
            assert_int_equal (out.data[j], j - 1 < (len * 8 + 5) / 6 ? 'A' : '=');
        buffer_finish (&out);
        free (in);
    }
}

static void strings_of_all_lengths_get_their_head (void **state)
{
    static const struct {
        size_t len;
        slice_t head;
    } cases[] = {
        {31, OCTETS ("\xbf")},
        {32, OCTETS ("\xd9\x20")},
        {255, OCTETS ("\xd9\xff")},
        {256, OCTETS ("\xda\x01\x00")},
        {65535, OCTETS ("\xda\xff\xff")},
        {65536, OCTETS ("\xdb\x00\x01\x00\x00")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (unsigned escaped = 0; escaped < 2; escaped++) {
            size_t len = cases[i].len;
            char *text = malloc (len + 8);
            fault_t fault;
            buffer_t out;
            assert_non_null (text);
            memset (text, 'x', len + 8);
            text[0] = '"';
            if (escaped)
                memcpy (text + 1, "\\u0078", 6);
            size_t end = len + 1 + (escaped ? 5 : 0);
            text[end] = '"';
            assert_int_equal (transcode (slice_of (text, end + 1), ENCODING_JSON, &out, &fault), 0);
            assert_int_equal (out.len, len + cases[i].head.len);
            assert_memory_equal (out.data, cases[i].head.ptr, cases[i].head.len);
            for (size_t j = cases[i].head.len; j < out.len; j++)
                assert_int_equal (out.data[j], 'x');
            buffer_finish (&out);
            free (text);
        }
    }
}

// RFC 8259.
static void malformed_json_is_refused (void **state)
{
    static const struct {
        slice_t in;
        const char *fault;
    } cases[] = {
        {OCTETS (" "), "variables: malformed JSON at octet 1: the end where a value must be"},
        {OCTETS ("1 2"), "variables: malformed JSON at octet 2: octets after the end"},
        {OCTETS ("1,"), "variables: malformed JSON at octet 1: octets after the end"},
        {OCTETS ("[] ]"), "variables: malformed..."},
        {OCTETS ("null\0"), "variables: malformed..."},
        {OCTETS ("\xef\xbb\xbf{}"), "variables: malformed JSON at octet 0: not a value"},
        {OCTETS ("["), "variables[0]: malformed JSON at octet 1: the end where a value must be"},
        {OCTETS ("[1"), "variables[0]: malformed JSON at octet 2: neither..."},
        {OCTETS ("[1,]"), "variables[1]: malformed JSON at octet 3: not a value"},
        {OCTETS ("[1}"), "variables[0]: malformed JSON at octet 2: neither..."},
        {OCTETS ("[1 2]"), "variables[0]: malformed..."},
        {OCTETS ("{"), "variables: malformed JSON at octet 1: no key where one must be"},
        {OCTETS ("{1:2}"), "variables: malformed JSON at octet 1: no key where one must be"},
        {OCTETS ("{\"a\":1,}"), "variables: malformed JSON at octet 7: no key..."},
        {OCTETS ("{\"a\"}"), "variables.a: malformed JSON at octet 4: no colon after a key"},
        {OCTETS ("{\"a\":}"), "variables.a: malformed JSON at octet 5: not a value"},
        {OCTETS ("{\"a\":1]"), "variables.a: malformed..."},
        {OCTETS ("{\"a\":[{},{\"b\":[0,x]}]}"), "variables.a[1].b[1]: malformed..."},
        {OCTETS ("tru"), "variables: malformed..."},
        {OCTETS ("[nul]"), "variables[0]: malformed..."},
        {OCTETS ("01"), "variables: malformed..."},
        {OCTETS ("-"), "variables: malformed..."},
        {OCTETS ("1."), "variables: malformed..."},
        {OCTETS ("1e"), "variables: malformed..."},
        {OCTETS ("NaN"), "variables: malformed..."},
        {OCTETS ("-Infinity"), "variables: malformed..."},
        {OCTETS ("\""), "variables: malformed JSON at octet 1: a string without its end"},
        {OCTETS ("\"\\x\""), "variables: malformed JSON at octet 1: not an escape"},
        {OCTETS ("\"\n\""), "variables: malformed..."},
        {OCTETS ("[\"\\ud800\"]"), "variables[0]: not Unicode: a lone surrogate"},
        {OCTETS ("{\"a\":\"\xff\"}"), "variables.a: not UTF-8"},
        {OCTETS ("[{\"\xff\":1}]"), "variables[0]: not UTF-8"},
        {OCTETS ("[1e400]"), "variables[0]: a number is too large for a float"},
        {OCTETS ("{\"a\":-1e400}"), "variables.a: a number is too large for a float"},
        {OCTETS ("[// a\n1]"), "variables[0]: malformed..."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused (cases[i].in, ENCODING_JSON, cases[i].fault);
}

// PROTOCOL 6: what JSON can't say is refused, and the fault says where it is.
static void what_json_cannot_say_is_refused (void **state)
{
    static const struct {
        slice_t in;
        const char *fault;
    } cases[] = {
        {OCTETS ("\x81\xa1\x61\x94\x01\x01\x01\x81\x01\x02"),
         "variables.a[3]: map key is not a string"},
        {OCTETS ("\x81\xc0\x01"), "variables: map key is not a string"},
        {OCTETS ("\x81\xc4\x01\x61\x01"), "variables: map key is not a string"},
        {OCTETS ("\x81\xa1\xff\x01"), "variables: map key is not UTF-8"},
        {OCTETS ("\xd4\x01\x02"), "variables: JSON can't say an ext type"},
        {OCTETS ("\x91\xc7\x00\x01"), "variables[0]: JSON can't say an ext type"},
        {OCTETS ("\xd6\xff\0\0\0\0"), "variables: JSON can't say an ext type"},
        {OCTETS ("\xca\x7f\xc0\0\0"), "variables: JSON can't say NaN"},
        {OCTETS ("\xca\x7f\x80\0\0"), "variables: JSON can't say infinity"},
        {OCTETS ("\x81\xa1\x61\xcb\xff\xf0\0\0\0\0\0\0"), "variables.a: JSON can't say infinity"},
        {OCTETS ("\xcb\x7f\xf8\0\0\0\0\0\x01"), "variables: JSON can't say NaN"},
        {OCTETS ("\x82\xa1\x61\x01\xa1\x62\xa1\xff"), "variables.b: a string is not UTF-8"},
        {OCTETS ("\xa3\xed\xa0\x80"), "variables: a string is not UTF-8"},
        {OCTETS ("\xc1"), "variables: malformed msgpack at octet 0: not an object"},
        {OCTETS ("\xc0\xc0"), "variables: malformed msgpack at octet 1: octets after the end"},
        {OCTETS ("\x91"), "variables: malformed..."},
        {OCTETS ("\x92\xc0\xa1"), "variables[1]: malformed..."},
        {OCTETS ("\x92\x91\xc0"), "variables[1]: malformed msgpack at octet 3: the end..."},
        {OCTETS ("\xdd\xff\xff\xff\xff"), "variables: malformed..."},
        {OCTETS ("\xdf\x80\x00\x00\x00\xc0"), "variables: malformed..."},
        {OCTETS ("\xc6\xff\xff\xff\xff"), "variables: malformed..."},
        {OCTETS ("\xcb\0"), "variables: malformed msgpack at octet 0: cut short"},
        {OCTETS ("\x81\xa1\x61\x81\xa1"), "variables.a: malformed..."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused (cases[i].in, ENCODING_MSGPACK, cases[i].fault);
}

static void raw_octets_are_no_document (void **state)
{
    buffer_t out;
    fault_t fault;

    (void)state;
    buffer_init (&out, DOCUMENT_LIMIT);
    errno = 0;
    assert_int_equal (
        transcode_document (DOCUMENT ("1"), ENCODING_RAW, ENCODING_JSON, "variables", &out, &fault),
        -1);
    assert_int_equal (errno, EINVAL);
    buffer_finish (&out);
}

static void a_long_way_to_the_fault_is_cut (void **state)
{
    char in[4096] = "";
    fault_t fault;
    buffer_t out;

    (void)state;
    for (int i = 0; i < 40; i++)
        strcat (in, "{\"a \xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
                    "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac key\":[0,");
    strcat (in, "x");
    assert_int_equal (transcode (slice_text (in), ENCODING_JSON, &out, &fault), -1);
    buffer_finish (&out);
    assert_true (utf8_valid (slice_text (fault.text)));
    assert_non_null (strstr (fault.text, "..."));
    assert_non_null (strstr (fault.text, ": not a value"));
}

// A container's head is widened at the end, whatever is in front of it, in it and behind it.
static void counts_of_all_widths_get_their_head (void **state)
{
    static const uint32_t counts[] = {0, 1, 15, 16, 17, 65535, 65536, 70000};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        buffer_t json;
        buffer_t msgpack;
        buffer_t out;
        fault_t fault;
        buffer_init (&json, DOCUMENT_LIMIT);
        buffer_init (&msgpack, DOCUMENT_LIMIT);
        buffer_text (&json, "[true,[");
        buffer_append (&msgpack, "\x93\xc3", 2);
        uint32_t count = counts[i];
        if (count > 65535)
            buffer_append (&msgpack, (uint8_t[]){0xdd, 0, (uint8_t)(count >> 16)}, 3);
        else if (count > 15)
            buffer_octet (&msgpack, 0xdc);
        if (count > 15)
            buffer_append (&msgpack, (uint8_t[]){(uint8_t)(count >> 8), (uint8_t)count}, 2);
        else
            buffer_octet (&msgpack, (uint8_t)(0x90 | count));
        for (uint32_t j = 0; j < count; j++) {
            buffer_text (&json, j ? ",[0]" : "[0]");
            buffer_append (&msgpack, "\x91\x00", 2);
        }
        buffer_text (&json, "],{\"k\":null}]");
        buffer_append (&msgpack, "\x81\xa1k\xc0", 4);
        assert_int_equal (transcode (buffer_as_slice (&json), ENCODING_JSON, &out, &fault), 0);
        assert_true (slice_equal (buffer_as_slice (&out), buffer_as_slice (&msgpack)));
        buffer_finish (&out);
        assert_transcoded (buffer_as_slice (&msgpack), ENCODING_MSGPACK, buffer_as_slice (&json));
        buffer_finish (&json);
        buffer_finish (&msgpack);
    }
}

static slice_t nested (char *text, unsigned depth, char open, char close)
{
    memset (text, open, depth);
    memset (text + depth, close, depth);
    return slice_of (text, 2 * (size_t)depth);
}

static void documents_nest_4096_deep_and_no_deeper (void **state)
{
    static char json[2 * LIMIT_DOCUMENT_DEPTH + 2];
    static uint8_t msgpack[LIMIT_DOCUMENT_DEPTH + 2];

    (void)state;
    memset (msgpack, 0x91, sizeof msgpack);
    msgpack[LIMIT_DOCUMENT_DEPTH - 1] = 0x90;
    slice_t deep = slice_of (msgpack, LIMIT_DOCUMENT_DEPTH);
    assert_transcoded (nested (json, LIMIT_DOCUMENT_DEPTH, '[', ']'), ENCODING_JSON, deep);
    assert_transcoded (deep, ENCODING_MSGPACK, nested (json, LIMIT_DOCUMENT_DEPTH, '[', ']'));

    msgpack[LIMIT_DOCUMENT_DEPTH - 1] = 0x91;
    msgpack[LIMIT_DOCUMENT_DEPTH] = 0x91;
    msgpack[LIMIT_DOCUMENT_DEPTH + 1] = 0xc0;
    slice_t deeper = slice_of (msgpack, LIMIT_DOCUMENT_DEPTH + 2);
    assert_refused (deeper, ENCODING_MSGPACK, "variables[0][0][0][0][0]...");
    assert_refused (nested (json, LIMIT_DOCUMENT_DEPTH + 1, '[', ']'), ENCODING_JSON,
                    "variables[0][0]...");
}

static void endless_nesting_is_refused_at_once (void **state)
{
    enum { LEN = 64 * 1024 * 1024 };
    char *text = malloc (LEN);
    fault_t fault;
    buffer_t out;

    (void)state;
    assert_non_null (text);
    memset (text, '[', LEN);
    buffer_init (&out, DOCUMENT_LIMIT);
    assert_int_equal (transcode_document (slice_of (text, LEN), ENCODING_JSON, ENCODING_MSGPACK,
                                          "variables", &out, &fault),
                      -1);
    assert_true (out.size < 64 * 1024);
    memset (text, '\x91', LEN);
    assert_int_equal (transcode_document (slice_of (text, LEN), ENCODING_MSGPACK, ENCODING_JSON,
                                          "variables", &out, &fault),
                      -1);
    assert_true (out.size < 64 * 1024);
    buffer_finish (&out);
    free (text);
}

TESTING_MAIN (cmocka_unit_test (values_map_to_each_other),
              cmocka_unit_test (integers_keep_every_digit),
              cmocka_unit_test (floats_keep_their_value),
              cmocka_unit_test (wide_encodings_are_read),
              cmocka_unit_test (bin_becomes_base64),
              cmocka_unit_test (long_bins_are_one_base64_string),
              cmocka_unit_test (strings_of_all_lengths_get_their_head),
              cmocka_unit_test (malformed_json_is_refused),
              cmocka_unit_test (what_json_cannot_say_is_refused),
              cmocka_unit_test (raw_octets_are_no_document),
              cmocka_unit_test (a_long_way_to_the_fault_is_cut),
              cmocka_unit_test (counts_of_all_widths_get_their_head),
              cmocka_unit_test (documents_nest_4096_deep_and_no_deeper),
              cmocka_unit_test (endless_nesting_is_refused_at_once), )
