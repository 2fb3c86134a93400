// What rpc_server.c is replaced by where gRPC was not there to build with.

#include "transports/rpc_server.h"

#include <errno.h>
#include <unistd.h>

rpc_server_t *rpc_server_new (house_t *house, const rpc_server_options_t *options, fault_t *fault)
{
    (void)house;
    (void)options;
    fault_set (fault, "this zfabric was built without gRPC");
    errno = ENOTSUP;
    return NULL;
}

// There is no server to call the others with.

void rpc_server_destroy (rpc_server_t **self_p)
{
    *self_p = NULL;
}

void rpc_server_adopt (rpc_server_t *self, int fd)
{
    (void)self;
    (void)close (fd);
}

void rpc_server_changed (rpc_server_t *self)
{
    (void)self;
}

void rpc_server_retire (rpc_server_t *self)
{
    (void)self;
}

void rpc_server_leave (rpc_server_t *self)
{
    (void)self;
}

size_t rpc_server_busy (const rpc_server_t *self)
{
    (void)self;
    return 0;
}

void rpc_server_end (rpc_server_t *self)
{
    (void)self;
}

bool rpc_server_over (const rpc_server_t *self)
{
    (void)self;
    return true;
}
