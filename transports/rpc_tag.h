/*  What gRPC's completion queue hands back when an operation is done. Its thread only puts the tag
 *  into the loop's mailbox; the loop calls `done`.
 */
#ifndef TRANSPORTS_RPC_TAG_H
#define TRANSPORTS_RPC_TAG_H

#include <stdatomic.h>

#include "fabric/list.h"

typedef struct rpc_tag {
    list_node_t place;
    void (*done) (struct rpc_tag *self, bool ok);
    bool ok;
    // gRPC hands the tag from thread to thread by means that a race detector does not see.
    atomic_bool armed;
} rpc_tag_t;

// Before its operation is started, from the loop.
static inline void rpc_tag_arm (rpc_tag_t *self, void (*done) (rpc_tag_t *self, bool ok))
{
    self->done = done;
    atomic_store_explicit (&self->armed, true, memory_order_release);
}

// On the queue's thread.
static inline void rpc_tag_take (rpc_tag_t *self, bool ok)
{
    (void)atomic_load_explicit (&self->armed, memory_order_acquire);
    self->ok = ok;
}

#endif
