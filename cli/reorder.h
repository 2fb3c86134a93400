/*  What comes in any order, handed on in the order of its numbers.
 *
 *  Numbers run from 0 without a gap. How far ahead of the oldest that is missing they may run is
 *  bounded: reorder_room ().
 *
 *  Owns: its ring, never the items.
 */
#ifndef CLI_REORDER_H
#define CLI_REORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    void **ring;
    size_t size;
    uint64_t next; // the number to be handed on next
} reorder_t;

// 0, or -1 (ENOMEM).
int reorder_init (reorder_t *self, size_t size);
void reorder_finish (reorder_t *self);

// Whether an item of this number may be put in.
static inline bool reorder_room (const reorder_t *self, uint64_t number)
{
    return number - self->next < self->size;
}

// `item` is not NULL, there is room for its number, and it was not put in before.
void reorder_put (reorder_t *self, uint64_t number, void *item);

// The next item, or NULL if it has not come yet.
void *reorder_take (reorder_t *self);

#endif
