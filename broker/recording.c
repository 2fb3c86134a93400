#include "broker/recording.h"

#include <errno.h>

static const uint8_t magic[8] = "ZFEVENTS";

// The compiler makes a single store of each of these, but not of a loop.
static void put_16 (uint8_t *octets, uint16_t value)
{
    octets[0] = (uint8_t)value;
    octets[1] = (uint8_t)(value >> 8);
}

static void put_32 (uint8_t *octets, uint32_t value)
{
    octets[0] = (uint8_t)value;
    octets[1] = (uint8_t)(value >> 8);
    octets[2] = (uint8_t)(value >> 16);
    octets[3] = (uint8_t)(value >> 24);
}

static void put_64 (uint8_t *octets, uint64_t value)
{
    put_32 (octets, (uint32_t)value);
    put_32 (octets + 4, (uint32_t)(value >> 32));
}

static uint64_t get (const uint8_t *octets, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++)
        value |= (uint64_t)octets[i] << (8 * i);
    return value;
}

// ---- writing

void recording_put_head (const recording_head_t *head, uint8_t octets[static RECORDING_HEAD_OCTETS])
{
    const uint64_t words[] = {head->missing,
                              head->limits.queue,
                              head->limits.client_tasks,
                              head->limits.max_payload,
                              head->limits.queue_wait_ms,
                              head->limits.cancel_grace_ms,
                              head->limits.drain_ms,
                              head->started};

    memcpy (octets, magic, sizeof magic);
    put_16 (octets + 8, RECORDING_VERSION);
    put_16 (octets + 10, RECORDING_HEAD_OCTETS);
    put_32 (octets + 12, head->events);
    put_32 (octets + 16, head->prelude);
    put_32 (octets + 20, 0);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        put_64 (octets + 24 + 8 * i, words[i]);
}

size_t recording_event_octets (const recording_event_t *event)
{
    return RECORDING_EVENT_OCTETS + recording_kept_header (event->header.len)
           + recording_kept_payload (event->payload.len);
}

void recording_put_event (const recording_event_t *event, uint8_t *octets)
{
    size_t header = recording_kept_header (event->header.len);
    size_t payload = recording_kept_payload (event->payload.len);

    put_32 (octets, (uint32_t)(RECORDING_EVENT_OCTETS + header + payload));
    put_32 (octets + 4, event->digest);
    put_64 (octets + 8, event->now);
    put_32 (octets + 16, event->peer);
    octets[20] = (uint8_t)event->kind;
    octets[21] = (uint8_t)event->side;
    octets[22] = event->chosen_id;
    octets[23] = 0;
    put_32 (octets + 24, event->frames);
    put_32 (octets + 28, event->key);
    put_64 (octets + 32, event->header.len);
    put_64 (octets + 40, event->payload.len);
    octets += RECORDING_EVENT_OCTETS;
    if (header)
        memcpy (octets, event->header.ptr, header);
    if (payload)
        memcpy (octets + header, event->payload.ptr, payload);
}

void recording_put_digest (uint8_t *octets, uint32_t digest)
{
    put_32 (octets + 4, digest);
}

// ---- reading

static int refuse (fault_t *fault, const char *words)
{
    fault_set (fault, "%s", words);
    errno = EPROTO;
    return -1;
}

int recording_open (slice_t octets, recording_head_t *head, slice_t *rest, fault_t *fault)
{
    const uint8_t *at = octets.ptr;

    if (octets.len < sizeof magic || memcmp (at, magic, sizeof magic) != 0)
        return refuse (fault, "not a recording of a broker");
    if (octets.len < RECORDING_HEAD_OCTETS)
        return refuse (fault, "the recording ends within its head");
    if (get (at + 8, 2) != RECORDING_VERSION || get (at + 10, 2) != RECORDING_HEAD_OCTETS)
        return refuse (fault, "a recording of another version");
    recording_head_t found = {.events = (uint32_t)get (at + 12, 4),
                              .prelude = (uint32_t)get (at + 16, 4),
                              .missing = get (at + 24, 8),
                              .limits = {.queue = get (at + 32, 8),
                                         .client_tasks = get (at + 40, 8),
                                         .max_payload = get (at + 48, 8),
                                         .queue_wait_ms = get (at + 56, 8),
                                         .cancel_grace_ms = get (at + 64, 8),
                                         .drain_ms = get (at + 72, 8)},
                              .started = get (at + 80, 8)};
    if (found.prelude > found.events || get (at + 20, 4) != 0)
        return refuse (fault, "the recording's head contradicts itself");
    *head = found;
    *rest = slice_of (at + RECORDING_HEAD_OCTETS, octets.len - RECORDING_HEAD_OCTETS);
    return 0;
}

static bool in_range (const uint8_t *at)
{
    bool keyed = get (at + 28, 4) != 0;

    return at[20] <= SB_KEY && at[21] <= SB_WORKER_SIDE && at[22] <= 1 && at[23] == 0
           && (at[20] == SB_KEY ? keyed : !keyed || at[20] == SB_PACKET);
}

int recording_next (slice_t *rest, recording_event_t *event, fault_t *fault)
{
    const uint8_t *at = rest->ptr;

    if (rest->len == 0)
        return 0;
    if (rest->len < RECORDING_EVENT_OCTETS)
        return refuse (fault, "the recording ends within an event");
    uint64_t octets = get (at, 4);
    uint64_t header_octets = get (at + 32, 8), payload_octets = get (at + 40, 8);
    size_t header = recording_kept_header (header_octets);
    size_t payload = recording_kept_payload (payload_octets);
    if (octets != RECORDING_EVENT_OCTETS + header + payload || !in_range (at))
        return refuse (fault, "an event of the recording contradicts itself");
    if (rest->len < octets)
        return refuse (fault, "the recording ends within an event");
    *event =
        (recording_event_t){.kind = (sb_event_kind_t)at[20],
                            .side = (sb_side_t)at[21],
                            .chosen_id = at[22],
                            .digest = (uint32_t)get (at + 4, 4),
                            .now = get (at + 8, 8),
                            .peer = (sb_peer_t)get (at + 16, 4),
                            .frames = (unsigned)get (at + 24, 4),
                            .key = (sb_key_t)get (at + 28, 4),
                            .header_octets = header_octets,
                            .payload_octets = payload_octets,
                            .header = slice_of (at + RECORDING_EVENT_OCTETS, header),
                            .payload = slice_of (at + RECORDING_EVENT_OCTETS + header, payload)};
    *rest = slice_of (at + octets, rest->len - octets);
    return 1;
}
