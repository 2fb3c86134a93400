/*  ASCII is skipped eight octets at a time; what remains goes by the table of RFC 3629 section 4:
 *  the lead octet fixes the length and the range of the second octet, which is where overlong
 *  forms, surrogates and codes beyond U+10FFFF differ from the rest.
 */
#include "fabric/utf8.h"

static const uint8_t replacement[] = {0xef, 0xbf, 0xbd}; // U+FFFD

static const uint8_t *skip_ascii (const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy (&word, at, sizeof word);
        if (word & UINT64_C (0x8080808080808080))
            break;
        at += 8;
    }
    while (at < end && *at < 0x80)
        at++;
    return at;
}

// The first octet that belongs to no valid character, or the end.
static const uint8_t *skip_valid (const uint8_t *at, const uint8_t *end)
{
    for (;;) {
        at = skip_ascii (at, end);
        size_t len = utf8_character (at, end);
        if (len == 0)
            return at;
        at += len;
    }
}

bool utf8_valid_rest (slice_t text)
{
    return text.len == 0 || skip_valid (text.ptr, text.ptr + text.len) == text.ptr + text.len;
}

size_t utf8_encode (uint32_t code, uint8_t octets[static UTF8_OCTETS_MAX])
{
    if (code < 0x80) {
        octets[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        octets[0] = (uint8_t)(0xc0 | code >> 6);
        octets[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        octets[0] = (uint8_t)(0xe0 | code >> 12);
        octets[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        octets[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    octets[0] = (uint8_t)(0xf0 | code >> 18);
    octets[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    octets[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    octets[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

size_t utf8_repaired_len (slice_t text)
{
    size_t len = text.len;

    if (utf8_ascii (text))
        return len;
    const uint8_t *end = text.ptr + text.len;
    for (const uint8_t *at = skip_valid (text.ptr, end); at < end; at = skip_valid (at + 1, end))
        len += sizeof replacement - 1;
    return len;
}

void utf8_repair (slice_t text, buffer_t *out)
{
    if (utf8_ascii (text)) {
        buffer_slice (out, text);
        return;
    }
    const uint8_t *at = text.ptr;
    const uint8_t *end = text.ptr + text.len;
    for (;;) {
        const uint8_t *bad = skip_valid (at, end);
        buffer_append (out, at, (size_t)(bad - at));
        if (bad == end)
            return;
        buffer_append (out, replacement, sizeof replacement);
        at = bad + 1;
    }
}
