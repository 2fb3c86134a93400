/*  The common floats, of few digits, need one exact multiplication or division: a whole number up
 * to 2^53 and a power of ten up to 10^22 are both exact, so their quotient is rounded once and is
 * the float nearest to the text.
 *
 *  The others are multiplied by a power of ten in 128 bits, of which the last few may be wrong.
 * That is enough to see between which two floats a text of up to 19 digits lies, unless it lies in
 * the middle; and to see how many digits of a float are needed to tell it from its neighbours.
 * Texts in the middle, longer ones, and those at the ends of the range are left to strtod (), as
 * digits with an exponent but without a point, which no locale can move.
 */
#include "codec/decimal.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/digits.h"

#define EXACT_WHOLE (UINT64_C (1) << 53) // up to here every whole number is a float
#define EXACT_POWER 22                   // up to here every power of ten is one
#define SURE        (UINT64_C (1) << 51) // products by ten below it are off by a quarter at most
#define FEW_PLACES  9                    // fractions of so many digits are tried the quick way
#define FRACTION    52                   // bits of a float's fraction
#define WORD_DIGITS 19                   // as many fit a word
#define ENOUGH      800 // digits; beyond 767 all that matters is whether one is not 0
#define FAR         INT64_C (1000000000000000) // an exponent that no count of digits makes good
#define SLACK       16 // more than what can be wrong with the last bits of a product

__extension__ typedef unsigned __int128 wide_t;

