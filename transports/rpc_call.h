/*  One call of gRPC, as its server sees it: messages both ways, and a status at the end.
 *
 *  One message is asked for at a time, and one is on its way out at a time: flow control holds the
 *  other side up. What waits to be read by it is bounded.
 *
 *  Threads: the loop's. Owns: gRPC's call. It frees itself when it is over and no operation is
 * under way.
 */
#ifndef TRANSPORTS_RPC_CALL_H
#define TRANSPORTS_RPC_CALL_H

#include "fabric/buffer.h"
#include "transports/patience.h"
#include "transports/rpc_library.h"

typedef struct rpc_call rpc_call_t;

// None of the functions may be called from within one of rpc_call_*.
typedef struct {
    void (*message) (void *arg, slice_t octets);
    void (*half_closed) (void *arg); // no message comes any more
    void (*room) (void *arg);        // rpc_call_choked () is no more true
    void (*over) (void *arg);        // the last: cancelled, broken, or the status is out
} rpc_sink_t;

// Who keeps count of calls.
typedef struct rpc_call_owner {
    const rpc_library_t *lib;
    struct event_base *base;
    patience_pool_t *outbox; // octets that may wait for calls that do not read
    void (*freed) (struct rpc_call_owner *self);
} rpc_call_owner_t;

// Takes `call`, even if it fails. NULL: ENOMEM.
rpc_call_t *rpc_call_new (rpc_call_owner_t *owner, grpc_call *call, gpr_timespec deadline);

// Once: what becomes of it.
void rpc_call_open (rpc_call_t *self, const rpc_sink_t *sink, void *arg);
void rpc_call_refuse (rpc_call_t *self, grpc_status_code status, const char *words);

// Asks for one message, unless one was asked for already.
void rpc_call_read (rpc_call_t *self);

/*  Sends what the buffer has as one message; it is empty then. A call that a message was lost of,
 * or whose outbox is full and that takes no message for a while (transports/patience.h), is
 * cancelled with RESOURCE_EXHAUSTED.
 */
void rpc_call_send (rpc_call_t *self, buffer_t *out);

// Whether its outbox is full: what it can do without is better left out.
bool rpc_call_full (const rpc_call_t *self);

// Whether so much waits to be read by it that it should not ask for more.
bool rpc_call_choked (rpc_call_t *self);

// Ends it with a status, after what was sent.
void rpc_call_end (rpc_call_t *self, grpc_status_code status, const char *words);

// Milliseconds that are left to it, 1 at least; 0: it has no deadline.
uint64_t rpc_call_time_left (const rpc_call_t *self);

#endif
