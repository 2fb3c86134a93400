/*  Events come in here and are handed to the part that handles them. Time passes first: what has
 *  expired by an event's time ends before the event is looked at.
 */
#include "broker/switchboard_state.h"

#include <errno.h>
#include <stdlib.h>

#include "fabric/container.h"

static bool task_equal (const table_node_t *node, slice_t key)
{
    const task_t *task = container_of (node, const task_t, by_cookie);

    return slice_equal (slice_of (task->cookie.octets, COOKIE_OCTETS), key);
}

static int init (switchboard_t *self)
{
    list_init (&self->clients);
    list_init (&self->tasks);
    deadlines_init (&self->deadlines);
    if (holders_init (&self->holders, self->secret))
        return -1;
    // roster and waiting know each other's patterns; neither calls the other before both are there.
    if (roster_init (&self->roster, waiting_refit, waiting_place_removed, &self->waiting,
                     self->secret))
        goto error_holders;
    if (waiting_init (&self->waiting, &self->roster.groups, self->secret))
        goto error;
    if (table_init (&self->cookies, task_equal)) {
        waiting_finish (&self->waiting);
        goto error;
    }
    return 0;
error:
    roster_finish (&self->roster);
error_holders:
    holders_finish (&self->holders);
    return -1;
}

switchboard_t *switchboard_new (const sb_limits_t *limits,
                                const sb_sink_t *sink,
                                const uint8_t seed[static 16],
                                moment_t now)
{
    switchboard_t *self = (switchboard_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    self->limits = *limits;
    self->sink = *sink;
    self->now = self->started = now;
    self->drain_until = MOMENT_NEVER;
    memcpy (self->secret, seed, sizeof self->secret);
    metrics_init (&self->metrics);
    if (init (self)) {
        free (self);
        return NULL;
    }
    return self;
}

static void
sink_nothing (void *arg, sb_peer_t peer, frame_t *header, frame_t *payload, bool droppable)
{
    (void)arg, (void)peer, (void)header, (void)payload, (void)droppable;
}

void switchboard_destroy (switchboard_t **self_p)
{
    switchboard_t *self = *self_p;

    if (!self)
        return;
    // All go the way of peers that left, so that there is one way to undo things.
    self->sink = (sb_sink_t){.send = sink_nothing};
    self->draining = true;
    life_stop (self, true);
    for (size_t peer = 0; peer < self->parties_size; peer++)
        party_gone (self, (sb_peer_t)peer);
    free (self->parties);
    table_finish (&self->cookies);
    waiting_finish (&self->waiting);
    roster_finish (&self->roster);
    deadlines_finish (&self->deadlines);
    holders_finish (&self->holders);
    free (self);
    *self_p = NULL;
}

// ---- time

static void expire (switchboard_t *self)
{
    deadline_t *deadline;

    while ((deadline = deadlines_pop (&self->deadlines, self->now))) {
        if (deadline->kind == DEADLINE_TASK)
            life_expired (self, container_of (deadline, task_t, deadline));
        else
            party_silent (self, container_of (deadline, worker_t, silence));
    }
    if (self->now >= self->drain_until) {
        self->drain_until = MOMENT_NEVER;
        life_stop (self, true);
    }
}

moment_t switchboard_next_deadline (const switchboard_t *self)
{
    moment_t next = deadlines_next (&self->deadlines);

    return next < self->drain_until ? next : self->drain_until;
}

// ---- packets

static void refuse_bad (switchboard_t *self,
                        const sb_event_t *event,
                        const intake_t *intake,
                        encoding_t codec,
                        const char *words)
{
    const packet_t *packet = &intake->packet;
    bool named = intake->codec_known && packet_has (packet, PACKET_BIT (COOKIE));

    self->stats.dropped[STATS_DROP_BAD_PACKET]++;
    switchboard_note (self, SB_DEBUG, "bad packet from peer %u: %s", event->peer, words);
    answer_result (self, event->peer, codec, named ? &packet->cookie : NULL, ZFABRIC_BAD_PACKET,
                   words);
}

static void refuse_type (switchboard_t *self, sb_peer_t peer, const packet_t *packet)
{
    fault_t words;

    self->stats.dropped[STATS_DROP_UNSUPPORTED]++;
    if (packet->type == PACKET_UNKNOWN)
        fault_set (&words, "packet_type: not one of the protocol's");
    else
        fault_set (&words, "packet_type: %s is not for this side", packet_type_name (packet->type));
    answer_result (self, peer, packet->codec,
                   packet_has (packet, PACKET_BIT (COOKIE)) ? &packet->cookie : NULL,
                   ZFABRIC_UNSUPPORTED_PACKET_TYPE, words.text);
}

static void
from_client (switchboard_t *self, client_t *client, const packet_t *packet, const sb_event_t *event)
{
    if (packet->type == PACKET_RUN)
        life_submit (self, client, packet, event->header, event->payload);
    else if (packet->type == PACKET_CANCEL)
        life_cancel (self, client, packet);
    else
        answer_bare (self, client->peer, packet->codec, PACKET_HEARTBEAT);
}

static void
from_worker (switchboard_t *self, party_t *party, const packet_t *packet, const sb_event_t *event)
{
    worker_t *worker = party->worker;

    if (packet->type == PACKET_REGISTER) {
        party_register (self, party, packet, event->address);
    } else if (packet->type == PACKET_RESULT) {
        life_result (self, worker, packet, event->header, event->payload);
    } else if (packet->type == PACKET_PARTIAL) {
        life_partial (self, worker, packet, event->header, event->payload);
    } else if (packet->type == PACKET_SHUTDOWN) {
        party_shutdown (self, worker);
    } else {
        answer_bare (self, worker->peer, packet->codec, PACKET_HEARTBEAT);
    }
}

#define CLIENT_TYPES (1u << PACKET_RUN | 1u << PACKET_CANCEL | 1u << PACKET_HEARTBEAT)
#define WORKER_TYPES                                                                               \
    (1u << PACKET_REGISTER | 1u << PACKET_PARTIAL | 1u << PACKET_RESULT | 1u << PACKET_SHUTDOWN    \
     | 1u << PACKET_HEARTBEAT)

// A packet that section 2 allows, from a party that is there.
static void
route (switchboard_t *self, party_t *party, const intake_t *intake, const sb_event_t *event)
{
    const packet_t *packet = &intake->packet;
    unsigned types = party->client ? CLIENT_TYPES : WORKER_TYPES;
    bool typed = packet_has (packet, PACKET_BIT (PACKET_TYPE));
    bool stranger = party->worker && !party->worker->group;
    fault_t fault;

    if (!holder_may_enter (party->holder, event->side)) {
        answer_forbidden (self, event->peer, party->holder, packet,
                          "this key may do nothing on this side of the broker",
                          "may do nothing on this side");
    } else if (typed && stranger && packet->type != PACKET_REGISTER) {
        self->stats.dropped[STATS_DROP_UNKNOWN_WORKER]++;
        answer_register (self, event->peer, packet->codec, -1);
    } else if (typed && !(types >> packet->type & 1)) {
        refuse_type (self, event->peer, packet);
    } else if (packet_check (packet, &fault)) {
        refuse_bad (self, event, intake, packet->codec, fault.text);
    } else if (party->client) {
        from_client (self, party->client, packet, event);
    } else {
        from_worker (self, party, packet, event);
    }
}

static void take_packet (switchboard_t *self, const sb_event_t *event)
{
    intake_t intake;
    party_t *party;

    self->stats.packets_in++;
    self->stats.octets_in += frame_size (event->header) + frame_size (event->payload);
    intake_read (&intake, event->header, event->payload, event->frames, self->limits.max_payload);
    encoding_t codec = intake.codec_known ? intake.packet.codec : ENCODING_JSON;
    if (event->chosen_id) {
        refuse_bad (self, event, &intake, codec, "a peer must leave its routing id to libzmq");
    } else if (!(party = party_of (self, event->peer, event->side, event->key))) {
        if (errno == ENOMEM)
            switchboard_note (self, SB_WARNING, "out of memory: a peer's packet was dropped");
        else
            switchboard_note (self, SB_REFUSED,
                              "peer %u came with another key: a packet was dropped", event->peer);
    } else {
        if (intake.codec_known)
            party->codec = codec;
        if (party->worker) {
            party->worker->codec = party->codec;
            party->worker->heard = self->now;
        }
        if (intake.bad)
            refuse_bad (self, event, &intake, party->codec, intake.fault.text);
        else
            route (self, party, &intake, event);
    }
    intake_finish (&intake);
}

// ---- the broker's own end

static void drain (switchboard_t *self)
{
    if (self->draining)
        return;
    self->draining = true;
    self->drain_until = moment_after (self->now, self->limits.drain_ms);
    life_stop (self, false);
    for (list_node_t *node = list_first (&self->roster.workers); node;
         node = list_next (&self->roster.workers, node)) {
        worker_t *worker = container_of (node, worker_t, in_roster);
        answer_bare (self, worker->peer, worker->codec, PACKET_SHUTDOWN);
    }
}

static void halt (switchboard_t *self)
{
    drain (self);
    self->drain_until = MOMENT_NEVER;
    life_stop (self, true);
    self->halted = true;
}

bool switchboard_finished (const switchboard_t *self)
{
    return self->draining && self->open == 0;
}

void switchboard_count_dropped (switchboard_t *self)
{
    self->stats.dropped[STATS_DROP_PEER_FULL]++;
}

void switchboard_step (switchboard_t *self, const sb_event_t *event)
{
    if (event->now > self->now)
        self->now = event->now;
    expire (self);
    switch (event->kind) {
    case SB_PACKET:
        take_packet (self, event);
        break;
    case SB_PEER_GONE:
        party_gone (self, event->peer);
        break;
    case SB_TICK:
        break;
    case SB_DRAIN:
        drain (self);
        break;
    case SB_HALT:
        halt (self);
        break;
    case SB_KEY:
        party_key (self, event);
        break;
    }
}
