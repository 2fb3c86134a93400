/*  One round: wait; read the monitors; read the ROUTERs in turns, at most BATCH packets of each at
 *  a time, one step of the switchboard for each, until both are dry or it was enough; send again
 *  what peers had no room for; probe suspects; let the convicted go; let time pass.
 *
 *  The ROUTERs are always read, whatever the load: a full pipe to a dead peer looks alive until its
 *  ROUTER is read, and heartbeats of one that is not read expire (DESIGN 4, point 2). Load is
 * bounded by the switchboard's refusals instead.
 *
 *  The switchboard may not be called from its own actions: a peer that proves dead while something
 *  is sent to it is only noted, and goes at the end of the round.
 */
#define _GNU_SOURCE

#include "broker/loop_inner.h"

#include <errno.h>

#include "broker/recording_file.h"

#define BATCH       256u   // packets of one ROUTER at a time: neither side starves the other
#define TURNS       4u     // of both ROUTERs a round: the rest is not starved either
#define FLUSH_MS    2000u  // at the end, for peers that have no room
#define POLL_MAX_MS 60000u // wake up now and then anyway

void loop_log (loop_t *self, zfabric_log_level_t level, const char *format, ...)
{
    char line[1024];
    va_list args;

    if (!self->options.log || level > self->options.log_level)
        return;
    va_start (args, format);
    (void)vsnprintf (line, sizeof line, format, args);
    va_end (args);
    self->options.log (level, line, self->options.log_arg);
}

void loop_step (loop_t *self, sb_event_t *event)
{
    event->now = self->now;
    recorder_event (self->recorder, event);
    switchboard_step (self->switchboard, event);
}

// ---- frames -> events

static void handle (loop_t *self, sb_side_t side, wire_message_t *message)
{
    sb_key_t key;

    peer_t *peer = loop_sender (self, side, message, &key);
    if (!peer)
        return;
    sb_event_t event = {.kind = SB_PACKET,
                        .peer = peer->number,
                        .side = side,
                        .key = key,
                        .chosen_id = peer->chosen,
                        .address = peer->address,
                        .frames = message->frames,
                        .header = &message->header,
                        .payload = &message->payload};
    loop_step (self, &event);
}

static void receive (loop_t *self, sb_side_t side)
{
    wire_message_t message;

    wire_message_init (&message);
    self->turn = side;
    for (unsigned i = 0; i < BATCH && !loop_is_dry (self, side); i++) {
        if (wire_receive (loop_router (self, side), true, &message) == 0)
            handle (self, side, &message);
        else
            ears_dry (&self->ears, EAR_ROUTER + side);
    }
    wire_message_close (&message);
}

// What was sent on a ROUTER may have eaten the news of what can be received.
static void note_sends (loop_t *self)
{
    for (int side = 0; side < 2; side++) {
        if (self->post.used[side])
            ears_used (&self->ears, EAR_ROUTER + (unsigned)side);
        self->post.used[side] = false;
    }
}

static void receive_all (loop_t *self)
{
    for (unsigned i = 0; i < TURNS; i++) {
        // Results first: they make room for what waits.
        receive (self, SB_WORKER_SIDE);
        receive (self, SB_CLIENT_SIDE);
        note_sends (self);
        if (loop_is_dry (self, SB_WORKER_SIDE) && loop_is_dry (self, SB_CLIENT_SIDE))
            break;
    }
}

// ---- the loop

static moment_t earliest (moment_t a, moment_t b)
{
    return a < b ? a : b;
}

static long poll_timeout (const loop_t *self)
{
    moment_t next = switchboard_next_deadline (self->switchboard);

    next = earliest (next, peers_next_probe (&self->peers));
    next = earliest (next, self->post.retry_at);
    if (self->gate)
        next = earliest (next, gate_deadline (self->gate));
    if (peers_convicted (&self->peers))
        next = earliest (next, self->now + 1);
    span_t wait = moment_until (moment_now (), next);
    return (long)(wait < POLL_MAX_MS ? wait : POLL_MAX_MS);
}

static void grant_wish (loop_t *self, loop_wish_t wish)
{
    sb_event_t event = {.kind = wish == LOOP_HALT ? SB_HALT : SB_DRAIN};

    if (wish <= self->granted)
        return;
    self->granted = wish;
    loop_log (self, ZFABRIC_LOG_INFO,
              wish == LOOP_HALT ? "stopping at once"
                                : "stopping when the running tasks have ended");
    loop_step (self, &event);
}

static void write_recording (loop_t *self)
{
    char *path = atomic_exchange (&self->record_path, NULL);

    if (!path)
        return;
    if (recording_file_write (self->recorder, path))
        loop_log (self, ZFABRIC_LOG_WARNING, "no recording in %s: %s", path, zmq_strerror (errno));
    else
        loop_log (self, ZFABRIC_LOG_INFO, "recorded the last %u events in %s",
                  recorder_events (self->recorder), path);
    free (path);
}

