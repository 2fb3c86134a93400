/*  An outbox: packets for one peer whose pipe was full, in order, bounded in octets.
 *
 *  Owns: the frames in it. A packet that alone is larger than the bound may wait alone, or no large
 *  result would ever reach a peer that was busy for a moment.
 */
#ifndef BROKER_OUTBOX_H
#define BROKER_OUTBOX_H

#include "fabric/frame.h"
#include "fabric/list.h"

typedef struct {
    list_node_t in_outbox;
    uint64_t cost; // octets against the bound; kept here as the frames are moved away
    frame_t header;
    frame_t payload;
    bool has_payload;
    bool droppable;
    bool metered; // its payload is on the peer's meter already
} outbox_packet_t;

typedef struct {
    list_t packets;
    uint64_t octets;
} outbox_t;

typedef enum {
    OUTBOX_KEPT,    // the packet waits now
    OUTBOX_DROPPED, // there was no room and the packet could be left out
    OUTBOX_FULL,    // there was no room, even without what could be left out (or memory is out)
} outbox_verdict_t;

void outbox_init (outbox_t *self);
void outbox_finish (outbox_t *self);

/*  Takes the frames if it keeps them. `*dropped` is raised by the droppable packets that made room
 *  or were left out.
 */
outbox_verdict_t outbox_add (outbox_t *self,
                             frame_t *header,
                             frame_t *payload,
                             bool droppable,
                             bool metered,
                             uint64_t limit,
                             uint64_t *dropped);

static inline bool outbox_empty (const outbox_t *self)
{
    return list_empty (&self->packets);
}

// The packet to be sent next; NULL if there is none.
outbox_packet_t *outbox_first (outbox_t *self);

// Forgets the first packet.
void outbox_shift (outbox_t *self);

#endif
