/*  Documents made by chance, from a seed: round trips, beside two other libraries, and with memory
 *  that runs out at each place.
 */
#include "tests/support/testing.h"

#include <limits.h>

#include "codec/decimal.h"
#include "tests/codec/beside.h"
#include "tests/codec/documents.h"
#include "tests/support/failing_alloc.h"

#define SEED UINT64_C (20261123)

typedef struct {
    uint64_t seed;
    buffer_t text;
} maker_t;

static uint64_t chance (maker_t *self, uint64_t sides)
{
    self->seed ^= self->seed << 13;
    self->seed ^= self->seed >> 7;
    self->seed ^= self->seed << 17;
    return self->seed % sides;
}

// Strings, numbers and spacing are as the transcoder itself writes them, so texts can be compared.
static void make_string (maker_t *self)
{
    static const char *const pieces[] = {
        "a",
        "bc",
        "\\\"",
        "\\\\",
        "/",
        "\\n",
        "\\u0000",
        "\\u001f",
        "\xc3\xa9",
        "\xe2\x82\xac",
        "0123456789",
        " ",
        "\xf0\x9f\x98\x80",
        "\x7f",
        "key",
    };
    uint64_t count = chance (self, 8) ? chance (self, 6) : chance (self, 60);

    buffer_octet (&self->text, '"');
    while (count-- > 0)
        buffer_text (&self->text, pieces[chance (self, sizeof pieces / sizeof *pieces)]);
    buffer_octet (&self->text, '"');
}

static void make_number (maker_t *self)
{
    char text[DECIMAL_TEXT + 1];
    uint64_t bits = chance (self, UINT64_MAX) >> chance (self, 64);
    double real;

    switch (chance (self, 4)) {
    case 0:
        sprintf (text, "%llu", (unsigned long long)bits);
        break;
    case 1:
        sprintf (text, "%lld", -(long long)(bits >> 1));
        break;
    case 2:
        real = (double)(bits >> 40) / 1000;
        text[decimal_print (real, text)] = '\0';
        break;
    default:
        bits &= ~(UINT64_C (1) << 62); // finite
        memcpy (&real, &bits, sizeof real);
        text[decimal_print (real, text)] = '\0';
    }
    buffer_text (&self->text, text);
}

static void make_value (maker_t *self, unsigned depth);

static void make_container (maker_t *self, unsigned depth)
{
    bool map = chance (self, 2);
    uint64_t count = chance (self, 25) ? chance (self, 5) : chance (self, depth ? 30 : 300);

    buffer_octet (&self->text, map ? '{' : '[');
    for (uint64_t i = 0; i < count; i++) {
        if (i)
            buffer_octet (&self->text, ',');
        if (map) {
            char key[32];
            sprintf (key, "\"%u-", (unsigned)i); // no key twice, for jansson's sake
            buffer_text (&self->text, key);
            size_t at = self->text.len;
            make_string (self);
            memmove (self->text.data + at, self->text.data + at + 1, self->text.len - at - 1);
            self->text.len--;
            buffer_octet (&self->text, ':');
        }
        make_value (self, depth + 1);
    }
    buffer_octet (&self->text, map ? '}' : ']');
}

static void make_value (maker_t *self, unsigned depth)
{
    static const char *const words[] = {"null", "true", "false"};

    if (depth < 8 && chance (self, 3) == 0)
        make_container (self, depth);
    else if (chance (self, 2))
        make_string (self);
    else if (chance (self, 3))
        make_number (self);
    else
        buffer_text (&self->text, words[chance (self, 3)]);
}

static slice_t make_document (maker_t *self)
{
    buffer_reset (&self->text);
    if (chance (self, 10))
        make_container (self, 0);
    else
        make_value (self, 0);
    assert_int_equal (self->text.failed, 0);
    return buffer_as_slice (&self->text);
}

static void start (maker_t *self)
{
    self->seed = SEED;
    buffer_init (&self->text, DOCUMENT_LIMIT);
    alloc_fail_never ();
}

static void ten_thousand_documents_come_back (void **state)
{
    maker_t maker;

    (void)state;
    start (&maker);
    for (unsigned i = 0; i < 10000; i++) {
        buffer_t msgpack;
        buffer_t json;
        fault_t fault;
        slice_t document = make_document (&maker);
        if (transcode (document, ENCODING_JSON, &msgpack, &fault))
            fail_msg ("document %u: %s", i, fault.text);
        if (transcode (buffer_as_slice (&msgpack), ENCODING_MSGPACK, &json, &fault))
            fail_msg ("document %u, back: %s", i, fault.text);
        if (!slice_equal (buffer_as_slice (&json), document))
            fail_msg ("document %u: %.*s became %.*s", i, (int)document.len,
                      (const char *)document.ptr, (int)json.len, (const char *)json.data);
        buffer_finish (&msgpack);
        buffer_finish (&json);
    }
    buffer_finish (&maker.text);
}

