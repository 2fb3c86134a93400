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

#include "broker/loop.h"

#include <errno.h>
#include <sodium.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "broker/ears.h"
#include "broker/gate.h"
#include "broker/post.h"
#include "broker/recording_file.h"
#include "broker/switchboard.h"
#include "codec/codec.h"
#include "fabric/container.h"

#define BATCH         256u   // packets of one ROUTER at a time: neither side starves the other
#define TURNS         4u     // of both ROUTERs a round: the rest is not starved either
#define UNREAD_MAX_MS 500u   // a convicted peer goes after this, even if its ROUTER is never dry
#define FLUSH_MS      2000u  // at the end, for peers that have no room
#define POLL_MAX_MS   60000u // wake up now and then anyway

// In the order in which they are added; the last two only where keys are in force.
enum {
    EAR_PIPE,
    EAR_WISH,
    EAR_MONITOR,
    EAR_ROUTER = EAR_MONITOR + 2,
    EAR_ZAP = EAR_ROUTER + 2,
    EAR_FOLDER
};

struct loop {
    zfabric_broker_options_t options;
    gate_t *gate; // NULL: keys are not in force
    sockets_t sockets;
    peers_t peers;
    switchboard_t *switchboard;
    recorder_t *recorder; // the caller's
    moment_t now;
    post_t post;
    sb_side_t turn; // whose packets are read
    ears_t ears;
    int wish_event; // eventfd that wakes the loop for a wish
    atomic_int wish;
    _Atomic (char *) record_path; // where somebody wants a recording; or NULL
    loop_wish_t granted;
};

