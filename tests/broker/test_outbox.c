// What waits for a peer that does not read: in order, bounded, and what may be left out first.

#include "tests/support/testing.h"

#include "broker/outbox.h"

#define LIMIT 2000u // octets; a packet costs 256 beside its frames

static outbox_verdict_t add (outbox_t *outbox, size_t len, bool droppable, uint64_t *dropped)
{
    static const uint8_t octets[4000];
    frame_t header, payload;

    assert_int_equal (frame_copy (&header, slice_of (octets, len)), 0);
    frame_init (&payload);
    outbox_verdict_t verdict =
        outbox_add (outbox, &header, &payload, droppable, false, LIMIT, dropped);
    frame_close (&header);
    frame_close (&payload);
    return verdict;
}

static void packets_leave_in_the_order_in_which_they_came (void **state)
{
    outbox_t outbox;
    uint64_t dropped = 0;

    (void)state;
    outbox_init (&outbox);
    assert_true (outbox_empty (&outbox));
    for (size_t len = 1; len <= 3; len++)
        assert_int_equal (add (&outbox, len, false, &dropped), OUTBOX_KEPT);
    for (size_t len = 1; len <= 3; len++) {
        assert_int_equal (frame_size (&outbox_first (&outbox)->header), len);
        assert_true (outbox_first (&outbox)->has_payload);
        outbox_shift (&outbox);
    }
    assert_null (outbox_first (&outbox));
    assert_int_equal (outbox.octets, 0);
    outbox_finish (&outbox);
}

static void what_can_be_left_out_makes_room_for_what_can_not (void **state)
{
    outbox_t outbox;
    uint64_t dropped = 0;

    (void)state;
    outbox_init (&outbox);
    assert_int_equal (add (&outbox, 500, true, &dropped), OUTBOX_KEPT);
    assert_int_equal (add (&outbox, 500, false, &dropped), OUTBOX_KEPT);
    assert_int_equal (add (&outbox, 500, true, &dropped), OUTBOX_DROPPED);
    assert_int_equal (dropped, 1);
    assert_int_equal (add (&outbox, 501, false, &dropped), OUTBOX_KEPT);
    assert_int_equal (dropped, 2);
    assert_int_equal (frame_size (&outbox_first (&outbox)->header), 500);
    assert_int_equal (add (&outbox, 501, false, &dropped), OUTBOX_FULL);
    outbox_finish (&outbox);
}

static void one_packet_above_the_bound_may_wait_alone (void **state)
{
    outbox_t outbox;
    uint64_t dropped = 0;

    (void)state;
    outbox_init (&outbox);
    assert_int_equal (add (&outbox, 4000, false, &dropped), OUTBOX_KEPT);
    assert_int_equal (add (&outbox, 0, false, &dropped), OUTBOX_FULL);
    outbox_shift (&outbox);
    assert_int_equal (add (&outbox, 0, false, &dropped), OUTBOX_KEPT);
    outbox_finish (&outbox);
}

TESTING_MAIN (cmocka_unit_test (packets_leave_in_the_order_in_which_they_came),
              cmocka_unit_test (what_can_be_left_out_makes_room_for_what_can_not),
              cmocka_unit_test (one_packet_above_the_bound_may_wait_alone), )
