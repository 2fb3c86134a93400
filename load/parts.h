/*  The parts that processes play in a benchmark (load/crew.h); `arg` of each is a part_t.
 *
 *  Workers are ready when the broker has answered their REGISTER, and stay until they are ended.
 *  Clients are ready when a few tasks have gone round; then they run theirs, check that every one
 *  comes back once and whole, and write down what it took. The crowd is what stands around: idle
 *  connections, or tasks that wait; it is ready when the broker knows of all.
 */
#ifndef LOAD_PARTS_H
#define LOAD_PARTS_H

#include "load/crew.h"
#include "load/keys.h"
#include "load/plan.h"

typedef struct {
    const load_plan_t *plan;
    const char *endpoint; // where the broker is, for this part
    const keys_t *keys;   // NULL: none
    size_t first;         // place in the crew of the first who plays it
    uint64_t token;       // tells runs apart; a member adds its place
} part_t;

crew_part_fn part_raw_worker;
crew_part_fn part_raw_client;
crew_part_fn part_library_worker;
crew_part_fn part_library_client;
crew_part_fn part_idle_clients;
crew_part_fn part_waiting_tasks;

// Idle clients of one process: each is two descriptors there, and a process has 20,000 or less.
#define PART_IDLE_MAX 4000u

// How many of the plan's tasks the client in that place of all clients runs.
uint64_t part_share (const load_plan_t *plan, size_t client);

// How many tasks a client runs before it is ready.
uint64_t part_warm_up (const load_plan_t *plan);

// Write down when the run began and ended, and the processor time between.
void part_begin (crew_slip_t *slip);
void part_end (crew_slip_t *slip);

#endif
