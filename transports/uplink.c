/*  Whatever used the link lets it step again: soon, by a timer of no time, which the loop runs
 * after it has looked at its descriptors. The descriptors change with each connection, so their
 * events are made anew after every event that could mean another one: a number alone tells nothing,
 * it may be in use again.
 */
#include "transports/uplink.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "fabric/context.h"

#define PACKETS_A_TURN 256u // before others have theirs

struct uplink {
    link_t *link;
    struct event *watch[LINK_DESCRIPTORS];
    struct event *timer;
    int fds[LINK_DESCRIPTORS];
    size_t count;
    bool stepping;
    moment_t due; // what the timer is set to
    wire_message_t message;
    const uplink_sink_t *sink;
    void *arg;
};

static void set_timer (uplink_t *self)
{
    moment_t deadline = link_deadline (self->link);

    if (deadline == self->due)
        return;
    self->due = deadline;
    if (deadline == MOMENT_NEVER) {
        (void)evtimer_del (self->timer);
        return;
    }
    span_t wait = deadline ? moment_until (moment_now (), deadline) : 0;
    struct timeval time = {(time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000)};
    (void)evtimer_add (self->timer, &time); // its memory is there
}

static void on_descriptor (evutil_socket_t fd, short what, void *arg);

static void watch (uplink_t *self, bool fresh)
{
    int fds[LINK_DESCRIPTORS];
    size_t count = link_descriptors (self->link, fds);

    if (!fresh && count == self->count && memcmp (fds, self->fds, count * sizeof *fds) == 0)
        return;
    for (size_t i = 0; i < self->count; i++)
        (void)event_del (self->watch[i]);
    self->count = count;
    for (size_t i = 0; i < count; i++) {
        struct event_base *base = event_get_base (self->watch[i]);
        self->fds[i] = fds[i];
        (void)event_assign (self->watch[i], base, fds[i], EV_READ | EV_PERSIST, on_descriptor,
                            self);
        // Without memory for it the link's own deadlines step it, once a second.
        (void)event_add (self->watch[i], NULL);
    }
}

static void tell (uplink_t *self, link_event_t event)
{
    switch (event) {
    case LINK_UP:
        self->sink->up (self->arg);
        break;
    case LINK_PACKET:
        self->sink->packet (self->arg, &self->message);
        break;
    case LINK_WRITABLE:
        self->sink->writable (self->arg);
        break;
    case LINK_LOST:
    case LINK_FAILED:
        self->sink->down (self->arg, link_reason (self->link));
        break;
    case LINK_NOTHING:
        break;
    }
}

static void step (uplink_t *self)
{
    link_event_t event = LINK_PACKET;
    bool fresh = false;
    moment_t now = moment_now (); // of the whole turn: a clock costs as much as half a step

    self->stepping = true;
    for (unsigned i = 0; i < PACKETS_A_TURN && event != LINK_NOTHING; i++) {
        event = link_step (self->link, now, &self->message);
        if (event != LINK_NOTHING && event != LINK_PACKET && event != LINK_WRITABLE)
            fresh = true;
        tell (self, event);
    }
    self->stepping = false;
    watch (self, fresh);
    self->due = MOMENT_NEVER - 1; // none of those that can be
    set_timer (self);
}

static void on_descriptor (evutil_socket_t fd, short what, void *arg)
{
    uplink_t *self = (uplink_t *)arg;

    (void)what;
    link_fired (self->link, fd);
    step (self);
}

static void on_timer (evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    step ((uplink_t *)arg);
}

uplink_t *uplink_new (struct event_base *base,
                      const link_options_t *options,
                      const uplink_sink_t *sink,
                      void *arg,
                      fault_t *fault)
{
    uplink_t *self = (uplink_t *)calloc (1, sizeof *self);
    void *context = context_of_process ();
    link_options_t own = *options;

    fault_set (fault, "out of memory or descriptors");
    if (!self || !context)
        goto error;
    wire_message_init (&self->message);
    self->sink = sink;
    self->arg = arg;
    self->due = MOMENT_NEVER;
    self->timer = evtimer_new (base, on_timer, self);
    for (size_t i = 0; i < LINK_DESCRIPTORS; i++) {
        self->watch[i] = event_new (base, -1, 0, on_descriptor, self);
        if (!self->watch[i])
            goto error;
    }
    if (!self->timer)
        goto error;
    randombytes_buf (&own.seed, sizeof own.seed); // they don't all dial again in step
    self->link = link_new (context, &own, fault);
    if (!self->link)
        goto error;
    set_timer (self);
    return self;
error:
    uplink_destroy (&self);
    return NULL;
}

void uplink_destroy (uplink_t **self_p)
{
    uplink_t *self = *self_p;
    int problem = errno;

    if (!self)
        return;
    for (size_t i = 0; i < LINK_DESCRIPTORS; i++) {
        if (self->watch[i])
            event_free (self->watch[i]);
    }
    if (self->timer)
        event_free (self->timer);
    if (self->link)
        link_stop (self->link);
    link_destroy (&self->link);
    wire_message_close (&self->message);
    free (self);
    *self_p = NULL;
    errno = problem;
}

// The link was used: it wants to be looked at, unless it is being stepped anyway.
static void used (uplink_t *self)
{
    if (!self->stepping)
        set_timer (self);
}

int uplink_send (uplink_t *self, frame_t *header, frame_t *payload)
{
    int rc = link_send (self->link, header, payload);
    int problem = errno;

    used (self);
    errno = problem;
    return rc;
}

uint64_t uplink_beat (uplink_t *self)
{
    int rc = link_beat (self->link);

    used (self);
    return rc ? 0 : link_beats (self->link);
}

bool uplink_is_up (const uplink_t *self)
{
    return link_is_up (self->link);
}

const char *uplink_reason (const uplink_t *self)
{
    return link_reason (self->link);
}
