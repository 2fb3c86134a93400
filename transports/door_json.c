/*  The door for framed JSON: one loop for both sides, from octets over frames to packets.
 */
#include "transports/door_json_inner.h"

#include <stdlib.h>

#include "transports/legacy_frames.h"

void json_answer (json_conn_t *self, const cookie_t *cookie, zfabric_rc_t rc, const char *words)
{
    legacy_result (cookie, rc, words, &self->house->out);
    peer_send (self->peer, &self->house->out);
}

int json_frames (json_conn_t *self,
                 const legacy_t *legacy,
                 frame_t *header,
                 frame_t *payload,
                 zfabric_rc_t *rc,
                 fault_t *fault)
{
    return legacy_frames (legacy, buffer_as_slice (&self->house->header), self->house->max_payload,
                          header, payload, rc, fault);
}

static void take_frame (json_conn_t *self, slice_t frame)
{
    legacy_t legacy;
    fault_t fault;

    if (legacy_read (frame, &self->house->header, &legacy, &fault)) {
        const packet_t *packet = &legacy.packet;
        bool named = packet_has (packet, PACKET_BIT (COOKIE));
        if (self->side == SIDE_WORKERS)
            json_worker_broken (self, packet, fault.text);
        json_answer (self, named ? &packet->cookie : NULL, ZFABRIC_BAD_PACKET, fault.text);
    } else if (self->side == SIDE_WORKERS) {
        json_worker_packet (self, &legacy);
    } else {
        json_client_packet (self, &legacy);
    }
    buffer_reset (&self->house->header);
}

static bool takes (json_conn_t *self)
{
    if (peer_has_ended (self->peer))
        return false; // an answer was too much for its outbox, or the half frame was its own
    if (peer_choked (self->peer))
        return false; // it is resumed when it has read some
    return self->side == SIDE_WORKERS ? json_worker_takes (self) : json_client_takes (self);
}

static size_t octets (void *conn, slice_t came)
{
    json_conn_t *self = (json_conn_t *)conn;
    slice_t in = came, frame;
    fault_t fault;

    while (takes (self)) {
        switch (framing_next (&self->framing, &in, &frame)) {
        case FRAMING_MORE:
            peer_half (self->peer, framing_half (&self->framing));
            return came.len;
        case FRAMING_FRAME:
            take_frame (self, frame);
            break;
        case FRAMING_TOO_LONG:
            fault_set (&fault, "packet: longer than %u octets", self->house->max_frame);
            json_answer (self, NULL, ZFABRIC_BAD_PACKET, fault.text);
            break;
        case FRAMING_LOST:
            json_answer (self, NULL, ZFABRIC_BAD_PACKET, "packet: not a length; this is the end");
            peer_end (self->peer);
            return came.len;
        case FRAMING_BUDGET:
            if (self->house->make_room (self->house))
                break;
            peer_drop (self->peer);
            return came.len;
        case FRAMING_MEMORY:
            peer_drop (self->peer);
            return came.len;
        }
    }
    return came.len - in.len;
}

static size_t held (void *conn)
{
    return framing_held (&((json_conn_t *)conn)->framing);
}

static void spill (void *conn)
{
    framing_finish (&((json_conn_t *)conn)->framing);
}

static void *open_conn (house_t *house, peer_t *peer, side_t side)
{
    json_conn_t *self = (json_conn_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    self->house = house;
    self->peer = peer;
    self->side = side;
    framing_init (&self->framing, house->max_frame, &house->budget);
    if (side == SIDE_CLIENTS)
        json_client_open (self);
    return self;
}

static void leave (void *conn)
{
    json_conn_t *self = (json_conn_t *)conn;

    if (self->side != SIDE_WORKERS)
        return;
    legacy_order (PACKET_SHUTDOWN, NULL, &self->house->out);
    peer_send (self->peer, &self->house->out);
    if (self->stand_in)
        stand_in_shutdown (self->stand_in);
}

static size_t busy (void *conn)
{
    json_conn_t *self = (json_conn_t *)conn;

    return self->stand_in ? stand_in_busy (self->stand_in) : 0;
}

static void close_conn (void *conn)
{
    json_conn_t *self = (json_conn_t *)conn;

    if (self->side == SIDE_CLIENTS)
        json_client_close (self);
    stand_in_destroy (&self->stand_in);
    framing_finish (&self->framing);
    free (self);
}

const door_t door_json = {
    .name = "json",
    .open = open_conn,
    .octets = octets,
    .held = held,
    .spill = spill,
    .leave = leave,
    .busy = busy,
    .close = close_conn,
};
