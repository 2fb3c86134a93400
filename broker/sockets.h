/*  The broker's two ROUTERs, bound, each with the monitor that tells which descriptors closed.
 */
#ifndef BROKER_SOCKETS_H
#define BROKER_SOCKETS_H

#include <czmq.h>

#include "broker/switchboard_io.h"
#include "broker/zfabric_broker.h"
#include "fabric/fault.h"
#include "fabric/key_file.h"

typedef struct {
    void *routers[2];  // by sb_side_t
    void *monitors[2]; // libzmq PAIR sockets
    char **bound[2];   // endpoints as they were bound
    size_t bound_count[2];
} sockets_t;

/*  Makes, sets and binds both, in a ZeroMQ context. `keys` is the broker's own pair, whose ZAP
 *  handler stands already; NULL: keys are not in force. 0, or -1 with errno as zfabric_broker_new
 * () says and a fault; all is undone then.
 */
int sockets_init (sockets_t *self,
                  void *context,
                  const zfabric_broker_options_t *options,
                  const key_pair_t *keys,
                  fault_t *fault);

// Closes all; what was sent has the linger time to leave.
void sockets_finish (sockets_t *self);

typedef enum {
    SOCKETS_NOTHING,
    SOCKETS_ACCEPTED,     // value: the descriptor
    SOCKETS_DISCONNECTED, // likewise
    // Where keys are in force; the first two stand before the DISCONNECTED of the same connection.
    SOCKETS_BROKEN_OFF,   // a handshake ended too early; value: errno
    SOCKETS_BAD_PROTOCOL, // one broke the protocol; value: ZMQ_PROTOCOL_ERROR_*
    SOCKETS_REFUSED,      // one was refused by its key; value: ZAP's status
} sockets_event_t;

typedef struct {
    sockets_event_t event;
    int value;
} sockets_news_t;

// The ZAP domains of the two sides.
#define SOCKETS_DOMAIN_CLIENTS "front"
#define SOCKETS_DOMAIN_WORKERS "back"

// Reads one event of a side's monitor, without waiting.
sockets_news_t sockets_event (sockets_t *self, sb_side_t side);

// Where the other end of a connection is, for people: "10.0.0.1:4711", "process 815 of user 1000".
void sockets_address (int descriptor, char *text, size_t size);

#endif
