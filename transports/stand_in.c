/*  What the broker may use is always what the last REGISTER that was sent says; one goes out before
 *  the RESULT that would free a slot which is not safe, so the broker never has more to give than
 *  the legacy worker can take.
 */
#include "transports/stand_in.h"

#include <errno.h>
#include <stdlib.h>

#include "codec/codec.h"
#include "transports/backlog.h"
#include "transports/legacy.h"
#include "transports/slots.h"

struct stand_in {
    uplink_t *uplink;
    outage_t *outage;
    slots_t slots;
    struct event *timer;
    buffer_t registration; // the legacy worker's, as it came; empty: none
    unsigned capacity;
    size_t haunted; // what the last REGISTER that was sent took off
    bool leaving;   // a SHUTDOWN went either way
    list_t waiting;
    const stand_in_sink_t *sink;
    void *arg;
};

// ---- sending

// Without memory the message is lost: of a RESULT the broker learns when the connection ends.
static void post (stand_in_t *self, frame_t *header, frame_t *payload)
{
    if (uplink_is_up (self->uplink)
        && (!list_empty (&self->waiting) || uplink_send (self->uplink, header, payload)))
        (void)backlog_add (&self->waiting, header, payload);
    frame_close (header);
    if (payload)
        frame_close (payload);
}

static void post_buffer (stand_in_t *self, buffer_t *out)
{
    frame_t header;

    if (frame_take (&header, out) == 0)
        post (self, &header, NULL);
    frame_close (&header);
}

static void post_packet (stand_in_t *self, const packet_t *packet)
{
    buffer_t out;

    buffer_init (&out, LIMIT_HEADER_OCTETS);
    codec_write (packet, &out);
    post_buffer (self, &out);
    buffer_finish (&out);
}

static void
post_result (stand_in_t *self, const cookie_t *cookie, zfabric_rc_t rc, const char *words)
{
    packet_t packet;

    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_RESULT;
    packet.cookie = *cookie;
    packet.rc = rc;
    packet.error = text_plain (slice_text (words));
    packet.keys =
        PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE) | PACKET_BIT (RC) | PACKET_BIT (ERROR);
    post_packet (self, &packet);
}

static void post_registration (stand_in_t *self)
{
    buffer_t out;

    if (self->registration.len == 0)
        return;
    self->haunted = slots_haunted (&self->slots);
    unsigned capacity =
        self->haunted < self->capacity ? self->capacity - (unsigned)self->haunted : 0;
    buffer_init (&out, LIMIT_HEADER_OCTETS + 32);
    legacy_register (buffer_as_slice (&self->registration), capacity, &out);
    post_buffer (self, &out);
    buffer_finish (&out);
}

// ---- ghosts

static void set_timer (stand_in_t *self)
{
    moment_t due = slots_deadline (&self->slots);

    if (due == MOMENT_NEVER) {
        (void)evtimer_del (self->timer);
        return;
    }
    span_t wait = moment_until (moment_now (), due);
    struct timeval time = {(time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000)};
    (void)evtimer_add (self->timer, &time);
}

// The broker is told if what it may use has changed.
static void adjust (stand_in_t *self)
{
    if (slots_haunted (&self->slots) != self->haunted && !self->leaving)
        post_registration (self);
}

static void on_timer (evutil_socket_t fd, short what, void *arg)
{
    stand_in_t *self = (stand_in_t *)arg;
    moment_t now = moment_now ();
    cookie_t cookie;

    (void)fd;
    (void)what;
    while (slots_overdue (&self->slots, now, &cookie)) {
        adjust (self);
        post_result (self, &cookie, ZFABRIC_CANCELLED, "cancelled; the legacy worker said nothing");
    }
    if (slots_expire (&self->slots, now))
        adjust (self);
    set_timer (self);
}

// ---- from the broker

static void take_run (stand_in_t *self, slice_t header, const packet_t *packet, slice_t payload)
{
    fault_t fault;

    if (slots_give (&self->slots, &packet->cookie)) {
        post_result (self, &packet->cookie,
                     errno == EEXIST ? ZFABRIC_COOKIE_COLLISION : ZFABRIC_EXCEPTION,
                     errno == EEXIST ? "the legacy worker may still have a task with this cookie"
                                     : "out of memory");
        return;
    }
    if (self->sink->run (self->arg, header, packet, payload, &fault)) {
        (void)slots_result (&self->slots, &packet->cookie);
        post_result (self, &packet->cookie, ZFABRIC_EXCEPTION, fault.text);
    }
}

static void take_cancel (stand_in_t *self, const cookie_t *cookie)
{
    if (!slots_waits (&self->slots, cookie))
        return; // its RESULT crossed it
    (void)slots_cancel (&self->slots, cookie, moment_now ());
    self->sink->cancel (self->arg, cookie);
    set_timer (self);
}

static void take_result (stand_in_t *self, slice_t header, const packet_t *packet)
{
    // The broker can't read a RESULT that came from the legacy worker. Its task has not ended then.
    if (packet_has (packet, PACKET_BIT (COOKIE)))
        post_result (self, &packet->cookie, ZFABRIC_EXCEPTION,
                     "the broker refused the worker's result");
    else
        self->sink->refused (self->arg, header, packet);
}

