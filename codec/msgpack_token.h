/*  The tokens of msgpack: one head at a time, with what it claims checked against what is there.
 *
 *  Nothing is allocated or copied. Writing appends the shortest encoding.
 */
#ifndef CODEC_MSGPACK_TOKEN_H
#define CODEC_MSGPACK_TOKEN_H

#include "fabric/buffer.h"
#include "fabric/slice.h"

typedef enum {
    MSGPACK_NIL,
    MSGPACK_BOOLEAN,
    MSGPACK_UNSIGNED,
    MSGPACK_NEGATIVE,
    MSGPACK_FLOAT,
    MSGPACK_STR,
    MSGPACK_BIN,
    MSGPACK_EXT,
    MSGPACK_ARRAY,
    MSGPACK_MAP
} msgpack_kind_t;

typedef struct {
    msgpack_kind_t kind;
    bool flag;      // the boolean
    uint32_t count; // elements of an array, members of a map; their tokens follow
    union {
        uint64_t number; // UNSIGNED
        int64_t negative;
        double real;    // a float32's value as well
        slice_t octets; // of a str, bin or ext
    };
} msgpack_token_t;

/*  Takes the token at *at, which moves behind it: behind the content of a str, bin or ext, behind
 *  the head of an array or map, which is known to have an octet for each key, value and element it
 *  claims. NULL, or what is wrong; *at is at the culprit then.
 */
const char *msgpack_token_next (const uint8_t **at, const uint8_t *end, msgpack_token_t *token);

/*  Takes the token if it is a str of at most 31 octets, as most of a header are; false if it is
 *  something else. For speed: a slice that is not part of a token stays in registers.
 */
static inline bool msgpack_token_short (const uint8_t **at, const uint8_t *end, slice_t *text)
{
    const uint8_t *from = *at;

    if (from == end || (*from & 0xe0) != 0xa0 || (*from & 0x1f) >= end - from)
        return false;
    *text = slice_of (from + 1, *from & 0x1f);
    *at = from + 1 + text->len;
    return true;
}

// Skips one object of octets that are known to be valid, in time linear in its size.
void msgpack_token_skip (const uint8_t **at, const uint8_t *end);

void msgpack_put_nil (buffer_t *out);
void msgpack_put_boolean (bool value, buffer_t *out);
void msgpack_put_unsigned (uint64_t number, buffer_t *out);
void msgpack_put_negative (int64_t number, buffer_t *out); // which is below 0
void msgpack_put_float (double real, buffer_t *out);
void msgpack_put_bin (slice_t octets, buffer_t *out);
void msgpack_put_str (slice_t text, buffer_t *out); // as it is
void msgpack_put_str_head (size_t len, buffer_t *out);
void msgpack_put_array (uint32_t count, buffer_t *out);
void msgpack_put_map (uint32_t count, buffer_t *out);

#endif
