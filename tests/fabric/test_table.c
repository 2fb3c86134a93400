#include "fabric/container.h"
#include "fabric/table.h"

#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

#include <errno.h>
#include <stdlib.h>

#define ITEMS 20000u

typedef struct {
    uint32_t key;
    bool inside;
    table_node_t node;
} item_t;

static const uint8_t secret[TABLE_KEY_OCTETS] = "sixteen octets!";

static bool equal (const table_node_t *node, slice_t key)
{
    const item_t *item = container_of (node, const item_t, node);

    return slice_equal (slice_of (&item->key, sizeof item->key), key);
}

static uint64_t by_key (uint32_t key)
{
    return table_hash (secret, slice_of (&key, sizeof key));
}

// The worst that could happen: everything in a few chains.
static uint64_t badly (uint32_t key)
{
    return key % 3;
}

static item_t *find (const table_t *table, uint64_t hash, uint32_t key)
{
    table_node_t *node = table_find (table, hash, slice_of (&key, sizeof key));

    return node ? container_of (node, item_t, node) : NULL;
}

static item_t *make_items (size_t count)
{
    item_t *items = calloc (count, sizeof *items);

    assert_non_null (items);
    for (uint32_t i = 0; i < count; i++)
        items[i].key = i * 2654435761u;
    return items;
}

static void what_is_put_in_is_found_until_it_is_taken_out (void **state)
{
    (void)state;
    item_t *items = make_items (ITEMS);
    table_t table;

    assert_int_equal (table_init (&table, equal), 0);
    for (uint32_t i = 0; i < ITEMS; i++) {
        assert_null (find (&table, by_key (items[i].key), items[i].key));
        table_insert (&table, &items[i].node, by_key (items[i].key));
        assert_ptr_equal (find (&table, by_key (items[i].key), items[i].key), &items[i]);
        assert_int_equal (table.count, i + 1);
    }
    for (uint32_t i = 0; i < ITEMS; i++)
        assert_ptr_equal (find (&table, by_key (items[i].key), items[i].key), &items[i]);
    for (uint32_t i = 0; i < ITEMS; i++) {
        table_remove (&table, &items[i].node);
        assert_null (find (&table, by_key (items[i].key), items[i].key));
    }
    assert_int_equal (table.count, 0);
    table_finish (&table);
    free (items);
}

// It grows by degrees: at each moment of that, everything must be where it is looked for.
static void come_and_go (uint64_t (*hash) (uint32_t), size_t count, unsigned steps, bool memory)
{
    item_t *items = make_items (count);
    unsigned seed = 5;
    size_t inside = 0;
    table_t table;

    assert_int_equal (table_init (&table, equal), 0);
    if (!memory)
        alloc_fail_from (0);
    for (unsigned step = 0; step < steps; step++) {
        seed = seed * 1664525 + 1013904223;
        item_t *item = &items[(seed >> 8) % count];
        if (item->inside)
            table_remove (&table, &item->node);
        else
            table_insert (&table, &item->node, hash (item->key));
        item->inside = !item->inside;
        inside += item->inside ? 1 : (size_t)-1;
        assert_int_equal (table.count, inside);

        seed = seed * 1664525 + 1013904223;
        const item_t *other = &items[(seed >> 8) % count];
        assert_ptr_equal (find (&table, hash (other->key), other->key),
                          other->inside ? other : NULL);
    }
    alloc_fail_never ();
    for (size_t i = 0; i < count; i++)
        assert_ptr_equal (find (&table, hash (items[i].key), items[i].key),
                          items[i].inside ? &items[i] : NULL);
    table_finish (&table);
    free (items);
}

static void items_come_and_go_in_any_order (void **state)
{
    (void)state;
    come_and_go (by_key, 5000, 100000, true);
}

static void hashes_that_collide_are_only_slow (void **state)
{
    (void)state;
    come_and_go (badly, 300, 20000, true);
}

static void without_memory_to_grow_chains_get_longer (void **state)
{
    (void)state;
    come_and_go (by_key, 1000, 20000, false);
}

static void no_single_change_costs_as_much_as_there_is (void **state)
{
    (void)state;
    item_t *items = make_items (ITEMS);
    size_t most = 0;
    table_t table;

    assert_int_equal (table_init (&table, equal), 0);
    for (uint32_t i = 0; i < ITEMS; i++) {
        size_t moved = table.old ? table.moved : 0;
        bool growing = table.old != NULL;
        table_insert (&table, &items[i].node, by_key (items[i].key));
        if (table.old && growing && table.moved - moved > most)
            most = table.moved - moved;
    }
    assert_in_range (most, 1, 16); // chains
    assert_true (table.mask + 1 >= ITEMS / 2);
    table_finish (&table);
    free (items);
}

static void one_may_take_the_others_place (void **state)
{
    (void)state;
    item_t *items = make_items (200), other = {.key = items[77].key};
    table_t table;

    assert_int_equal (table_init (&table, equal), 0);
    for (uint32_t i = 0; i < 200; i++)
        table_insert (&table, &items[i].node, badly (items[i].key));
    table_replace (&table, &items[77].node, &other.node);
    assert_ptr_equal (find (&table, badly (other.key), other.key), &other);
    assert_int_equal (table.count, 200);
    for (uint32_t i = 0; i < 200; i++)
        assert_ptr_equal (find (&table, badly (items[i].key), items[i].key),
                          i == 77 ? &other : &items[i]);
    table_remove (&table, &other.node);
    assert_null (find (&table, badly (other.key), other.key));
    table_finish (&table);
    free (items);
}

static void a_table_without_memory_is_none (void **state)
{
    (void)state;
    table_t table;

    alloc_fail_at (0);
    errno = 0;
    assert_int_equal (table_init (&table, equal), -1);
    assert_int_equal (errno, ENOMEM);
    alloc_fail_never ();
    table_finish (&table);
    assert_null (find (&table, 1, 1));
}

// SipHash: who does not know the secret can't say which keys collide.
static void hashes_depend_on_the_secret (void **state)
{
    (void)state;
    static const uint8_t other[TABLE_KEY_OCTETS] = "another secret.";
    slice_t key = slice_text ("key");

    assert_true (table_hash (secret, key) == table_hash (secret, key));
    assert_true (table_hash (secret, key) != table_hash (other, key));
    assert_true (table_hash (secret, key) != table_hash (secret, slice_text ("kez")));
    assert_true (table_hash (secret, slice_text ("")) != table_hash (secret, key));
}

TESTING_MAIN (cmocka_unit_test (what_is_put_in_is_found_until_it_is_taken_out),
              cmocka_unit_test (items_come_and_go_in_any_order),
              cmocka_unit_test (hashes_that_collide_are_only_slow),
              cmocka_unit_test (without_memory_to_grow_chains_get_longer),
              cmocka_unit_test (no_single_change_costs_as_much_as_there_is),
              cmocka_unit_test (one_may_take_the_others_place),
              cmocka_unit_test (a_table_without_memory_is_none),
              cmocka_unit_test (hashes_depend_on_the_secret), )
