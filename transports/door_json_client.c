// The clients of the door for framed JSON.

#include "transports/door_json_inner.h"

#include "fabric/container.h"

// ---- towards the client

static void on_packet (caller_t *caller, slice_t header, const packet_t *packet, slice_t payload)
{
    json_conn_t *self = container_of (caller, json_conn_t, caller);
    fault_t fault;

    if (legacy_write (header, packet, payload, &self->house->out, &fault) == 0)
        peer_send (self->peer, &self->house->out);
    else if (packet->type == PACKET_RESULT)
        json_answer (self, &packet->cookie, ZFABRIC_EXCEPTION, fault.text);
}

static void on_result (caller_t *caller, const cookie_t *cookie, zfabric_rc_t rc, const char *words)
{
    json_answer (container_of (caller, json_conn_t, caller), cookie, rc, words);
}

static void on_resume (hold_t *hold)
{
    peer_resume (container_of (hold, json_conn_t, hold)->peer);
}

// ---- from the client

bool json_client_takes (json_conn_t *self)
{
    return desk_takes (self->house->desk, &self->hold);
}

static void take_run (json_conn_t *self, const legacy_t *legacy)
{
    frame_t header, payload;
    zfabric_rc_t rc;
    fault_t fault;

    if (json_frames (self, legacy, &header, &payload, &rc, &fault))
        json_answer (self, &legacy->packet.cookie, rc, fault.text);
    else
        desk_run (self->house->desk, &self->caller, &legacy->packet, &header, &payload);
}

void json_client_packet (json_conn_t *self, const legacy_t *legacy)
{
    const packet_t *packet = &legacy->packet;
    const cookie_t *cookie = packet_has (packet, PACKET_BIT (COOKIE)) ? &packet->cookie : NULL;
    fault_t fault;

    if (packet->type == PACKET_HEARTBEAT)
        return;
    if (packet->type != PACKET_RUN && packet->type != PACKET_CANCEL
        && packet_has (packet, PACKET_BIT (PACKET_TYPE)))
        json_answer (self, cookie, ZFABRIC_UNSUPPORTED_PACKET_TYPE, "clients send RUN and CANCEL");
    else if (packet_check (packet, &fault))
        json_answer (self, cookie, ZFABRIC_BAD_PACKET, fault.text);
    else if (packet->type == PACKET_CANCEL)
        desk_cancel (self->house->desk, &self->caller, cookie);
    else
        take_run (self, legacy);
}

void json_client_open (json_conn_t *self)
{
    exchange_join (&self->caller);
    self->caller.packet = on_packet;
    self->caller.result = on_result;
    self->hold.resume = on_resume;
}

void json_client_close (json_conn_t *self)
{
    desk_let_go (&self->hold);
    desk_leave (self->house->desk, &self->caller);
}