static void read_wishes (loop_t *self)
{
    uint64_t rings;

    if (!ears_perhaps (&self->ears, EAR_WISH))
        return;
    (void)!read (self->wish_event, &rings, sizeof rings); // only to lower it
    ears_dry (&self->ears, EAR_WISH);
    write_recording (self);
    grant_wish (self, (loop_wish_t)atomic_load (&self->wish));
}

static void read_pipe (loop_t *self, zsock_t *pipe)
{
    if (!ears_perhaps (&self->ears, EAR_PIPE))
        return;
    while (zsock_events (pipe) & ZMQ_POLLIN) {
        zmsg_t *message = zmsg_recv (pipe);
        zmsg_destroy (&message);
        grant_wish (self, LOOP_HALT);
    }
    ears_dry (&self->ears, EAR_PIPE);
}

static void look_at_gate (loop_t *self)
{
    if (!self->gate)
        return;
    if (!gate_turn (self->gate, self->now, ears_perhaps (&self->ears, EAR_ZAP),
                    ears_perhaps (&self->ears, EAR_FOLDER)))
        ears_dry (&self->ears, EAR_ZAP);
    ears_dry (&self->ears, EAR_FOLDER);
}

static void look_at_monitors (loop_t *self)
{
    if (!ears_perhaps (&self->ears, EAR_MONITOR) && !ears_perhaps (&self->ears, EAR_MONITOR + 1))
        return;
    loop_read_monitors (self);
    ears_dry (&self->ears, EAR_MONITOR);
    ears_dry (&self->ears, EAR_MONITOR + 1);
}

static void round_once (loop_t *self, zsock_t *pipe)
{
    ears_wait (&self->ears, poll_timeout (self));
    self->now = moment_now ();
    look_at_gate (self);
    read_wishes (self);
    read_pipe (self, pipe);
    look_at_monitors (self);
    receive_all (self);
    post_flush (&self->post, self->now);
    loop_probe_suspects (self);
    loop_release_convicted (self);
    sb_event_t tick = {.kind = SB_TICK};
    if (switchboard_next_deadline (self->switchboard) <= self->now)
        loop_step (self, &tick);
    note_sends (self);
}

// What peers had no room for may still go; what they have not read by then is lost with them.
static void flush_last (loop_t *self)
{
    moment_t until = moment_now () + FLUSH_MS;

    while (!list_empty (&self->peers.stalled) && (self->now = moment_now ()) < until) {
        wire_message_t message;
        wire_message_init (&message);
        for (int side = 0; side < 2; side++) {
            while (wire_receive (loop_router (self, (sb_side_t)side), true, &message) == 0)
                ; // a full pipe to a dead peer is only noticed while its ROUTER is read
        }
        wire_message_close (&message);
        self->post.retry_at = self->now;
        post_flush (&self->post, self->now);
        (void)zmq_poll (NULL, 0, 1);
    }
}

static void prick_ears (loop_t *self, zsock_t *pipe)
{
    ears_init (&self->ears);
    ears_add_socket (&self->ears, zsock_resolve (pipe));
    ears_add_descriptor (&self->ears, self->wish_event);
    for (int side = 0; side < 2; side++)
        ears_add_socket (&self->ears, self->sockets.monitors[side]);
    for (int side = 0; side < 2; side++)
        ears_add_socket (&self->ears, loop_router (self, (sb_side_t)side));
    if (self->gate) {
        ears_add_socket (&self->ears, gate_socket (self->gate));
        ears_add_descriptor (&self->ears, gate_descriptor (self->gate));
    }
}

void loop_run (loop_t *self, zsock_t *pipe)
{
    prick_ears (self, pipe);
    while (!switchboard_finished (self->switchboard))
        round_once (self, pipe);
    flush_last (self);
    loop_log (self, ZFABRIC_LOG_INFO, "stopped");
}

static void ring (loop_t *self)
{
    uint64_t once = 1;

    (void)!write (self->wish_event, &once, sizeof once); // full means rung already
}

void loop_ask (loop_t *self, loop_wish_t wish)
{
    int had = atomic_load (&self->wish);

    while (had < (int)wish && !atomic_compare_exchange_weak (&self->wish, &had, (int)wish))
        ;
    ring (self);
}

int loop_record (loop_t *self, const char *path)
{
    char *copy = strdup (path);

    if (!copy)
        return -1;
    free (atomic_exchange (&self->record_path, copy));
    ring (self);
    return 0;
}

const char *loop_bound (const loop_t *self, sb_side_t side, size_t index)
{
    return index < self->sockets.bound_count[side] ? self->sockets.bound[side][index] : NULL;
}
