#include "transports/http_query.h"

static int digit_of (uint8_t octet)
{
    if (octet >= '0' && octet <= '9')
        return octet - '0';
    if (octet >= 'a' && octet <= 'f')
        return octet - 'a' + 10;
    if (octet >= 'A' && octet <= 'F')
        return octet - 'A' + 10;
    return -1;
}

int http_unescape (slice_t text, buffer_t *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            buffer_octet (out, text.ptr[i]);
            continue;
        }
        int high = i + 2 < text.len ? digit_of (text.ptr[i + 1]) : -1;
        int low = i + 2 < text.len ? digit_of (text.ptr[i + 2]) : -1;
        if (high < 0 || low < 0)
            return -1;
        buffer_octet (out, (uint8_t)(high * 16 + low));
        i += 2;
    }
    return out->failed ? -1 : 0;
}

bool http_query_next (slice_t *rest, slice_t *name, slice_t *value)
{
    while (rest->len && rest->ptr[0] == '&')
        *rest = slice_of (rest->ptr + 1, rest->len - 1);
    if (rest->len == 0)
        return false;
    const uint8_t *end = (const uint8_t *)memchr (rest->ptr, '&', rest->len);
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    const uint8_t *sign = (const uint8_t *)memchr (rest->ptr, '=', len);
    *name = slice_of (rest->ptr, sign ? (size_t)(sign - rest->ptr) : len);
    *value = sign ? slice_of (sign + 1, len - name->len - 1) : slice_of (NULL, 0);
    *rest = slice_of (rest->ptr + len, rest->len - len);
    return true;
}
