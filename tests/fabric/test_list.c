#include "fabric/container.h"
#include "fabric/list.h"

#include "tests/support/testing.h"

typedef struct {
    char name;
    list_node_t node;
} item_t;

// What the list has, in order, as text.
static void expect (const list_t *list, const char *wanted)
{
    for (list_node_t *node = list_first (list); node; node = list_next (list, node))
        assert_int_equal (container_of (node, item_t, node)->name, *wanted++);
    assert_int_equal (*wanted, '\0');
}

static void nodes_stand_in_the_order_in_which_they_came (void **state)
{
    (void)state;
    item_t a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    list_t list;

    list_init (&list);
    assert_true (list_empty (&list));
    assert_null (list_first (&list));
    list_append (&list, &a.node);
    assert_false (list_empty (&list));
    list_append (&list, &b.node);
    list_append (&list, &c.node);
    expect (&list, "abc");
}

static void a_node_may_go_from_anywhere_and_come_back (void **state)
{
    (void)state;
    item_t items[4] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'}};
    list_t list;

    list_init (&list);
    for (unsigned i = 0; i < 4; i++)
        list_append (&list, &items[i].node);
    list_remove (&items[1].node);
    expect (&list, "acd");
    list_remove (&items[0].node);
    expect (&list, "cd");
    list_remove (&items[3].node);
    expect (&list, "c");
    list_append (&list, &items[0].node);
    expect (&list, "ca");
    list_remove (&items[2].node);
    list_remove (&items[0].node);
    assert_true (list_empty (&list));
    expect (&list, "");
}

static void a_node_knows_whether_it_is_in_a_list (void **state)
{
    (void)state;
    item_t item = {.name = 'a'};
    list_t list;

    list_init (&list);
    assert_false (list_holds (&item.node));
    list_remove (&item.node);
    list_append (&list, &item.node);
    assert_true (list_holds (&item.node));
    list_remove (&item.node);
    assert_false (list_holds (&item.node));
    list_remove (&item.node);
    assert_true (list_empty (&list));
}

static void a_node_may_come_after_another (void **state)
{
    (void)state;
    item_t a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    list_t list;

    list_init (&list);
    list_insert_after (&list.head, &b.node);
    list_insert_after (&list.head, &a.node);
    list_insert_after (&b.node, &c.node);
    expect (&list, "abc");
}

static void a_list_may_come_behind_another (void **state)
{
    (void)state;
    item_t items[4] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'}};
    list_t list, other;

    list_init (&list);
    list_init (&other);
    list_append_all (&list, &other);
    expect (&list, "");
    list_append (&other, &items[0].node);
    list_append (&other, &items[1].node);
    list_append_all (&list, &other);
    expect (&list, "ab");
    assert_true (list_empty (&other));
    list_append (&other, &items[2].node);
    list_append_all (&list, &other);
    list_append (&list, &items[3].node);
    expect (&list, "abcd");
    list_remove (&items[1].node);
    list_remove (&items[3].node);
    expect (&list, "ac");
    assert_true (list_empty (&other));
}

TESTING_MAIN (cmocka_unit_test (nodes_stand_in_the_order_in_which_they_came),
              cmocka_unit_test (a_node_may_go_from_anywhere_and_come_back),
              cmocka_unit_test (a_node_knows_whether_it_is_in_a_list),
              cmocka_unit_test (a_node_may_come_after_another),
              cmocka_unit_test (a_list_may_come_behind_another), )
