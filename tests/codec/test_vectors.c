/*  The test vectors (tests/vectors/README.md) against the codec. The files are read with jansson,
 *  so that the codec is not the judge of itself.
 */
#include "tests/support/testing.h"

#include <jansson.h>

#include "codec/transcode.h"
#include "tests/codec/headers.h"

#define FEW 30 // vectors; fewer mean that a file was not what it should be

static const char *name; // of the vector at hand

static json_t *load (const char *file)
{
    const char *source = getenv ("ZFABRIC_SOURCE");
    char path[4096];
    json_error_t error;

    snprintf (path, sizeof path, "%s/tests/vectors/%s", source ? source : ".", file);
    json_t *vectors = json_load_file (path, JSON_ALLOW_NUL, &error);
    if (!vectors)
        fail_msg ("%s: %s", path, error.text);
    assert_true (json_array_size (vectors) >= FEW);
    return vectors;
}

static const char *string_of (const json_t *vector, const char *key)
{
    const char *text = json_string_value (json_object_get (vector, key));

    if (!text)
        fail_msg ("%s: no %s", name, key);
    return text;
}

static void append_hex (buffer_t *out, const char *hex, json_int_t count)
{
    size_t len = strlen (hex) / 2;

    assert_int_equal (strlen (hex) % 2, 0);
    for (; count > 0; count--) {
        for (size_t i = 0; i < len; i++) {
            unsigned octet;
            assert_int_equal (sscanf (hex + 2 * i, "%2x", &octet), 1);
            buffer_octet (out, (uint8_t)octet);
        }
    }
    assert_int_equal (out->failed, 0);
}

// The octets of a vector, in a block of their exact size, so that AddressSanitizer sees a read
// beyond.
static slice_t octets_of (const json_t *vector)
{
    const json_t *parts = json_object_get (vector, "parts");
    buffer_t out;

    buffer_init (&out, 1 << 20);
    if (!parts)
        append_hex (&out, string_of (vector, "hex"), 1);
    for (size_t i = 0; i < json_array_size (parts); i++) {
        const json_t *part = json_array_get (parts, i);
        append_hex (&out, json_string_value (json_array_get (part, 0)),
                    json_integer_value (json_array_get (part, 1)));
    }
    uint8_t *exact = malloc (out.len ? out.len : 1);
    assert_non_null (exact);
    if (out.len)
        memcpy (exact, out.data, out.len);
    slice_t octets = slice_of (exact, out.len);
    buffer_finish (&out);
    return octets;
}

static void free_octets (slice_t octets)
{
    free ((void *)(uintptr_t)octets.ptr);
}

// `where` and `reason` are how the fault begins; without a `where` any words do.
static void assert_refused (const json_t *vector, const fault_t *fault)
{
    char wanted[2 * FAULT_TEXT_MAX] = "";
    const char *where = string_of (vector, "where");

    if (where[0])
        snprintf (wanted, sizeof wanted, "%s%s%s", where,
                  string_of (vector, "reason")[0] ? ": " : "", string_of (vector, "reason"));
    if (fault->text[0] == '\0' || strncmp (fault->text, wanted, strlen (wanted)) != 0)
        fail_msg ("%s: \"%s\" instead of \"%s\"", name, fault->text, wanted);
}

static bool is_hex (slice_t octets, const char *hex)
{
    buffer_t out;

    buffer_init (&out, 1 << 20);
    append_hex (&out, hex, 1);
    bool same = slice_equal (octets, buffer_as_slice (&out));
    buffer_finish (&out);
    return same;
}

static bool is_string (const json_t *value, text_t text)
{
    buffer_t out;

    buffer_init (&out, 1 << 20);
    codec_text (text, &out);
    bool same = json_is_string (value)
                && slice_equal (buffer_as_slice (&out),
                                slice_of (json_string_value (value), json_string_length (value)));
    buffer_finish (&out);
    return same;
}

