/*  What goes into the switchboard and what comes out: plain values.
 */
#ifndef BROKER_SWITCHBOARD_IO_H
#define BROKER_SWITCHBOARD_IO_H

#include "fabric/frame.h"
#include "fabric/moment.h"

// Peers have small numbers, unique over both sides while they are there; who numbers them reuses a
// number only after SB_PEER_GONE.
typedef uint32_t sb_peer_t;

// Keys likewise (PROTOCOL 8), from 1 on; no number is used for two keys. 0: keys are not in force,
// or the peer is the broker's own, and may do all.
typedef uint32_t sb_key_t;

typedef enum { SB_CLIENT_SIDE, SB_WORKER_SIDE } sb_side_t;

typedef enum {
    SB_PACKET,    // a message came from `peer`
    SB_PEER_GONE, // the peer's connection is no more
    SB_TICK,      // nothing but time
    SB_DRAIN,     // stop as PROTOCOL 5.9 says
    SB_HALT,      // stop without waiting for running tasks
    SB_KEY,       // a key may do this from now on
} sb_event_kind_t;

typedef struct {
    sb_event_kind_t kind;
    moment_t now;   // never less than that of the event before
    sb_peer_t peer; // SB_PACKET, SB_PEER_GONE
    sb_side_t side; // SB_PACKET: where it came in
    sb_key_t key;   // SB_PACKET: the key it came with; SB_KEY: the key
    bool chosen_id; // SB_PACKET: the peer chose its routing id, which is refused
    const char
        *address;    // SB_PACKET: where the peer is, for people; SB_KEY: the key's name; or NULL
    unsigned frames; // SB_PACKET: how many the message had
    frame_t *header; // SB_PACKET: the first two; the switchboard may move them away.
                     // SB_KEY: the rights (rights_write ()), empty: it may not come in any more
    frame_t *payload;
} sb_event_t;

// REFUSED is as bad as WARNING, but peers can cause any number of them.
typedef enum { SB_WARNING, SB_REFUSED, SB_INFO, SB_DEBUG } sb_level_t;

/*  What `$metrics` tells of the process around the switchboard, which passes it on and acts upon
 *  none of it. 0: not known.
 */
typedef struct {
    uint64_t accepted[2]; // connections, by sb_side_t
    uint64_t closed[2];
    uint64_t resident; // octets of memory
    uint64_t virtual;
    uint64_t descriptors;
    uint64_t descriptors_max;
    uint64_t processor_ms; // used by all of its threads
    uint64_t started_ms;   // since 1970
} sb_survey_t;

/*  Where actions go. The functions return nothing and must not call the switchboard: what fails
 *  comes back as an event. `send` takes the frames' content (payload NULL: a message of one
 *  frame); `droppable` ones may be left out if the peer does not read. `survey` fills in what it
 *  knows; it may be NULL.
 */
typedef struct {
    void (*send) (void *arg, sb_peer_t peer, frame_t *header, frame_t *payload, bool droppable);
    void (*note) (void *arg, sb_level_t level, const char *text); // for a log
    void (*survey) (void *arg, sb_survey_t *survey);
    void *arg;
} sb_sink_t;

// PROTOCOL 5's bounds; `zfabric broker --help` says the same.
typedef struct {
    uint64_t queue;        // tasks that may wait
    uint64_t client_tasks; // open tasks of one client
    uint64_t max_payload;  // octets
    span_t queue_wait_ms;
    span_t cancel_grace_ms;
    span_t drain_ms;
} sb_limits_t;

#endif
