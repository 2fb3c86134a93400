/*  A stream reads one packet after the other, as long as the fabric takes them and the stream reads
 *  its own: all of that is looked at by look (), a moment after anything has changed, when no guest
 *  has it in hand.
 */
#include "transports/rpc_stream.h"

#include <stdlib.h>

#include "fabric/container.h"
#include "transports/guest.h"
#include "transports/rpc_packet.h"

typedef struct {
    guest_t guest;
    list_node_t place;
    rpc_hall_t *hall;
    rpc_call_t *call;
    struct event *again;
    buffer_t held;    // a message that came when the fabric took nothing
    bool known;       // on which side it is: there is a guest
    bool half_closed; // it sends no more
    bool ended;       // it gets a status, and nothing else
} rpc_stream_t;

static void look_soon (rpc_stream_t *self)
{
    static const struct timeval now = {0, 0};

    if (!evtimer_pending (self->again, NULL))
        (void)evtimer_add (self->again, &now);
}

static void end (rpc_stream_t *self, grpc_status_code status, const char *words)
{
    self->ended = true;
    rpc_call_end (self->call, status, words);
    look_soon (self);
}

// ---- the guest's voice

static rpc_stream_t *stream_of (guest_t *guest)
{
    return container_of (guest, rpc_stream_t, guest);
}

// It may have been the last that it waited for.
static void say (guest_t *guest)
{
    rpc_stream_t *self = stream_of (guest);

    rpc_call_send (self->call, &guest->house->out);
    if (self->half_closed || self->hall->draining)
        look_soon (self);
}

static int
say_packet (guest_t *guest, slice_t header, const packet_t *packet, slice_t payload, fault_t *fault)
{
    (void)header;
    if (packet->type == PACKET_PARTIAL && rpc_call_full (stream_of (guest)->call))
        return 0; // as the broker does with who does not read
    if (rpc_packet_write (packet, payload, &guest->house->out, fault))
        return -1;
    say (guest);
    return 0;
}

static void say_result (guest_t *guest, const cookie_t *cookie, zfabric_rc_t rc, const char *words)
{
    rpc_packet_result (cookie, rc, words, &guest->house->out);
    say (guest);
}

static void say_order (guest_t *guest, packet_type_t type, const cookie_t *cookie)
{
    rpc_packet_order (type, cookie, &guest->house->out);
    say (guest);
}

static void say_resume (guest_t *guest)
{
    look_soon (stream_of (guest));
}

static void say_end (guest_t *guest, zfabric_rc_t why)
{
    end (stream_of (guest),
         why == ZFABRIC_FORBIDDEN    ? GRPC_STATUS_PERMISSION_DENIED
         : why == ZFABRIC_BAD_PACKET ? GRPC_STATUS_INVALID_ARGUMENT
                                     : GRPC_STATUS_FAILED_PRECONDITION,
         zfabric_rc_name (why));
}

static const guest_voice_t voice = {
    .packet = say_packet,
    .result = say_result,
    .order = say_order,
    .resume = say_resume,
    .end = say_end,
};

// ---- from the peer

static void become (rpc_stream_t *self, side_t side)
{
    self->known = true;
    guest_open (&self->guest, self->hall->house, side, &voice);
}

// False: the fabric takes nothing now, and nothing has happened; guest_takes () has seen to it that
// the stream hears of it. `force`: whatever becomes of it.
static bool take (rpc_stream_t *self, slice_t octets, bool force)
{
    buffer_t *header = &self->hall->house->header;
    uint64_t left = rpc_call_time_left (self->call);
    rpc_packet_t packet;
    fault_t fault;

    int rc = rpc_packet_read (&packet, octets, left, header, &fault);
    if (!self->known)
        become (self, packet.legacy.packet.type == PACKET_REGISTER ? SIDE_WORKERS : SIDE_CLIENTS);
    bool takes = guest_takes (&self->guest) || force;
    if (takes && rc)
        guest_broken (&self->guest, &packet.legacy.packet, fault.text);
    else if (takes)
        guest_packet (&self->guest, &packet.legacy);
    rpc_packet_finish (&packet);
    buffer_reset (header);
    return takes;
}

// What is held counts against the memory for what is not whole; beyond it the fabric has to say
// what becomes of it at once.
static bool hold (rpc_stream_t *self, slice_t octets)
{
    rpc_hall_t *hall = self->hall;

    if (octets.len == 0 || hall->held + octets.len > hall->held_max)
        return false;
    buffer_slice (&self->held, octets);
    if (self->held.failed) {
        buffer_reset (&self->held);
        return false;
    }
    hall->held += self->held.len;
    return true;
}

