/*  What this codec read, beside what jansson and msgpack-c made of the same octets.
 */
#ifndef TESTS_CODEC_BESIDE_H
#define TESTS_CODEC_BESIDE_H

#include <jansson.h>
#include <msgpack.h>

#include "codec/codec.h"

static inline bool beside_same_string (const json_t *value, text_t text)
{
    buffer_t out;

    buffer_init (&out, LIMIT_HEADER_OCTETS);
    codec_text (text, &out);
    bool same = json_is_string (value) && json_string_length (value) == out.len
                && (out.len == 0 || memcmp (json_string_value (value), out.data, out.len) == 0);
    buffer_finish (&out);
    return same;
}

static inline bool beside_same_strings (const json_t *value, const strings_t *strings)
{
    slice_t rest = strings->raw;
    text_t text;
    size_t count = 0;

    while (strings_next (ENCODING_JSON, &rest, &text)) {
        if (!beside_same_string (json_array_get (value, count++), text))
            return false;
    }
    return count == json_array_size (value) && count == strings->count;
}

static inline bool beside_same_name (const json_t *value, const char *name)
{
    return beside_same_string (value, text_plain (slice_text (name)));
}

static inline bool beside_same_value (const json_t *value, packet_key_t key, const packet_t *packet)
{
    cookie_t cookie;
    uint64_t number = (uint64_t)json_integer_value (value);

    switch (key) {
    case PACKET_KEY_PACKET_TYPE:
        return packet->type == PACKET_UNKNOWN
               || beside_same_name (value, packet_type_name (packet->type));
    case PACKET_KEY_COOKIE:
        return cookie_parse (slice_text (json_string_value (value)), &cookie) == 0
               && cookie_equal (&cookie, &packet->cookie);
    case PACKET_KEY_PIPELINE:
        return beside_same_string (value, text_plain (packet->pipeline));
    case PACKET_KEY_VARIABLES:
        return beside_same_string (value, packet->variables.text);
    case PACKET_KEY_ENCODING:
        return beside_same_name (value, encoding_name (packet->encoding));
    case PACKET_KEY_DETACH:
        return json_is_boolean (value) && json_is_true (value) == packet->detach;
    case PACKET_KEY_STREAM:
        return json_is_boolean (value) && json_is_true (value) == packet->stream;
    case PACKET_KEY_TIMEOUT:
        return json_is_integer (value) && number == packet->timeout_ms;
    case PACKET_KEY_WAIT:
        return json_is_integer (value) && number == packet->wait_ms;
    case PACKET_KEY_PRIORITY:
        return json_is_integer (value) && number == packet->priority;
    case PACKET_KEY_RETRIES:
        return json_is_integer (value) && number == packet->retries;
    case PACKET_KEY_ORPHAN:
        return beside_same_name (value, packet->orphan_cancel ? "cancel" : "finish");
    case PACKET_KEY_CAPACITY:
        return json_is_integer (value) && number == packet->capacity;
    case PACKET_KEY_PIPELINES:
        return beside_same_strings (value, &packet->pipelines);
    case PACKET_KEY_NAME:
        return beside_same_string (value, packet->name);
    case PACKET_KEY_HEARTBEAT:
        return json_is_integer (value) && number == packet->heartbeat_ms;
    case PACKET_KEY_RC:
        return beside_same_name (value, zfabric_rc_name (packet->rc));
    case PACKET_KEY_ERROR:
        return beside_same_string (value, packet->error);
    case PACKET_KEY_STACKTRACE:
        return beside_same_strings (value, &packet->stacktrace);
    case PACKET_KEY_RESULT:
        return beside_same_string (value, packet->result.text);
    case PACKET_KEY_SEQ:
        return json_is_integer (value) && number == packet->seq;
    case PACKET_KEY_COUNT:
        break;
    }
    return false;
}

// The first known key of which jansson read something else, or PACKET_KEY_COUNT.
static inline packet_key_t beside_header (const packet_t *packet, const json_t *value)
{
    for (unsigned i = 0; i < PACKET_KEY_COUNT; i++) {
        packet_key_t key = (packet_key_t)i;
        const json_t *member = json_object_get (value, packet_key_name (key));
        bool there = member && !json_is_null (member);
        if (there != packet_has (packet, UINT32_C (1) << i)
            || (there && !beside_same_value (member, key, packet)))
            return key;
    }
    return PACKET_KEY_COUNT;
}

static inline bool beside_same_text (const json_t *a, msgpack_object_str b)
{
    return json_string_length (a) == b.size
           && (b.size == 0 || memcmp (json_string_value (a), b.ptr, b.size) == 0);
}

static inline bool beside_same_number (const json_t *a, const msgpack_object *b)
{
    if (json_is_real (a))
        return b->type == MSGPACK_OBJECT_FLOAT64 && b->via.f64 == json_real_value (a);
    if (json_integer_value (a) < 0)
        return b->type == MSGPACK_OBJECT_NEGATIVE_INTEGER && b->via.i64 == json_integer_value (a);
    return b->type == MSGPACK_OBJECT_POSITIVE_INTEGER
           && b->via.u64 == (uint64_t)json_integer_value (a);
}

// Whether a JSON document and a msgpack one say the same.
static inline bool beside_documents (const json_t *a, const msgpack_object *b)
{
    switch (json_typeof (a)) {
    case JSON_NULL:
        return b->type == MSGPACK_OBJECT_NIL;
    case JSON_TRUE:
    case JSON_FALSE:
        return b->type == MSGPACK_OBJECT_BOOLEAN && b->via.boolean == json_is_true (a);
    case JSON_STRING:
        return b->type == MSGPACK_OBJECT_STR && beside_same_text (a, b->via.str);
    case JSON_INTEGER:
    case JSON_REAL:
        return beside_same_number (a, b);
    case JSON_ARRAY:
        if (b->type != MSGPACK_OBJECT_ARRAY || b->via.array.size != json_array_size (a))
            return false;
        for (size_t i = 0; i < json_array_size (a); i++) {
            if (!beside_documents (json_array_get (a, i), &b->via.array.ptr[i]))
                return false;
        }
        return true;
    case JSON_OBJECT:
        if (b->type != MSGPACK_OBJECT_MAP || b->via.map.size != json_object_size (a))
            return false;
        for (uint32_t i = 0; i < b->via.map.size; i++) {
            const msgpack_object_kv *member = &b->via.map.ptr[i];
            if (member->key.type != MSGPACK_OBJECT_STR)
                return false;
            const msgpack_object_str *key = &member->key.via.str;
            // msgpack-c's text of no octets may be NULL, which jansson takes for no key at all.
            const json_t *value = json_object_getn (a, key->size ? key->ptr : "", key->size);
            if (!value || !beside_documents (value, &member->val))
                return false;
        }
        return true;
    }
    return false;
}

#endif
