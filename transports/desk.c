#include "transports/desk.h"

#include <stdlib.h>

#include "codec/codec.h"
#include "fabric/container.h"

struct desk {
    uplink_t *uplink;
    exchange_t *exchange;
    outage_t *outage;
    struct event *patience; // runs while there is no connection
    list_t line;
    bool up;
    bool impatient; // there was no connection for too long
    bool closed;
    void (*changed) (void *arg); // may be NULL
    void *arg;
};

// ---- the exchange's sink

static int sink_send (void *arg, frame_t *header, frame_t *payload)
{
    return uplink_send (((desk_t *)arg)->uplink, header, payload);
}

static uint64_t sink_beat (void *arg)
{
    return uplink_beat (((desk_t *)arg)->uplink);
}

static const exchange_sink_t exchange_sink = {.send = sink_send, .beat = sink_beat};

// ---- who is held

static bool takes (const desk_t *self)
{
    return self->up ? !exchange_full (self->exchange) : self->impatient;
}

// All that stand in line now, once: who can't go on gets in line again.
static void resume (desk_t *self)
{
    list_t line;
    list_node_t *node;

    if (!takes (self))
        return;
    list_init (&line);
    list_append_all (&line, &self->line);
    while ((node = list_first (&line))) {
        list_remove (node);
        hold_t *hold = container_of (node, hold_t, place);
        hold->resume (hold);
    }
}

bool desk_takes (desk_t *self, hold_t *hold)
{
    if (takes (self))
        return true;
    if (!list_holds (&hold->place))
        list_append (&self->line, &hold->place);
    return false;
}

void desk_let_go (hold_t *hold)
{
    list_remove (&hold->place);
}

// ---- the uplink's sink

static void set_up (desk_t *self, bool up)
{
    bool changed = self->up != up;

    self->up = up;
    if (changed && self->changed)
        self->changed (self->arg);
}

static void on_up (void *arg)
{
    desk_t *self = (desk_t *)arg;

    set_up (self, true);
    self->impatient = false;
    (void)evtimer_del (self->patience);
    exchange_up (self->exchange);
    resume (self);
}

static void on_packet (void *arg, wire_message_t *message)
{
    desk_t *self = (desk_t *)arg;
    slice_t header = frame_slice (&message->header);
    packet_t packet;
    fault_t fault;

    if (codec_read (header, &packet, &fault) == 0)
        exchange_packet (self->exchange, header, &packet, frame_slice (&message->payload));
}

static void on_writable (void *arg)
{
    desk_t *self = (desk_t *)arg;

    exchange_writable (self->exchange);
    resume (self);
}

static void wait_patiently (desk_t *self)
{
    static const struct timeval patience = {DESK_PATIENCE_MS / 1000,
                                            DESK_PATIENCE_MS % 1000 * 1000};

    if (!self->impatient && !evtimer_pending (self->patience, NULL))
        (void)evtimer_add (self->patience, &patience);
}

static void on_down (void *arg, const char *reason)
{
    desk_t *self = (desk_t *)arg;

    outage_tell (self->outage, reason, moment_now ());
    if (self->up)
        exchange_down (self->exchange, reason);
    set_up (self, false);
    wait_patiently (self);
}

static void on_patience (evutil_socket_t fd, short what, void *arg)
{
    desk_t *self = (desk_t *)arg;

    (void)fd;
    (void)what;
    self->impatient = true;
    resume (self);
}

static const uplink_sink_t uplink_sink = {
    .up = on_up,
    .packet = on_packet,
    .writable = on_writable,
    .down = on_down,
};

// ---- from callers

static bool turned_away (desk_t *self, caller_t *caller, const cookie_t *cookie)
{
    if (self->up && !self->closed)
        return false;
    caller->result (caller, cookie, ZFABRIC_BROKER_WENT_AWAY,
                    self->closed ? "the bridge is stopping" : uplink_reason (self->uplink));
    return true;
}

void desk_run (
    desk_t *self, caller_t *caller, const packet_t *run, frame_t *header, frame_t *payload)
{
    if (turned_away (self, caller, &run->cookie)) {
        frame_close (header);
        frame_close (payload);
        return;
    }
    exchange_run (self->exchange, caller, run, header, payload);
}

void desk_cancel (desk_t *self, caller_t *caller, const cookie_t *cookie)
{
    if (self->up || !turned_away (self, caller, cookie))
        exchange_cancel (self->exchange, caller, cookie);
}

void desk_leave (desk_t *self, caller_t *caller)
{
    exchange_leave (self->exchange, caller);
}

void desk_close (desk_t *self)
{
    self->closed = true;
}

bool desk_is_up (const desk_t *self)
{
    return self->up;
}

void desk_watch (desk_t *self, void (*changed) (void *arg), void *arg)
{
    self->changed = changed;
    self->arg = arg;
}

size_t desk_open (const desk_t *self)
{
    return exchange_open (self->exchange);
}

// ---- life cycle

desk_t *
desk_new (struct event_base *base, const link_options_t *link, outage_t *outage, fault_t *fault)
{
    desk_t *self = (desk_t *)calloc (1, sizeof *self);

    fault_set (fault, "out of memory");
    if (!self)
        return NULL;
    list_init (&self->line);
    self->outage = outage;
    self->patience = evtimer_new (base, on_patience, self);
    self->exchange = exchange_new (&exchange_sink, self);
    if (!self->patience || !self->exchange)
        goto error;
    self->uplink = uplink_new (base, link, &uplink_sink, self, fault);
    if (!self->uplink)
        goto error;
    wait_patiently (self);
    return self;
error:
    desk_destroy (&self);
    return NULL;
}

void desk_destroy (desk_t **self_p)
{
    desk_t *self = *self_p;

    if (!self)
        return;
    exchange_destroy (&self->exchange);
    uplink_destroy (&self->uplink);
    if (self->patience)
        event_free (self->patience);
    free (self);
    *self_p = NULL;
}
