#include "tests/simulation/story.h"

#include <stdlib.h>

#include "codec/codec.h"
#include "fabric/container.h"
#include "fabric/table.h"

#define SHOWN_OCTETS 64u // of a payload, a name or bad octets

typedef struct {
    table_node_t node;
    cookie_t cookie;
    unsigned number;
} known_t;

struct story {
    FILE *file;
    moment_t before;
    char *sides; // by peer number: 'c', 'w', or 0 if it is not there
    size_t peers;
    table_t cookies;
    known_t **known; // all of them: a table can't be walked
    size_t count;
};

static void *checked (void *memory)
{
    if (!memory)
        abort ();
    return memory;
}

static bool cookie_is (const table_node_t *node, slice_t key)
{
    const known_t *known = container_of (node, const known_t, node);

    return slice_equal (slice_of (known->cookie.octets, COOKIE_OCTETS), key);
}

story_t *story_new (FILE *file)
{
    story_t *self = (story_t *)checked (calloc (1, sizeof *self));

    self->file = file;
    if (table_init (&self->cookies, cookie_is))
        abort ();
    return self;
}

void story_destroy (story_t **self_p)
{
    story_t *self = *self_p;

    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free (self->known[i]);
    free (self->known);
    free (self->sides);
    table_finish (&self->cookies);
    free (self);
    *self_p = NULL;
}

static unsigned number_of (story_t *self, const cookie_t *cookie)
{
    static const uint8_t secret[TABLE_KEY_OCTETS];
    slice_t key = slice_of (cookie->octets, COOKIE_OCTETS);
    uint64_t hash = table_hash (secret, key);
    table_node_t *node = table_find (&self->cookies, hash, key);

    if (node)
        return container_of (node, known_t, node)->number;
    known_t *known = (known_t *)checked (calloc (1, sizeof *known));
    known->cookie = *cookie;
    self->known =
        (known_t **)checked (realloc (self->known, (self->count + 1) * sizeof *self->known));
    self->known[self->count++] = known;
    known->number = (unsigned)self->count;
    table_insert (&self->cookies, &known->node, hash);
    return known->number;
}

static void show (const story_t *self, slice_t octets, uint64_t size)
{
    for (size_t i = 0; i < octets.len && i < SHOWN_OCTETS; i++) {
        uint8_t octet = octets.ptr[i];
        if (octet == '\\' || octet < ' ' || octet >= 0x7f)
            fprintf (self->file, "\\x%02x", octet);
        else
            fputc (octet, self->file);
    }
    if (size > SHOWN_OCTETS)
        fprintf (self->file, "... (%llu octets)", (unsigned long long)size);
}

// ---- peers

static void peer_came (story_t *self, sb_peer_t peer, sb_side_t side)
{
    if (peer >= self->peers) {
        size_t peers = peer + 64u;
        self->sides = (char *)checked (realloc (self->sides, peers));
        memset (self->sides + self->peers, 0, peers - self->peers);
        self->peers = peers;
    }
    if (!self->sides[peer])
        self->sides[peer] = side == SB_WORKER_SIDE ? 'w' : 'c';
}

static void tell_peer (const story_t *self, sb_peer_t peer)
{
    char side = peer < self->peers ? self->sides[peer] : 0;

    fprintf (self->file, "%c%u", side ? side : '?', peer);
}

// ---- packets

static void tell_number (const story_t *self, const packet_t *packet, packet_key_t key, uint64_t n)
{
    if (packet->keys >> key & 1)
        fprintf (self->file, " %s=%llu", packet_key_name (key), (unsigned long long)n);
}

static void tell_patterns (const story_t *self, const packet_t *packet)
{
    slice_t rest = packet->pipelines.raw;
    text_t text;

    if (!packet_has (packet, PACKET_BIT (PIPELINES)))
        return;
    fputs (" pipelines=", self->file);
    for (unsigned i = 0; strings_next (packet->codec, &rest, &text); i++) {
        fputs (i ? "," : "", self->file);
        show (self, text.raw, text.raw.len);
    }
}