static bool is_payload (const json_t *value, text_t text)
{
    buffer_t out;

    buffer_init (&out, 1 << 20);
    codec_text (text, &out);
    bool same = is_hex (buffer_as_slice (&out), json_string_value (value));
    buffer_finish (&out);
    return same;
}

static bool is_number (const json_t *value, uint64_t number)
{
    char digits[32];

    snprintf (digits, sizeof digits, "%llu", (unsigned long long)number);
    return json_is_string (value) && strcmp (json_string_value (value), digits) == 0;
}

static bool is_name (const json_t *value, const char *text)
{
    return json_is_string (value) && strcmp (json_string_value (value), text) == 0;
}

static bool are_strings (const json_t *value, const packet_t *packet, const strings_t *strings)
{
    slice_t rest = strings->raw;
    size_t count = 0;
    text_t text;

    while (strings_next (packet->codec, &rest, &text)) {
        if (!is_string (json_array_get (value, count++), text))
            return false;
    }
    return json_is_array (value) && count == json_array_size (value) && count == strings->count;
}

static bool means (const packet_t *packet, packet_key_t key, const json_t *value)
{
    switch (key) {
    case PACKET_KEY_PACKET_TYPE:
        if (packet->type == PACKET_UNKNOWN)
            return packet_type_of (slice_text (json_string_value (value))) == PACKET_UNKNOWN;
        return is_name (value, packet_type_name (packet->type));
    case PACKET_KEY_COOKIE:
        return is_hex (slice_of (packet->cookie.octets, COOKIE_OCTETS), json_string_value (value));
    case PACKET_KEY_PIPELINE:
        return is_string (value, text_plain (packet->pipeline));
    case PACKET_KEY_VARIABLES:
        return is_payload (value, packet->variables.text);
    case PACKET_KEY_ENCODING:
        return is_name (value, encoding_name (packet->encoding));
    case PACKET_KEY_DETACH:
        return json_is_boolean (value) && json_is_true (value) == packet->detach;
    case PACKET_KEY_STREAM:
        return json_is_boolean (value) && json_is_true (value) == packet->stream;
    case PACKET_KEY_TIMEOUT:
        return is_number (value, packet->timeout_ms);
    case PACKET_KEY_WAIT:
        return is_number (value, packet->wait_ms);
    case PACKET_KEY_PRIORITY:
        return is_number (value, packet->priority);
    case PACKET_KEY_RETRIES:
        return is_number (value, packet->retries);
    case PACKET_KEY_ORPHAN:
        return is_name (value, packet->orphan_cancel ? "cancel" : "finish");
    case PACKET_KEY_CAPACITY:
        return is_number (value, packet->capacity);
    case PACKET_KEY_PIPELINES:
        return are_strings (value, packet, &packet->pipelines);
    case PACKET_KEY_NAME:
        return is_string (value, packet->name);
    case PACKET_KEY_HEARTBEAT:
        return is_number (value, packet->heartbeat_ms);
    case PACKET_KEY_RC:
        return is_name (value, zfabric_rc_name (packet->rc));
    case PACKET_KEY_ERROR:
        return is_string (value, packet->error);
    case PACKET_KEY_STACKTRACE:
        return are_strings (value, packet, &packet->stacktrace);
    case PACKET_KEY_RESULT:
        return is_payload (value, packet->result.text);
    case PACKET_KEY_SEQ:
        return is_number (value, packet->seq);
    case PACKET_KEY_COUNT:
        break;
    }
    return false;
}

static void assert_meaning (const packet_t *packet, const json_t *meaning)
{
    for (unsigned i = 0; i < PACKET_KEY_COUNT; i++) {
        packet_key_t key = (packet_key_t)i;
        const json_t *value = json_object_get (meaning, packet_key_name (key));
        if ((value != NULL) != packet_has (packet, UINT32_C (1) << i)
            || (value && !means (packet, key, value)))
            fail_msg ("%s: %s", name, packet_key_name (key));
    }
}

