/*  Patience with a connection for which more waits than its bound: it is not given up for being
 *  slow, or late, but for taking nothing.
 *
 *  All connections of a *pool* may have PATIENCE_SPARE times the bound beyond their own, and have
 *  PATIENCE_MS from one octet that they take to the next; from a quarter of the spare on,
 *  PATIENCE_SHORT_MS.
 *
 *  Threads: the loop's. Owns: its timer.
 */
#ifndef TRANSPORTS_PATIENCE_H
#define TRANSPORTS_PATIENCE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#define PATIENCE_MS       3000u
#define PATIENCE_SHORT_MS 1000u
#define PATIENCE_SPARE    16u

typedef struct {
    uint64_t bound; // octets that may wait for one connection, for as long as it likes
    uint64_t over;  // that wait for all of them beyond it
} patience_pool_t;

// It took nothing for too long.
typedef void (patience_fn) (void *arg);

typedef struct patience patience_t;

// NULL: ENOMEM.
patience_t *
patience_new (patience_pool_t *pool, struct event_base *base, patience_fn *lost, void *arg);
void patience_destroy (patience_t **self_p);

// So many octets wait now. Fewer than the last time: it has taken some.
void patience_count (patience_t *self, uint64_t waiting);

// Whether more may wait for connections that are over their bound.
static inline bool patience_is_left (const patience_pool_t *pool)
{
    return pool->over / PATIENCE_SPARE < pool->bound;
}

#endif
