/*  The tokens of JSON (RFC 8259): white space, strings, numbers; and what escapes stand for.
 *
 *  Nothing is allocated or copied. The string functions are where a reader's time goes, so their
 *  usual way is inline: plain ASCII, eight octets at a time.
 */
#ifndef CODEC_JSON_TOKEN_H
#define CODEC_JSON_TOKEN_H

#include "fabric/packet.h"

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    const char *why; // what is wrong, where a function says that something is
} json_cursor_t;

typedef struct {
    slice_t token;
    bool integer;    // no fraction, no exponent
    bool negative;   // of an integer: less than zero; -0 is not
    bool beyond;     // of an integer: the magnitude is more than 2^64-1
    uint64_t number; // its magnitude, 2^64-1 if it is beyond
} json_number_t;

static inline void json_token_space (json_cursor_t *in)
{
    while (in->at < in->end
           && (*in->at == ' ' || *in->at == '\n' || *in->at == '\r' || *in->at == '\t'))
        in->at++;
}

// The first octet that does not stand for itself: `"`, `\`, a control, or not ASCII; or the end.
static inline const uint8_t *json_token_plain (const uint8_t *at, const uint8_t *end)
{
    const uint64_t ones = UINT64_C (0x0101010101010101);

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    /*  Subtraction borrows only out of an octet that is a find itself, so the lowest find is a true
     *  one, whatever the octets above it say.
     */
    while (end - at >= 8) {
        uint64_t word;
        memcpy (&word, at, sizeof word);
        uint64_t quote = word ^ ones * '"';
        uint64_t slash = word ^ ones * '\\';
        uint64_t finds = (word | ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote)
                          | ((slash - ones) & ~slash))
                         & ones * 0x80;
        if (finds)
            return at + (__builtin_ctzll (finds) >> 3);
        at += 8;
    }
#endif
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

int json_token_string_rest (json_cursor_t *in, const uint8_t *at, text_t *text);

/*  Reads the string whose opening quote the cursor is at. 0; or 1 if it is whole but not Unicode
 *  (invalid UTF-8, a lone surrogate); or -1 if it is no JSON string, with the cursor at the
 * culprit.
 */
static inline int json_token_string (json_cursor_t *in, text_t *text)
{
    const uint8_t *from = in->at + 1;
    const uint8_t *at = json_token_plain (from, in->end);

    if (at == in->end || *at != '"') {
        // A copy, so that the caller's text can stay in registers on the usual way.
        text_t rest = {{NULL, 0}, false};
        int result = json_token_string_rest (in, at, &rest);
        *text = rest;
        return result;
    }
    *text = text_plain (slice_of (from, (size_t)(at - from)));
    in->at = at + 1;
    return 0;
}

// Reads the number that the cursor is at. 0, or -1 with the cursor at the culprit.
int json_token_number (json_cursor_t *in, json_number_t *number);

// Reads `word` (true, false, null). 0 or -1.
int json_token_word (json_cursor_t *in, const char *word);

// Skips one value of a text that is known to be valid.
void json_token_skip (json_cursor_t *in);

// How many octets a raw string stands for, and those octets: `to` must have room for them.
size_t json_token_len (slice_t raw);
void json_token_resolve (slice_t raw, uint8_t *to);

/*  The octets that a text stands for, if they are at most `size`: those in the header, or written
 *  to `store` if there are escapes.
 */
static inline bool
json_token_short (const text_t *text, uint8_t *store, size_t size, slice_t *plain)
{
    if (!text->escaped) {
        *plain = text->raw;
        return text->raw.len <= size;
    }
    *plain = slice_of (store, json_token_len (text->raw));
    if (plain->len > size)
        return false;
    json_token_resolve (text->raw, store);
    return true;
}

// Orders two raw strings by what they stand for; each runs from `at` to its closing quote.
int json_token_compare (const uint8_t *a, const uint8_t *b);

#endif