static void take_packet (stand_in_t *self, wire_message_t *message, const packet_t *packet)
{
    slice_t header = frame_slice (&message->header);

    if (packet->type == PACKET_RUN && packet_check (packet, NULL) == 0) {
        take_run (self, header, packet, frame_slice (&message->payload));
    } else if (packet->type == PACKET_CANCEL && packet_has (packet, PACKET_BIT (COOKIE))) {
        take_cancel (self, &packet->cookie);
    } else if (packet->type == PACKET_SHUTDOWN) {
        self->leaving = true;
        self->sink->shutdown (self->arg);
    } else if (packet->type == PACKET_REGISTER && !packet_has (packet, PACKET_BIT (CAPACITY))) {
        // It does not know us. After a SHUTDOWN of ours that is as it should be.
        if (!self->leaving)
            post_registration (self);
    } else if (packet->type == PACKET_RESULT) {
        take_result (self, header, packet);
    }
}

static void on_packet (void *arg, wire_message_t *message)
{
    packet_t packet;
    fault_t fault;

    // A broker that sends what can't be read is no legacy worker's business.
    if (codec_read (frame_slice (&message->header), &packet, &fault) == 0)
        take_packet ((stand_in_t *)arg, message, &packet);
}

static void on_up (void *arg)
{
    stand_in_t *self = (stand_in_t *)arg;

    if (!self->leaving)
        post_registration (self);
}

static void on_writable (void *arg)
{
    stand_in_t *self = (stand_in_t *)arg;
    backlog_item_t *item;

    while ((item = backlog_first (&self->waiting))) {
        if (uplink_send (self->uplink, &item->header, item->has_payload ? &item->payload : NULL))
            return;
        backlog_drop (item);
    }
    self->sink->room (self->arg);
}

static void on_down (void *arg, const char *reason)
{
    stand_in_t *self = (stand_in_t *)arg;

    outage_tell (self->outage, reason, moment_now ());
    backlog_clear (&self->waiting);
    slots_orphan (&self->slots);
    set_timer (self);
    self->sink->room (self->arg);
}

static const uplink_sink_t uplink_sink = {
    .up = on_up,
    .packet = on_packet,
    .writable = on_writable,
    .down = on_down,
};

// ---- from the legacy worker

void stand_in_register (stand_in_t *self, const packet_t *packet, slice_t header)
{
    buffer_reset (&self->registration);
    buffer_slice (&self->registration, header);
    self->capacity = packet->capacity;
    self->leaving = false; // as the broker takes it
    post_registration (self);
}

void stand_in_result (stand_in_t *self, const packet_t *packet, slice_t header, frame_t *payload)
{
    frame_t frame;

    if (packet->type == PACKET_PARTIAL ? !slots_waits (&self->slots, &packet->cookie)
                                       : slots_result (&self->slots, &packet->cookie) == SLOTS_DROP)
        goto end;
    if (frame_copy (&frame, header) == 0)
        post (self, &frame, payload);
    else if (packet->type == PACKET_RESULT)
        post_result (self, &packet->cookie, ZFABRIC_EXCEPTION, "out of memory");
    frame_close (&frame);
end:
    frame_close (payload);
    if (packet->type == PACKET_RESULT) {
        adjust (self);
        set_timer (self);
    }
}

void stand_in_failed (stand_in_t *self, const cookie_t *cookie, const char *words)
{
    if (slots_result (&self->slots, cookie) == SLOTS_PASS)
        post_result (self, cookie, ZFABRIC_EXCEPTION, words);
    adjust (self);
}

void stand_in_shutdown (stand_in_t *self)
{
    packet_t packet;

    self->leaving = true;
    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_SHUTDOWN;
    packet.keys = PACKET_BIT (PACKET_TYPE);
    post_packet (self, &packet);
}

bool stand_in_full (const stand_in_t *self)
{
    return !list_empty (&self->waiting);
}

size_t stand_in_busy (const stand_in_t *self)
{
    return slots_busy (&self->slots);
}

// ---- life cycle

stand_in_t *stand_in_new (struct event_base *base,
                          const link_options_t *link,
                          outage_t *outage,
                          const stand_in_sink_t *sink,
                          void *arg,
                          fault_t *fault)
{
    stand_in_t *self = (stand_in_t *)calloc (1, sizeof *self);

    fault_set (fault, "out of memory");
    if (!self)
        return NULL;
    list_init (&self->waiting);
    buffer_init (&self->registration, LIMIT_HEADER_OCTETS);
    self->outage = outage;
    self->sink = sink;
    self->arg = arg;
    self->timer = evtimer_new (base, on_timer, self);
    if (slots_init (&self->slots) || !self->timer)
        goto error;
    self->uplink = uplink_new (base, link, &uplink_sink, self, fault);
    if (!self->uplink)
        goto error;
    return self;
error:
    stand_in_destroy (&self);
    return NULL;
}

void stand_in_destroy (stand_in_t **self_p)
{
    stand_in_t *self = *self_p;
    int problem = errno;

    if (!self)
        return;
    uplink_destroy (&self->uplink);
    if (self->timer)
        event_free (self->timer);
    backlog_clear (&self->waiting);
    slots_finish (&self->slots);
    buffer_finish (&self->registration);
    free (self);
    *self_p = NULL;
    errno = problem;
}
