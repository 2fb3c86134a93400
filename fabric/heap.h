/*  An intrusive binary heap whose nodes know their place: O(log n) to add, take out or re-order
 *  any of them, O(1) to look at the first.
 *
 *  Owns: the array of pointers, never the nodes. A zeroed node is in no heap.
 *  Errors: only heap_reserve () can fail. Whoever may enter a heap reserves its place when it is
 *  made, so that changes of order in the midst of a task's life can't run out of memory.
 */
#ifndef FABRIC_HEAP_H
#define FABRIC_HEAP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    size_t place; // index in the heap plus 1; 0: in no heap
} heap_node_t;

// Whether `a` comes out before `b`. Must be a strict order without ties that matter.
typedef bool (heap_before_fn) (const heap_node_t *a, const heap_node_t *b);

typedef struct {
    heap_node_t **nodes;
    size_t count;
    size_t size;
    heap_before_fn *before;
} heap_t;

void heap_init (heap_t *self, heap_before_fn *before);
void heap_finish (heap_t *self);

// Makes room for `count` nodes in all. 0, or -1 (ENOMEM) and nothing has changed.
int heap_reserve (heap_t *self, size_t count);

// Adds a node that is in no heap; its place has been reserved.
void heap_push (heap_t *self, heap_node_t *node);

// Takes the node out; nothing happens if it is in none.
void heap_remove (heap_t *self, heap_node_t *node);

// Puts the node where it belongs after its key has changed.
void heap_update (heap_t *self, heap_node_t *node);

// Verifies order and places, O(n). For tests.
bool heap_check (const heap_t *self);

static inline heap_node_t *heap_top (const heap_t *self)
{
    return self->count ? self->nodes[0] : NULL;
}

static inline bool heap_holds (const heap_node_t *node)
{
    return node->place != 0;
}

#endif
