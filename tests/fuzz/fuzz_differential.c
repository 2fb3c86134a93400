/*  The codec beside jansson and msgpack-c: what it accepts they accept, with the same values; and
 * of JSON documents, what jansson accepts it accepts.
 *
 *  The first octet says what the rest is: 'h' a header, 'j' a JSON document, otherwise a msgpack
 * one. msgpack-c sees only what was accepted, since it reserves whatever a head claims.
 */
#include <stdlib.h>

#include "codec/transcode.h"
#include "tests/codec/beside.h"

#define LIMIT (16u * 1024 * 1024) // octets of a transcoded input

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

// A broken promise. It aborts in every build, which is what a fuzzer looks for.
static void check (bool kept)
{
    if (!kept)
        abort ();
}

/*  What jansson makes of JSON, or NULL. *unable: it can't hold it, though it may be JSON: integers
 *  beyond 64 bits, keys with U+0000, deep nesting.
 */
static json_t *read_jansson (slice_t in, size_t flags, bool *unable)
{
    json_error_t error;
    json_t *value = json_loadb ((const char *)in.ptr, in.len, flags | JSON_ALLOW_NUL, &error);
    enum json_error_code code = value ? json_error_unknown : json_error_code (&error);

    *unable = code == json_error_numeric_overflow || code == json_error_null_byte_in_key
              || code == json_error_stack_overflow;
    return value;
}

// The whole of it must be one object. NULL if it nests deeper than msgpack-c can hold, 32 levels.
// The caller destroys `unpacked`.
static const msgpack_object *read_msgpack_c (slice_t in, msgpack_unpacked *unpacked)
{
    size_t at = 0;

    msgpack_unpacked_init (unpacked);
    msgpack_unpack_return result =
        msgpack_unpack_next (unpacked, (const char *)in.ptr, in.len, &at);
    if (result == MSGPACK_UNPACK_NOMEM_ERROR)
        return NULL;
    check (result == MSGPACK_UNPACK_SUCCESS && at == in.len);
    return &unpacked->data;
}

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

// Numbers and flags, and that of each other key there is something.
static void check_msgpack_header (const packet_t *packet, const msgpack_object *map)
{
    const struct {
        packet_key_t key;
        uint64_t number;
    } numbers[] = {
        {PACKET_KEY_TIMEOUT, packet->timeout_ms},
        {PACKET_KEY_WAIT, packet->wait_ms},
        {PACKET_KEY_PRIORITY, packet->priority},
        {PACKET_KEY_RETRIES, packet->retries},
        {PACKET_KEY_CAPACITY, packet->capacity},
        {PACKET_KEY_HEARTBEAT, packet->heartbeat_ms},
        {PACKET_KEY_SEQ, packet->seq},
    };

    check (map->type == MSGPACK_OBJECT_MAP);
    for (unsigned i = 0; i < PACKET_KEY_COUNT; i++) {
        const msgpack_object *value = find (map, packet_key_name ((packet_key_t)i));
        bool there = value && value->type != MSGPACK_OBJECT_NIL;
        check (there == packet_has (packet, UINT32_C (1) << i));
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (!packet_has (packet, UINT32_C (1) << numbers[i].key))
            continue;
        const msgpack_object *value = find (map, packet_key_name (numbers[i].key));
        check (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER
               && value->via.u64 == numbers[i].number);
    }
    if (packet_has (packet, PACKET_BIT (PIPELINE))) {
        const msgpack_object *value = find (map, "pipeline");
        check (value->type == MSGPACK_OBJECT_STR);
        check (slice_equal (packet->pipeline, slice_of (value->via.str.ptr, value->via.str.size)));
    }
    if (packet_has (packet, PACKET_BIT (DETACH)))
        check (find (map, "detach")->via.boolean == packet->detach);
}

static void try_header (slice_t in)
{
    packet_t packet;
    bool unable;

    if (codec_read (in, &packet, NULL))
        return;
    if (packet.codec == ENCODING_JSON) {
        json_t *value = read_jansson (in, JSON_REJECT_DUPLICATES, &unable);
        check (value || unable);
        check (!value || beside_header (&packet, value) == PACKET_KEY_COUNT);
        json_decref (value);
    } else {
        msgpack_unpacked unpacked;
        const msgpack_object *map = read_msgpack_c (in, &unpacked);
        check (map != NULL);
        check_msgpack_header (&packet, map);
        msgpack_unpacked_destroy (&unpacked);
    }
}

// Keys twice, which are the receiver's business, are not compared: jansson keeps the last.
static void try_json (slice_t in)
{
    fault_t fault = {""};
    buffer_t out;
    bool unable;

    buffer_init (&out, LIMIT);
    bool accepted =
        transcode_document (in, ENCODING_JSON, ENCODING_MSGPACK, "d", &out, &fault) == 0;
    json_t *value = read_jansson (in, JSON_DECODE_ANY, &unable);
    // jansson takes a NUL for the end of the text.
    check (accepted ? value || unable : !value || memchr (in.ptr, 0, in.len));
    json_decref (value);
    value = accepted ? read_jansson (in, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &unable) : NULL;
    if (value) {
        msgpack_unpacked unpacked;
        const msgpack_object *object = read_msgpack_c (buffer_as_slice (&out), &unpacked);
        check (!object || beside_documents (value, object));
        msgpack_unpacked_destroy (&unpacked);
    }
    json_decref (value);
    buffer_finish (&out);
}

static void try_msgpack (slice_t in)
{
    fault_t fault = {""};
    buffer_t out;
    bool unable;

    buffer_init (&out, LIMIT);
    if (transcode_document (in, ENCODING_MSGPACK, ENCODING_JSON, "d", &out, &fault) == 0) {
        msgpack_unpacked unpacked;
        (void)read_msgpack_c (in, &unpacked);
        json_t *value = read_jansson (buffer_as_slice (&out), JSON_DECODE_ANY, &unable);
        check (value || unable);
        json_decref (value);
        msgpack_unpacked_destroy (&unpacked);
    }
    buffer_finish (&out);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    slice_t in = slice_of (data + 1, size - 1);
    if (data[0] == 'h')
        try_header (in);
    else if (data[0] == 'j')
        try_json (in);
    else
        try_msgpack (in);
    return 0;
}