// Two readers who know nothing of each other find the same values on both sides.
static void other_libraries_read_the_same (void **state)
{
    maker_t maker;
    unsigned compared = 0;

    (void)state;
    start (&maker);
    for (unsigned i = 0; i < 3000; i++) {
        slice_t document = make_document (&maker);
        buffer_t out;
        fault_t fault;
        assert_int_equal (transcode (document, ENCODING_JSON, &out, &fault), 0);
        msgpack_unpacked unpacked;
        size_t at = 0;
        msgpack_unpacked_init (&unpacked);
        assert_int_equal (msgpack_unpack_next (&unpacked, (const char *)out.data, out.len, &at),
                          MSGPACK_UNPACK_SUCCESS);
        assert_int_equal (at, out.len);
        // jansson knows neither integers beyond 2^63-1 nor keys with U+0000.
        json_t *value = json_loadb ((const char *)document.ptr, document.len,
                                    JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (value) {
            if (!beside_documents (value, &unpacked.data))
                fail_msg ("document %u: %.*s", i, (int)document.len, (const char *)document.ptr);
            compared++;
        }
        json_decref (value);
        msgpack_unpacked_destroy (&unpacked);
        buffer_finish (&out);
    }
    assert_true (compared > 1000);
    buffer_finish (&maker.text);
}

static void prefixes_and_changed_octets_do_no_harm (void **state)
{
    maker_t maker;

    (void)state;
    start (&maker);
    for (unsigned i = 0; i < 15; i++) {
        slice_t document = make_document (&maker);
        if (document.len > 400)
            continue;
        fault_t fault;
        buffer_t out;
        uint8_t json[400];
        uint8_t msgpack[1000];
        memcpy (json, document.ptr, document.len);
        assert_int_equal (transcode (document, ENCODING_JSON, &out, &fault), 0);
        size_t len = out.len;
        memcpy (msgpack, out.data, len);
        buffer_finish (&out);
        for (size_t j = 0; j < document.len; j++) {
            for (unsigned octet = 0; octet < 256; octet += octet % 2 ? 6 : 1) {
                json[j] = (uint8_t)octet;
                (void)transcode (slice_of (json, document.len), ENCODING_JSON, &out, &fault);
                buffer_finish (&out);
            }
            json[j] = document.ptr[j];
            (void)transcode (slice_of (json, j), ENCODING_JSON, &out, &fault);
            buffer_finish (&out);
        }
        for (size_t j = 0; j < len; j++) {
            uint8_t was = msgpack[j];
            for (unsigned octet = 0; octet < 256; octet++) {
                msgpack[j] = (uint8_t)octet;
                (void)transcode (slice_of (msgpack, len), ENCODING_MSGPACK, &out, &fault);
                buffer_finish (&out);
            }
            msgpack[j] = was;
            assert_int_equal (transcode (slice_of (msgpack, j), ENCODING_MSGPACK, &out, &fault),
                              -1);
            buffer_finish (&out);
        }
    }
    buffer_finish (&maker.text);
}

// Each allocation fails in turn; what was in the output before stays.
static void running_out_of_memory_is_told (void **state)
{
    char document[2000] = "[[";

    (void)state;
    for (int i = 0; i < 100; i++)
        strcat (document, "[0,0,0],");
    strcat (document, "0],[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]]");
    for (unsigned long n = 0;; n++) {
        fault_t fault = {""};
        buffer_t out;
        buffer_init (&out, DOCUMENT_LIMIT);
        alloc_fail_at (n);
        int result = transcode_document (slice_text (document), ENCODING_JSON, ENCODING_MSGPACK,
                                         "variables", &out, &fault);
        bool failed = alloc_failed ();
        alloc_fail_never ();
        assert_int_equal (result, failed ? -1 : 0);
        assert_int_equal (out.failed, failed ? ENOMEM : 0);
        buffer_finish (&out);
        if (!failed) {
            assert_true (n >= 2);
            break;
        }
        assert_string_equal (fault.text, "variables: no memory to transcode it");
    }
}

static void the_limit_of_the_output_is_kept (void **state)
{
    static const slice_t documents[] = {
        OCTETS ("[1,\"abc\\n\",[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1.5],{\"k\":null}]"),
        OCTETS ("\x93\xa2\n\n\xc4\x05\0\0\0\0\0\x82\xa1\x61\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"
                "\xa1\x62\x90"),
    };

    (void)state;
    alloc_fail_never ();
    for (unsigned i = 0; i < 2; i++) {
        encoding_t from = i ? ENCODING_MSGPACK : ENCODING_JSON;
        encoding_t to = i ? ENCODING_JSON : ENCODING_MSGPACK;
        fault_t fault;
        buffer_t out;
        assert_int_equal (transcode (documents[i], from, &out, &fault), 0);
        size_t needed = out.len;
        buffer_finish (&out);
        for (size_t limit = 0; limit <= needed; limit++) {
            buffer_init (&out, limit);
            errno = 0;
            int result = transcode_document (documents[i], from, to, "v", &out, &fault);
            assert_int_equal (result, limit < needed ? -1 : 0);
            assert_int_equal (errno, limit < needed ? EMSGSIZE : 0);
            buffer_finish (&out);
        }
    }
}

TESTING_MAIN (cmocka_unit_test (ten_thousand_documents_come_back),
              cmocka_unit_test (other_libraries_read_the_same),
              cmocka_unit_test (prefixes_and_changed_octets_do_no_harm),
              cmocka_unit_test (running_out_of_memory_is_told),
              cmocka_unit_test (the_limit_of_the_output_is_kept), )
