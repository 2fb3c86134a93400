/*  What any thread hands to one thread's loop.
 */
#include "fabric/mailbox.h"

#include <poll.h>
#include <pthread.h>

#include "tests/support/testing.h"

#define LETTERS 5000
#define SENDERS 4

static mailbox_t *mailbox;
static list_node_t letters[SENDERS][LETTERS];

static int set_up (void **state)
{
    (void)state;
    mailbox = mailbox_new ();
    return mailbox ? 0 : -1;
}

static int tear_down (void **state)
{
    (void)state;
    mailbox_destroy (&mailbox);
    mailbox_destroy (&mailbox);
    return 0;
}

static bool rings (void)
{
    struct pollfd item = {.fd = mailbox_descriptor (mailbox), .events = POLLIN};

    return poll (&item, 1, 0) == 1;
}

static unsigned take (void)
{
    list_t list;
    list_node_t *node;
    unsigned count = 0;

    list_init (&list);
    mailbox_take (mailbox, &list);
    while ((node = list_first (&list))) {
        list_remove (node);
        count++;
    }
    return count;
}

static void many_letters_come_by_one_ring (void **state)
{
    list_t list;
    (void)state;

    list_init (&list);
    mailbox_put_all (mailbox, &list);
    assert_false (rings ());
    mailbox_put (mailbox, &letters[0][0]);
    for (unsigned i = 1; i < 10; i++)
        list_append (&list, &letters[0][i]);
    mailbox_put_all (mailbox, &list);
    assert_true (list_empty (&list));
    assert_true (rings ());
    mailbox_take (mailbox, &list);
    assert_false (rings ());
    for (unsigned i = 0; i < 10; i++) {
        assert_ptr_equal (list_first (&list), &letters[0][i]);
        list_remove (&letters[0][i]);
    }
    assert_true (list_empty (&list));
}

static void letters_come_in_order (void **state)
{
    list_t list;
    (void)state;

    list_init (&list);
    assert_false (rings ());
    for (unsigned i = 0; i < 3; i++)
        mailbox_put (mailbox, &letters[0][i]);
    assert_true (rings ());
    mailbox_take (mailbox, &list);
    assert_false (rings ());
    for (unsigned i = 0; i < 3; i++) {
        assert_ptr_equal (list_first (&list), &letters[0][i]);
        list_remove (&letters[0][i]);
    }
    assert_true (list_empty (&list));
}

static void a_ring_without_a_letter_is_heard (void **state)
{
    (void)state;
    mailbox_ring (mailbox);
    mailbox_ring (mailbox);
    assert_true (rings ());
    assert_int_equal (take (), 0);
    assert_false (rings ());
}

static void a_busy_loop_is_not_rung_for (void **state)
{
    (void)state;
    assert_true (mailbox_doze (mailbox));
    mailbox_put (mailbox, &letters[0][0]);
    assert_true (rings ());
    assert_int_equal (take (), 1);
    mailbox_put (mailbox, &letters[0][1]);
    assert_false (rings ());
    assert_false (mailbox_doze (mailbox)); // there is a letter: don't wait
    mailbox_put (mailbox, &letters[0][2]);
    assert_false (rings ());
    assert_int_equal (take (), 2);
    mailbox_ring (mailbox); // this it must hear
    assert_true (rings ());
    assert_false (mailbox_doze (mailbox));
    assert_int_equal (take (), 0);
    assert_true (mailbox_doze (mailbox));
}

static void *put_all (void *arg)
{
    list_node_t *nodes = (list_node_t *)arg;

    for (unsigned i = 0; i < LETTERS; i++)
        mailbox_put (mailbox, &nodes[i]);
    return NULL;
}

// Whoever waits only when told to never misses a letter.
static void no_letter_is_missed (void **state)
{
    pthread_t threads[SENDERS];
    unsigned count = 0;
    (void)state;

    for (unsigned i = 0; i < SENDERS; i++)
        assert_int_equal (pthread_create (&threads[i], NULL, put_all, letters[i]), 0);
    while (count < SENDERS * LETTERS) {
        struct pollfd item = {.fd = mailbox_descriptor (mailbox), .events = POLLIN};
        if (mailbox_doze (mailbox))
            assert_int_equal (poll (&item, 1, 30000), 1);
        count += take ();
    }
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join (threads[i], NULL);
    assert_int_equal (count, SENDERS * LETTERS);
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)

TESTING_MAIN (CASE (many_letters_come_by_one_ring),
              CASE (letters_come_in_order),
              CASE (a_ring_without_a_letter_is_heard),
              CASE (a_busy_loop_is_not_rung_for),
              CASE (no_letter_is_missed), )
