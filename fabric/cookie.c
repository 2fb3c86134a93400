#include "fabric/cookie.h"

#include <errno.h>
#include <sodium.h>

static bool is_dash_place (unsigned place)
{
    return place == 8 || place == 13 || place == 18 || place == 23;
}

static int hex_value (uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

void cookie_make (cookie_t *cookie)
{
    memset (cookie, 0, sizeof *cookie);
    randombytes_buf (cookie->octets, COOKIE_OCTETS);
    cookie->octets[6] = (uint8_t)((cookie->octets[6] & 0x0f) | 0x40);
    cookie->octets[8] = (uint8_t)((cookie->octets[8] & 0x3f) | 0x80);
}

int cookie_parse (slice_t text, cookie_t *cookie)
{
    cookie_t read = {0};
    unsigned digit = 0;

    if (text.len != COOKIE_TEXT)
        goto error;
    for (unsigned i = 0; i < COOKIE_TEXT; i++) {
        uint8_t c = text.ptr[i];
        if (is_dash_place (i)) {
            if (c != '-')
                goto error;
            continue;
        }
        int value = hex_value (c);
        if (value < 0)
            goto error;
        if (c >= 'A' && c <= 'F')
            read.upper |= 1u << digit;
        read.octets[digit / 2] = (uint8_t)(read.octets[digit / 2] << 4 | value);
        digit++;
    }
    *cookie = read;
    return 0;
error:
    errno = EINVAL;
    return -1;
}

int cookie_from_octets (slice_t octets, cookie_t *cookie)
{
    if (octets.len != COOKIE_OCTETS) {
        errno = EINVAL;
        return -1;
    }
    memset (cookie, 0, sizeof *cookie);
    memcpy (cookie->octets, octets.ptr, COOKIE_OCTETS);
    cookie->binary = true;
    return 0;
}

void cookie_print (const cookie_t *cookie, char text[static COOKIE_TEXT + 1])
{
    unsigned digit = 0;

    for (unsigned i = 0; i < COOKIE_TEXT; i++) {
        if (is_dash_place (i)) {
            text[i] = '-';
            continue;
        }
        unsigned value =
            digit % 2 ? cookie->octets[digit / 2] & 0x0f : cookie->octets[digit / 2] >> 4;
        bool upper = cookie->upper >> digit & 1;
        text[i] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[value];
        digit++;
    }
    text[COOKIE_TEXT] = '\0';
}
