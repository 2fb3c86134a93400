/*  The common floats, of few digits, need one exact multiplication or division: a whole number up
 * to 2^53 and a power of ten up to 10^22 are both exact, so their quotient is rounded once and is
 * the float nearest to the text. The others go through the C library, in texts without a point,
 * which no locale can move.
 */
#include "codec/decimal.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define EXACT_WHOLE (UINT64_C (1) << 53) // up to here every whole number is a float
#define EXACT_POWER 22                   // up to here every power of ten is one
#define PLAIN_POINT 9                    // fractions of so many digits are tried the quick way
#define ENOUGH      800 // digits; beyond 767 all that matters is whether one is not 0
#define FAR         INT64_C (1000000000000000) // an exponent that no count of digits makes good

static const double powers[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                               1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                               1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// A number taken apart: 0.d1d2d3... times 10^point.
typedef struct {
    bool negative;
    bool more;     // of the digits that are left out, one is not 0
    int64_t point; // where the decimal point is, counted from the first digit
    size_t count;
    char digits[ENOUGH + 16]; // without leading zeros; room for the exponent that is put behind
} decimal_t;

static bool is_digit (uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int64_t read_exponent (const uint8_t *at, const uint8_t *end)
{
    bool negative = at < end && *at == '-';
    int64_t exponent = 0;

    if (at < end && !is_digit (*at))
        at++;
    for (; at < end; at++)
        exponent = exponent < FAR ? exponent * 10 + (*at - '0') : FAR;
    return negative ? -exponent : exponent;
}

static void take_apart (slice_t token, decimal_t *self)
{
    const uint8_t *at = token.ptr;
    const uint8_t *end = token.ptr + token.len;
    bool fraction = false;

    self->negative = *at == '-';
    self->more = false;
    self->point = 0;
    self->count = 0;
    for (at += self->negative; at < end && (is_digit (*at) || *at == '.'); at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        if (self->count == 0 && *at == '0') {
            self->point -= fraction;
            continue;
        }
        self->point += !fraction;
        if (self->count < ENOUGH)
            self->digits[self->count++] = (char)*at;
        else
            self->more |= *at != '0';
    }
    if (at < end)
        self->point += read_exponent (at + 1, end);
}

// The quick way, if it is exact. Digits are at most 19.
static bool read_exactly (const decimal_t *self, double *real)
{
    uint64_t whole = 0;

    for (size_t i = 0; i < self->count; i++)
        whole = whole * 10 + (uint64_t)(self->digits[i] - '0');
    int64_t power = self->point - (int64_t)self->count;
    if (whole > EXACT_WHOLE || power < -EXACT_POWER || power > EXACT_POWER)
        return false;
    *real = power < 0 ? (double)whole / powers[-power] : (double)whole * powers[power];
    return true;
}

int decimal_read (slice_t token, double *real)
{
    decimal_t self;
    double magnitude = 0;

    take_apart (token, &self);
    if (self.count > 0 && !(self.count <= 19 && read_exactly (&self, &magnitude))) {
        if (self.point > DBL_MAX_10_EXP + 1)
            goto error;
        if (self.more)
            self.digits[self.count++] = '1';
        // Far below the smallest float any exponent will do.
        int64_t point = self.point < -1000 ? -1000 : self.point;
        snprintf (self.digits + self.count, sizeof self.digits - self.count, "e%d",
                  (int)(point - (int64_t)self.count));
        magnitude = strtod (self.digits, NULL);
        if (isinf (magnitude))
            goto error;
    }
    *real = self.negative ? -magnitude : magnitude;
    return 0;
error:
    errno = ERANGE;
    return -1;
}

// Digits of a whole number, the last one at text[end - 1]; returns where the first one is.
static size_t print_whole (uint64_t whole, char *text, size_t end)
{
    do {
        text[--end] = (char)('0' + whole % 10);
        whole /= 10;
    } while (whole);
    return end;
}

/*  Digits of `magnitude` if it is a whole number, or one after few divisions by ten. Returns their
 *  count, or 0; *point as in decimal_t.
 */
static int find_few (double magnitude, char digits[static DECIMAL_TEXT], int *point)
{
    for (int power = 0; power <= PLAIN_POINT; power++) {
        double whole = magnitude * powers[power] + 0.5;
        if (whole >= (double)EXACT_WHOLE)
            break;
        // The product was rounded; the quotient tells whether the digits are right.
        whole = (double)(uint64_t)whole;
        if (whole / powers[power] != magnitude)
            continue;
        size_t first = print_whole ((uint64_t)whole, digits, DECIMAL_TEXT);
        size_t count = DECIMAL_TEXT - first;
        memmove (digits, digits + first, count);
        *point = (int)count - power;
        return (int)count;
    }
    return 0;
}

// The first `count` digits of `magnitude`, rounded; *point as in decimal_t.
static void find_rounded (double magnitude, int count, char *digits, int *point)
{
    char text[48];
    int found = 0;

    snprintf (text, sizeof text, "%.*e", count - 1, magnitude);
    const char *at = text;
    for (; *at != 'e'; at++) {
        if (is_digit ((uint8_t)*at)) // what else is there is the locale's decimal point
            digits[found++] = *at;
    }
    *point = (int)strtol (at + 1, NULL, 10) + 1;
}

/*  As few digits as are enough, which 17 always are. A text of up to 15 digits comes back as it
 * was; the floats near 0 have fewer of their own.
 */
static int find_enough (double magnitude, char digits[static DECIMAL_TEXT], int *point)
{
    int count = magnitude < DBL_MIN ? 1 : DBL_DIG;

    for (;; count++) {
        char text[DECIMAL_TEXT];
        find_rounded (magnitude, count, digits, point);
        snprintf (text, sizeof text, "%.*se%d", count, digits, *point - count);
        if (count == DBL_DECIMAL_DIG || strtod (text, NULL) == magnitude)
            break;
    }
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return count;
}

// 123.0, 0.00123, 1.23e-300
static size_t lay_out (const char *digits, int count, int point, char *text)
{
    if (point > -4 && point <= 16) {
        int whole = point > 0 ? point : 1;
        char *at = text;
        for (int i = 0; i < whole; i++)
            *at++ = point > 0 && i < count ? digits[i] : '0';
        *at++ = '.';
        for (int i = point; i < 0; i++)
            *at++ = '0';
        for (int i = point > 0 ? point : 0; i < count; i++)
            *at++ = digits[i];
        if (at[-1] == '.')
            *at++ = '0';
        return (size_t)(at - text);
    }
    int len = snprintf (text, DECIMAL_TEXT - 1, "%c%s%.*se%d", digits[0], count > 1 ? "." : "",
                        count - 1, digits + 1, point - 1);
    return (size_t)len;
}

size_t decimal_print (double real, char text[static DECIMAL_TEXT])
{
    char digits[DECIMAL_TEXT];
    bool negative = signbit (real);
    double magnitude = fabs (real);
    int point = 0;

    int count = find_few (magnitude, digits, &point);
    if (count == 0)
        count = find_enough (magnitude, digits, &point);
    text[0] = '-';
    return negative + lay_out (digits, count, point, text + negative);
}
