#include "cli/safe_text.h"

#include "fabric/utf8.h"

// U+0080 to U+009F are controls as well: some terminals take U+009B for ESC [.
static bool is_control (const uint8_t *at, size_t len)
{
    return len == 1 ? *at < 0x20 || *at == 0x7f : len == 2 && at[0] == 0xc2 && at[1] < 0xa0;
}

static void put_visible (buffer_t *out, uint8_t octet)
{
    static const char digits[] = "0123456789abcdef";

    buffer_octet (out, '\\');
    if (octet == '\n' || octet == '\t' || octet == '\r') {
        buffer_octet (out, octet == '\n' ? 'n' : octet == '\t' ? 't' : 'r');
        return;
    }
    buffer_octet (out, 'x');
    buffer_octet (out, (uint8_t)digits[octet >> 4]);
    buffer_octet (out, (uint8_t)digits[octet & 15]);
}

void safe_text_append (slice_t text, buffer_t *out)
{
    const uint8_t *at = text.ptr, *end = text.len ? text.ptr + text.len : at;

    while (at < end) {
        size_t len = utf8_character (at, end);
        if (len && !is_control (at, len)) {
            buffer_append (out, at, len);
            at += len;
            continue;
        }
        for (size_t i = 0; i < (len ? len : 1); i++)
            put_visible (out, *at++);
    }
}

size_t safe_text_columns (slice_t text)
{
    size_t columns = 0;

    for (size_t i = 0; i < text.len; i++)
        columns += (text.ptr[i] & 0xc0) != 0x80;
    return columns;
}
