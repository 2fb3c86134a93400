/*  A seeded world around one switchboard: clients and workers that join, die, hang, resize, cancel,
 *  time out, answer twice, answer for others, send nonsense; and a model that knows what must
 *  follow.
 *
 *  A run is a list of *acts*, each a kind and some numbers. An act means something whatever went
 *  before ("the third task that worker 2 holds ends"), so any part of a list is a run as well:
 *  that is how a failing one is shrunk.
 *
 *  The model predicts each packet of the switchboard but the RUNs to workers; these it checks
 *  against the rules of PROTOCOL 5.2 and 5.3.
 */
#ifndef TESTS_SIMULATION_WORLD_H
#define TESTS_SIMULATION_WORLD_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint8_t kind;
    uint32_t numbers[4];
} act_t;

typedef struct world world_t;

// The world of a seed: how many peers, cookies, pipelines, and how tight its limits are.
world_t *world_new (uint64_t seed);

// The next act of that seed's story.
act_t world_invent (world_t *self);

/*  Plays one act. NULL if all is well, or words for what was broken; the world is of no use then.
 */
const char *world_play (world_t *self, const act_t *act);

// All peers leave; nothing may be left. NULL or words. Frees the world in any case.
const char *world_end (world_t **self_p);

// The act in words, into `text` of `size` octets.
void world_describe (const act_t *act, char *text, unsigned size);

// How many packets came out of the switchboard so far.
uint64_t world_actions (const world_t *self);

#endif
