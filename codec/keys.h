/*  The keys of the maps that a header reader has open, to find one that is there twice.
 *
 *  A stack of offsets into the header: a map pushes its keys, and when it ends looks at its own
 * part for duplicates and drops it. Few keys are compared each with each; many are heap-sorted in
 * place, so that no header costs more than O(n log n) comparisons, whatever its sender chose, and
 * no memory is allocated.
 */
#ifndef CODEC_KEYS_H
#define CODEC_KEYS_H

#include "fabric/limits.h"
#include "fabric/slice.h"

/*  A member has two octets at least, its key and its value; of each open map the last member may
 *  still lack the value.
 */
#define KEYS_MAX (LIMIT_HEADER_OCTETS / 2 + LIMIT_HEADER_DEPTH)

typedef struct {
    uint32_t count;
    uint16_t at[KEYS_MAX]; // offsets into the header; not cleared, for speed
} keys_t;

// Orders two keys by what they stand for; 0: the same key. `header` as given to keys_twice ().
typedef int keys_compare_fn (slice_t header, uint16_t a, uint16_t b);

// False if there is no room, which a header within its limits can't bring about.
static inline bool keys_push (keys_t *self, size_t at)
{
    if (self->count == KEYS_MAX)
        return false;
    self->at[self->count++] = (uint16_t)at;
    return true;
}

/*  Drops the keys from number `base` on. True if one of them is there twice, and then *at is where
 *  one of its spellings stands.
 */
bool keys_twice (
    keys_t *self, uint32_t base, slice_t header, keys_compare_fn *compare, uint16_t *at);

#endif