static void assert_lacks (const packet_t *packet, const json_t *lacks)
{
    fault_t fault = {""};
    char wanted[64] = "";

    if (lacks)
        snprintf (wanted, sizeof wanted, "%s: missing", json_string_value (lacks));
    if (packet_check (packet, &fault) != (lacks ? -1 : 0) || strcmp (fault.text, wanted) != 0)
        fail_msg ("%s: \"%s\" instead of \"%s\"", name, fault.text, wanted);
}

static void headers_are_read_as_the_vectors_say (void **state)
{
    json_t *vectors = load ("headers.json");
    json_t *vector;
    size_t i;

    (void)state;
    json_array_foreach (vectors, i, vector)
    {
        packet_t packet;
        fault_t fault = {""};
        encoding_t codec;
        const json_t *codec_name = json_object_get (vector, "codec");
        name = string_of (vector, "name");
        slice_t header = octets_of (vector);
        bool sniffed = codec_sniff (header, &codec) == 0;
        assert_int_equal (sniffed, json_is_string (codec_name));
        assert_true (!sniffed || is_name (codec_name, encoding_name (codec)));
        bool accepted = codec_read (header, &packet, &fault) == 0;
        if (accepted != json_is_true (json_object_get (vector, "valid")))
            fail_msg ("%s: %s", name, accepted ? "accepted" : fault.text);
        if (accepted) {
            assert_meaning (&packet, json_object_get (vector, "meaning"));
            assert_lacks (&packet, json_object_get (vector, "lacks"));
        } else {
            assert_refused (vector, &fault);
        }
        free_octets (header);
    }
    json_decref (vectors);
}

// As the vector says, from `from` to `to`.
static int
transcode_as (const json_t *vector, bool header, slice_t in, buffer_t *out, fault_t *fault)
{
    encoding_t from = encoding_of (slice_text (string_of (vector, "from")));
    encoding_t to = encoding_of (slice_text (string_of (vector, "to")));
    packet_t packet;

    assert_true (from != to);
    if (!header)
        return transcode_document (in, from, to, "variables", out, fault);
    if (codec_read (in, &packet, fault))
        fail_msg ("%s: %s", name, fault->text);
    assert_int_equal (packet.codec, from);
    return transcode_header (in, &packet, 0, out, fault);
}

static void check_transcodings (const char *file, bool header)
{
    json_t *vectors = load (file);
    json_t *vector;
    size_t i;

    json_array_foreach (vectors, i, vector)
    {
        fault_t fault = {""};
        buffer_t out;
        name = string_of (vector, "name");
        slice_t in = octets_of (vector);
        buffer_init (&out, 1 << 20);
        bool accepted = transcode_as (vector, header, in, &out, &fault) == 0;
        if (accepted != json_is_true (json_object_get (vector, "valid")))
            fail_msg ("%s: %s", name, accepted ? "accepted" : fault.text);
        if (!accepted)
            assert_refused (vector, &fault);
        else if (!is_hex (buffer_as_slice (&out), string_of (vector, "out")))
            fail_msg ("%s: became %.*s", name, (int)out.len, (const char *)out.data);
        buffer_finish (&out);
        free_octets (in);
    }
    json_decref (vectors);
}

static void headers_are_transcoded_as_the_vectors_say (void **state)
{
    (void)state;
    check_transcodings ("header_transcodings.json", true);
}

static void documents_are_transcoded_as_the_vectors_say (void **state)
{
    (void)state;
    check_transcodings ("documents.json", false);
}

TESTING_MAIN (cmocka_unit_test (headers_are_read_as_the_vectors_say),
              cmocka_unit_test (headers_are_transcoded_as_the_vectors_say),
              cmocka_unit_test (documents_are_transcoded_as_the_vectors_say), )