static void tell_keys (story_t *self, const packet_t *packet)
{
    if (packet_has (packet, PACKET_BIT (COOKIE)))
        fprintf (self->file, " k%u", number_of (self, &packet->cookie));
    if (packet_has (packet, PACKET_BIT (PIPELINE))) {
        fputc (' ', self->file);
        show (self, packet->pipeline, packet->pipeline.len);
    }
    if (packet_has (packet, PACKET_BIT (RC)))
        fprintf (self->file, " %s", zfabric_rc_name (packet->rc));
    if (packet_has (packet, PACKET_BIT (NAME))) {
        fputs (" name=", self->file);
        show (self, packet->name.raw, packet->name.raw.len);
    }
    if (packet_has (packet, PACKET_BIT (ERROR))) {
        fputs (" error=\"", self->file);
        show (self, packet->error.raw, packet->error.raw.len);
        fputc ('"', self->file);
    }
    tell_patterns (self, packet);
    tell_number (self, packet, PACKET_KEY_CAPACITY, packet->capacity);
    tell_number (self, packet, PACKET_KEY_HEARTBEAT, packet->heartbeat_ms);
    tell_number (self, packet, PACKET_KEY_PRIORITY, packet->priority);
    tell_number (self, packet, PACKET_KEY_TIMEOUT, packet->timeout_ms);
    tell_number (self, packet, PACKET_KEY_WAIT, packet->wait_ms);
    tell_number (self, packet, PACKET_KEY_RETRIES, packet->retries);
    tell_number (self, packet, PACKET_KEY_DETACH, packet->detach);
    tell_number (self, packet, PACKET_KEY_STREAM, packet->stream);
    tell_number (self, packet, PACKET_KEY_SEQ, packet->seq);
    if (packet_has (packet, PACKET_BIT (ORPHAN)))
        fprintf (self->file, " orphan=%s", packet->orphan_cancel ? "cancel" : "finish");
    if (packet_has (packet, PACKET_BIT (ENCODING)))
        fprintf (self->file, " encoding=%s", encoding_name (packet->encoding));
}

static void tell_packet (story_t *self, slice_t header, uint64_t size)
{
    packet_t packet;
    fault_t fault;

    if (codec_read (header, &packet, &fault)) {
        fprintf (self->file, " raw (%s) ", fault.text);
        show (self, header, size);
        return;
    }
    fprintf (self->file, " %s", packet_type_name (packet.type));
    tell_keys (self, &packet);
    const inline_payload_t *found = packet_inline (&packet);
    if (found) {
        fputs (" inside: ", self->file);
        show (self, found->text.raw, found->text.raw.len);
    }
}

// ---- lines

void story_event (story_t *self, const recording_event_t *event)
{
    static const char *const words[] = {
        [SB_PACKET] = "",     [SB_PEER_GONE] = " gone", [SB_TICK] = "tick",
        [SB_DRAIN] = "drain", [SB_HALT] = "halt",       [SB_KEY] = "key"};

    if (!self->file)
        return;
    if (!self->before)
        self->before = event->now; // a clock's start tells nobody anything
    fprintf (self->file, "+%llu ", (unsigned long long)moment_until (self->before, event->now));
    self->before = event->now;
    if (event->kind == SB_PACKET)
        peer_came (self, event->peer, event->side);
    if (event->kind == SB_PACKET || event->kind == SB_PEER_GONE)
        tell_peer (self, event->peer);
    fputs (words[event->kind], self->file);
    if (event->kind == SB_PEER_GONE && event->peer < self->peers)
        self->sides[event->peer] = 0;
    if (event->kind == SB_PACKET) {
        tell_packet (self, event->header, event->header_octets);
        if (event->chosen_id)
            fputs (" (by a chosen id)", self->file);
        if (event->frames > 2)
            fprintf (self->file, " (%u frames)", event->frames);
        if (event->key)
            fprintf (self->file, " (key %u)", event->key);
    }
    if (event->kind == SB_KEY) {
        fprintf (self->file, " %u ", event->key);
        show (self, event->header, event->header_octets);
    }
    if (event->payload_octets) {
        fputs (" : ", self->file);
        show (self, event->payload, event->payload_octets);
    }
    fputc ('\n', self->file);
}

void story_action (story_t *self, sb_peer_t peer, const frame_t *header, const frame_t *payload)
{
    if (!self->file)
        return;
    fputs ("> ", self->file);
    tell_peer (self, peer);
    tell_packet (self, frame_slice (header), frame_size (header));
    if (payload && frame_size (payload)) {
        fputs (" : ", self->file);
        show (self, frame_slice (payload), frame_size (payload));
    }
    fputc ('\n', self->file);
}

void story_words (story_t *self, const char *words)
{
    if (self->file)
        fprintf (self->file, "%s\n", words);
}
