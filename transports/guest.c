#include "transports/guest_inner.h"

#include "transports/legacy_frames.h"

void guest_open (guest_t *self, house_t *house, side_t side, const guest_voice_t *voice)
{
    *self = (guest_t){.house = house, .side = side, .voice = voice};
    if (side == SIDE_CLIENTS)
        guest_client_open (self);
}

void guest_close (guest_t *self)
{
    if (self->side == SIDE_CLIENTS)
        guest_client_close (self);
    stand_in_destroy (&self->stand_in);
}

bool guest_takes (guest_t *self)
{
    if (self->side == SIDE_CLIENTS)
        return desk_takes (self->house->desk, &self->hold);
    return !self->stand_in || !stand_in_full (self->stand_in);
}

void guest_packet (guest_t *self, const legacy_t *legacy)
{
    if (self->side == SIDE_WORKERS)
        guest_worker_packet (self, legacy);
    else
        guest_client_packet (self, legacy);
}

void guest_broken (guest_t *self, const packet_t *packet, const char *broken)
{
    if (self->side == SIDE_WORKERS)
        guest_worker_broken (self, packet, broken);
    self->voice->result (self, guest_cookie (packet), ZFABRIC_BAD_PACKET, broken);
}

void guest_leave (guest_t *self)
{
    if (self->side == SIDE_WORKERS)
        guest_worker_leave (self);
}

size_t guest_busy (const guest_t *self)
{
    return self->stand_in ? stand_in_busy (self->stand_in) : 0;
}

bool guest_waits (const guest_t *self)
{
    return self->side == SIDE_CLIENTS
           && (self->caller.open > 0 || !list_empty (&self->caller.marks));
}

int guest_frames (guest_t *self,
                  const legacy_t *legacy,
                  frame_t *header,
                  frame_t *payload,
                  zfabric_rc_t *rc,
                  fault_t *fault)
{
    return legacy_frames (legacy, buffer_as_slice (&self->house->header), self->house->max_payload,
                          header, payload, rc, fault);
}