static void loop_log (loop_t *self, zfabric_log_level_t level, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

static void loop_log (loop_t *self, zfabric_log_level_t level, const char *format, ...)
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

// ---- actions -> frames

static void *router_of (loop_t *self, sb_side_t side)
{
    return self->sockets.routers[side];
}

static void read_monitor (loop_t *self, sb_side_t side)
{
    sockets_news_t news;

    while ((news = sockets_event (&self->sockets, side)).event != SOCKETS_NOTHING) {
        if (news.event == SOCKETS_ACCEPTED)
            peers_accepted (&self->peers, news.value);
        if (news.event == SOCKETS_DISCONNECTED)
            peers_disconnected (&self->peers, news.value, self->now);
        if (self->gate)
            gate_heard (self->gate, side, &news);
    }
}

static void read_monitors (loop_t *self)
{
    read_monitor (self, SB_CLIENT_SIDE);
    read_monitor (self, SB_WORKER_SIDE);
}

// A ROUTER has no more packets.
static bool is_dry (const loop_t *self, sb_side_t side)
{
    return !ears_perhaps (&self->ears, EAR_ROUTER + side);
}

static void throw_out (loop_t *self, peer_t *peer)
{
    // The descriptor must still be this peer's.
    read_monitors (self);
    if (peer->descriptor >= 0 && !self->peers.closed[peer->descriptor])
        (void)shutdown (peer->descriptor, SHUT_RDWR);
    peers_convict (&self->peers, peer, self->now);
}

// Throws out a peer that does not read.
static void kick (peer_t *peer, void *arg)
{
    loop_t *self = (loop_t *)arg;

    loop_log (self, ZFABRIC_LOG_WARNING,
              "peer %u (%s) does not read: over %llu octets wait for it; it is let go",
              peer->number, peer->address, (unsigned long long)self->options.outbox);
    throw_out (self, peer);
}

static void
sink_send (void *arg, sb_peer_t number, frame_t *header, frame_t *payload, bool droppable)
{
    loop_t *self = (loop_t *)arg;
    recorder_action (self->recorder, number, header, payload);
    peer_t *peer = peers_number (&self->peers, number);

    if (peer)
        post_send (&self->post, peer, header, payload, droppable, self->now);
    for (; self->post.dropped > 0; self->post.dropped--)
        switchboard_count_dropped (self->switchboard);
}

static void sink_note (void *arg, sb_level_t level, const char *text)
{
    loop_t *self = (loop_t *)arg;
    static const zfabric_log_level_t levels[] = {[SB_WARNING] = ZFABRIC_LOG_WARNING,
                                                 [SB_REFUSED] = ZFABRIC_LOG_WARNING,
                                                 [SB_INFO] = ZFABRIC_LOG_INFO,
                                                 [SB_DEBUG] = ZFABRIC_LOG_DEBUG};

    if (level == SB_REFUSED && self->gate)
        gate_refused (self->gate, self->turn, text);
    else
        loop_log (self, levels[level], "%s", text);
}

// ---- frames -> events

static void step (loop_t *self, sb_event_t *event)
{
    event->now = self->now;
    recorder_event (self->recorder, event);
    switchboard_step (self->switchboard, event);
}

// ---- keys

static void tell_key (loop_t *self, const card_t *card)
{
    frame_t header;
    sb_event_t event = {
        .kind = SB_KEY, .key = card->number, .address = card->entry.name, .header = &header};

    // Without memory it is told that there are no rights.
    if (frame_copy (&header, card->entry.rights))
        frame_init (&header);
    step (self, &event);
    frame_close (&header);
}

// A key may do something else, or may not come in any more: its peers are thrown out then.
static void key_changed (void *arg, card_t *card)
{
    loop_t *self = (loop_t *)arg;

    if (!card->told)
        return;
    tell_key (self, card);
    for (size_t number = 0; number < self->peers.size; number++) {
        peer_t *peer = self->peers.numbers[number];
        if (!peer || peer->key != card->number || gate_opens (card, peer->side))
            continue;
        loop_log (self, ZFABRIC_LOG_INFO, "%s (%s, peer %u) may not come in any more: it is let go",
                  card->entry.name, peer->address, peer->number);
        throw_out (self, peer);
    }
}

// Whether the message came with a key that may come in there; its number in *key. If not, the
// connection goes.
static bool admit (loop_t *self, sb_side_t side, const wire_message_t *message, sb_key_t *key)
{
    *key = 0;
    if (!self->gate)
        return true;
    card_t *card = gate_admit (self->gate, side, wire_user (message), wire_address (message));
    if (card) {
        if (!card->told) {
            card->told = true;
            tell_key (self, card);
        }
        *key = card->number;
        return true;
    }
    read_monitors (self);
    int descriptor = wire_descriptor (message);
    if (descriptor >= 0 && !peers_is_closed (&self->peers, descriptor))
        (void)shutdown (descriptor, SHUT_RDWR);
    return false;
}

static peer_t *sender_of (loop_t *self, sb_side_t side, const wire_message_t *message, sb_key_t key)
{
    peer_t *peer = peers_find (&self->peers, side, &message->id);

    if (!peer) {
        read_monitors (self);
        peer = peers_add (&self->peers, side, &message->id, wire_descriptor (message), self->now);
        if (!peer)
            return NULL;
        peer->key = key;
        (void)snprintf (peer->address, sizeof peer->address, "%s", wire_address (message));
        if (self->gate)
            gate_spoke (self->gate, side, wire_descriptor (message));
    }
    if (message->delimiter)
        peer->delimiter = true;
    (void)codec_sniff (frame_slice (&message->header), &peer->codec); // garbage: it stays
    return peer;
}

static void handle (loop_t *self, sb_side_t side, wire_message_t *message)
{
    sb_key_t key;

    if (!admit (self, side, message, &key))
        return;
    peer_t *peer = sender_of (self, side, message, key);
    if (!peer) {
        loop_log (self, ZFABRIC_LOG_ERROR, "out of memory: a packet was dropped");
        return;
    }
    sb_event_t event = {.kind = SB_PACKET,
                        .peer = peer->number,
                        .side = side,
                        .key = key,
                        .chosen_id = peer->chosen,
                        .address = peer->address,
                        .frames = message->frames,
                        .header = &message->header,
                        .payload = &message->payload};
    step (self, &event);
}

static void receive (loop_t *self, sb_side_t side)
{
    wire_message_t message;

    wire_message_init (&message);
    self->turn = side;
    for (unsigned i = 0; i < BATCH && !is_dry (self, side); i++) {
        if (wire_receive (router_of (self, side), true, &message) == 0)
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
        if (is_dry (self, SB_WORKER_SIDE) && is_dry (self, SB_CLIENT_SIDE))
            break;
    }
}

// ---- who is still there

// A packet that says nothing new to a peer that lives.
static int probe (loop_t *self, peer_t *peer)
{
    packet_t packet;
    buffer_t out;
    frame_t header;

    // A REQ over inproc would take it for the answer that it waits for.
    if (peer->descriptor < 0 && peer->delimiter)
        return 0;
    packet_init (&packet, peer->codec);
    packet.type = PACKET_HEARTBEAT;
    // By its name a peer tells it from an answer to a HEARTBEAT of its own.
    packet.name = text_plain (slice_text ("probe"));
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (NAME);
    buffer_init (&out, LIMIT_HEADER_OCTETS);
    codec_write (&packet, &out);
    int rc = frame_take (&header, &out);
    if (rc == 0)
        rc = wire_send (router_of (self, peer->side), &peer->id, peer->delimiter, &header, NULL);
    ears_used (&self->ears, EAR_ROUTER + peer->side);
    int saved = errno;
    frame_close (&header);
    buffer_finish (&out);
    errno = saved;
    return rc;
}

static void probe_suspects (loop_t *self)
{
    peer_t *peer;

    while ((peer = peers_due (&self->peers, self->now))) {
        if (probe (self, peer) && errno == EHOSTUNREACH)
            peers_convict (&self->peers, peer, self->now);
        else
            peers_probed (&self->peers, peer, self->now);
    }
}

static void release_convicted (loop_t *self)
{
    peer_t *peer;

    while ((peer = peers_convicted (&self->peers))) {
        // In the order of their conviction: who is behind an unread one waits a round more.
        if (!is_dry (self, peer->side) && self->now < peer->convicted_at + UNREAD_MAX_MS)
            return;
        sb_event_t event = {.kind = SB_PEER_GONE, .peer = peer->number};
        step (self, &event);
        peers_remove (&self->peers, peer);
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
    step (self, &event);
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
    read_monitors (self);
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
    probe_suspects (self);
    release_convicted (self);
    sb_event_t tick = {.kind = SB_TICK};
    if (switchboard_next_deadline (self->switchboard) <= self->now)
        step (self, &tick);
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
            while (wire_receive (router_of (self, (sb_side_t)side), true, &message) == 0)
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
        ears_add_socket (&self->ears, router_of (self, (sb_side_t)side));
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

// ---- life cycle

static int open_switchboard (loop_t *self)
{
    const zfabric_broker_options_t *options = &self->options;
    uint8_t seed[TABLE_KEY_OCTETS];
    sb_limits_t limits = {.queue = options->queue,
                          .client_tasks = options->client_tasks,
                          .max_payload = options->max_payload,
                          .queue_wait_ms = options->queue_wait_ms,
                          .cancel_grace_ms = options->cancel_grace_ms,
                          .drain_ms = options->drain_ms};
    sb_sink_t sink = {.send = sink_send, .note = sink_note, .arg = self};

    randombytes_buf (seed, sizeof seed);
    if (peers_init (&self->peers, seed))
        return -1;
    recorder_start (self->recorder, &limits, self->now);
    self->switchboard = switchboard_new (&limits, &sink, seed, self->now);
    return self->switchboard ? 0 : -1;
}

static void log_endpoints (loop_t *self)
{
    static const char *const verbs[] = {
        [SB_CLIENT_SIDE] = "serving clients on", [SB_WORKER_SIDE] = "listening for workers on"};

    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < self->sockets.bound_count[side]; i++)
            loop_log (self, ZFABRIC_LOG_INFO, "%s %s", verbs[side], self->sockets.bound[side][i]);
    }
}

static void gate_log (void *arg, zfabric_log_level_t level, const char *line)
{
    loop_log ((loop_t *)arg, level, "%s", line);
}

// A broker with keys has its gate before anything is bound.
static int open_sockets (loop_t *self, fault_t *fault)
{
    const zfabric_broker_options_t *options = &self->options;
    gate_hooks_t hooks = {.log = gate_log, .changed = key_changed, .arg = self};
    void *context = NULL;
    const key_pair_t *keys = NULL;

    if (!options->curve != !options->authorized) {
        fault_set (fault, "curve and authorized belong together");
        errno = EINVAL;
        return -1;
    }
    if (options->curve) {
        self->gate =
            gate_new (options->curve, options->authorized, &hooks, self->now, &keys, fault);
        if (!self->gate)
            return -1;
        context = gate_context (self->gate);
    } else {
        context = zsys_init ();
    }
    int rc = sockets_init (&self->sockets, context, options, keys, fault);
    if (rc == 0 && self->gate)
        gate_open (self->gate, options->authorized);
    return rc;
}

loop_t *loop_new (const zfabric_broker_options_t *options, recorder_t *recorder, fault_t *fault)
{
    loop_t *self = (loop_t *)calloc (1, sizeof *self);

    fault_set (fault, "out of memory or descriptors");
    if (!self)
        return NULL;
    self->options = *options;
    self->recorder = recorder;
    self->now = moment_now ();
    post_init (&self->post, &self->peers, options->outbox, kick, self);
    self->wish_event = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->wish_event < 0 || sodium_init () < 0 || open_switchboard (self)
        || open_sockets (self, fault)) {
        int saved = errno;
        loop_destroy (&self);
        errno = saved;
        return NULL;
    }
    self->post.routers[SB_CLIENT_SIDE] = router_of (self, SB_CLIENT_SIDE);
    self->post.routers[SB_WORKER_SIDE] = router_of (self, SB_WORKER_SIDE);
    log_endpoints (self);
    return self;
}

void loop_destroy (loop_t **self_p)
{
    loop_t *self = *self_p;

    if (!self)
        return;
    switchboard_destroy (&self->switchboard);
    peers_finish (&self->peers);
    sockets_finish (&self->sockets);
    gate_destroy (&self->gate);
    if (self->wish_event >= 0)
        close (self->wish_event);
    free (atomic_load (&self->record_path));
    free (self);
    *self_p = NULL;
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
