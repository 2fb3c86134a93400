#include "broker/post.h"

#include <errno.h>

#include "fabric/container.h"

#define RETRY_MAX_MS 32u // between attempts to send to peers that have no room

void post_init (post_t *self, peers_t *peers, uint64_t limit, post_kick_fn *kick, void *arg)
{
    *self = (post_t){
        .peers = peers, .limit = limit, .kick = kick, .arg = arg, .retry_at = MOMENT_NEVER};
}

static bool is_large (const frame_t *payload)
{
    return payload && frame_size (payload) >= METER_FRAME_MIN;
}

// Whether libzmq may be given a payload of this size for the peer: within the bound, or alone.
static bool has_room (const post_t *self, const peer_t *peer, const frame_t *payload)
{
    if (!peer->meter || !is_large (payload))
        return true;
    uint64_t held = meter_octets (peer->meter);
    return held == 0 || (held < self->limit && frame_size (payload) <= self->limit - held);
}

static void count (peer_t *peer, frame_t *payload, bool *metered)
{
    if (*metered || !is_large (payload))
        return;
    if (!peer->meter)
        peer->meter = meter_new ();
    if (peer->meter)
        meter_add (peer->meter, payload);
    *metered = true;
}

// 0, or -1: EAGAIN; anything else has convicted the peer.
static int try_send (
    post_t *self, peer_t *peer, frame_t *header, frame_t *payload, bool *metered, moment_t now)
{
    if (!has_room (self, peer, payload)) {
        errno = EAGAIN;
        return -1;
    }
    count (peer, payload, metered);
    self->used[peer->side] = true;
    if (wire_send (self->routers[peer->side], &peer->id, peer->delimiter, header, payload) == 0)
        return 0;
    if (errno != EAGAIN)
        peers_convict (self->peers, peer, now);
    return -1;
}

static void stall (post_t *self, peer_t *peer, moment_t now)
{
    if (list_holds (&peer->in_stalled))
        return;
    list_append (&self->peers->stalled, &peer->in_stalled);
    peer->progress_at = now;
    if (self->retry_at == MOMENT_NEVER) {
        self->retry_pause = 1;
        self->retry_at = now + 1;
    }
}

// What all clients have in their outboxes beyond their own bounds.
static uint64_t spare_used (const post_t *self)
{
    uint64_t sum = 0;

    for (list_node_t *node = list_first (&self->peers->stalled); node;
         node = list_next (&self->peers->stalled, node)) {
        const peer_t *peer = container_of (node, peer_t, in_stalled);
        if (peer->side == SB_CLIENT_SIDE && peer->outbox.octets > self->limit)
            sum += peer->outbox.octets - self->limit;
    }
    return sum;
}

static outbox_verdict_t
keep (post_t *self, peer_t *peer, frame_t *header, frame_t *payload, bool droppable, bool metered)
{
    uint64_t limit = peer->side == SB_CLIENT_SIDE ? self->limit : UINT64_MAX;
    outbox_verdict_t verdict =
        outbox_add (&peer->outbox, header, payload, droppable, metered, limit, &self->dropped);

    if (verdict == OUTBOX_FULL && spare_used (self) < POST_SPARE * self->limit)
        verdict = outbox_add (&peer->outbox, header, payload, droppable, metered, UINT64_MAX,
                              &self->dropped);
    return verdict;
}

void post_send (
    post_t *self, peer_t *peer, frame_t *header, frame_t *payload, bool droppable, moment_t now)
{
    bool metered = false;

    if (list_holds (&peer->in_convicted))
        return;
    if (outbox_empty (&peer->outbox)) {
        if (try_send (self, peer, header, payload, &metered, now) == 0 || errno != EAGAIN)
            return;
    }
    outbox_verdict_t verdict = keep (self, peer, header, payload, droppable, metered);
    if (verdict == OUTBOX_FULL)
        self->kick (peer, self->arg);
    else if (verdict == OUTBOX_KEPT)
        stall (self, peer, now);
}

// Sends what waits for the peer. True if all has gone.
static bool flush_peer (post_t *self, peer_t *peer, moment_t now)
{
    outbox_packet_t *packet;

    while ((packet = outbox_first (&peer->outbox))) {
        frame_t *payload = packet->has_payload ? &packet->payload : NULL;
        if (try_send (self, peer, &packet->header, payload, &packet->metered, now))
            return false;
        outbox_shift (&peer->outbox);
        peer->progress_at = now;
    }
    return true;
}

// A peer that could not be sent a packet: whether it may be called one that does not read. A large
// frame may be long on its way, so the system is asked whether it moves.
static bool out_of_patience (const post_t *self, peer_t *peer, span_t patience, moment_t now)
{
    if (peer->outbox.octets <= self->limit || list_holds (&peer->in_convicted))
        return false;
    uint64_t taken = wire_taken (peer->descriptor);
    if (taken != peer->taken)
        peer->progress_at = now;
    peer->taken = taken;
    return now >= peer->progress_at + patience;
}

void post_flush (post_t *self, moment_t now)
{
    bool progress = false;

    if (now < self->retry_at)
        return;
    span_t patience = spare_used (self) < POST_SPARE / 4 * self->limit ? POST_PATIENCE_MS
                                                                       : POST_PATIENCE_SHORT_MS;
    for (list_node_t *node = list_first (&self->peers->stalled), *next; node; node = next) {
        peer_t *peer = container_of (node, peer_t, in_stalled);
        next = list_next (&self->peers->stalled, node);
        bool all = flush_peer (self, peer, now);
        progress |= peer->progress_at == now;
        if (all)
            list_remove (node);
        else if (out_of_patience (self, peer, patience, now))
            self->kick (peer, self->arg);
    }
    self->retry_pause = progress ? 1 : self->retry_pause * 2;
    if (self->retry_pause > RETRY_MAX_MS)
        self->retry_pause = RETRY_MAX_MS;
    self->retry_at = list_empty (&self->peers->stalled) ? MOMENT_NEVER : now + self->retry_pause;
}
