/*  The header readers beside jansson and msgpack-c: what ours accept, those read with the same
 *  values. Headers are changed by chance, from a seed, out of ones with every key.
 */
#include "tests/support/testing.h"

#include "tests/codec/beside.h"
#include "tests/codec/headers.h"

#define SEED  UINT64_C (20261123)
#define TRIES 150000

static uint64_t seed;

static uint64_t chance (uint64_t sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % sides;
}

static const char *const json_headers[] = {
    "{\"packet_type\":\"RUN\",\"cookie\":\"" UUID "\",\"pipeline\":\"a\\u0062c\",\"timeout\":60000,"
    "\"wait\":0,\"priority\":9,\"retries\":10,\"orphan\":\"cancel\",\"detach\":true}",
    "{ \"packet_type\" : \"REGISTER\" , \"capacity\" : 65535 , \"pipelines\" : [ \"a\" , \"b*\" ] ,"
    " \"name\" : \"n\\n\" , \"heartbeat\" : 100 }",
    "{\"packet_type\":\"RESULT\",\"rc\":\"OK\",\"error\":\"\xc3\xa9\\\"\",\"stacktrace\":[\"a\","
    "\"\\u00e9\"],\"result\":\"{\\\"a\\\":1}\",\"encoding\":\"json\"}",
    "{\"x\":{\"a\":1,\"b\":[1,2.5,-3e4,null,{\"a\":\"\\ud83d\\ude00\"}],\"c\":\"\"},\"seq\":0,"
    "\"stream\":false,\"variables\":null,\"y\":[[[true]]]}",
};

static const char *const json_pieces[] = {
    "{",     "}",           "[",    "]",    ",",         ":",    "\"",     "\\",
    "\\u00", "\\ud83d",     "1",    "0",    "-",         ".5",   "e1",     " ",
    "\n",    "a",           "\xc3", "\xa9", "null",      "true", "\"a\":", "\"b\":",
    "wait",  "\"wait\":1,", "\x01", "\x7f", "999999999", "\\n",
};

// Deletes, inserts or replaces some octets. Returns the new length.
static size_t change (char *text, size_t len, const char *const *pieces, size_t count)
{
    for (uint64_t changes = 1 + chance (3); changes > 0 && len > 1; changes--) {
        size_t at = chance (len);
        size_t gone = chance (2) ? chance (4) : 0;
        gone = gone < len - at ? gone : len - at;
        const char *piece = chance (3) ? pieces[chance (count)] : "";
        size_t more = strlen (piece);
        memmove (text + at + more, text + at + gone, len - at - gone);
        memcpy (text + at, piece, more);
        len = len - gone + more;
    }
    return len;
}

static void assert_same_json (slice_t header, const packet_t *packet, const json_t *value)
{
    packet_key_t key = beside_header (packet, value);

    if (key != PACKET_KEY_COUNT)
        fail_msg ("%s of %.*s", packet_key_name (key), (int)header.len, (const char *)header.ptr);
}

