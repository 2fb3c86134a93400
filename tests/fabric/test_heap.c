#include "fabric/container.h"
#include "fabric/heap.h"

#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

#include <errno.h>

#define ITEMS 300

typedef struct {
    unsigned key, sequence;
    heap_node_t node;
} item_t;

static bool before (const heap_node_t *a, const heap_node_t *b)
{
    const item_t *x = container_of (a, const item_t, node);
    const item_t *y = container_of (b, const item_t, node);

    return x->key != y->key ? x->key < y->key : x->sequence < y->sequence;
}

static unsigned dice (unsigned *seed, unsigned sides)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % sides;
}

static item_t *top_of (const heap_t *heap)
{
    heap_node_t *node = heap_top (heap);

    return node ? container_of (node, item_t, node) : NULL;
}

static void nodes_come_out_in_order (void **state)
{
    (void)state;
    item_t items[ITEMS] = {{0}};
    unsigned seed = 7, last = 0;
    heap_t heap;

    heap_init (&heap, before);
    assert_null (heap_top (&heap));
    assert_int_equal (heap_reserve (&heap, ITEMS), 0);
    for (unsigned i = 0; i < ITEMS; i++) {
        items[i].key = dice (&seed, 100);
        items[i].sequence = i;
        heap_push (&heap, &items[i].node);
        assert_true (heap_holds (&items[i].node));
        assert_true (heap_check (&heap));
    }
    for (unsigned i = 0; i < ITEMS; i++) {
        item_t *item = top_of (&heap);
        assert_true (item->key >= last);
        last = item->key;
        heap_remove (&heap, &item->node);
        assert_false (heap_holds (&item->node));
        assert_true (heap_check (&heap));
    }
    assert_null (heap_top (&heap));
    heap_finish (&heap);
}

static item_t *least_of (item_t *items)
{
    item_t *least = NULL;

    for (unsigned i = 0; i < ITEMS; i++) {
        if (heap_holds (&items[i].node) && (!least || before (&items[i].node, &least->node)))
            least = &items[i];
    }
    return least;
}

// Any node may come, go or change its key at any time; the first is always the least.
static void the_top_is_the_least_whatever_happens (void **state)
{
    (void)state;
    item_t items[ITEMS] = {{0}};
    unsigned seed = 42;
    size_t held = 0;
    heap_t heap;

    heap_init (&heap, before);
    for (unsigned step = 0; step < 20000; step++) {
        item_t *item = &items[dice (&seed, ITEMS)];
        if (!heap_holds (&item->node)) {
            item->key = dice (&seed, 50);
            item->sequence = step;
            assert_int_equal (heap_reserve (&heap, ++held), 0);
            heap_push (&heap, &item->node);
        } else if (dice (&seed, 2)) {
            item->key = dice (&seed, 50);
            heap_update (&heap, &item->node);
        } else {
            heap_remove (&heap, &item->node);
            held--;
        }
        assert_int_equal (heap.count, held);
        assert_true (heap_check (&heap));
        assert_ptr_equal (top_of (&heap), least_of (items));
    }
    heap_finish (&heap);
}

static void a_node_that_is_in_no_heap_may_be_removed (void **state)
{
    (void)state;
    item_t item = {.key = 1};
    heap_t heap;

    heap_init (&heap, before);
    heap_remove (&heap, &item.node);
    assert_int_equal (heap_reserve (&heap, 1), 0);
    heap_push (&heap, &item.node);
    heap_remove (&heap, &item.node);
    heap_remove (&heap, &item.node);
    assert_int_equal (heap.count, 0);
    heap_finish (&heap);
}

static void a_reservation_that_fails_changes_nothing (void **state)
{
    (void)state;
    item_t items[20] = {{0}};
    heap_t heap;

    heap_init (&heap, before);
    alloc_fail_at (0);
    assert_int_equal (heap_reserve (&heap, 1), -1);
    assert_int_equal (errno, ENOMEM);
    alloc_fail_never ();
    assert_int_equal (heap_reserve (&heap, 2), 0);
    items[0].key = 2;
    items[1].key = 1;
    heap_push (&heap, &items[0].node);
    heap_push (&heap, &items[1].node);
    alloc_fail_at (0);
    assert_int_equal (heap_reserve (&heap, 1000), -1);
    alloc_fail_never ();
    assert_true (heap_check (&heap));
    assert_ptr_equal (top_of (&heap), &items[1]);
    assert_int_equal (heap.count, 2);
    heap_finish (&heap);
}

static void what_is_reserved_needs_no_memory (void **state)
{
    (void)state;
    item_t items[ITEMS] = {{0}};
    heap_t heap;

    heap_init (&heap, before);
    assert_int_equal (heap_reserve (&heap, ITEMS), 0);
    alloc_fail_from (0);
    for (unsigned i = 0; i < ITEMS; i++) {
        items[i].key = ITEMS - i;
        assert_int_equal (heap_reserve (&heap, i + 1), 0);
        heap_push (&heap, &items[i].node);
    }
    assert_false (alloc_failed ());
    alloc_fail_never ();
    assert_true (heap_check (&heap));
    heap_finish (&heap);
}

// A check that finds nothing is no check.
static void the_check_finds_what_is_out_of_order (void **state)
{
    (void)state;
    item_t items[10] = {{0}};
    heap_t heap;

    heap_init (&heap, before);
    assert_int_equal (heap_reserve (&heap, 10), 0);
    for (unsigned i = 0; i < 10; i++) {
        items[i].key = i + 1;
        heap_push (&heap, &items[i].node);
    }
    items[9].key = 0;
    assert_false (heap_check (&heap));
    items[9].key = 10;
    assert_true (heap_check (&heap));
    items[9].node.place = 1;
    assert_false (heap_check (&heap));
    heap_finish (&heap);
}

TESTING_MAIN (cmocka_unit_test (nodes_come_out_in_order),
              cmocka_unit_test (the_top_is_the_least_whatever_happens),
              cmocka_unit_test (a_node_that_is_in_no_heap_may_be_removed),
              cmocka_unit_test (a_reservation_that_fails_changes_nothing),
              cmocka_unit_test (what_is_reserved_needs_no_memory),
              cmocka_unit_test (the_check_finds_what_is_out_of_order), )
