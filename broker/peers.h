/*  Peers: which routing id is which number, by which descriptor it came, and whether it is still
 *  there (DESIGN 4, point 2). A pure table: the broker's loop does what it says.
 *
 *  libzmq does not tell a ROUTER that a peer left. A monitor names the descriptor that closed; the
 *  peers bound to it are *suspects*. A suspect is probed with a packet: "no such host" convicts it,
 *  success is tried again for a while, as the descriptor's close precedes the pipe's end; after
 *  that it is cleared, for descriptors are used again and it may not have been its own. The
 *  *convicted* go when their socket has been read dry, for their last packets may be unread.
 *
 *  Peers over inproc have no descriptor: they are probed all the time, now and then.
 *
 *  Owns: the peers and their outboxes. Time: told by the caller.
 */
#ifndef BROKER_PEERS_H
#define BROKER_PEERS_H

#include "broker/outbox.h"
#include "broker/switchboard_io.h"
#include "fabric/heap.h"
#include "fabric/meter.h"
#include "fabric/packet.h"
#include "fabric/table.h"
#include "fabric/wire.h"

#define PEER_ADDRESS_MAX 64 // octets, the final NUL among them

typedef struct {
    table_node_t by_id;
    list_node_t in_descriptor; // with the others that came by the same one
    list_node_t in_convicted;
    list_node_t in_stalled; // its outbox is not empty
    heap_node_t probing;
    moment_t probe_at;
    unsigned probes; // made since it became a suspect
    moment_t convicted_at;
    sb_peer_t number;
    sb_side_t side;
    sb_key_t key;     // that it came with; 0: none
    int descriptor;   // -1: inproc
    bool delimiter;   // wants an empty frame before everything
    encoding_t codec; // of its latest packet
    bool chosen;      // its routing id is its own invention
    char address[PEER_ADDRESS_MAX];
    outbox_t outbox;
    meter_t *meter;       // of payloads that libzmq holds for it; NULL until there is a large one
    moment_t progress_at; // while it is stalled: when it last took something
    uint64_t taken;       // and is over its bound: wire_taken () when last asked
    wire_id_t id;
} peer_t;

typedef struct {
    table_t by_id[2]; // for each side
    peer_t **numbers; // by number
    sb_peer_t *free_numbers;
    size_t count;
    size_t size;
    size_t free_count;
    list_t *descriptors; // by descriptor: the peers that came by it
    bool *closed;        // by descriptor: it was closed and not accepted again since
    size_t descriptors_size;
    heap_t probes;
    list_t convicted;
    list_t stalled;
    uint8_t secret[TABLE_KEY_OCTETS];
} peers_t;

// 0 or -1 (ENOMEM).
int peers_init (peers_t *self, const uint8_t secret[static TABLE_KEY_OCTETS]);
void peers_finish (peers_t *self);

peer_t *peers_find (const peers_t *self, sb_side_t side, const wire_id_t *id);
peer_t *peers_number (const peers_t *self, sb_peer_t number);

/*  Enters a peer that was not there. The monitors must have been read before. NULL if memory is
 *  out.
 */
peer_t *
peers_add (peers_t *self, sb_side_t side, const wire_id_t *id, int descriptor, moment_t now);

// It is no more: frees it, and its number for another.
void peers_remove (peers_t *self, peer_t *peer);

// What the monitors say.
void peers_accepted (peers_t *self, int descriptor);
void peers_disconnected (peers_t *self, int descriptor, moment_t now);

// Whether the descriptor was closed and not accepted again since.
static inline bool peers_is_closed (const peers_t *self, int descriptor)
{
    return descriptor >= 0 && (size_t)descriptor < self->descriptors_size
           && self->closed[descriptor];
}

// A suspect whose probe is due; NULL if there is none. When the next one is.
peer_t *peers_due (const peers_t *self, moment_t now);
moment_t peers_next_probe (const peers_t *self);

// The probe was sent, or could not be for now: the next one, or it is cleared.
void peers_probed (peers_t *self, peer_t *peer, moment_t now);

// There is no such peer any more: it will go when its last packets have been read.
void peers_convict (peers_t *self, peer_t *peer, moment_t now);

// The first of the convicted; NULL if there is none.
peer_t *peers_convicted (const peers_t *self);

#endif
