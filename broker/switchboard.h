/*  The switchboard: the broker's heart, a pure state machine (PROTOCOL 5 and 7).
 *
 *  Events go in with their time, actions come out through the sink; nothing else drives it. It has
 *  no sockets, no clock, no threads. The same events give the same actions.
 *
 *  Owns: what it knows of peers and tasks. Threads: one.
 */
#ifndef BROKER_SWITCHBOARD_H
#define BROKER_SWITCHBOARD_H

#include "broker/switchboard_io.h"

typedef struct switchboard switchboard_t;

/*  `seed` makes its hashes (16 octets; random ones where peers are strangers). `sink` is copied.
 *  NULL if memory is out.
 */
switchboard_t *switchboard_new (const sb_limits_t *limits,
                                const sb_sink_t *sink,
                                const uint8_t seed[static 16],
                                moment_t now);

// Frees all that it holds, without a word to anybody.
void switchboard_destroy (switchboard_t **self_p);

// One step. All actions that follow from the event have come out when it returns.
void switchboard_step (switchboard_t *self, const sb_event_t *event);

// When SB_TICK is due if nothing else happens; MOMENT_NEVER if it is not.
moment_t switchboard_next_deadline (const switchboard_t *self);

// Whether it was told to stop and has nothing left to do.
bool switchboard_finished (const switchboard_t *self);

// A packet to `peer` was dropped because it did not read; for the counts.
void switchboard_count_dropped (switchboard_t *self);

// Verifies every invariant: O(everything), for tests. NULL, or the words for the one that is
// broken.
const char *switchboard_check (const switchboard_t *self);

#endif
