/*  Floats as text and back (PROTOCOL 6: floats keep their value), in a locale whose decimal point
 * is a comma: this program's snprintf () writes one, and its strtod () may not be given a point.
 */
#include "tests/support/testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/decimal.h"

double __real_strtod (const char *text, char **end);
double __wrap_strtod (const char *text, char **end);
int __wrap_snprintf (char *text, size_t size, const char *format, ...);

double __wrap_strtod (const char *text, char **end)
{
    assert_null (strchr (text, '.'));
    return __real_strtod (text, end);
}

int __wrap_snprintf (char *text, size_t size, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    int len = vsnprintf (text, size, format, args);
    va_end (args);
    for (char *point = strchr (text, '.'); point; point = strchr (point, '.'))
        *point = ',';
    return len;
}

static uint64_t bits_of (double real)
{
    uint64_t bits;

    memcpy (&bits, &real, sizeof bits);
    return bits;
}

static double of_bits (uint64_t bits)
{
    double real;

    memcpy (&real, &bits, sizeof real);
    return real;
}

static uint64_t next_random (uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

// A copy of exact size: the text has no end but its length.
static int read_token (const char *token, double *real)
{
    size_t len = strlen (token);
    char *copy = malloc (len);

    assert_non_null (copy);
    memcpy (copy, token, len);
    int result = decimal_read (slice_of (copy, len), real);
    free (copy);
    return result;
}

static void a_text_is_the_float_nearest_to_it (void **state)
{
    static const char *const tokens[] = {
        "0.0",
        "-0.0",
        "1.0",
        "-1.5",
        "0.1",
        "123.456",
        "1e0",
        "1E+2",
        "1e-2",
        "1e22",
        "1e23",
        "9007199254740993.0",
        "9007199254740992.9",
        "18446744073709551616",
        "-9223372036854775809",
        "0.000001",
        "1e-7",
        "3.141592653589793238462643383279",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "4.9e-324",
        "5e-324",
        "2.5e-324",
        "2.4e-324",
        "1e-400",
        "-1e-400",
        "1e-999999999999999999999",
        "0e999999999999999999999",
        "0.0e-5",
        "123456789012345678901234567890e-10",
        "0.00000000000000000000000000000000000000000000000000001e50",
        "100000000000000000000000000000000000000000000000000000e-50",
        "6631236846766476e-316",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
        "1.00000000000000011102230246251565404236316680908203126",
    };

    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        double real = 7;
        assert_int_equal (read_token (tokens[i], &real), 0);
        double wanted = __real_strtod (tokens[i], NULL);
        if (bits_of (real) != bits_of (wanted))
            fail_msg ("%s: %a instead of %a", tokens[i], real, wanted);
    }
}

static void a_text_beyond_all_floats_is_refused (void **state)
{
    static const char *const tokens[] = {
        "1.7976931348623159e308",    "1e309",   "-1e309",    "1e999999999999999999999",
        "179769313486231570000e300", "123e400", "0.001e400",
    };

    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        double real = 7;
        assert_int_equal (read_token (tokens[i], &real), -1);
        assert_true (real == 7);
    }
}

// Of very long texts every digit counts, though few are kept.
static void long_texts_are_rounded_by_their_last_digit (void **state)
{
    // 1 + 2^-53 lies between two floats, and is rounded to the even one, 1; a little more is not.
    static const char half[] = "1.00000000000000011102230246251565404236316680908203125";
    enum { LEN = 5000 };
    char *token = malloc (LEN + 8);
    double real;

    (void)state;
    assert_non_null (token);
    memset (token, '0', LEN);
    memcpy (token, half, sizeof half - 1);
    token[LEN] = '\0';
    assert_int_equal (read_token (token, &real), 0);
    assert_true (real == 1.0);
    token[LEN - 1] = '1';
    assert_int_equal (read_token (token, &real), 0);
    assert_true (real == 1.0 + DBL_EPSILON);

    memset (token, '0', LEN);
    token[1] = '.';
    token[LEN - 1] = '1';
    strcpy (token + LEN, "e4998");
    assert_int_equal (read_token (token, &real), 0);
    assert_true (real == 1.0);
    memset (token, '9', LEN);
    strcpy (token + LEN, "e-5000");
    assert_int_equal (read_token (token, &real), 0);
    assert_true (real == 1.0);
    free (token);
}

static void assert_printed (double real, const char *wanted)
{
    char text[DECIMAL_TEXT + 1] = "";

    text[decimal_print (real, text)] = '\0';
    assert_string_equal (text, wanted);
}

