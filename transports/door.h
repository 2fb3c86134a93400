/*  Doors: what speaks a protocol with the peers of other kinds, and is a fabric peer towards the
 *  broker. A door is a table of functions; any carrier brings it connections.
 *
 *  Threads: the loop's. None of the functions may free the peer: they say peer_end ().
 */
#ifndef TRANSPORTS_DOOR_H
#define TRANSPORTS_DOOR_H

#include <event2/event.h>

#include "fabric/link.h"
#include "transports/desk.h"
#include "transports/framing.h"
#include "transports/outage.h"

typedef struct peer peer_t;             // transports/peer.h
typedef struct http_token http_token_t; // transports/http_token.h
typedef struct rpc_server rpc_server_t; // transports/rpc_server.h

// What doors for HTTP have in common.
typedef struct {
    http_token_t *token;      // NULL: none is asked for
    const char *origin;       // whose pages may ask; "*": any; NULL: only what came from here
    bool any_host;            // a request may name this place as it likes
    unsigned timeout_ms;      // for a request's head, and for its body: see door_http.c
    unsigned connections;     // that there are
    unsigned connections_max; //
} http_house_t;

typedef enum { SIDE_CLIENTS, SIDE_WORKERS, SIDE_COUNT } side_t;

// What the connections of a bridge share.
typedef struct house {
    struct event_base *base;
    desk_t *desk;                // the broker, for clients; NULL: none is served
    const link_options_t *links; // to the broker, for workers
    outage_t outages[SIDE_COUNT];
    framing_budget_t budget; // of frames that are not whole
    uint32_t max_frame;      // octets
    uint64_t max_payload;    // octets
    http_house_t http;
    rpc_server_t *rpc; // NULL: no door for gRPC
    buffer_t header;   // to write in, by whoever has the loop: empty between calls
    buffer_t out;      //
    // Makes room in the budget. False: there is no more to be had.
    bool (*make_room) (struct house *self);
} house_t;

typedef struct {
    const char *name;
    const char *tls_scheme; // what it is called over TLS
    const char *alpn;       // what TLS agrees on beforehand; NULL: nothing
    bool clients_only;      // no worker speaks it
    bool asks_token;        // --http-token is for it
    bool rpc;               // it has the house's server for gRPC behind it, which ends its peers
    // A connection that needs nothing of its carrier: it is taken as it is, and there is no peer.
    // May be NULL.
    void (*adopt) (house_t *house, int fd);
    // A new connection: what the others get as `conn`. NULL: ENOMEM.
    void *(*open) (house_t *house, peer_t *peer, side_t side);
    // Octets came. How many were taken: fewer than all means "not now", until peer_resume ().
    size_t (*octets) (void *conn, slice_t octets);
    // How many octets it holds of what is not whole yet.
    size_t (*held) (void *conn);
    // Lets go of it: the connection has ended.
    void (*spill) (void *conn);
    /*  The other side has said all that it will, and may be gone. Whether there is something that
     *  it is still to be told; if not, it is closed when what was sent is written. NULL: it has
     *  gone, whatever is under way.
     */
    bool (*eof) (void *conn);
    // It has read of what was sent: less than half of what chokes it waits. May be NULL.
    void (*room) (void *conn);
    // The bridge is leaving: workers are told.
    void (*leave) (void *conn);
    // Tasks that it has under way as a worker.
    size_t (*busy) (void *conn);
    // The connection is over: frees `conn`.
    void (*close) (void *conn);
} door_t;

extern const door_t door_json;
extern const door_t door_http;
extern const door_t door_grpc;

// The door of that name, or NULL.
const door_t *door_of (slice_t name);

#endif