static const double powers[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                               1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                               1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static const uint64_t tens[WORD_DIGITS + 1] = {UINT64_C (1),
                                               UINT64_C (10),
                                               UINT64_C (100),
                                               UINT64_C (1000),
                                               UINT64_C (10000),
                                               UINT64_C (100000),
                                               UINT64_C (1000000),
                                               UINT64_C (10000000),
                                               UINT64_C (100000000),
                                               UINT64_C (1000000000),
                                               UINT64_C (10000000000),
                                               UINT64_C (100000000000),
                                               UINT64_C (1000000000000),
                                               UINT64_C (10000000000000),
                                               UINT64_C (100000000000000),
                                               UINT64_C (1000000000000000),
                                               UINT64_C (10000000000000000),
                                               UINT64_C (100000000000000000),
                                               UINT64_C (1000000000000000000),
                                               UINT64_C (10000000000000000000)};

/*  Each 27th power of ten from 10^-351 to 10^324: (high * 2^64 + low) * 2^exponent, with the
 * highest bit set, rounded. The powers between are exact in 128 bits and are multiplied in.
 */
#define STEP     27
#define STEP_MIN (-351)
#define STEP_MAX (324 + STEP - 1)

static const struct {
    uint64_t high;
    uint64_t low;
    int exponent;
} steps[] = {
    {UINT64_C (0x8049a4ac0c5811ae), UINT64_C (0x205b896d777d6279), -1293},
    {UINT64_C (0xcf42894a5dce35ea), UINT64_C (0x52064cac828675b9), -1204},
    {UINT64_C (0xa76c582338ed2621), UINT64_C (0xaf2af2b80af6f24e), -1114},
    {UINT64_C (0x873e4f75e2224e68), UINT64_C (0x5a7744a6e804a292), -1024},
    {UINT64_C (0xda7f5bf590966848), UINT64_C (0xaf39a475506a899f), -935},
    {UINT64_C (0xb080392cc4349dec), UINT64_C (0xbd8d794d96aacfb4), -845},
    {UINT64_C (0x8e938662882af53e), UINT64_C (0x547eb47b7282ee9c), -755},
    {UINT64_C (0xe65829b3046b0afa), UINT64_C (0x0cb4a5a3112a5113), -666},
    {UINT64_C (0xba121a4650e4ddeb), UINT64_C (0x92f34d62616ce413), -576},
    {UINT64_C (0x964e858c91ba2655), UINT64_C (0x3a6a07f8d510f870), -486},
    {UINT64_C (0xf2d56790ab41c2a2), UINT64_C (0xfae27299423fb9c3), -397},
    {UINT64_C (0xc428d05aa4751e4c), UINT64_C (0xaa97e14c3c26b887), -307},
    {UINT64_C (0x9e74d1b791e07e48), UINT64_C (0x775ea264cf55347e), -217},
    {UINT64_C (0x8000000000000000), UINT64_C (0x0000000000000000), -127},
    {UINT64_C (0xcecb8f27f4200f3a), UINT64_C (0x0000000000000000), -38},
    {UINT64_C (0xa70c3c40a64e6c51), UINT64_C (0x999090b65f67d924), 52},
    {UINT64_C (0x86f0ac99b4e8dafd), UINT64_C (0x69a028bb3ded71a4), 142},
    {UINT64_C (0xda01ee641a708de9), UINT64_C (0xe80e6f4820cc9496), 231},
    {UINT64_C (0xb01ae745b101e9e4), UINT64_C (0x5ec05dcff72e7f90), 321},
    {UINT64_C (0x8e41ade9fbebc27d), UINT64_C (0x14588f13be847307), 411},
    {UINT64_C (0xe5d3ef282a242e81), UINT64_C (0x8f1668c8a86da5fb), 500},
    {UINT64_C (0xb9a74a0637ce2ee1), UINT64_C (0x6d953e2bd7173693), 590},
    {UINT64_C (0x95f83d0a1fb69cd9), UINT64_C (0x4abdaf101564f98e), 680},
    {UINT64_C (0xf24a01a73cf2dccf), UINT64_C (0xbc633b39673c8cec), 769},
    {UINT64_C (0xc3b8358109e84f07), UINT64_C (0x0a862f80ec4700c8), 859},
    {UINT64_C (0x9e19db92b4e31ba9), UINT64_C (0x6c07a2c26a8346d1), 949},
};

// significand * 2^exponent, the highest bit set.
typedef struct {
    wide_t significand;
    int exponent;
} big_t;

static unsigned leading_zeros (wide_t number)
{
    uint64_t high = (uint64_t)(number >> 64);

    return (unsigned)(high ? __builtin_clzll (high) : 64 + __builtin_clzll ((uint64_t)number));
}

// The upper half of a product.
static wide_t multiply (wide_t a, wide_t b)
{
    wide_t a_low = (uint64_t)a;
    wide_t b_low = (uint64_t)b;
    wide_t middle = (a >> 64) * b_low + (a_low * b_low >> 64);
    wide_t other = a_low * (b >> 64) + (uint64_t)middle;

    return (a >> 64) * (b >> 64) + (middle >> 64) + (other >> 64);
}

// 10^power, from STEP_MIN to STEP_MAX.
static big_t power_of_ten (int power)
{
    unsigned step = (unsigned)(power - STEP_MIN) / STEP;
    unsigned rest = (unsigned)(power - STEP_MIN) % STEP;
    wide_t coarse = (wide_t)steps[step].high << 64 | steps[step].low;
    wide_t fine =
        rest > WORD_DIGITS ? (wide_t)tens[WORD_DIGITS] * tens[rest - WORD_DIGITS] : tens[rest];
    unsigned zeros = leading_zeros (fine);
    big_t big = {multiply (coarse, fine << zeros), steps[step].exponent + 128 - (int)zeros};

    if (!(big.significand >> 127)) {
        big.significand <<= 1;
        big.exponent--;
    }
    return big;
}

// word * big / 2^64
static wide_t multiply_word (uint64_t word, wide_t big)
{
    return (big >> 64) * word + ((wide_t)(uint64_t)big * word >> 64);
}

static double float_of (uint64_t bits)
{
    double real;

    memcpy (&real, &bits, sizeof real);
    return real;
}

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

// The float nearest to whole * 10^power; false if these bits don't tell it, or it is at the ends.
static bool read_product (uint64_t whole, int power, double *real)
{
    int zeros = __builtin_clzll (whole);
    big_t ten = power_of_ten (power);
    wide_t product = multiply_word (whole << zeros, ten.significand);
    int exponent = ten.exponent - zeros + 64;
    int below = 128 - (FRACTION + 1); // bits of the product that a float has no room for

    if (!(product >> 127)) {
        product <<= 1;
        exponent--;
    }
    int biased = exponent + below + FRACTION + 1023;
    if (biased < 1) { // a float with less bits
        below += 1 - biased;
        biased = 1;
    }
    if (below > 127 || biased > 2045) // one less than there are: rounding may carry
        return false;
    wide_t half = (wide_t)1 << (below - 1);
    wide_t rest = product & (2 * half - 1);
    if (rest > half - SLACK && rest < half + SLACK)
        return false;
    uint64_t fraction = (uint64_t)(product >> below) + (rest > half);
    *real = float_of (((uint64_t)(biased - 1) << FRACTION) + fraction);
    return true;
}

// The ways without the library: whole * 10^power.
static bool read_quickly (uint64_t whole, int64_t power, double *real)
{
    if (whole <= EXACT_WHOLE && power >= -EXACT_POWER && power <= EXACT_POWER) {
        *real = power < 0 ? (double)whole / powers[-power] : (double)whole * powers[power];
        return true;
    }
    if (power < STEP_MIN || power > STEP_MAX)
        return false;
    return read_product (whole, (int)power, real);
}

static bool read_apart (const decimal_t *self, double *real)
{
    uint64_t whole = 0;

    if (self->count > WORD_DIGITS)
        return false;
    for (size_t i = 0; i < self->count; i++)
        whole = whole * 10 + (uint64_t)(self->digits[i] - '0');
    return read_quickly (whole, self->point - (int64_t)self->count, real);
}

// A token without an exponent, of at most a word's digits, as most are.
static bool read_short (slice_t token, double *real)
{
    const uint8_t *at = token.ptr;
    const uint8_t *end = token.ptr + token.len;
    bool negative = *at == '-';
    const uint8_t *point = end;
    uint64_t whole = 0;

    if (token.len > WORD_DIGITS)
        return false;
    for (at += negative; at < end; at++) {
        if (is_digit (*at))
            whole = whole * 10 + (uint64_t)(*at - '0');
        else if (*at == '.')
            point = at + 1;
        else
            return false;
    }
    if (whole == 0 || !read_quickly (whole, point - end, real))
        return false;
    *real = negative ? -*real : *real;
    return true;
}

int decimal_read (slice_t token, double *real)
{
    decimal_t self;
    double magnitude = 0;

    if (read_short (token, real))
        return 0;
    take_apart (token, &self);
    if (self.count > 0 && !read_apart (&self, &magnitude)) {
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

// whole * 10^power, of the digits that are printed.
typedef struct {
    uint64_t whole;
    int power;
} digits_t;

// The fewest digits for the same number.
static digits_t without_zeros (uint64_t whole, int power)
{
    while (whole % 10 == 0 && whole > 0) {
        whole /= 10;
        power++;
    }
    return (digits_t){whole, power};
}

/*  If `magnitude` is a whole number, or one after few multiplications by ten. Below SURE one try is
 *  enough: the product is off by less than half, so if any whole number over 10^FEW_PLACES reads as
 *  `magnitude` it is the nearest one; and fewer places are the same number without its zeros.
 */
static bool find_few (double magnitude, digits_t *digits)
{
    double scaled = magnitude * powers[FEW_PLACES];

    if (magnitude < (double)EXACT_WHOLE && magnitude == (double)(uint64_t)magnitude) {
        *digits = (digits_t){(uint64_t)magnitude, 0};
        return true;
    }
    if (scaled < (double)SURE) {
        // Three places first, which is what most have.
        for (int places = 3; places <= FEW_PLACES; places += FEW_PLACES - 3) {
            uint64_t whole = (uint64_t)(magnitude * powers[places] + 0.5);
            // The product was rounded; the quotient tells whether the digits are right.
            if ((double)whole / powers[places] == magnitude) {
                *digits = without_zeros (whole, -places);
                return true;
            }
        }
        return false;
    }
    for (int places = 1; places <= FEW_PLACES; places++) {
        double whole = magnitude * powers[places] + 0.5;
        if (whole >= (double)EXACT_WHOLE)
            break;
        whole = (double)(uint64_t)whole;
        if (whole / powers[places] != magnitude)
            continue;
        *digits = (digits_t){(uint64_t)whole, -places};
        return true;
    }
    return false;
}

// The multiple of a power of ten that is nearest to a scaled float.
static uint64_t nearest (wide_t scaled, int power)
{
    uint64_t whole = (uint64_t)(scaled >> 64);

    if (power == 0)
        return whole + ((uint64_t)scaled >> 63);
    return (whole + tens[power] / 2) / tens[power] * tens[power];
}

static bool is_near (wide_t scaled, uint64_t whole, wide_t distance)
{
    wide_t other = (wide_t)whole << 64;

    return whole > 0 && (other > scaled ? other - scaled : scaled - other) < distance;
}

/*  As few digits as tell `magnitude` from its neighbours. It is scaled to a whole number of 18 or
 * 19 digits and 64 bits of fraction; all that is nearer to it than half the way to the next float
 *  reads as the same float. (So does what is just half the way for every other float; that would
 *  take more bits to know.) If some multiple of a power of ten is that near, so is one of each
 * lower power: the powers are tried in their order.
 */
static digits_t find_shortest (double magnitude)
{
    uint64_t bits;

    memcpy (&bits, &magnitude, sizeof bits);
    uint64_t fraction = bits & ((UINT64_C (1) << FRACTION) - 1);
    int biased = (int)(bits >> FRACTION);
    uint64_t significand = biased ? fraction | UINT64_C (1) << FRACTION : fraction;
    int zeros = __builtin_clzll (significand);
    int exponent = (biased ? biased : 1) - 1023 - FRACTION - zeros;

    // 1233 / 4096 is close to log 2. Below 1 it may be one too many, which the loop puts right.
    int power = WORD_DIGITS - 3 - ((exponent + 63) * 1233 >> 12);
    wide_t scaled;
    wide_t half;
    do {
        power++;
        big_t ten = power_of_ten (power);
        int shift = -(exponent + ten.exponent + 128);
        scaled = multiply_word (significand << zeros, ten.significand) >> shift;
        half = ten.significand >> (65 - zeros) >> shift;
    } while (scaled >> 64 < tens[WORD_DIGITS - 2]);
    if (fraction == 0 && biased > 1)
        half >>= 1; // the float below is nearer
    half -= SLACK;

    int kept = 0; // the power of ten that is known to be good, and one that is known not to be
    int bad = WORD_DIGITS;
    int middle = 2; // most have 16 or 17 digits, so one of the first two powers is the greatest
    while (bad - kept > 1) {
        if (is_near (scaled, nearest (scaled, middle), half))
            kept = middle;
        else
            bad = middle;
        middle = (kept + bad) / 2;
    }
    return (digits_t){nearest (scaled, kept) / tens[kept], kept - power};
}

static char *put_exponent (int exponent, char *at)
{
    unsigned magnitude = (unsigned)(exponent < 0 ? -exponent : exponent);

    *at++ = 'e';
    if (exponent < 0)
        *at++ = '-';
    if (magnitude >= 100)
        *at++ = (char)('0' + magnitude / 100);
    if (magnitude >= 10)
        *at++ = (char)('0' + magnitude / 10 % 10);
    *at++ = (char)('0' + magnitude % 10);
    return at;
}

// 1.23e-300, 1e16
static char *put_scientific (const char *digits, int count, int point, char *at)
{
    *at++ = digits[0];
    if (count > 1) {
        *at++ = '.';
        memcpy (at, digits + 1, (size_t)(count - 1));
        at += count - 1;
    }
    return put_exponent (point - 1, at);
}

// 123.0, 0.00123
static char *put_plain (const char *digits, int count, int point, char *at)
{
    if (point > 0 && point < count) { // as most are
        memcpy (at, digits, (size_t)point);
        at[point] = '.';
        memcpy (at + point + 1, digits + point, (size_t)(count - point));
        return at + count + 1;
    }
    int whole = point > 0 ? point : 1;

    for (int i = 0; i < whole; i++)
        *at++ = point > 0 && i < count ? digits[i] : '0';
    *at++ = '.';
    for (int i = point; i < 0; i++)
        *at++ = '0';
    for (int i = point > 0 ? point : 0; i < count; i++)
        *at++ = digits[i];
    if (at[-1] == '.')
        *at++ = '0';
    return at;
}

size_t decimal_print (double real, char text[static DECIMAL_TEXT])
{
    char buffer[DIGITS_MAX];
    bool negative = signbit (real);
    digits_t digits;

    if (!find_few (fabs (real), &digits))
        digits = find_shortest (fabs (real));
    const char *first = digits_put (digits.whole, buffer);
    int count = (int)(buffer + DIGITS_MAX - first);
    int point = count + digits.power;
    text[0] = '-';
    char *at = text + negative;
    at = point > -4 && point <= 16 ? put_plain (first, count, point, at)
                                   : put_scientific (first, count, point, at);
    return (size_t)(at - text);
}