static void let_go (rpc_stream_t *self)
{
    self->hall->held -= self->held.len;
    buffer_finish (&self->held);
    buffer_init (&self->held, SIZE_MAX);
}

static void on_message (void *arg, slice_t octets)
{
    rpc_stream_t *self = (rpc_stream_t *)arg;

    if (!take (self, octets, false) && !hold (self, octets))
        (void)take (self, octets, true);
    look_soon (self);
}

static void on_half_closed (void *arg)
{
    rpc_stream_t *self = (rpc_stream_t *)arg;

    self->half_closed = true;
    look_soon (self);
}

static void on_room (void *arg)
{
    look_soon ((rpc_stream_t *)arg);
}

// ---- what is to be done now

static bool takes (rpc_stream_t *self)
{
    return !rpc_call_choked (self->call) && (!self->known || guest_takes (&self->guest));
}

static void look (rpc_stream_t *self)
{
    bool worker = self->known && self->guest.side == SIDE_WORKERS;

    if (self->ended) {
        // A worker that is told so has gone; the tasks that it leaves have another chance.
        if (self->known)
            guest_close (&self->guest);
        self->known = false;
        let_go (self);
    } else if (self->held.len) {
        if (take (self, buffer_as_slice (&self->held), self->hall->draining)) {
            let_go (self);
            look_soon (self);
        }
    } else if (self->half_closed && (worker || !self->known || !guest_waits (&self->guest))) {
        end (self, GRPC_STATUS_OK, "");
    } else if (self->hall->draining && !worker && (!self->known || !guest_waits (&self->guest))) {
        end (self, GRPC_STATUS_UNAVAILABLE, "the bridge is stopping");
    } else if (!self->half_closed && takes (self)) {
        rpc_call_read (self->call);
    }
}

static void on_again (evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    look ((rpc_stream_t *)arg);
}

// ---- life cycle

static void on_over (void *arg)
{
    rpc_stream_t *self = (rpc_stream_t *)arg;

    list_remove (&self->place);
    if (self->known)
        guest_close (&self->guest);
    let_go (self);
    buffer_finish (&self->held);
    event_free (self->again);
    free (self);
}

static const rpc_sink_t sink = {
    .message = on_message,
    .half_closed = on_half_closed,
    .room = on_room,
    .over = on_over,
};

void rpc_stream_open (rpc_hall_t *hall, rpc_call_t *call)
{
    rpc_stream_t *self = (rpc_stream_t *)calloc (1, sizeof *self);
    struct event *again = self ? evtimer_new (hall->house->base, on_again, self) : NULL;

    if (hall->draining || !again) {
        rpc_call_refuse (call, again ? GRPC_STATUS_UNAVAILABLE : GRPC_STATUS_RESOURCE_EXHAUSTED,
                         again ? "the bridge is stopping" : "out of memory");
        if (again)
            event_free (again);
        free (self);
        return;
    }
    self->hall = hall;
    self->call = call;
    self->again = again;
    buffer_init (&self->held, SIZE_MAX);
    list_append (&hall->streams, &self->place);
    rpc_call_open (call, &sink, self);
    look_soon (self);
}

// ---- all of them

static rpc_stream_t *stream_at (list_node_t *node)
{
    return container_of (node, rpc_stream_t, place);
}

void rpc_streams_leave (rpc_hall_t *hall)
{
    for (list_node_t *node = list_first (&hall->streams); node;
         node = list_next (&hall->streams, node)) {
        rpc_stream_t *self = stream_at (node);
        if (self->known)
            guest_leave (&self->guest);
        look_soon (self);
    }
}

size_t rpc_streams_busy (const rpc_hall_t *hall)
{
    size_t count = 0;

    for (list_node_t *node = list_first (&hall->streams); node;
         node = list_next (&hall->streams, node)) {
        rpc_stream_t *self = stream_at (node);
        count += self->known ? guest_busy (&self->guest) : 0;
    }
    return count;
}

void rpc_streams_end (rpc_hall_t *hall)
{
    for (list_node_t *node = list_first (&hall->streams); node;
         node = list_next (&hall->streams, node)) {
        rpc_stream_t *self = stream_at (node);
        if (!self->ended)
            end (self, GRPC_STATUS_UNAVAILABLE, "the bridge is stopping");
    }
}
