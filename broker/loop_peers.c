/*  Who is there: peers as they come with their first packet, with a key if keys are in force; those
 *  whose connection broke are probed, and go when their last packets have been read.
 */
#define _GNU_SOURCE

#include "broker/loop_inner.h"

#include <errno.h>
#include <sys/socket.h>

#include "codec/codec.h"

#define UNREAD_MAX_MS 500u // a convicted peer goes after this, even if its ROUTER is never dry

static void read_monitor (loop_t *self, sb_side_t side)
{
    sockets_news_t news;

    while ((news = sockets_event (&self->sockets, side)).event != SOCKETS_NOTHING) {
        if (news.event == SOCKETS_ACCEPTED) {
            self->accepted[side]++;
            peers_accepted (&self->peers, news.value);
        }
        if (news.event == SOCKETS_DISCONNECTED) {
            self->closed[side]++;
            peers_disconnected (&self->peers, news.value, self->now);
        }
        if (self->gate)
            gate_heard (self->gate, side, &news);
    }
}

void loop_read_monitors (loop_t *self)
{
    read_monitor (self, SB_CLIENT_SIDE);
    read_monitor (self, SB_WORKER_SIDE);
}

static void throw_out (loop_t *self, peer_t *peer)
{
    // The descriptor must still be this peer's.
    loop_read_monitors (self);
    if (peer->descriptor >= 0 && !self->peers.closed[peer->descriptor])
        (void)shutdown (peer->descriptor, SHUT_RDWR);
    peers_convict (&self->peers, peer, self->now);
}

void loop_kick (peer_t *peer, void *arg)
{
    loop_t *self = (loop_t *)arg;

    loop_log (
        self, ZFABRIC_LOG_WARNING,
        "peer %u (%s) does not read, or too slowly: over %llu octets wait for it; it is let go",
        peer->number, peer->address, (unsigned long long)self->options.outbox);
    throw_out (self, peer);
}

// ---- who comes in

static void tell_key (loop_t *self, const card_t *card)
{
    frame_t header;
    sb_event_t event = {
        .kind = SB_KEY, .key = card->number, .address = card->entry.name, .header = &header};

    // Without memory it is told that there are no rights.
    if (frame_copy (&header, card->entry.rights))
        frame_init (&header);
    loop_step (self, &event);
    frame_close (&header);
}

void loop_key_changed (void *arg, card_t *card)
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
    card_t *card = gate_admit (self->gate, side, message);
    if (card) {
        if (!card->told) {
            card->told = true;
            tell_key (self, card);
        }
        *key = card->number;
        return true;
    }
    loop_read_monitors (self);
    int descriptor = wire_descriptor (message);
    if (descriptor >= 0 && !peers_is_closed (&self->peers, descriptor))
        (void)shutdown (descriptor, SHUT_RDWR);
    return false;
}

peer_t *loop_sender (loop_t *self, sb_side_t side, const wire_message_t *message, sb_key_t *key)
{
    if (!admit (self, side, message, key))
        return NULL;
    peer_t *peer = peers_find (&self->peers, side, &message->id);

    if (!peer) {
        loop_read_monitors (self);
        peer = peers_add (&self->peers, side, &message->id, wire_descriptor (message), self->now);
        if (!peer) {
            loop_log (self, ZFABRIC_LOG_ERROR, "out of memory: a packet was dropped");
            return NULL;
        }
        peer->key = *key;
        (void)snprintf (peer->address, sizeof peer->address, "%s", wire_address (message));
        if (self->gate)
            gate_spoke (self->gate, side, wire_descriptor (message));
    }
    if (message->delimiter)
        peer->delimiter = true;
    (void)codec_sniff (frame_slice (&message->header), &peer->codec); // garbage: it stays
    return peer;
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
        rc = wire_send (loop_router (self, peer->side), &peer->id, peer->delimiter, &header, NULL);
    ears_used (&self->ears, EAR_ROUTER + peer->side);
    int saved = errno;
    frame_close (&header);
    buffer_finish (&out);
    errno = saved;
    return rc;
}

void loop_probe_suspects (loop_t *self)
{
    peer_t *peer;

    while ((peer = peers_due (&self->peers, self->now))) {
        if (probe (self, peer) && errno == EHOSTUNREACH)
            peers_convict (&self->peers, peer, self->now);
        else
            peers_probed (&self->peers, peer, self->now);
    }
}

void loop_release_convicted (loop_t *self)
{
    peer_t *peer;

    while ((peer = peers_convicted (&self->peers))) {
        // In the order of their conviction: who is behind an unread one waits a round more.
        if (!loop_is_dry (self, peer->side) && self->now < peer->convicted_at + UNREAD_MAX_MS)
            return;
        sb_event_t event = {.kind = SB_PEER_GONE, .peer = peer->number};
        loop_step (self, &event);
        peers_remove (&self->peers, peer);
    }
}
