/*  The octets are used in rounds: events are appended until one does not fit before the end, then
 *  from the start again, where the oldest have gone. So the ring is [tail, end) and [0, head) while
 *  it is `wrapped`, and [tail, head) while it is not.
 *
 *      |######head.......tail######end....|    wrapped
 *      |.....tail######head...............|    not
 *
 *  `marks` has where each event starts, so that letting one go touches none of its octets, which
 *  have long left the caches.
 */
#include "broker/recorder.h"

#include <stdlib.h>

#include "codec/codec.h"

// Whom the prelude is about: a worker's peer number, or a key's number.
typedef struct {
    uint32_t number;
    bool key;
} whose_t;

typedef struct {
    uint32_t place; // of the event in the octets
    whose_t whose;
    bool registers; // it made, or changed, a worker, or told what a key may do
    bool gone;      // it ended a peer, or a key
} mark_t;

typedef struct {
    whose_t whose;
    uint32_t octets; // 0: nobody's
} prelude_t;

struct recorder {
    sb_limits_t limits;
    moment_t started;
    uint64_t seen; // events; the number of the next
    uint32_t count;
    uint32_t head; // where the next event goes
    uint32_t tail; // where the oldest is
    uint32_t end;  // while wrapped: where the events at the upper end, well, end
    bool wrapped;
    bool registering; // the newest event may be a REGISTER
    uint32_t digest;  // of the newest event's actions
    mark_t *newest;
    uint32_t preludes; // slots that were ever used
    prelude_t prelude[RECORDER_WORKERS];
    mark_t marks[RECORDER_EVENTS]; // by number modulo
    uint8_t registers[RECORDER_WORKERS][RECORDER_REGISTER_OCTETS];
    uint8_t octets[RECORDER_OCTETS];
};

recorder_t *recorder_new (void)
{
    return (recorder_t *)calloc (1, sizeof (recorder_t));
}