static void a_float_is_printed_as_one_and_short (void **state)
{
    (void)state;
    assert_printed (0.0, "0.0");
    assert_printed (-0.0, "-0.0");
    assert_printed (1.0, "1.0");
    assert_printed (-100.0, "-100.0");
    assert_printed (0.1, "0.1");
    assert_printed (0.1 + 0.2, "0.30000000000000004");
    assert_printed (19.99, "19.99");
    assert_printed (1234567.125, "1234567.125");
    assert_printed (0.001, "0.001");
    assert_printed (0.0001, "0.0001");
    assert_printed (0.00001, "1e-5");
    assert_printed (-0.00001234, "-1.234e-5");
    assert_printed (1e15, "1000000000000000.0");
    assert_printed (9007199254740991.0, "9007199254740991.0");
    assert_printed (9007199254740992.0, "9007199254740992.0");
    assert_printed (1e16, "1e16");
    assert_printed (1.2345e22, "1.2345e22");
    assert_printed (1.7976931348623157e308, "1.7976931348623157e308");
    assert_printed (2.2250738585072014e-308, "2.2250738585072014e-308");
    assert_printed (2.225073858507201e-308, "2.225073858507201e-308");
    assert_printed (5e-324, "5e-324");
    assert_printed (-1.5e-323, "-1.5e-323");
    assert_printed ((double)0.1f, "0.10000000149011612");
    assert_printed (5e-5, "5e-5");
    assert_printed (1.0 / 3, "0.3333333333333333");
    assert_printed (1e-9, "1e-9");
    assert_printed (1.5e100, "1.5e100");
    assert_printed (1e23, "9.999999999999999e22"); // 1e23 is in the middle of two floats
    assert_printed (9.5367431640625e-7, "9.5367431640625e-7");       // 2^-20
    assert_printed (1.2676506002282294e30, "1.2676506002282294e30"); // 2^100
    assert_printed (9223372036854775808.0, "9.223372036854776e18");
}

static void assert_round_trip (double real)
{
    char text[DECIMAL_TEXT];
    double back = 7;
    size_t len = decimal_print (real, text);

    assert_true (len < sizeof text);
    assert_int_equal (decimal_read (slice_of (text, len), &back), 0);
    if (bits_of (back) != bits_of (real))
        fail_msg ("%a printed as %.*s, read as %a", real, (int)len, text, back);
    assert_true (memchr (text, '.', len) || memchr (text, 'e', len));
}

static void every_float_comes_back (void **state)
{
    uint64_t seed = 20261123;

    (void)state;
    for (int exponent = 0; exponent < 2047; exponent++) {
        uint64_t edge = (uint64_t)exponent << 52;
        assert_round_trip (of_bits (edge));
        assert_round_trip (of_bits (edge + 1));
        assert_round_trip (of_bits (edge + (UINT64_C (1) << 52) - 1));
    }
    for (unsigned i = 0; i < 30000; i++) {
        double real = of_bits (next_random (&seed));
        if (isfinite (real))
            assert_round_trip (real);
        // What people write: few digits, a small power of ten.
        double whole = (double)(next_random (&seed) % 1000000000);
        assert_round_trip (whole / pow (10, (double)(next_random (&seed) % 12)));
    }
}

static void texts_of_many_forms_agree_with_the_library (void **state)
{
    uint64_t seed = 1123;

    (void)state;
    for (unsigned i = 0; i < 50000; i++) {
        char token[64];
        uint64_t digits = next_random (&seed) >> (next_random (&seed) % 64);
        int point = (int)(next_random (&seed) % 20);
        int exponent = (int)(next_random (&seed) % 700) - 350;
        int len = sprintf (token, "%s%llu", i % 2 ? "-" : "", (unsigned long long)digits);
        if (point)
            len += sprintf (token + len, ".%0*llu", point,
                            (unsigned long long)(next_random (&seed) % 1000000007));
        if (i % 3)
            sprintf (token + len, "e%d", i % 3 == 1 ? exponent : exponent / 16);
        double wanted = __real_strtod (token, NULL);
        double real = 7;
        int result = read_token (token, &real);
        if (isinf (wanted) ? result != -1 : result || bits_of (real) != bits_of (wanted))
            fail_msg ("%s: %d, %a instead of %a", token, result, real, wanted);
    }
}

TESTING_MAIN (cmocka_unit_test (a_text_is_the_float_nearest_to_it),
              cmocka_unit_test (a_text_beyond_all_floats_is_refused),
              cmocka_unit_test (long_texts_are_rounded_by_their_last_digit),
              cmocka_unit_test (a_float_is_printed_as_one_and_short),
              cmocka_unit_test (every_float_comes_back),
              cmocka_unit_test (texts_of_many_forms_agree_with_the_library), )
