#include "fabric/cookie.h"

#include <errno.h>
#include <sodium.h>

// Where in the text each octet's two digits stand: 8-4-4-4-12.
static const uint8_t places[COOKIE_OCTETS] = {0,  2,  4,  6,  9,  11, 14, 16,
                                              19, 21, 24, 26, 28, 30, 32, 34};

void cookie_make_of (cookie_t *cookie, const uint8_t random[static COOKIE_OCTETS])
{
    memset (cookie, 0, sizeof *cookie);
    memcpy (cookie->octets, random, COOKIE_OCTETS);
    cookie->octets[6] = (uint8_t)((cookie->octets[6] & 0x0f) | 0x40);
    cookie->octets[8] = (uint8_t)((cookie->octets[8] & 0x3f) | 0x80);
}

void cookie_make (cookie_t *cookie)
{
    uint8_t random[COOKIE_OCTETS];

    randombytes_buf (random, sizeof random);
    cookie_make_of (cookie, random);
}

#define EACH(octet) (UINT64_C (0x0101010101010101) * (octet))

/*  Eight hex digits at a time, one an octet of `text`, the first one lowest. Every packet brings a
 *  cookie: this takes a third of the time of a look at each digit. No sum below carries from one
 *  octet to the next, since all are below 0x80 or the text is refused.
 *
 *  The four octets, the first one lowest. *good loses a bit of EACH (0x80) for what is no digit;
 *  *upper gets bit n for digit n if it is an upper-case letter.
 */
static uint32_t read_digits (uint64_t text, uint64_t *good, uint32_t *upper)
{
    uint64_t small = text | EACH (0x20);
    uint64_t digits = (text + EACH (0x80 - '0')) & ~(text + EACH (0x7f - '9'));
    uint64_t letters = (small + EACH (0x80 - 'a')) & ~(small + EACH (0x7f - 'f'));

    *good &= (digits | letters) & ~text;
    letters = letters >> 7 & EACH (1);
    uint64_t values = (text & EACH (0x0f)) + letters * 9;
    values = (values << 4 | values >> 8) & UINT64_C (0x00ff00ff00ff00ff);
    values = (values | values >> 8) & UINT64_C (0x0000ffff0000ffff);
    // The product moves the lowest bit of octet n to bit 56 + n.
    *upper = (uint32_t)((letters & ~(text >> 5)) * UINT64_C (0x0102040810204080) >> 56);
    return (uint32_t)(values | values >> 16);
}

static uint32_t little_endian (uint32_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap32 (word);
#else
    return word;
#endif
}

// The octets at `a`, which get the low half, and those at `b`, four each.
static uint64_t load (const uint8_t *a, const uint8_t *b)
{
    uint32_t low;
    uint32_t high;

    memcpy (&low, a, sizeof low);
    memcpy (&high, b, sizeof high);
    return (uint64_t)little_endian (high) << 32 | little_endian (low);
}

int cookie_parse (slice_t text, cookie_t *cookie)
{
    // Where the quarters' digits stand, four and four: 8-4-4-4-12.
    static const uint8_t fours[4][2] = {{0, 4}, {9, 14}, {19, 24}, {28, 32}};
    const uint8_t *at = text.ptr;
    uint64_t good = EACH (0x80);
    uint32_t quarters[4];
    uint32_t upper = 0;

    if (text.len != COOKIE_TEXT || at[8] != '-' || at[13] != '-' || at[18] != '-' || at[23] != '-')
        goto error;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t bits;
        quarters[i] =
            little_endian (read_digits (load (at + fours[i][0], at + fours[i][1]), &good, &bits));
        upper |= bits << (8 * i);
    }
    if (good != EACH (0x80))
        goto error;
    memcpy (cookie->octets, quarters, sizeof quarters);
    cookie->upper = upper;
    cookie->binary = false;
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
    static const char lower[] = "0123456789abcdef";
    static const char upper[] = "0123456789ABCDEF";

    memcpy (text, "........-....-....-....-............", COOKIE_TEXT + 1);
    for (unsigned i = 0; i < COOKIE_OCTETS; i++) {
        uint32_t cases = cookie->upper >> (2 * i);
        text[places[i]] = (cases & 1 ? upper : lower)[cookie->octets[i] >> 4];
        text[places[i] + 1] = (cases & 2 ? upper : lower)[cookie->octets[i] & 0x0f];
    }
}
