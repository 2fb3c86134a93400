/*  The parts of the door for framed JSON: what its connections keep, and the two sides.
 */
#ifndef TRANSPORTS_DOOR_JSON_INNER_H
#define TRANSPORTS_DOOR_JSON_INNER_H

#include "transports/door.h"
#include "transports/legacy.h"
#include "transports/peer.h"
#include "transports/stand_in.h"

typedef struct {
    house_t *house;
    peer_t *peer;
    side_t side;
    framing_t framing;
    caller_t caller;      // of a client
    hold_t hold;          // the same
    stand_in_t *stand_in; // of a worker that has registered
} json_conn_t;

// Whether a packet of this side can be taken now; if not, peer_resume () follows.
bool json_client_takes (json_conn_t *self);
bool json_worker_takes (json_conn_t *self);

// A packet that could be read.
void json_client_packet (json_conn_t *self, const legacy_t *legacy);
void json_worker_packet (json_conn_t *self, const legacy_t *legacy);

// One that could not; `packet` has as much of it as could.
void json_worker_broken (json_conn_t *self, const packet_t *packet, const char *words);

void json_client_open (json_conn_t *self);
void json_client_close (json_conn_t *self);

// Sends a RESULT of our own.
void json_answer (json_conn_t *self, const cookie_t *cookie, zfabric_rc_t rc, const char *words);

// A packet's header (which legacy_read () left in house->header) and payload as frames. 0, or -1
// with a code and words for who sent it, and the frames are empty.
int json_frames (json_conn_t *self,
                 const legacy_t *legacy,
                 frame_t *header,
                 frame_t *payload,
                 zfabric_rc_t *rc,
                 fault_t *fault);

#endif
