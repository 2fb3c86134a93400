/*  What the calls of a server share, whatever their method.
 */
#ifndef TRANSPORTS_RPC_HALL_H
#define TRANSPORTS_RPC_HALL_H

#include "transports/door.h"

typedef struct {
    house_t *house;
    list_t streams;  // rpc_stream.c
    list_t watchers; // rpc_health.c
    size_t held;     // octets of messages that came when the fabric took nothing
    size_t held_max;
    bool retiring; // health checks say so
    bool draining;
} rpc_hall_t;

#endif
