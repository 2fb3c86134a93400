// The keys that may come in: lists of them make the ring, and who changed is told.

#define _POSIX_C_SOURCE 200809L

#include "broker/keyring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

static const uint8_t secret[TABLE_KEY_OCTETS] = {3};

static fabric_key_t key_number (unsigned number)
{
    fabric_key_t key = {{(uint8_t)number, (uint8_t)(number >> 8)}};

    return key;
}

// "1 client\na" ...: a key's number and its rights, up to a NULL.
static key_list_t list_of (const char *const *texts)
{
    key_list_t list = {(key_entry_t *)calloc (16, sizeof (key_entry_t)), 0};

    for (; *texts; texts++) {
        key_entry_t *entry = &list.entries[list.count++];
        const char *rights = strchr (*texts, ' ') + 1;
        entry->key = key_number ((unsigned)atoi (*texts));
        entry->roles = 1;
        entry->rights = slice_text (strdup (rights));
        snprintf (entry->name, sizeof entry->name, "n%d", atoi (*texts));
    }
    return list;
}

static void tell (card_t *card, void *arg)
{
    char *told = (char *)arg;

    sprintf (told + strlen (told), "%s%s;", card->entry.name, card->entry.roles ? "" : " gone");
}

#define UPDATE(ring, news, ...)                                                                    \
    do {                                                                                           \
        static const char *const texts[] = {__VA_ARGS__, NULL};                                    \
        key_list_t list = list_of (texts);                                                         \
        told[0] = '\0';                                                                            \
        assert_int_equal (keyring_update (ring, &list, tell, told, news), 0);                      \
        key_list_finish (&list);                                                                   \
    } while (0)

// By its octets, and by its text: whether or not it was found before, and is gone by now.
static sb_key_t number_of (keyring_t *ring, unsigned number)
{
    fabric_key_t key = key_number (number);
    const card_t *card = keyring_find (ring, &key);
    char text[KEY_TEXT + 1];

    key_print (&key, text);
    for (int i = 0; i < 2; i++)
        assert_ptr_equal (keyring_find_text (ring, text), card);
    text[KEY_TEXT - 1] ^= 1; // its neighbour, in the same place
    assert_true (!card || keyring_find_text (ring, text) != card);
    assert_null (keyring_find_text (ring, ""));
    assert_null (keyring_find_text (ring, "x"));
    return card ? card->number : 0;
}

static void lists_make_the_ring (void **state)
{
    (void)state;
    keyring_t ring;
    keyring_news_t news;
    char told[256];

    assert_int_equal (keyring_init (&ring, secret), 0);
    UPDATE (&ring, &news, "1 client", "2 worker", "3 admin");
    assert_int_equal (news.added, 3);
    assert_string_equal (told, "");
    sb_key_t one = number_of (&ring, 1), two = number_of (&ring, 2);
    assert_true (one && two && one != two);
    assert_int_equal (number_of (&ring, 4), 0);
    UPDATE (&ring, &news, "1 client", "2 worker\nb", "4 client");
    assert_int_equal (news.added, 1);
    assert_int_equal (news.changed, 1);
    assert_int_equal (news.removed, 1);
    assert_string_equal (told, "n2;n3 gone;");
    assert_int_equal (number_of (&ring, 1), one);
    assert_int_equal (number_of (&ring, 2), two);
    assert_int_equal (number_of (&ring, 3), 0);
    assert_int_equal (ring.count, 3);
    UPDATE (&ring, &news, "1 client", "2 worker\nb", "4 client");
    assert_int_equal (news.added + news.changed + news.removed, 0);
    assert_string_equal (told, "");
    keyring_finish (&ring);
}

// What the switchboard knows of a number stays true of it.
static void a_key_that_comes_back_has_another_number (void **state)
{
    (void)state;
    keyring_t ring;
    keyring_news_t news;
    char told[256];

    assert_int_equal (keyring_init (&ring, secret), 0);
    UPDATE (&ring, &news, "1 client");
    sb_key_t one = number_of (&ring, 1);
    UPDATE (&ring, &news, "2 client");
    UPDATE (&ring, &news, "1 client");
    assert_int_not_equal (number_of (&ring, 1), one);
    keyring_finish (&ring);
}

static void of_a_key_that_is_there_twice_the_first_counts (void **state)
{
    (void)state;
    keyring_t ring;
    keyring_news_t news;
    char told[256];
    fabric_key_t key = key_number (1);

    assert_int_equal (keyring_init (&ring, secret), 0);
    UPDATE (&ring, &news, "1 client", "1 admin");
    assert_int_equal (news.added, 1);
    assert_true (slice_equal (keyring_find (&ring, &key)->entry.rights, slice_text ("client")));
    UPDATE (&ring, &news, "1 client", "1 admin");
    assert_int_equal (news.changed, 0);
    keyring_finish (&ring);
}

static void without_memory_nobody_comes_in (void **state)
{
    (void)state;
    static const char *const texts[] = {"1 client", "2 client", NULL};

    for (unsigned long n = 0; n < 2; n++) {
        keyring_t ring;
        keyring_news_t news;
        char told[256] = "";
        key_list_t list = list_of (texts);
        assert_int_equal (keyring_init (&ring, secret), 0);
        alloc_fail_at (n);
        assert_int_equal (keyring_update (&ring, &list, tell, told, &news), -1);
        alloc_fail_never ();
        assert_int_equal (errno, ENOMEM);
        assert_int_equal (number_of (&ring, (unsigned)n + 1), 0);
        assert_int_not_equal (number_of (&ring, 2 - (unsigned)n), 0);
        key_list_finish (&list);
        keyring_finish (&ring);
    }
}

TESTING_MAIN (cmocka_unit_test (lists_make_the_ring),
              cmocka_unit_test (a_key_that_comes_back_has_another_number),
              cmocka_unit_test (of_a_key_that_is_there_twice_the_first_counts),
              cmocka_unit_test (without_memory_nobody_comes_in), )
