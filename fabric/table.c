#include "fabric/table.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#define FIRST_SLOTS    64u
#define MOVES_A_CHANGE 4u // chains moved to the grown array by each change

_Static_assert(TABLE_KEY_OCTETS == crypto_shorthash_KEYBYTES, "the secret is SipHash's key");

uint64_t table_hash (const uint8_t secret[static TABLE_KEY_OCTETS], slice_t key)
{
    uint64_t hash;

    crypto_shorthash ((unsigned char *)&hash, key.ptr, key.len, secret);
    return hash;
}

int table_init (table_t *self, table_equal_fn *equal)
{
    *self = (table_t){.mask = FIRST_SLOTS - 1, .equal = equal};
    self->slots = (table_node_t **)calloc (FIRST_SLOTS, sizeof *self->slots);
    if (!self->slots) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

void table_finish (table_t *self)
{
    free (self->slots);
    free (self->old);
    *self = (table_t){0};
}

static table_node_t *find_in (const table_t *self, table_node_t *node, uint64_t hash, slice_t key)
{
    for (; node; node = node->next) {
        if (node->hash == hash && self->equal (node, key))
            return node;
    }
    return NULL;
}

table_node_t *table_find (const table_t *self, uint64_t hash, slice_t key)
{
    table_node_t *found = NULL;

    if (!self->slots)
        return NULL;
    if (self->old)
        found = find_in (self, self->old[hash & self->old_mask], hash, key);
    return found ? found : find_in (self, self->slots[hash & self->mask], hash, key);
}

static void move_chains (table_t *self)
{
    for (unsigned i = 0; i < MOVES_A_CHANGE && self->old; i++) {
        table_node_t *node = self->old[self->moved];
        while (node) {
            table_node_t *next = node->next;
            node->next = self->slots[node->hash & self->mask];
            self->slots[node->hash & self->mask] = node;
            node = next;
        }
        self->old[self->moved] = NULL;
        if (self->moved++ == self->old_mask) {
            free (self->old);
            self->old = NULL;
        }
    }
}

static void grow (table_t *self)
{
    size_t slots = (self->mask + 1) * 2;
    table_node_t **grown = (table_node_t **)calloc (slots, sizeof *grown);

    if (!grown)
        return;
    self->old = self->slots;
    self->old_mask = self->mask;
    self->moved = 0;
    self->slots = grown;
    self->mask = slots - 1;
}

void table_insert (table_t *self, table_node_t *node, uint64_t hash)
{
    if (!self->old && self->count > self->mask)
        grow (self);
    move_chains (self);
    node->hash = hash;
    node->next = self->slots[hash & self->mask];
    self->slots[hash & self->mask] = node;
    self->count++;
}

// The pointer that points to the node.
static table_node_t **pointer_to (table_t *self, const table_node_t *node)
{
    table_node_t **at;

    if (self->old) {
        for (at = &self->old[node->hash & self->old_mask]; *at; at = &(*at)->next) {
            if (*at == node)
                return at;
        }
    }
    for (at = &self->slots[node->hash & self->mask]; *at != node; at = &(*at)->next)
        assert (*at);
    return at;
}

void table_remove (table_t *self, table_node_t *node)
{
    *pointer_to (self, node) = node->next;
    node->next = NULL;
    self->count--;
    move_chains (self);
}

void table_replace (table_t *self, table_node_t *node, table_node_t *other)
{
    *pointer_to (self, node) = other;
    other->next = node->next;
    other->hash = node->hash;
    node->next = NULL;
}
