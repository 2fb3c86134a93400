#include "cli/reorder.h"

#include "tests/support/testing.h"

static void what_comes_late_holds_the_others (void **state)
{
    (void)state;
    reorder_t reorder;
    char items[4];

    assert_int_equal (reorder_init (&reorder, 3), 0);
    assert_null (reorder_take (&reorder));
    reorder_put (&reorder, 1, &items[1]);
    reorder_put (&reorder, 2, &items[2]);
    assert_null (reorder_take (&reorder));
    assert_true (reorder_room (&reorder, 2));
    assert_false (reorder_room (&reorder, 3));
    reorder_put (&reorder, 0, &items[0]);
    assert_ptr_equal (reorder_take (&reorder), &items[0]);
    assert_true (reorder_room (&reorder, 3));
    reorder_put (&reorder, 3, &items[3]);
    for (int i = 1; i < 4; i++)
        assert_ptr_equal (reorder_take (&reorder), &items[i]);
    assert_null (reorder_take (&reorder));
    reorder_finish (&reorder);
    reorder_finish (&reorder);
}

TESTING_MAIN (cmocka_unit_test (what_comes_late_holds_the_others), )