void recorder_destroy (recorder_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

void recorder_start (recorder_t *self, const sb_limits_t *limits, moment_t now)
{
    self->limits = *limits;
    self->started = now;
}

uint32_t recorder_events (const recorder_t *self)
{
    return self->count;
}

uint64_t recorder_missing (const recorder_t *self)
{
    return self->seen - self->count;
}

// ---- the prelude

static prelude_t *prelude_of (recorder_t *self, whose_t whose)
{
    prelude_t *vacant = NULL;

    for (uint32_t i = 0; i < self->preludes; i++) {
        const whose_t *other = &self->prelude[i].whose;
        if (self->prelude[i].octets && other->number == whose.number && other->key == whose.key)
            return &self->prelude[i];
        if (!self->prelude[i].octets && !vacant)
            vacant = &self->prelude[i];
    }
    if (!vacant && self->preludes < RECORDER_WORKERS)
        vacant = &self->prelude[self->preludes++];
    return vacant;
}

static void forget (recorder_t *self, whose_t whose)
{
    prelude_t *slot = prelude_of (self, whose);

    if (slot)
        slot->octets = 0;
}

// Keeps a REGISTER, or the rights of a key, that leave the ring.
static void keep (recorder_t *self, const mark_t *mark)
{
    slice_t rest = slice_of (self->octets + mark->place, RECORDER_OCTETS - mark->place);
    recording_event_t event;
    prelude_t *slot = prelude_of (self, mark->whose);

    if (!slot || recording_next (&rest, &event, NULL) != 1)
        return;
    size_t octets = recording_event_octets (&event);
    uint8_t *place = self->registers[slot - self->prelude];
    if (octets > RECORDER_REGISTER_OCTETS) {
        slot->octets = 0; // an older one would be wrong now
        return;
    }
    memcpy (place, self->octets + mark->place, octets);
    recording_put_digest (place, 0);
    slot->whose = mark->whose;
    slot->octets = (uint32_t)octets;
}

// Whether the newest event is a REGISTER that the switchboard took.
static bool is_register (const uint8_t *octets)
{
    slice_t rest = slice_of (octets, RECORDER_OCTETS);
    recording_event_t event;
    packet_t packet;

    return recording_next (&rest, &event, NULL) == 1
           && codec_read (event.header, &packet, NULL) == 0 && packet.type == PACKET_REGISTER;
}

// ---- the ring

static void drop_oldest (recorder_t *self)
{
    const mark_t *mark = &self->marks[(self->seen - self->count) % RECORDER_EVENTS];

    if (mark->registers)
        keep (self, mark);
    if (mark->gone)
        forget (self, mark->whose);
    self->count--;
    if (!self->count) {
        self->head = self->tail = 0;
        self->wrapped = false;
        return;
    }
    uint32_t next = self->marks[(self->seen - self->count) % RECORDER_EVENTS].place;
    if (next < self->tail)
        self->wrapped = false;
    self->tail = next;
}

// Where `octets` more can be written; the oldest go until they can.
static uint8_t *make_room (recorder_t *self, uint32_t octets)
{
    if (self->count == RECORDER_EVENTS)
        drop_oldest (self);
    for (;;) {
        if (self->wrapped && self->tail - self->head >= octets)
            break;
        if (!self->wrapped && RECORDER_OCTETS - self->head >= octets)
            break;
        if (self->wrapped) {
            drop_oldest (self);
        } else {
            self->end = self->head;
            self->head = 0;
            self->wrapped = true;
        }
    }
    return self->octets + self->head;
}

// The newest event's step is over.
static void settle_newest (recorder_t *self)
{
    if (self->registering)
        self->newest->registers = is_register (self->octets + self->newest->place);
    self->registering = false;
}

void recorder_event (recorder_t *self, const sb_event_t *event)
{
    bool packet = event->kind == SB_PACKET, key = event->kind == SB_KEY;
    recording_event_t record = {.kind = event->kind,
                                .side = packet ? event->side : SB_CLIENT_SIDE,
                                .chosen_id = packet && event->chosen_id,
                                .now = event->now,
                                .peer = packet || event->kind == SB_PEER_GONE ? event->peer : 0,
                                .frames = packet ? event->frames : 0,
                                .key = packet || key ? event->key : 0};

    settle_newest (self);
    if (packet || key)
        record.header = frame_slice (event->header);
    if (packet)
        record.payload = frame_slice (event->payload);
    uint32_t octets = (uint32_t)recording_event_octets (&record);
    uint8_t *place = make_room (self, octets);
    recording_put_event (&record, place);
    self->newest = &self->marks[self->seen % RECORDER_EVENTS];
    *self->newest = (mark_t){.place = self->head,
                             .whose = {key ? record.key : record.peer, key},
                             .registers = key && record.header.len > 0,
                             .gone = key ? record.header.len == 0 : event->kind == SB_PEER_GONE};
    if (!self->count)
        self->tail = self->head;
    self->head += octets;
    self->count++;
    self->seen++;
    self->digest = 0;
}

void recorder_action (recorder_t *self,
                      sb_peer_t peer,
                      const frame_t *header,
                      const frame_t *payload)
{
    if (!self->newest)
        return;
    self->digest = recording_digest (self->digest, peer, frame_size (header), payload != NULL);
    // At once: the step may not come to its end.
    recording_put_digest (self->octets + self->newest->place, self->digest);
    // A REGISTER is answered to its sender, in one frame: all others need not be read for it.
    if (!payload && !self->newest->whose.key && self->newest->whose.number == peer)
        self->registering = true;
}

// ---- out

size_t recorder_pieces (const recorder_t *self,
                        uint8_t head[static RECORDING_HEAD_OCTETS],
                        slice_t pieces[static RECORDER_PIECES])
{
    recording_head_t words = {
        .limits = self->limits, .started = self->started, .missing = recorder_missing (self)};
    size_t count = 1;

    // Keys first: a worker's REGISTER is judged by its key.
    for (uint32_t i = 0; i < 2 * self->preludes && i < 2 * RECORDER_WORKERS; i++) {
        const prelude_t *slot = &self->prelude[i % self->preludes];
        bool turn = slot->whose.key == (i < self->preludes);
        if (turn && slot->octets && slot->octets <= RECORDER_REGISTER_OCTETS) {
            pieces[count++] = slice_of (self->registers[slot - self->prelude], slot->octets);
            words.prelude++;
        }
    }
    words.events = words.prelude + self->count;
    if (self->wrapped && self->tail <= self->end && self->end <= RECORDER_OCTETS)
        pieces[count++] = slice_of (self->octets + self->tail, self->end - self->tail);
    uint32_t from = self->wrapped ? 0 : self->tail;
    if (from <= self->head && self->head <= RECORDER_OCTETS)
        pieces[count++] = slice_of (self->octets + from, self->head - from);
    recording_put_head (&words, head);
    pieces[0] = slice_of (head, RECORDING_HEAD_OCTETS);
    return count;
}
