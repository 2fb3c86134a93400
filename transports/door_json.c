/*  The door for framed JSON: from octets over frames to packets, and the guest's voice in frames.
 */
#include <stdlib.h>

#include "fabric/container.h"
#include "transports/guest.h"
#include "transports/peer.h"

typedef struct {
    guest_t guest;
    peer_t *peer;
    framing_t framing;
} json_conn_t;

// ---- the guest's voice

static json_conn_t *conn_of (guest_t *guest)
{
    return container_of (guest, json_conn_t, guest);
}

static void say (guest_t *guest)
{
    peer_send_owed (conn_of (guest)->peer, &guest->house->out);
}

static int
say_packet (guest_t *guest, slice_t header, const packet_t *packet, slice_t payload, fault_t *fault)
{
    if (packet->type == PACKET_PARTIAL && peer_full (conn_of (guest)->peer))
        return 0; // as the broker does with who does not read
    if (legacy_write (header, packet, payload, &guest->house->out, fault))
        return -1;
    say (guest);
    return 0;
}

static void say_result (guest_t *guest, const cookie_t *cookie, zfabric_rc_t rc, const char *words)
{
    legacy_result (cookie, rc, words, &guest->house->out);
    say (guest);
}

static void say_order (guest_t *guest, packet_type_t type, const cookie_t *cookie)
{
    legacy_order (type, cookie, &guest->house->out);
    say (guest);
}

static void resume (guest_t *guest)
{
    peer_resume (conn_of (guest)->peer);
}

static void end (guest_t *guest, zfabric_rc_t why)
{
    (void)why;
    peer_end (conn_of (guest)->peer);
}

static const guest_voice_t voice = {
    .packet = say_packet,
    .result = say_result,
    .order = say_order,
    .resume = resume,
    .end = end,
};

// ---- from the peer

static void take_frame (json_conn_t *self, slice_t frame)
{
    buffer_t *header = &self->guest.house->header;
    legacy_t legacy;
    fault_t fault;

    if (legacy_read (frame, header, &legacy, &fault))
        guest_broken (&self->guest, &legacy.packet, fault.text);
    else
        guest_packet (&self->guest, &legacy);
    buffer_reset (header);
}

static bool takes (json_conn_t *self)
{
    if (peer_has_ended (self->peer))
        return false; // an answer was too much for its outbox, or the half frame was its own
    if (peer_choked (self->peer))
        return false; // it is resumed when it has read some
    return guest_takes (&self->guest);
}

static size_t octets (void *conn, slice_t came)
{
    json_conn_t *self = (json_conn_t *)conn;
    house_t *house = self->guest.house;
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
            fault_set (&fault, "packet: longer than %u octets", house->max_frame);
            say_result (&self->guest, NULL, ZFABRIC_BAD_PACKET, fault.text);
            break;
        case FRAMING_LOST:
            say_result (&self->guest, NULL, ZFABRIC_BAD_PACKET,
                        "packet: not a length; this is the end");
            peer_end (self->peer);
            return came.len;
        case FRAMING_BUDGET:
            if (house->make_room (house))
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
    self->peer = peer;
    framing_init (&self->framing, house->max_frame, &house->budget);
    guest_open (&self->guest, house, side, &voice);
    return self;
}

static void leave (void *conn)
{
    guest_leave (&((json_conn_t *)conn)->guest);
}

static size_t busy (void *conn)
{
    return guest_busy (&((json_conn_t *)conn)->guest);
}

static void close_conn (void *conn)
{
    json_conn_t *self = (json_conn_t *)conn;

    guest_close (&self->guest);
    framing_finish (&self->framing);
    free (self);
}

const door_t door_json = {
    .name = "json",
    .tls_scheme = "json+tls",
    .open = open_conn,
    .octets = octets,
    .held = held,
    .spill = spill,
    .leave = leave,
    .busy = busy,
    .close = close_conn,
};
