#include "broker/keyring.h"

#include <errno.h>
#include <stdlib.h>

#include "fabric/container.h"

static bool card_equal (const table_node_t *node, slice_t key)
{
    const card_t *card = container_of (node, const card_t, by_key);

    return slice_equal (slice_of (card->entry.key.octets, KEY_OCTETS), key);
}

static void entry_finish (key_entry_t *entry)
{
    free ((void *)(uintptr_t)entry->rights.ptr);
    entry->rights = (slice_t){0};
    entry->roles = 0;
}

void key_list_finish (key_list_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        entry_finish (&self->entries[i]);
    free (self->entries);
    *self = (key_list_t){0};
}

int keyring_init (keyring_t *self, const uint8_t secret[static TABLE_KEY_OCTETS])
{
    *self = (keyring_t){0};
    list_init (&self->all);
    memcpy (self->secret, secret, TABLE_KEY_OCTETS);
    return table_init (&self->by_key, card_equal);
}

// Keys are as good as random, and so is their text's beginning.
static card_t **place_of (keyring_t *self, const char *text)
{
    unsigned first = (unsigned char)text[0], second = first ? (unsigned char)text[1] : 0;

    return &self->met[(first ^ second << 3) % KEYRING_MET];
}

static void forget (keyring_t *self, card_t *card)
{
    card_t **place = place_of (self, card->text);

    if (*place == card)
        *place = NULL;
    table_remove (&self->by_key, &card->by_key);
    list_remove (&card->in_all);
    entry_finish (&card->entry);
    self->count--;
    free (card);
}

void keyring_finish (keyring_t *self)
{
    list_node_t *node;

    while ((node = list_first (&self->all)))
        forget (self, container_of (node, card_t, in_all));
    table_finish (&self->by_key);
}

static uint64_t hash_of (const keyring_t *self, const fabric_key_t *key)
{
    return table_hash (self->secret, slice_of (key->octets, KEY_OCTETS));
}

card_t *keyring_find (const keyring_t *self, const fabric_key_t *key)
{
    table_node_t *node =
        table_find (&self->by_key, hash_of (self, key), slice_of (key->octets, KEY_OCTETS));

    return node ? container_of (node, card_t, by_key) : NULL;
}

card_t *keyring_find_text (keyring_t *self, const char *text)
{
    card_t **place = place_of (self, text);
    fabric_key_t key;

    if (*place && strcmp ((*place)->text, text) == 0)
        return *place;
    if (key_parse (slice_text (text), &key))
        return NULL;
    card_t *card = keyring_find (self, &key);
    if (card)
        *place = card;
    return card;
}

// What the entry owns is the card's then.
static int enter (keyring_t *self, key_entry_t *entry)
{
    card_t *card = (card_t *)calloc (1, sizeof *card);

    if (!card)
        return -1;
    card->entry = *entry;
    entry->rights = (slice_t){0};
    card->number = ++self->numbers;
    card->listed = true;
    key_print (&card->entry.key, card->text);
    table_insert (&self->by_key, &card->by_key, hash_of (self, &card->entry.key));
    list_append (&self->all, &card->in_all);
    self->count++;
    return 0;
}

// Whether the rights are others.
static bool refresh (card_t *card, key_entry_t *entry)
{
    bool same = slice_equal (card->entry.rights, entry->rights);

    card->listed = true;
    memcpy (card->entry.name, entry->name, sizeof card->entry.name);
    if (same)
        return false;
    entry_finish (&card->entry);
    card->entry = *entry;
    entry->rights = (slice_t){0};
    return true;
}

int keyring_update (
    keyring_t *self, key_list_t *list, keyring_changed_fn *changed, void *arg, keyring_news_t *news)
{
    int rc = 0;

    *news = (keyring_news_t){0};
    for (list_node_t *node = list_first (&self->all); node; node = list_next (&self->all, node))
        container_of (node, card_t, in_all)->listed = false;
    for (size_t i = 0; i < list->count; i++) {
        key_entry_t *entry = &list->entries[i];
        card_t *card = keyring_find (self, &entry->key);
        if (card && card->listed)
            continue;
        if (card && refresh (card, entry)) {
            news->changed++;
            changed (card, arg);
        } else if (!card && enter (self, entry) == 0) {
            news->added++;
        } else if (!card) {
            rc = -1;
        }
    }
    for (list_node_t *node = list_first (&self->all), *next; node; node = next) {
        card_t *card = container_of (node, card_t, in_all);
        next = list_next (&self->all, node);
        if (card->listed)
            continue;
        news->removed++;
        entry_finish (&card->entry);
        changed (card, arg);
        forget (self, card);
    }
    if (rc)
        errno = ENOMEM;
    return rc;
}
