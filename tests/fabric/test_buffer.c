#include "fabric/buffer.h"

#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

#include <errno.h>
#include <stdlib.h>

static void what_is_appended_stands_in_order (void **state)
{
    (void)state;
    buffer_t buffer;

    buffer_init (&buffer, SIZE_MAX);
    assert_null (buffer.data);
    buffer_text (&buffer, "one");
    buffer_octet (&buffer, ' ');
    buffer_slice (&buffer, slice_text ("two"));
    buffer_append (&buffer, " three", 6);
    assert_true (slice_equal (buffer_as_slice (&buffer), slice_text ("one two three")));
    assert_int_equal (buffer.failed, 0);
    buffer_finish (&buffer);
}

static void it_grows_as_far_as_it_must (void **state)
{
    (void)state;
    buffer_t buffer;

    buffer_init (&buffer, SIZE_MAX);
    for (unsigned i = 0; i < 100000; i++)
        buffer_octet (&buffer, (uint8_t)i);
    assert_int_equal (buffer.len, 100000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal (buffer.data[i], (uint8_t)i);
    buffer_finish (&buffer);
}

static void nothing_appended_is_nothing_done (void **state)
{
    (void)state;
    buffer_t buffer;

    buffer_init (&buffer, 0);
    buffer_append (&buffer, NULL, 0);
    buffer_text (&buffer, "");
    assert_int_equal (buffer.len, 0);
    assert_int_equal (buffer.failed, 0);
    buffer_finish (&buffer);
}

static void the_limit_may_be_reached_and_not_passed (void **state)
{
    (void)state;
    buffer_t buffer;

    buffer_init (&buffer, 5);
    buffer_text (&buffer, "12345");
    assert_int_equal (buffer.failed, 0);
    buffer_octet (&buffer, '6');
    assert_int_equal (buffer.failed, EMSGSIZE);
    assert_true (slice_equal (buffer_as_slice (&buffer), slice_text ("12345")));
    buffer_finish (&buffer);
}

static void a_failure_sticks_until_the_reset (void **state)
{
    (void)state;
    buffer_t buffer;

    buffer_init (&buffer, 5);
    buffer_text (&buffer, "123");
    buffer_text (&buffer, "too long");
    buffer_text (&buffer, "4"); // would fit
    assert_int_equal (buffer.failed, EMSGSIZE);
    assert_int_equal (buffer.len, 3);
    assert_null (buffer_reserve (&buffer, 1));

    const uint8_t *memory = buffer.data;
    buffer_reset (&buffer);
    buffer_text (&buffer, "again");
    assert_int_equal (buffer.failed, 0);
    assert_ptr_equal (buffer.data, memory);
    assert_true (slice_equal (buffer_as_slice (&buffer), slice_text ("again")));
    buffer_finish (&buffer);
}

static void a_size_near_the_greatest_does_not_wrap_around (void **state)
{
    (void)state;
    buffer_t buffer;

    buffer_init (&buffer, SIZE_MAX);
    buffer_text (&buffer, "1234");
    buffer.limit = SIZE_MAX - 1;
    assert_null (buffer_reserve (&buffer, SIZE_MAX - 2));
    assert_int_equal (buffer.failed, EMSGSIZE);

    buffer_reset (&buffer);
    buffer_text (&buffer, "1234");
    alloc_fail_at (0); // asks for nearly SIZE_MAX; a sanitizer's realloc would end the program
    assert_null (buffer_reserve (&buffer, SIZE_MAX - 6));
    assert_true (alloc_failed ());
    alloc_fail_never ();
    assert_int_equal (buffer.failed, ENOMEM);
    buffer_finish (&buffer);
}

static void reserved_room_is_written_in_place (void **state)
{
    (void)state;
    buffer_t buffer;

    buffer_init (&buffer, SIZE_MAX);
    buffer_text (&buffer, "ab");
    uint8_t *room = buffer_reserve (&buffer, 1000);
    assert_non_null (room);
    assert_ptr_equal (room, buffer.data + 2);
    memset (room, 'x', 1000);
    assert_int_equal (buffer.len, 2); // the writer says how much of it is used
    buffer.len += 1000;
    assert_int_equal (buffer.data[1001], 'x');
    buffer_finish (&buffer);
}

static void memory_that_runs_out_leaves_what_was_there (void **state)
{
    (void)state;
    buffer_t buffer;

    buffer_init (&buffer, SIZE_MAX);
    alloc_fail_at (1);
    while (!buffer.failed)
        buffer_text (&buffer, "0123456789");
    assert_int_equal (buffer.failed, ENOMEM);
    assert_true (buffer.len >= 100);
    assert_int_equal (buffer.len % 10, 0);
    assert_memory_equal (buffer.data + buffer.len - 10, "0123456789", 10);

    // The next time there is some again.
    buffer_reset (&buffer);
    for (unsigned i = 0; i < 1000; i++)
        buffer_text (&buffer, "0123456789");
    assert_int_equal (buffer.failed, 0);
    assert_int_equal (buffer.len, 10000);
    alloc_fail_never ();
    buffer_finish (&buffer);
}

static void the_very_first_allocation_may_fail (void **state)
{
    (void)state;
    buffer_t buffer;
    size_t len = 77;

    buffer_init (&buffer, SIZE_MAX);
    alloc_fail_at (0);
    buffer_octet (&buffer, 'x');
    alloc_fail_never ();
    assert_int_equal (buffer.failed, ENOMEM);
    assert_int_equal (buffer.len, 0);
    assert_null (buffer_take (&buffer, &len));
    assert_int_equal (len, 77);
    buffer_finish (&buffer);
}

static void taken_memory_is_the_takers (void **state)
{
    (void)state;
    buffer_t buffer;
    size_t len = 0;

    buffer_init (&buffer, 10);
    assert_null (buffer_take (&buffer, &len));
    buffer_text (&buffer, "mine");
    uint8_t *mine = buffer_take (&buffer, &len);
    assert_int_equal (len, 4);
    assert_memory_equal (mine, "mine", 4);
    assert_null (buffer.data);
    assert_int_equal (buffer.limit, 10);

    buffer_text (&buffer, "another"); // does not touch what was taken
    assert_memory_equal (mine, "mine", 4);
    free (mine);
    buffer_finish (&buffer);
}

static void finish_may_come_twice (void **state)
{
    (void)state;
    buffer_t buffer;

    buffer_init (&buffer, SIZE_MAX);
    buffer_text (&buffer, "x");
    buffer_finish (&buffer);
    buffer_finish (&buffer);
    assert_null (buffer.data);
    assert_int_equal (buffer.len, 0);
}

TESTING_MAIN (cmocka_unit_test (what_is_appended_stands_in_order),
              cmocka_unit_test (it_grows_as_far_as_it_must),
              cmocka_unit_test (nothing_appended_is_nothing_done),
              cmocka_unit_test (the_limit_may_be_reached_and_not_passed),
              cmocka_unit_test (a_failure_sticks_until_the_reset),
              cmocka_unit_test (a_size_near_the_greatest_does_not_wrap_around),
              cmocka_unit_test (reserved_room_is_written_in_place),
              cmocka_unit_test (memory_that_runs_out_leaves_what_was_there),
              cmocka_unit_test (the_very_first_allocation_may_fail),
              cmocka_unit_test (taken_memory_is_the_takers),
              cmocka_unit_test (finish_may_come_twice), )
