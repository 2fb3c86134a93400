/*  Whole numbers as decimal digits, two at a time.
 *
 *  Threads: pure functions, any thread.
 */
#ifndef CODEC_DIGITS_H
#define CODEC_DIGITS_H

#include <stdint.h>
#include <string.h>

#define DIGITS_MAX 20 // 2^64-1 has as many

// 00 to 99, two octets each.
extern const char digits_pairs[201];

// Writes the digits to the end of `text`. Returns where they begin.
static inline char *digits_put (uint64_t number, char text[static DIGITS_MAX])
{
    char *at = text + DIGITS_MAX;

    for (; number >= 100; number /= 100) {
        at -= 2;
        memcpy (at, digits_pairs + number % 100 * 2, 2);
    }
    if (number < 10) {
        *--at = (char)('0' + number);
        return at;
    }
    at -= 2;
    memcpy (at, digits_pairs + number * 2, 2);
    return at;
}

#endif
