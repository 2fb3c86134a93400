/*  An intrusive hash table from octets to the struct that holds the node.
 *
 *  Grows by degrees: while it grows, each change moves a few chains from the old array to the new
 *  one, so that no single call costs O(n). It has no order to walk in: what must be walked is in a
 *  list as well.
 *
 *  Owns: its arrays, never the nodes.
 */
#ifndef FABRIC_TABLE_H
#define FABRIC_TABLE_H

#include "fabric/slice.h"

#define TABLE_KEY_OCTETS 16 // of the secret that hashes are made with

typedef struct table_node {
    struct table_node *next;
    uint64_t hash;
} table_node_t;

// Whether the node's key is `key`.
typedef bool (table_equal_fn) (const table_node_t *node, slice_t key);

typedef struct {
    table_node_t **slots; // a power of two
    size_t mask;
    table_node_t **old; // while growing: the array before, emptied up to `moved`
    size_t old_mask;
    size_t moved;
    size_t count;
    table_equal_fn *equal;
} table_t;

// SipHash: peers who choose keys can't make them collide.
uint64_t table_hash (const uint8_t secret[static TABLE_KEY_OCTETS], slice_t key);

// 0, or -1 (ENOMEM).
int table_init (table_t *self, table_equal_fn *equal);
void table_finish (table_t *self);

// NULL if there is none.
table_node_t *table_find (const table_t *self, uint64_t hash, slice_t key);

// Adds a node whose key is not there yet. If there is no memory to grow, chains get longer.
void table_insert (table_t *self, table_node_t *node, uint64_t hash);

// Takes out a node that is there.
void table_remove (table_t *self, table_node_t *node);

// Puts `other`, of the same key, in the place of `node`, which is there.
void table_replace (table_t *self, table_node_t *node, table_node_t *other);

#endif
