/*  Which handler serves which pipeline: patterns as PROTOCOL 2 has them, exact names or prefixes
 *  that end in '*'.
 *
 *  Owns: copies of the patterns.
 */
#ifndef WORKER_HANDLERS_H
#define WORKER_HANDLERS_H

#include "fabric/slice.h"
#include "worker/zfabric_worker.h"

typedef struct {
    zfabric_handler_fn *function;
    void *arg;
    unsigned flags; // ZFABRIC_HANDLER_INLINE
} handler_t;

typedef struct handlers handlers_t;

handlers_t *handlers_new (void); // NULL: ENOMEM
void handlers_destroy (handlers_t **self_p);

// 0, or -1: EINVAL (no valid pattern), EEXIST, ENOSPC (LIMIT_PATTERNS are there), ENOMEM.
int handlers_add (handlers_t *self, slice_t pattern, const handler_t *handler);

/*  The handler for a pipeline: of its exact name, or else of the longest prefix. NULL if there is
 *  none. O(log n) in patterns, for each length of prefix that there is up to the name's own.
 */
const handler_t *handlers_find (const handlers_t *self, slice_t pipeline);

// The patterns in some order, for REGISTER; they live until the next handlers_add ().
const slice_t *handlers_patterns (const handlers_t *self, size_t *count);

#endif
