/*  The broker's two ROUTERs, bound, each with the monitor that tells which descriptors closed.
 */
#ifndef BROKER_SOCKETS_H
#define BROKER_SOCKETS_H

#include <czmq.h>

#include "broker/switchboard_io.h"
#include "broker/zfabric_broker.h"
#include "fabric/fault.h"

typedef struct {
    zsock_t *routers[2]; // by sb_side_t
    void *monitors[2];   // libzmq PAIR sockets
    char **bound[2];     // endpoints as they were bound
    size_t bound_count[2];
} sockets_t;

/*  Makes, sets and binds both. 0, or -1 with errno as zfabric_broker_new () says and a fault; all
 *  is undone then.
 */
int sockets_init (sockets_t *self, const zfabric_broker_options_t *options, fault_t *fault);

// Closes all; what was sent has the linger time to leave.
void sockets_finish (sockets_t *self);

typedef enum { SOCKETS_NOTHING, SOCKETS_ACCEPTED, SOCKETS_DISCONNECTED } sockets_event_t;

// Reads one event of a side's monitor, without waiting.
sockets_event_t sockets_event (sockets_t *self, sb_side_t side, int *descriptor);

#endif
