/*  A guest: a peer of the legacy protocol, whatever it speaks it in (frames of JSON, gRPC), as a
 *  fabric peer: a client's packets go to the desk, a worker has a stand-in. The door reads packets
 *  and gives the guest its voice.
 *
 *  Threads: the loop's. Owns: the stand-in. A member of what the door keeps of a connection.
 */
#ifndef TRANSPORTS_GUEST_H
#define TRANSPORTS_GUEST_H

#include "transports/door.h"
#include "transports/legacy.h"
#include "transports/stand_in.h"

typedef struct guest guest_t;

// How it is spoken to. None of the functions may end the guest.
typedef struct {
    // A packet of the broker's. 0, or -1 with the reason why it can't be told, and nothing was.
    int (*packet) (
        guest_t *self, slice_t header, const packet_t *packet, slice_t payload, fault_t *fault);
    // A RESULT of our own. `cookie` may be NULL, and `words` too.
    void (*result) (guest_t *self, const cookie_t *cookie, zfabric_rc_t rc, const char *words);
    // CANCEL, or SHUTDOWN (`cookie` NULL).
    void (*order) (guest_t *self, packet_type_t type, const cookie_t *cookie);
    // guest_takes () may be true again, or guest_waits () false.
    void (*resume) (guest_t *self);
    // It can't go on, and has been told why.
    void (*end) (guest_t *self, zfabric_rc_t why);
} guest_voice_t;

struct guest {
    house_t *house;
    side_t side;
    const guest_voice_t *voice;
    caller_t caller;      // of a client
    hold_t hold;          // the same
    stand_in_t *stand_in; // of a worker that has registered
    bool told;            // the worker, to leave, since it registered last
};

void guest_open (guest_t *self, house_t *house, side_t side, const guest_voice_t *voice);

// It has gone.
void guest_close (guest_t *self);

// Whether a packet can be taken now; if not, voice->resume () follows.
bool guest_takes (guest_t *self);

/*  A packet that could be read, or (broken: why) could not: `legacy->packet` has as much of it as
 *  could. The header is in house->header.
 */
void guest_packet (guest_t *self, const legacy_t *legacy);
void guest_broken (guest_t *self, const packet_t *packet, const char *broken);

// The bridge is leaving: workers are told.
void guest_leave (guest_t *self);

// Tasks that it has under way as a worker.
size_t guest_busy (const guest_t *self);

// Whether there is something that it is still to be answered as a client.
bool guest_waits (const guest_t *self);

#endif
