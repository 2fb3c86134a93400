/*  One loop over the tokens, with a stack of the maps and arrays that are open: how many elements
 *  are to come, so that a closing bracket is written after the last one.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sodium.h>

#include "codec/decimal.h"
#include "codec/fields.h"
#include "codec/json.h"
#include "codec/msgpack_token.h"
#include "codec/place.h"
#include "codec/transcode_to.h"
#include "fabric/utf8.h"

#define BASE64_CHUNK 3072 // octets; a multiple of 3, so that only the last chunk is padded

typedef struct {
    uint32_t left;  // elements or members to come
    uint32_t count; // of those before
    bool map;
} level_t;

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    const uint8_t *start;
    buffer_t *out;
    fault_t *fault;
    slice_t root; // the document's name in faults
    uint32_t depth;
    slice_t keys[PLACE_STEPS]; // of the members that the outer levels are at
    level_t levels[LIMIT_DOCUMENT_DEPTH];
} writer_t;

static void start (writer_t *self, slice_t in, slice_t root, buffer_t *out, fault_t *fault)
{
    self->at = in.ptr;
    self->end = in.ptr + in.len;
    self->start = in.ptr;
    self->out = out;
    self->fault = fault;
    self->root = root;
    self->depth = 0;
}

// About the value that the first `depth` levels are at.
static int refuse (writer_t *self, uint32_t depth, const char *why)
{
    place_t place;

    place_init (&place, self->root);
    for (uint32_t i = 0; i < depth && i < PLACE_STEPS; i++) {
        if (self->levels[i].map)
            place_key (&place, self->keys[i]);
        else
            place_index (&place, self->levels[i].count);
    }
    fault_set (self->fault, "%s: %s", place.text, why);
    errno = EPROTO;
    return -1;
}

static int malformed (writer_t *self, uint32_t depth, const char *why)
{
    char text[96];

    snprintf (text, sizeof text, "malformed msgpack at octet %zu: %s",
              (size_t)(self->at - self->start), why);
    return refuse (self, depth, text);
}

static int put_text (writer_t *self, slice_t text)
{
    if (!utf8_valid (text))
        return refuse (self, self->depth, "a string is not UTF-8");
    json_put_string (text, self->out);
    return 0;
}

static void put_base64 (slice_t octets, buffer_t *out)
{
    char text[BASE64_CHUNK / 3 * 4 + 1];

    buffer_octet (out, '"');
    for (size_t at = 0; at < octets.len && !out->failed; at += BASE64_CHUNK) {
        size_t len = octets.len - at < BASE64_CHUNK ? octets.len - at : BASE64_CHUNK;
        sodium_bin2base64 (text, sizeof text, octets.ptr + at, len, sodium_base64_VARIANT_ORIGINAL);
        buffer_append (out, text, (len + 2) / 3 * 4);
    }
    buffer_octet (out, '"');
}

static int put_float (writer_t *self, double real)
{
    char text[DECIMAL_TEXT];

    if (!isfinite (real))
        return refuse (self, self->depth,
                       isnan (real) ? "JSON can't say NaN" : "JSON can't say infinity");
    buffer_append (self->out, text, decimal_print (real, text));
    return 0;
}

// The key of the member that the innermost level, a map, is at.
static int put_key (writer_t *self)
{
    msgpack_token_t token;
    const char *why = msgpack_token_next (&self->at, self->end, &token);
    uint32_t outer = self->depth - 1;

    if (why)
        return malformed (self, outer, why);
    if (token.kind != MSGPACK_STR)
        return refuse (self, outer, "map key is not a string");
    if (!utf8_valid (token.octets))
        return refuse (self, outer, "map key is not UTF-8");
    if (outer < PLACE_STEPS)
        self->keys[outer] = token.octets;
    json_put_string (token.octets, self->out);
    buffer_octet (self->out, ':');
    return 0;
}

static int open_level (writer_t *self, uint32_t count, bool map)
{
    if (count == 0) {
        buffer_append (self->out, map ? "{}" : "[]", 2);
        return 0;
    }
    if (self->depth == LIMIT_DOCUMENT_DEPTH)
        return refuse (self, self->depth, "nested too deep");
    self->levels[self->depth++] = (level_t){count, 0, map};
    buffer_octet (self->out, map ? '{' : '[');
    if (!map)
        return 1;
    return put_key (self) ? -1 : 1;
}

// One token that is no key. 0, 1 if it opened a map or array that isn't empty, or -1.
static int put_token (writer_t *self, const msgpack_token_t *token)
{
    switch (token->kind) {
    case MSGPACK_NIL:
        buffer_append (self->out, "null", 4);
        return 0;
    case MSGPACK_BOOLEAN:
        buffer_text (self->out, token->flag ? "true" : "false");
        return 0;
    case MSGPACK_UNSIGNED:
        json_put_unsigned (token->number, self->out);
        return 0;
    case MSGPACK_NEGATIVE:
        buffer_octet (self->out, '-');
        json_put_unsigned (-(uint64_t)token->negative, self->out);
        return 0;
    case MSGPACK_FLOAT:
        return put_float (self, token->real);
    case MSGPACK_STR:
        return put_text (self, token->octets);
    case MSGPACK_BIN:
        put_base64 (token->octets, self->out);
        return 0;
    case MSGPACK_EXT:
        break;
    case MSGPACK_ARRAY:
    case MSGPACK_MAP:
        return open_level (self, token->count, token->kind == MSGPACK_MAP);
    }
    return refuse (self, self->depth, "JSON can't say an ext type");
}

// After a value: closes what ends with it. 1 if there is another value to come, 0 or -1.
static int next (writer_t *self)
{
    while (self->depth > 0) {
        level_t *level = &self->levels[self->depth - 1];
        level->count++;
        if (--level->left > 0) {
            buffer_octet (self->out, ',');
            return level->map && put_key (self) ? -1 : 1;
        }
        buffer_octet (self->out, level->map ? '}' : ']');
        self->depth--;
    }
    return 0;
}

// One whole value. 0 or -1; stops early if the output has failed.
static int put_value (writer_t *self)
{
    int more = 1;

    while (more > 0 && !self->out->failed) {
        msgpack_token_t token;
        const char *why = msgpack_token_next (&self->at, self->end, &token);
        if (why)
            return malformed (self, self->depth, why);
        more = put_token (self, &token);
        if (more == 0)
            more = next (self);
    }
    return more < 0 ? -1 : 0;
}

int to_json_document (slice_t in, const char *root, buffer_t *out, fault_t *fault)
{
    writer_t self;

    start (&self, in, slice_text (root), out, fault);
    if (put_value (&self))
        return -1;
    if (self.at != self.end && !out->failed)
        return malformed (&self, 0, "octets after the end");
    return 0;
}

// One member of a header: it was read before, so its key is a string and its end is there.
static int put_member (writer_t *self, const packet_t *packet, packet_keys_t leave_out, bool *first)
{
    msgpack_token_t key;

    (void)msgpack_token_next (&self->at, self->end, &key);
    packet_key_t known = fields_key (key.octets);
    packet_keys_t bit = known < PACKET_KEY_COUNT ? UINT32_C (1) << known : 0;
    if (bit & leave_out) {
        msgpack_token_skip (&self->at, self->end);
        return 0;
    }
    if (!*first)
        buffer_octet (self->out, ',');
    *first = false;
    json_put_string (key.octets, self->out);
    buffer_octet (self->out, ':');
    self->root = key.octets;
    if (known != PACKET_KEY_COOKIE || !packet_has (packet, bit))
        return put_value (self);
    char text[COOKIE_TEXT + 1];
    cookie_print (&packet->cookie, text);
    json_put_string (slice_of (text, COOKIE_TEXT), self->out);
    msgpack_token_skip (&self->at, self->end);
    return 0;
}

int to_json_header (
    slice_t header, const packet_t *packet, packet_keys_t leave_out, buffer_t *out, fault_t *fault)
{
    msgpack_token_t map;
    bool first = true;
    writer_t self;

    start (&self, header, slice_text ("header"), out, fault);
    (void)msgpack_token_next (&self.at, self.end, &map);
    buffer_octet (out, '{');
    for (uint32_t i = 0; i < map.count; i++) {
        if (put_member (&self, packet, leave_out, &first))
            return -1;
    }
    buffer_octet (out, '}');
    return 0;
}
