#include "tests/simulation/player.h"

#include <stdlib.h>

#include "broker/switchboard.h"
#include "codec/codec.h"

#define PEERS_MAX (1u << 20) // a broker with more has no descriptors; and not the memory either

typedef struct {
    story_t *story;
    switchboard_t *switchboard;
    sb_limits_t limits; // as they were recorded
    uint32_t digest;
} player_t;

static void sink_send (void *arg, sb_peer_t peer, frame_t *header, frame_t *payload, bool droppable)
{
    player_t *self = (player_t *)arg;

    (void)droppable;
    self->digest = recording_digest (self->digest, peer, frame_size (header), payload != NULL);
    story_action (self->story, peer, header, payload);
}

static void sink_note (void *arg, sb_level_t level, const char *text)
{
    (void)arg, (void)level, (void)text;
}

// Beyond this a payload is too large, played or recorded; it is above any that is played.
static uint64_t playable_payload (const sb_limits_t *limits)
{
    return limits->max_payload < LIMIT_HEADER_OCTETS ? limits->max_payload : LIMIT_HEADER_OCTETS;
}

static void fill_frame (frame_t *frame, slice_t octets, size_t size)
{
    uint8_t *copy = (uint8_t *)malloc (size + 1);

    if (!copy)
        abort ();
    memset (copy, ' ', size + 1);
    if (octets.len)
        memcpy (copy, octets.ptr, octets.len);
    if (frame_copy (frame, slice_of (copy, size)))
        abort ();
    free (copy);
}

static void make_header (const recording_event_t *event, frame_t *frame)
{
    bool whole = event->header_octets == event->header.len;

    fill_frame (frame, event->header, whole ? event->header.len : LIMIT_HEADER_OCTETS + 1);
}

// A document in the encoding that the header tells.
static void make_document (const recording_event_t *event, frame_t *frame)
{
    uint8_t text[64];
    packet_t packet;

    (void)codec_read (event->header, &packet, NULL);
    int len = snprintf ((char *)text, sizeof text, "\"%llu octets\"",
                        (unsigned long long)event->payload_octets);
    if (packet.encoding == ENCODING_MSGPACK) {
        len--; // no quote at the end, and for the one at the start a str's head
        text[0] = (uint8_t)(0xa0 | (len - 1));
    }
    fill_frame (frame, slice_of (text, (size_t)len), (size_t)len);
}

static void make_payload (const player_t *self, const recording_event_t *event, frame_t *frame)
{
    if (event->payload_octets > self->limits.max_payload)
        fill_frame (frame, slice_of (NULL, 0), (size_t)playable_payload (&self->limits) + 1);
    else if (event->payload_octets > event->payload.len)
        make_document (event, frame);
    else
        fill_frame (frame, event->payload, event->payload.len);
}

static void step (player_t *self, const recording_event_t *event)
{
    frame_t header, payload;
    sb_event_t input = {.kind = event->kind,
                        .now = event->now,
                        .peer = event->peer,
                        .side = event->side,
                        .key = event->key,
                        .chosen_id = event->chosen_id,
                        .frames = event->frames,
                        .header = &header,
                        .payload = &payload};

    make_header (event, &header);
    make_payload (self, event, &payload);
    self->digest = 0;
    story_event (self->story, event);
    switchboard_step (self->switchboard, &input);
    frame_close (&header);
    frame_close (&payload);
}

// The time of the first event behind the prelude, whose own would have workers fall silent.
static moment_t prelude_ends (const recording_head_t *head, slice_t rest)
{
    recording_event_t event = {.now = head->started};

    for (uint32_t i = 0; i <= head->prelude && recording_next (&rest, &event, NULL) == 1; i++)
        ;
    return event.now;
}

static int play_events (player_t *self, slice_t rest, player_outcome_t *outcome, fault_t *fault)
{
    moment_t first = prelude_ends (&outcome->head, rest);
    recording_event_t event;
    int got;

    while (!outcome->broken && (got = recording_next (&rest, &event, fault)) == 1) {
        bool prelude = outcome->played < outcome->head.prelude;
        if (event.peer >= PEERS_MAX) {
            fault_set (fault, "peer %u: no broker has so many", event.peer);
            return -1;
        }
        if (prelude)
            event.now = first;
        step (self, &event);
        outcome->played++;
        if (!prelude && self->digest != event.digest) {
            outcome->different++;
            story_words (self->story, "! the broker's actions were others");
        }
        outcome->broken = switchboard_check (self->switchboard);
    }
    if (outcome->broken)
        return 0;
    if (got == 0 && outcome->played != outcome->head.events) {
        fault_set (fault, "the recording has %u events, not %u", outcome->played,
                   outcome->head.events);
        return -1;
    }
    return got;
}

int player_play (slice_t octets, story_t *story, player_outcome_t *outcome, fault_t *fault)
{
    static const uint8_t seed[16];
    player_t self = {.story = story};
    sb_sink_t sink = {.send = sink_send, .note = sink_note, .arg = &self};
    slice_t rest;

    *outcome = (player_outcome_t){0};
    if (recording_open (octets, &outcome->head, &rest, fault))
        return -1;
    self.limits = outcome->head.limits;
    sb_limits_t limits = self.limits;
    limits.max_payload = playable_payload (&self.limits);
    self.switchboard = switchboard_new (&limits, &sink, seed, outcome->head.started);
    if (!self.switchboard)
        abort ();
    int rc = play_events (&self, rest, outcome, fault);
    if (outcome->broken)
        return 0; // it can't be trusted to undo itself
    switchboard_destroy (&self.switchboard);
    return rc;
}
