// The workers of the door for framed JSON.

#include "transports/door_json_inner.h"

// ---- towards the worker

static int
on_run (void *arg, slice_t header, const packet_t *packet, slice_t payload, fault_t *fault)
{
    json_conn_t *self = (json_conn_t *)arg;

    if (legacy_write (header, packet, payload, &self->house->out, fault))
        return -1;
    peer_send (self->peer, &self->house->out);
    return 0;
}

static void on_cancel (void *arg, const cookie_t *cookie)
{
    json_conn_t *self = (json_conn_t *)arg;

    legacy_order (PACKET_CANCEL, cookie, &self->house->out);
    peer_send (self->peer, &self->house->out);
}

static void on_shutdown (void *arg)
{
    json_conn_t *self = (json_conn_t *)arg;

    legacy_order (PACKET_SHUTDOWN, NULL, &self->house->out);
    peer_send (self->peer, &self->house->out);
}

static void on_refused (void *arg, slice_t header, const packet_t *packet)
{
    json_conn_t *self = (json_conn_t *)arg;
    fault_t fault;

    // It can't serve: whoever runs it learns why, and it does not wait for tasks in vain.
    if (legacy_write (header, packet, (slice_t){0}, &self->house->out, &fault) == 0)
        peer_send (self->peer, &self->house->out);
    peer_end (self->peer);
}

static void on_room (void *arg)
{
    peer_resume (((json_conn_t *)arg)->peer);
}

static const stand_in_sink_t sink = {
    .run = on_run,
    .cancel = on_cancel,
    .shutdown = on_shutdown,
    .refused = on_refused,
    .room = on_room,
};

// ---- from the worker

bool json_worker_takes (json_conn_t *self)
{
    return !self->stand_in || !stand_in_full (self->stand_in);
}

static void take_register (json_conn_t *self, const packet_t *packet)
{
    fault_t fault;

    if (!self->stand_in)
        self->stand_in = stand_in_new (self->house->base, self->house->links,
                                       &self->house->outages[SIDE_WORKERS], &sink, self, &fault);
    if (!self->stand_in) {
        json_answer (self, NULL, ZFABRIC_EXCEPTION, fault.text);
        peer_end (self->peer);
        return;
    }
    stand_in_register (self->stand_in, packet, buffer_as_slice (&self->house->header));
}

static void take_result (json_conn_t *self, const legacy_t *legacy)
{
    const packet_t *packet = &legacy->packet;
    frame_t header, payload;
    zfabric_rc_t rc;
    fault_t fault;

    if (json_frames (self, legacy, &header, &payload, &rc, &fault)) {
        if (packet->type == PACKET_RESULT)
            stand_in_failed (self->stand_in, &packet->cookie, fault.text);
        return;
    }
    stand_in_result (self->stand_in, packet, frame_slice (&header), &payload);
    frame_close (&header);
}

void json_worker_packet (json_conn_t *self, const legacy_t *legacy)
{
    const packet_t *packet = &legacy->packet;
    const cookie_t *cookie = packet_has (packet, PACKET_BIT (COOKIE)) ? &packet->cookie : NULL;
    fault_t fault;

    if (packet->type == PACKET_HEARTBEAT)
        return;
    if (packet_has (packet, PACKET_BIT (PACKET_TYPE))
        && (packet->type == PACKET_RUN || packet->type == PACKET_CANCEL
            || packet->type == PACKET_UNKNOWN)) {
        json_answer (self, cookie, ZFABRIC_UNSUPPORTED_PACKET_TYPE,
                     "workers send REGISTER, PARTIAL, RESULT and SHUTDOWN");
    } else if (packet_check (packet, &fault)) {
        json_worker_broken (self, packet, fault.text);
        json_answer (self, cookie, ZFABRIC_BAD_PACKET, fault.text);
    } else if (packet->type == PACKET_REGISTER) {
        take_register (self, packet);
    } else if (!self->stand_in) {
        json_answer (self, cookie, ZFABRIC_BAD_PACKET, "packet_type: REGISTER comes first");
    } else if (packet->type == PACKET_SHUTDOWN) {
        stand_in_shutdown (self->stand_in);
    } else {
        take_result (self, legacy);
    }
}

void json_worker_broken (json_conn_t *self, const packet_t *packet, const char *words)
{
    if (self->stand_in && packet->type == PACKET_RESULT && packet_has (packet, PACKET_BIT (COOKIE)))
        stand_in_failed (self->stand_in, &packet->cookie, words);
}
