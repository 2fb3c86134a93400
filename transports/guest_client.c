// Guests that are clients.

#include "transports/guest_inner.h"

#include "fabric/container.h"

// ---- towards the client

static void on_packet (caller_t *caller, slice_t header, const packet_t *packet, slice_t payload)
{
    guest_t *self = container_of (caller, guest_t, caller);
    fault_t fault;

    if (self->voice->packet (self, header, packet, payload, &fault)
        && packet->type == PACKET_RESULT)
        self->voice->result (self, &packet->cookie, ZFABRIC_EXCEPTION, fault.text);
}

static void on_result (caller_t *caller, const cookie_t *cookie, zfabric_rc_t rc, const char *words)
{
    guest_t *self = container_of (caller, guest_t, caller);

    self->voice->result (self, cookie, rc, words);
}

// A detached task is not waited for any more.
static void on_taken (caller_t *caller, const cookie_t *cookie)
{
    guest_t *self = container_of (caller, guest_t, caller);

    (void)cookie;
    self->voice->resume (self);
}

static void on_resume (hold_t *hold)
{
    guest_t *self = container_of (hold, guest_t, hold);

    self->voice->resume (self);
}

// ---- from the client

static void take_run (guest_t *self, const legacy_t *legacy)
{
    frame_t header, payload;
    zfabric_rc_t rc;
    fault_t fault;

    if (guest_frames (self, legacy, &header, &payload, &rc, &fault))
        self->voice->result (self, &legacy->packet.cookie, rc, fault.text);
    else
        desk_run (self->house->desk, &self->caller, &legacy->packet, &header, &payload);
}

void guest_client_packet (guest_t *self, const legacy_t *legacy)
{
    const packet_t *packet = &legacy->packet;
    const cookie_t *cookie = guest_cookie (packet);
    fault_t fault;

    if (packet->type == PACKET_HEARTBEAT)
        return;
    if (packet->type != PACKET_RUN && packet->type != PACKET_CANCEL
        && packet_has (packet, PACKET_BIT (PACKET_TYPE)))
        self->voice->result (self, cookie, ZFABRIC_UNSUPPORTED_PACKET_TYPE,
                             "clients send RUN and CANCEL");
    else if (packet_check (packet, &fault))
        self->voice->result (self, cookie, ZFABRIC_BAD_PACKET, fault.text);
    else if (packet->type == PACKET_CANCEL)
        desk_cancel (self->house->desk, &self->caller, cookie);
    else
        take_run (self, legacy);
}

void guest_client_open (guest_t *self)
{
    exchange_join (&self->caller);
    self->caller.packet = on_packet;
    self->caller.result = on_result;
    self->caller.taken = on_taken;
    self->hold.resume = on_resume;
}

void guest_client_close (guest_t *self)
{
    desk_let_go (&self->hold);
    desk_leave (self->house->desk, &self->caller);
}
