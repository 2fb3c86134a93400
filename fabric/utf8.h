/*  UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF.
 *
 *  Threads: pure functions, any thread.
 */
#ifndef FABRIC_UTF8_H
#define FABRIC_UTF8_H

#include "fabric/buffer.h"
#include "fabric/slice.h"

#define UTF8_OCTETS_MAX 4 // of one character

static inline bool utf8_is_tail (uint8_t octet)
{
    return (octet & 0xc0) == 0x80;
}

// How many octets the character at `at` has, 1 to 4; 0 if there is no valid one before `end`.
static inline size_t utf8_character (const uint8_t *at, const uint8_t *end)
{
    size_t left = (size_t)(end - at);

    if (left == 0)
        return 0;
    uint8_t lead = at[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4 || left < 2)
        return 0;
    if (lead < 0xe0)
        return utf8_is_tail (at[1]) ? 2 : 0;

    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    if (lead < 0xf0)
        return left >= 3 && utf8_is_tail (at[2]) ? 3 : 0;
    return left >= 4 && utf8_is_tail (at[2]) && utf8_is_tail (at[3]) ? 4 : 0;
}

bool utf8_valid_rest (slice_t text);

// Whether all octets are ASCII; by words that overlap, since most texts asked about are short.
static inline bool utf8_ascii (slice_t text)
{
    const uint8_t *at = text.ptr;
    uint64_t all = 0;

    if (text.len < 8) {
        for (size_t i = 0; i < text.len; i++)
            all |= at[i];
        return all < 0x80;
    }
    uint64_t word;
    for (size_t i = 0; i < text.len - 8; i += 8) {
        memcpy (&word, at + i, sizeof word);
        all |= word;
    }
    memcpy (&word, at + text.len - 8, sizeof word);
    return ((all | word) & UINT64_C (0x8080808080808080)) == 0;
}

static inline bool utf8_valid (slice_t text)
{
    return utf8_ascii (text) || utf8_valid_rest (text);
}

// Writes `code` (below 0x110000; surrogates are not looked for) and says how many octets it took.
size_t utf8_encode (uint32_t code, uint8_t octets[static UTF8_OCTETS_MAX]);

// How many octets utf8_repair () appends.
size_t utf8_repaired_len (slice_t text);

// Appends the text with U+FFFD for each octet that belongs to no valid character.
void utf8_repair (slice_t text, buffer_t *out);

#endif
