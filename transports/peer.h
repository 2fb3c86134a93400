/*  A peer: one connection of a door, over any carrier. It moves octets between the bufferevent and
 *  the door, and keeps what a connection may cost in bounds:
 *
 *  - what goes out and is not read waits here; beyond PEER_CHOKE the peer is not read either, so
 *    that TCP pushes back; beyond the outbox it is thrown out, at once or, where it is owed what
 *    waits, if it takes nothing for a while (transports/patience.h);
 *  - a frame that has begun has PEER_IDLE_MS from one octet to the next.
 *
 *  What peers are sent during a turn of the loop is written at its end, at once for each of them;
 *  only what one does not take then waits until the loop says that it would.
 *
 *  Threads: the loop's. Owns: the bufferevent and the door's connection. A peer that ends is freed
 *  by its owner, who hears `ended` once and may not free it right then.
 */
#ifndef TRANSPORTS_PEER_H
#define TRANSPORTS_PEER_H

#include "fabric/buffer.h"
#include "fabric/list.h"
#include "transports/carrier.h"
#include "transports/door.h"
#include "transports/patience.h"

#define PEER_CHOKE        (1024u * 1024) // octets that wait to be read by it
#define PEER_HANDSHAKE_MS 10000u
#define PEER_LINGER_MS    2000u // for what was written to get out, when we close
#define PEER_IDLE_MS      30000u

typedef struct peer_owner {
    house_t *house;
    patience_pool_t *outbox; // octets that may wait for peers that do not read
    unsigned idle_ms;        // a frame that has begun and does not go on
    void (*ended) (struct peer_owner *self, peer_t *peer);
    list_t unwritten; // peers that were sent something: peer_flush () is wanted
} peer_owner_t;

// Takes `fd`, even if it fails. NULL: ENOMEM.
peer_t *peer_new (peer_owner_t *owner,
                  const carrier_t *carrier,
                  const carrier_options_t *options,
                  const door_t *door,
                  side_t side,
                  int fd);
void peer_destroy (peer_t **self_p);

// To be called between two turns of the loop: writes what peers were sent. May leave more to write.
void peer_flush (peer_owner_t *owner);

// The owner's list.
list_node_t *peer_place (peer_t *self);
peer_t *peer_at (list_node_t *place);

// Whether it may have come by any name: without a certificate for one, and not by a path.
bool peer_by_any_name (const peer_t *self);

const door_t *peer_door (const peer_t *self);
void *peer_conn (const peer_t *self);

// ---- for doors

/*  Sends what the buffer has, which is empty then. If the peer's outbox is full it is dropped; not
 *  at once if this is *owed* to it, the end of something that it began.
 */
void peer_send (peer_t *self, buffer_t *out);
void peer_send_owed (peer_t *self, buffer_t *out);

// Whether its outbox is full: what it can do without is better left out.
bool peer_full (const peer_t *self);

// Whether so much waits to be read by it that it should not ask for more.
bool peer_choked (const peer_t *self);

// What octets () did not take is worth another try: soon.
void peer_resume (peer_t *self);

// Whether something has begun that must go on.
void peer_half (peer_t *self, bool half);

// Closes in order: what was sent has PEER_LINGER_MS to get out. Nothing more is read.
void peer_end (peer_t *self);

// Closes at once.
void peer_drop (peer_t *self);

// Whether it was closed: nothing that it sent is to be looked at.
bool peer_has_ended (const peer_t *self);

#endif
