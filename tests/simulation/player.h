/*  Plays a recording (broker/recording.h) into a fresh switchboard and checks its invariants after
 *  every event.
 *
 *  Payloads that were cut are played as a short document that says how long they were, and those
 *  over --max-payload as ones that are: what becomes of them is the same.
 */
#ifndef TESTS_SIMULATION_PLAYER_H
#define TESTS_SIMULATION_PLAYER_H

#include "tests/simulation/story.h"

typedef struct {
    recording_head_t head;
    uint32_t played;    // events
    uint32_t different; // of these: had other actions than they had in the broker
    const char *broken; // the invariant that broke, and then no more was played; NULL if none did
} player_outcome_t;

// 0, or -1 with a fault if the octets are not a whole recording; what came before is played then.
int player_play (slice_t octets, story_t *story, player_outcome_t *outcome, fault_t *fault);

#endif
