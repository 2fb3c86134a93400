// Guests that are workers.

#include "transports/guest_inner.h"

// ---- towards the worker

static int
on_run (void *arg, slice_t header, const packet_t *packet, slice_t payload, fault_t *fault)
{
    guest_t *self = (guest_t *)arg;

    return self->voice->packet (self, header, packet, payload, fault);
}

static void on_cancel (void *arg, const cookie_t *cookie)
{
    guest_t *self = (guest_t *)arg;

    self->voice->order (self, PACKET_CANCEL, cookie);
}

// Once, though the broker and the bridge may both be leaving.
static void tell_to_leave (guest_t *self)
{
    if (!self->told)
        self->voice->order (self, PACKET_SHUTDOWN, NULL);
    self->told = true;
}

static void on_shutdown (void *arg)
{
    tell_to_leave ((guest_t *)arg);
}

static void on_refused (void *arg, slice_t header, const packet_t *packet)
{
    guest_t *self = (guest_t *)arg;
    fault_t fault;

    // It can't serve: whoever runs it learns why, and it does not wait for tasks in vain.
    (void)self->voice->packet (self, header, packet, (slice_t){0}, &fault);
    self->voice->end (self, packet->rc);
}

static void on_room (void *arg)
{
    guest_t *self = (guest_t *)arg;

    self->voice->resume (self);
}

static const stand_in_sink_t sink = {
    .run = on_run,
    .cancel = on_cancel,
    .shutdown = on_shutdown,
    .refused = on_refused,
    .room = on_room,
};

// ---- from the worker

static void take_register (guest_t *self, const packet_t *packet)
{
    fault_t fault;

    if (!self->stand_in)
        self->stand_in = stand_in_new (self->house->base, self->house->links,
                                       &self->house->outages[SIDE_WORKERS], &sink, self, &fault);
    if (!self->stand_in) {
        self->voice->result (self, NULL, ZFABRIC_EXCEPTION, fault.text);
        self->voice->end (self, ZFABRIC_EXCEPTION);
        return;
    }
    self->told = false;
    stand_in_register (self->stand_in, packet, buffer_as_slice (&self->house->header));
}

static void take_result (guest_t *self, const legacy_t *legacy)
{
    const packet_t *packet = &legacy->packet;
    frame_t header, payload;
    zfabric_rc_t rc;
    fault_t fault;

    if (guest_frames (self, legacy, &header, &payload, &rc, &fault)) {
        if (packet->type == PACKET_RESULT)
            stand_in_failed (self->stand_in, &packet->cookie, fault.text);
        return;
    }
    stand_in_result (self->stand_in, packet, frame_slice (&header), &payload);
    frame_close (&header);
}

void guest_worker_packet (guest_t *self, const legacy_t *legacy)
{
    const packet_t *packet = &legacy->packet;
    const cookie_t *cookie = guest_cookie (packet);
    fault_t fault;

    if (packet->type == PACKET_HEARTBEAT)
        return;
    if (packet_has (packet, PACKET_BIT (PACKET_TYPE))
        && (packet->type == PACKET_RUN || packet->type == PACKET_CANCEL
            || packet->type == PACKET_UNKNOWN)) {
        self->voice->result (self, cookie, ZFABRIC_UNSUPPORTED_PACKET_TYPE,
                             "workers send REGISTER, PARTIAL, RESULT and SHUTDOWN");
    } else if (packet_check (packet, &fault)) {
        guest_broken (self, packet, fault.text);
    } else if (packet->type == PACKET_REGISTER) {
        take_register (self, packet);
    } else if (!self->stand_in) {
        self->voice->result (self, cookie, ZFABRIC_BAD_PACKET, "packet_type: REGISTER comes first");
    } else if (packet->type == PACKET_SHUTDOWN) {
        stand_in_shutdown (self->stand_in);
    } else {
        take_result (self, legacy);
    }
}

void guest_worker_leave (guest_t *self)
{
    tell_to_leave (self);
    if (self->stand_in)
        stand_in_shutdown (self->stand_in);
}

void guest_worker_broken (guest_t *self, const packet_t *packet, const char *words)
{
    if (self->stand_in && packet->type == PACKET_RESULT && guest_cookie (packet))
        stand_in_failed (self->stand_in, &packet->cookie, words);
}