static void jansson_reads_what_we_accept (void **state)
{
    unsigned accepted = 0;
    unsigned refused = 0;

    (void)state;
    seed = SEED;
    for (unsigned i = 0; i < TRIES; i++) {
        char text[1024];
        packet_t packet;
        json_error_t error;
        const char *from = json_headers[chance (sizeof json_headers / sizeof *json_headers)];
        size_t len = strlen (from);
        memcpy (text, from, len);
        len = change (text, len, json_pieces, sizeof json_pieces / sizeof *json_pieces);
        slice_t header = slice_of (text, len);
        bool ours = codec_read (header, &packet, NULL) == 0;
        json_t *value = json_loadb (text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        // Numbers beyond its range and keys with U+0000 are JSON that jansson can't hold.
        enum json_error_code code = value ? json_error_unknown : json_error_code (&error);
        if (ours && !value && code != json_error_numeric_overflow
            && code != json_error_null_byte_in_key)
            fail_msg ("%.*s: %s", (int)len, text, error.text);
        if (ours && value)
            assert_same_json (header, &packet, value);
        accepted += ours;
        refused += !ours;
        json_decref (value);
    }
    assert_true (accepted > TRIES / 20 && refused > TRIES / 20);
}

// The other way round, of keys without a meaning: nothing that is JSON is refused.
static void we_accept_what_jansson_reads (void **state)
{
    static const char from[] = "{\"a\":{\"a\":1,\"b\":[1,2.5,-3e4,null,{\"a\":\"\\ud83d\\ude00\"}],"
                               "\"c\":\"\"},\"b\":-0.0, \"y\":[[[true]]],\"\xc3\xa9\":false}";
    unsigned accepted = 0;

    (void)state;
    seed = SEED + 1;
    for (unsigned i = 0; i < TRIES; i++) {
        char text[1024];
        fault_t fault;
        packet_t packet;
        memcpy (text, from, sizeof from - 1);
        size_t len =
            change (text, sizeof from - 1, json_pieces, sizeof json_pieces / sizeof *json_pieces);
        json_t *value = json_loadb (text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        if (value && text[0] == '{' && !json_object_get (value, "wait")
            && codec_read (slice_of (text, len), &packet, &fault))
            fail_msg ("%.*s: %s", (int)len, text, fault.text);
        accepted += value != NULL;
        json_decref (value);
    }
    assert_true (accepted > TRIES / 20);
}

static const char msgpack_run[] = "\x87\xabpacket_type\xa3RUN\xa6\x63ookie\xd9\x24" UUID
                                  "\xa8pipeline\xa3\x61\x62\x63\xa7timeout\xcd\xea\x60"
                                  "\xa8priority\x09\xa6\x64\x65tach\xc3\xa1x\x82\xa1\x61\x92\x01"
                                  "\xc4\x01\x02\x05\xcb\x3f\xf0\x01\x01\x01\x01\x01\x01";
static const char *const msgpack_pieces[] = {
    "\x80", "\x81", "\x90",     "\x91", "\xa0", "\xa1\x61", "\xc0", "\xc1", "\xc2",     "\xc4\x01",
    "\xca", "\xcb", "\xcc\x01", "\xcd", "\xd3", "\xd9\x03", "\xdc", "\xde", "\xd4\x01", "\x01",
};

static const msgpack_object *find (const msgpack_object *map, const char *key)
{
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object *own = &map->via.map.ptr[i].key;
        if (own->type == MSGPACK_OBJECT_STR
            && slice_equal (slice_of (own->via.str.ptr, own->via.str.size), slice_text (key)))
            return &map->via.map.ptr[i].val;
    }
    return NULL;
}

static bool is_number (const msgpack_object *map, const char *key, uint64_t number)
{
    const msgpack_object *value = find (map, key);

    return value && value->type == MSGPACK_OBJECT_POSITIVE_INTEGER && value->via.u64 == number;
}

static void msgpack_c_reads_what_we_accept (void **state)
{
    unsigned accepted = 0;

    (void)state;
    seed = SEED + 2;
    for (unsigned i = 0; i < TRIES; i++) {
        char text[1024];
        packet_t packet;
        memcpy (text, msgpack_run, sizeof msgpack_run - 1);
        size_t len = change (text, sizeof msgpack_run - 1, msgpack_pieces,
                             sizeof msgpack_pieces / sizeof *msgpack_pieces);
        if (codec_read (slice_of (text, len), &packet, NULL))
            continue;
        accepted++;
        msgpack_unpacked unpacked;
        size_t at = 0;
        msgpack_unpacked_init (&unpacked);
        assert_int_equal (msgpack_unpack_next (&unpacked, text, len, &at), MSGPACK_UNPACK_SUCCESS);
        assert_int_equal (at, len);
        assert_int_equal (unpacked.data.type, MSGPACK_OBJECT_MAP);
        if (packet_has (&packet, PACKET_BIT (TIMEOUT)))
            assert_true (is_number (&unpacked.data, "timeout", packet.timeout_ms));
        if (packet_has (&packet, PACKET_BIT (PRIORITY)))
            assert_true (is_number (&unpacked.data, "priority", packet.priority));
        if (packet_has (&packet, PACKET_BIT (PIPELINE))) {
            const msgpack_object *value = find (&unpacked.data, "pipeline");
            assert_true (value && value->type == MSGPACK_OBJECT_STR);
            assert_octets (packet.pipeline, slice_of (value->via.str.ptr, value->via.str.size));
        }
        if (packet_has (&packet, PACKET_BIT (DETACH)))
            assert_int_equal (find (&unpacked.data, "detach")->via.boolean, packet.detach);
        msgpack_unpacked_destroy (&unpacked);
    }
    assert_true (accepted > TRIES / 50);
}

TESTING_MAIN (cmocka_unit_test (jansson_reads_what_we_accept),
              cmocka_unit_test (we_accept_what_jansson_reads),
              cmocka_unit_test (msgpack_c_reads_what_we_accept), )
