/*  The two sides of a guest.
 */
#ifndef TRANSPORTS_GUEST_INNER_H
#define TRANSPORTS_GUEST_INNER_H

#include "transports/guest.h"

void guest_client_open (guest_t *self);
void guest_client_close (guest_t *self);
void guest_client_packet (guest_t *self, const legacy_t *legacy);

void guest_worker_packet (guest_t *self, const legacy_t *legacy);
void guest_worker_leave (guest_t *self);
void guest_worker_broken (guest_t *self, const packet_t *packet, const char *words);

// A packet's header (which is in house->header) and payload as frames. 0, or -1 with a code and
// words for who sent it, and the frames are empty.
int guest_frames (guest_t *self,
                  const legacy_t *legacy,
                  frame_t *header,
                  frame_t *payload,
                  zfabric_rc_t *rc,
                  fault_t *fault);

static inline const cookie_t *guest_cookie (const packet_t *packet)
{
    return packet_has (packet, PACKET_BIT (COOKIE)) ? &packet->cookie : NULL;
}

#endif
