/*  The server behind doors for gRPC: HTTP/2 and its streams are gRPC's, on connections that the
 *  bridge accepts.
 *
 *  gRPC works on threads of its own; one of them, which is the server's, waits for what is done and
 *  puts it into the loop's mailbox. All else is the loop's.
 *
 *  In a zfabric that was built without gRPC there is nothing of this but an error (rpc_absent.c).
 */
#ifndef TRANSPORTS_RPC_SERVER_H
#define TRANSPORTS_RPC_SERVER_H

#include "transports/door.h"
#include "transports/patience.h"

#define RPC_CALLS_MAX 10000u // at once

typedef struct rpc_server rpc_server_t;

typedef struct {
    uint64_t max_message;    // octets
    patience_pool_t *outbox; // octets that wait for streams that are not read; outlives the server
    uint64_t memory;         // octets that gRPC may hold of what is not whole, of all connections
} rpc_server_options_t;

// From the bridge's maker, before its loop runs. NULL with errno and a fault.
rpc_server_t *rpc_server_new (house_t *house, const rpc_server_options_t *options, fault_t *fault);

// After the loop has stopped: what is left is cancelled. NULL-safe; nulls the pointer.
void rpc_server_destroy (rpc_server_t **self_p);

// A connection, in whatever speaks HTTP/2 on it; takes `fd`, which does not block.
void rpc_server_adopt (rpc_server_t *self, int fd);

// The broker has come or gone.
void rpc_server_changed (rpc_server_t *self);

// Health checks say from now on that it is about to leave.
void rpc_server_retire (rpc_server_t *self);

// Streams take no more tasks, and end when they have their answers.
void rpc_server_leave (rpc_server_t *self);

// Tasks that streams have under way as workers.
size_t rpc_server_busy (const rpc_server_t *self);

// All streams end, and then all connections.
void rpc_server_end (rpc_server_t *self);
bool rpc_server_over (const rpc_server_t *self);

#endif
