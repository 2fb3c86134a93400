#include "load/histogram.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tests/support/testing.h"

#define VALUES 20000

static histogram_t histogram, other;

static void an_empty_one_says_0 (void **state)
{
    (void)state;
    histogram_init (&histogram);
    assert_int_equal (histogram_at (&histogram, 0.5), 0);
    assert_true (histogram_mean (&histogram) == 0);
}

static void small_values_are_exact (void **state)
{
    (void)state;
    histogram_init (&histogram);
    for (uint64_t value = 0; value < 256; value++)
        histogram_add (&histogram, value);
    for (uint64_t value = 0; value < 256; value++)
        assert_int_equal (histogram_at (&histogram, ((double)value + 1) / 256), value);
}

// load/histogram.h: off by at most 1/256
static void any_value_is_off_by_at_most_a_256th (void **state)
{
    uint64_t value = 1;

    (void)state;
    for (unsigned i = 0; i < 100000 && value < UINT64_C (1) << 40; i++) {
        histogram_init (&histogram);
        histogram.slots[0] = 0;
        histogram_add (&histogram, value);
        histogram_add (&histogram, 0); // so that least and most don't give it away
        histogram_add (&histogram, (UINT64_C (1) << 40) - 1);
        uint64_t told = histogram_at (&histogram, 0.6);
        double off = fabs ((double)told - (double)value);
        if (off > (double)value / 256)
            fail_msg ("%llu is told as %llu", (unsigned long long)value, (unsigned long long)told);
        value += value / 100 + 1;
    }
    assert_true (value >= UINT64_C (1) << 40);
}

static void what_is_too_long_counts_as_the_longest (void **state)
{
    (void)state;
    histogram_init (&histogram);
    histogram_add (&histogram, UINT64_MAX / 2);
    assert_int_equal (histogram.count, 1);
    assert_int_equal (histogram.slots[HISTOGRAM_SLOTS - 1], 1);
    assert_int_equal (histogram.most, UINT64_MAX / 2);
}

static int compare (const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;

    return (one > two) - (one < two);
}

// Beside the sorted values themselves.
static void shares_are_those_of_the_sorted_values (void **state)
{
    static const double shares[] = {0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
    static uint64_t values[VALUES];
    uint64_t seed = 1;

    (void)state;
    histogram_init (&histogram);
    for (unsigned i = 0; i < VALUES; i++) {
        seed = seed * UINT64_C (6364136223846793005) + 1442695040888963407u;
        values[i] = (seed >> 33) % 1000000 + 1;
        histogram_add (&histogram, values[i]);
    }
    qsort (values, VALUES, sizeof *values, compare);
    assert_int_equal (histogram.least, values[0]);
    assert_int_equal (histogram.most, values[VALUES - 1]);
    for (unsigned i = 0; i < sizeof shares / sizeof *shares; i++) {
        size_t rank = (size_t)ceil (shares[i] * VALUES);
        uint64_t wanted = values[rank ? rank - 1 : 0];
        double off = fabs ((double)histogram_at (&histogram, shares[i]) - (double)wanted);
        assert_true (off <= (double)wanted / 256);
    }
}

static void merging_is_as_good_as_counting_together (void **state)
{
    (void)state;
    histogram_init (&histogram);
    histogram_init (&other);
    histogram_merge (&histogram, &other);
    assert_int_equal (histogram.count, 0);
    histogram_add (&histogram, 10);
    histogram_add (&other, 30);
    histogram_add (&other, 5);
    histogram_merge (&histogram, &other);
    assert_int_equal (histogram.count, 3);
    assert_int_equal (histogram.least, 5);
    assert_int_equal (histogram.most, 30);
    assert_int_equal (histogram_at (&histogram, 0.5), 10);
    assert_true (histogram_mean (&histogram) == 15);
}

TESTING_MAIN (cmocka_unit_test (an_empty_one_says_0),
              cmocka_unit_test (small_values_are_exact),
              cmocka_unit_test (any_value_is_off_by_at_most_a_256th),
              cmocka_unit_test (what_is_too_long_counts_as_the_longest),
              cmocka_unit_test (shares_are_those_of_the_sorted_values),
              cmocka_unit_test (merging_is_as_good_as_counting_together), )
