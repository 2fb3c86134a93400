#include "fabric/slice.h"

#include "tests/support/testing.h"

static void equal_slices_have_equal_octets (void **state)
{
    (void)state;
    assert_true (slice_equal (slice_text ("abc"), slice_of ("abcd", 3)));
    assert_false (slice_equal (slice_text ("abc"), slice_text ("abd")));
    assert_false (slice_equal (slice_text ("abc"), slice_text ("ab")));
}

static void a_slice_may_be_empty_without_a_pointer (void **state)
{
    (void)state;
    assert_true (slice_equal (slice_of (NULL, 0), slice_text ("")));
    assert_false (slice_equal (slice_of (NULL, 0), slice_text ("a")));
}

static void a_slice_may_hold_zero_octets (void **state)
{
    (void)state;
    assert_true (slice_equal (slice_of ("a\0b", 3), slice_of ("a\0b", 3)));
    assert_false (slice_equal (slice_of ("a\0b", 3), slice_of ("a\0c", 3)));
}

TESTING_MAIN (cmocka_unit_test (equal_slices_have_equal_octets),
              cmocka_unit_test (a_slice_may_be_empty_without_a_pointer),
              cmocka_unit_test (a_slice_may_hold_zero_octets), )
