#include "fabric/frame.h"

#include "tests/support/testing.h"

#include <errno.h>

#define LARGE 100000u // octets; beyond what a frame keeps in itself, and what frame_take () copies

static uint8_t large[LARGE];

static int fill_large (void **state)
{
    (void)state;
    for (unsigned i = 0; i < LARGE; i++)
        large[i] = (uint8_t)(i * 7);
    return 0;
}

static void a_fresh_frame_is_empty (void **state)
{
    (void)state;
    frame_t frame;

    frame_init (&frame);
    assert_int_equal (frame_size (&frame), 0);
    assert_int_equal (frame_slice (&frame).len, 0);
    frame_close (&frame);
}

static void a_copy_is_the_frames_own (void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 33, 34, 4095, 4096, LARGE};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        frame_t frame;
        assert_int_equal (frame_copy (&frame, slice_of (large, sizes[i])), 0);
        assert_int_equal (frame_size (&frame), sizes[i]);
        assert_ptr_not_equal (frame_slice (&frame).ptr, large);
        assert_true (slice_equal (frame_slice (&frame), slice_of (large, sizes[i])));
        frame_close (&frame);
    }
}

static void many_octets_are_taken_without_a_copy (void **state)
{
    (void)state;
    buffer_t buffer;
    frame_t frame;

    buffer_init (&buffer, SIZE_MAX);
    buffer_append (&buffer, large, LARGE);
    const uint8_t *memory = buffer.data;
    assert_int_equal (frame_take (&frame, &buffer), 0);
    assert_ptr_equal (frame_slice (&frame).ptr, memory);
    assert_int_equal (frame_size (&frame), LARGE);
    assert_int_equal (buffer.len, 0);
    assert_null (buffer.data);
    frame_close (&frame);
    buffer_finish (&buffer);
}

static void few_octets_are_taken_as_well (void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 100, 4095, 4096};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        buffer_t buffer;
        frame_t frame;
        buffer_init (&buffer, SIZE_MAX);
        buffer_append (&buffer, large, sizes[i]);
        assert_int_equal (frame_take (&frame, &buffer), 0);
        assert_true (slice_equal (frame_slice (&frame), slice_of (large, sizes[i])));
        frame_close (&frame);
        buffer_finish (&buffer);
    }
}

static void the_buffer_is_empty_once_it_was_taken (void **state)
{
    (void)state;
    buffer_t buffer;
    frame_t frame;

    buffer_init (&buffer, SIZE_MAX);
    buffer_text (&buffer, "few octets");
    assert_int_equal (frame_take (&frame, &buffer), 0);
    assert_int_equal (buffer.len, 0);
    frame_close (&frame);
    buffer_finish (&buffer);
}

static void a_failed_buffer_gives_an_empty_frame_and_its_errno (void **state)
{
    (void)state;
    buffer_t buffer;
    frame_t frame;

    buffer_init (&buffer, 10);
    buffer_append (&buffer, large, 11);
    errno = 0;
    assert_int_equal (frame_take (&frame, &buffer), -1);
    assert_int_equal (errno, EMSGSIZE);
    assert_int_equal (frame_size (&frame), 0);
    frame_close (&frame);
    buffer_finish (&buffer);
}

static void shared_octets_live_as_long_as_the_last_who_has_them (void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 20, 5000, LARGE};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        frame_t first, second, third;
        slice_t wanted = slice_of (large, sizes[i]);
        assert_int_equal (frame_copy (&first, wanted), 0);
        frame_share (&second, &first);
        frame_share (&third, &second);
        assert_true (slice_equal (frame_slice (&first), wanted));
        frame_close (&first);
        assert_true (slice_equal (frame_slice (&second), wanted));
        frame_close (&second);
        assert_true (slice_equal (frame_slice (&third), wanted));
        frame_close (&third);
    }
}

static void large_octets_are_shared_without_a_copy (void **state)
{
    (void)state;
    frame_t first, second;

    assert_int_equal (frame_copy (&first, slice_of (large, LARGE)), 0);
    frame_share (&second, &first);
    assert_ptr_equal (frame_slice (&first).ptr, frame_slice (&second).ptr);
    frame_close (&second);
    frame_close (&first);
}

static void a_move_leaves_an_empty_frame_behind (void **state)
{
    (void)state;
    frame_t from, to;

    assert_int_equal (frame_copy (&from, slice_of (large, LARGE)), 0);
    const uint8_t *memory = frame_slice (&from).ptr;
    frame_move (&to, &from);
    assert_ptr_equal (frame_slice (&to).ptr, memory);
    assert_int_equal (frame_size (&to), LARGE);
    assert_int_equal (frame_size (&from), 0);
    frame_close (&to);
    // `from` need not be closed: the leak checker of the asan build would tell.
}

static void close_may_come_twice_and_to_a_zeroed_frame (void **state)
{
    (void)state;
    frame_t frame;

    memset (&frame, 0, sizeof frame);
    frame_close (&frame);
    assert_int_equal (frame_copy (&frame, slice_of (large, LARGE)), 0);
    frame_close (&frame);
    frame_close (&frame);
    assert_int_equal (frame_copy (&frame, slice_text ("again")), 0);
    assert_true (slice_equal (frame_slice (&frame), slice_text ("again")));
    frame_close (&frame);
}

int main (int argc, char **argv)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test (a_fresh_frame_is_empty),
        cmocka_unit_test (a_copy_is_the_frames_own),
        cmocka_unit_test (many_octets_are_taken_without_a_copy),
        cmocka_unit_test (few_octets_are_taken_as_well),
        cmocka_unit_test (the_buffer_is_empty_once_it_was_taken),
        cmocka_unit_test (a_failed_buffer_gives_an_empty_frame_and_its_errno),
        cmocka_unit_test (shared_octets_live_as_long_as_the_last_who_has_them),
        cmocka_unit_test (large_octets_are_shared_without_a_copy),
        cmocka_unit_test (a_move_leaves_an_empty_frame_behind),
        cmocka_unit_test (close_may_come_twice_and_to_a_zeroed_frame),
    };
    if (argc > 1)
        cmocka_set_test_filter (argv[1]);
    return cmocka_run_group_tests (cases, fill_large, NULL);
}
