/*  The loop's own struct, for the files that are parts of it: loop.c turns round, loop_peers.c
 * knows who is there and who may come in, loop_survey.c tells of the process, loop_open.c makes and
 * unmakes it.
 */
#ifndef BROKER_LOOP_INNER_H
#define BROKER_LOOP_INNER_H

#include <stdatomic.h>

#include "broker/ears.h"
#include "broker/gate.h"
#include "broker/loop.h"
#include "broker/peers.h"
#include "broker/post.h"
#include "broker/sockets.h"
#include "broker/switchboard.h"

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
    uint64_t accepted[2]; // connections of each side, as its monitor tells
    uint64_t closed[2];
    uint64_t started_ms; // since 1970
    sb_side_t turn;      // whose packets are read
    ears_t ears;
    int wish_event; // eventfd that wakes the loop for a wish
    atomic_int wish;
    _Atomic (char *) record_path; // where somebody wants a recording; or NULL
    loop_wish_t granted;
};

// ---- loop.c

void loop_log (loop_t *self, zfabric_log_level_t level, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

// Lets the switchboard take one step, now.
void loop_step (loop_t *self, sb_event_t *event);

static inline void *loop_router (loop_t *self, sb_side_t side)
{
    return self->sockets.routers[side];
}

// A ROUTER has no more packets.
static inline bool loop_is_dry (const loop_t *self, sb_side_t side)
{
    return !ears_perhaps (&self->ears, EAR_ROUTER + side);
}

// ---- loop_survey.c

// A hook of the switchboard: what is to be told of the process.
void loop_survey (void *arg, sb_survey_t *survey);

// Now, in ms since 1970: for people, nothing is timed by it.
uint64_t loop_calendar_ms (void);

// ---- loop_peers.c

void loop_read_monitors (loop_t *self);

// Whose message it is, if it came with a key that may come in there, and that key's number. NULL:
// the message is to be dropped.
peer_t *loop_sender (loop_t *self, sb_side_t side, const wire_message_t *message, sb_key_t *key);

// A hook of the post: throws out a peer that does not read.
void loop_kick (peer_t *peer, void *arg);

// A hook of the gate: a key may do something else, or may not come in any more; its peers are
// thrown out then.
void loop_key_changed (void *arg, card_t *card);

// Probes whose turn it is, and lets the convicted go.
void loop_probe_suspects (loop_t *self);
void loop_release_convicted (loop_t *self);

#endif
