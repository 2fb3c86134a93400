/*  A recording: events that went into the switchboard, as octets of a file, to be replayed into a
 *  fresh one. This is the format, version 1, and its reader and writer; the flight recorder
 *  (broker/recorder.h) keeps its ring in it. Integers are little-endian.
 *
 *      head     8 octets "ZFEVENTS", u16 version, u16 octets of the head
 *               u32 events that follow
 *               u32 how many of them, the first ones, are the *prelude*
 *               u32 0
 *               u64 events before them that were not kept
 *               u64 queue, client_tasks, max_payload, queue_wait_ms, cancel_grace_ms, drain_ms
 *               u64 when the switchboard was made
 *      event    u32 octets of the event, these included
 *               u32 the digest of the actions that followed (recording_digest ())
 *               u64 time
 *               u32 peer
 *               u8  kind, u8 side, u8 whether the peer chose its id, u8 0
 *               u32 frames
 *               u32 the key that it came with, or that it is about; 0: none
 *               u64 octets of the header, u64 octets of the payload, as they were
 *               the header's octets that are kept, then the payload's
 *
 *  A header is kept whole up to LIMIT_HEADER_OCTETS. Of a longer one, which the switchboard refuses
 *  unread, RECORDING_CUT_OCTETS are kept, and no more of any payload: it is passed on unread. Not
 *  kept: peers' addresses, and the secret that hashes are made with. Headers and payloads are what
 *  clients sent, so a recording is as confidential as they are.
 *
 *  Of a key there is its number, and as the header of an event of its own what it may do; not the
 *  key.
 *
 *  The prelude: where events before the first are missing, what each key may do, and a REGISTER for
 *  each worker that had registered by then, so that what follows finds them. Its times are older
 * than those of the rest, and its digests 0. Tasks whose RUN is missing are missing.
 *
 *  The reader takes any octets: it never reads beyond them and says what is wrong.
 *
 *  Threads: pure functions, any thread.
 */
#ifndef BROKER_RECORDING_H
#define BROKER_RECORDING_H

#include "broker/switchboard_io.h"
#include "fabric/fault.h"
#include "fabric/limits.h"

#define RECORDING_VERSION      1
#define RECORDING_HEAD_OCTETS  88u
#define RECORDING_EVENT_OCTETS 48u  // without header and payload
#define RECORDING_CUT_OCTETS   256u // of a payload, and of a header that is too long to be one

typedef struct {
    sb_limits_t limits;
    moment_t started; // when the switchboard was made
    uint64_t missing; // events before the first, but for the prelude
    uint32_t events;  // prelude included
    uint32_t prelude;
} recording_head_t;

typedef struct {
    sb_event_kind_t kind;
    sb_side_t side;
    bool chosen_id;
    moment_t now;
    sb_peer_t peer;
    unsigned frames;
    sb_key_t key;
    uint32_t digest;
    uint64_t header_octets; // as they were; the slices have what is kept
    uint64_t payload_octets;
    slice_t header;
    slice_t payload;
} recording_event_t;

// How much of them is kept.
static inline size_t recording_kept_header (uint64_t octets)
{
    return octets <= LIMIT_HEADER_OCTETS ? (size_t)octets : RECORDING_CUT_OCTETS;
}

static inline size_t recording_kept_payload (uint64_t octets)
{
    return octets <= RECORDING_CUT_OCTETS ? (size_t)octets : RECORDING_CUT_OCTETS;
}

void recording_put_head (const recording_head_t *head,
                         uint8_t octets[static RECORDING_HEAD_OCTETS]);

/*  Writes the event of recording_event_octets () octets. `header` and `payload` are the whole ones;
 *  header_octets and payload_octets are not looked at.
 */
void recording_put_event (const recording_event_t *event, uint8_t *octets);
size_t recording_event_octets (const recording_event_t *event);

// Changes the digest of an event that has been written.
void recording_put_digest (uint8_t *octets, uint32_t digest);

/*  The digest after one action more; an event without actions has 0. It has what makes a story:
 *  to whom, how long a header, whether there is a payload; not what is in them.
 */
static inline uint32_t
recording_digest (uint32_t before, sb_peer_t peer, size_t header_octets, bool payload)
{
    uint32_t action = (peer * UINT32_C (0x9e3779b1)) ^ ((uint32_t)header_octets << 1 | payload);

    return (before ^ action) * UINT32_C (0x85ebca6b) + 1;
}

/*  Reads the head. The cursor `*rest` then stands before the first event. 0, or -1 (EPROTO) with a
 *  fault.
 */
int recording_open (slice_t octets, recording_head_t *head, slice_t *rest, fault_t *fault);

/*  Reads the event at the cursor and moves on; the event's slices point into it. 1; 0 at the end of
 *  the octets; -1 (EPROTO) with a fault. That there are as many as the head says is the caller's to
 *  see.
 */
int recording_next (slice_t *rest, recording_event_t *event, fault_t *fault);

#endif
