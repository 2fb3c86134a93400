#include "fabric/cookie.h"

#include <errno.h>
#include <sodium.h>

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
    const uint8_t *at = text.ptr;
    uint64_t good = EACH (0x80);
    uint32_t quarters[4];
    uint32_t upper[4];

    if (text.len != COOKIE_TEXT || at[8] != '-' || at[13] != '-' || at[18] != '-' || at[23] != '-')
        goto error;
    // Digits of each quarter, four and four: 8-4-4-4-12.
    quarters[0] = read_digits (load (at, at + 4), &good, &upper[0]);
    quarters[1] = read_digits (load (at + 9, at + 14), &good, &upper[1]);
    quarters[2] = read_digits (load (at + 19, at + 24), &good, &upper[2]);
    quarters[3] = read_digits (load (at + 28, at + 32), &good, &upper[3]);
    if (good != EACH (0x80))
        goto error;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t quarter = little_endian (quarters[i]);
        memcpy (cookie->octets + 4 * i, &quarter, sizeof quarter);
    }
    cookie->upper = upper[0] | upper[1] << 8 | upper[2] << 16 | upper[3] << 24;
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

/*  The other way: eight digits of four octets, the first ones lowest. Bit n of `cases` tells that
 *  digit n, if it is a letter, is an upper-case one.
 */
static uint64_t write_digits (uint32_t octets, uint32_t cases)
{
    uint64_t spread = (octets | (uint64_t)octets << 16) & UINT64_C (0x0000ffff0000ffff);

    spread = (spread | spread << 8) & UINT64_C (0x00ff00ff00ff00ff);
    uint64_t values = (spread >> 4 & EACH (0x0f)) | (spread & UINT64_C (0x000f000f000f000f)) << 8;
    uint64_t letters = (values + EACH (6)) >> 4 & EACH (1);
    uint64_t text = values + EACH ('0') + letters * ('a' - '0' - 10);
    if (cases) {
        uint64_t bits = EACH (1) * (cases & 0xff) & UINT64_C (0x8040201008040201);
        uint64_t upper = ((bits + EACH (0x7f)) | bits) >> 7 & EACH (1) & letters;
        text -= upper * ('a' - 'A');
    }
    return text;
}

static void store (uint32_t word, uint8_t *at)
{
    word = little_endian (word);
    memcpy (at, &word, sizeof word);
}

void cookie_print (const cookie_t *cookie, char text[static COOKIE_TEXT + 1])
{
    // Where each quarter's digits go, four and four: 8-4-4-4-12.
    static const uint8_t fours[4][2] = {{0, 4}, {9, 14}, {19, 24}, {28, 32}};

    memcpy (text, "........-....-....-....-............", COOKIE_TEXT + 1);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t quarter;
        memcpy (&quarter, cookie->octets + 4 * i, sizeof quarter);
        uint64_t digits = write_digits (little_endian (quarter), cookie->upper >> (8 * i) & 0xff);
        store ((uint32_t)digits, (uint8_t *)text + fours[i][0]);
        store ((uint32_t)(digits >> 32), (uint8_t *)text + fours[i][1]);
    }
}
