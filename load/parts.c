#define _POSIX_C_SOURCE 200809L

#include "load/parts.h"

#include <time.h>

#include "fabric/moment.h"

#define WARM_UP 2000u // tasks, at most: connections stand and memory is there then

uint64_t part_share (const load_plan_t *plan, size_t client)
{
    return plan->count / plan->clients + (client < plan->count % plan->clients);
}

uint64_t part_warm_up (const load_plan_t *plan)
{
    uint64_t tasks = plan->count / plan->clients / 10;

    return tasks < WARM_UP ? tasks : WARM_UP;
}

static uint64_t own_cpu (void)
{
    struct timespec used;

    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

void part_begin (crew_slip_t *slip)
{
    slip->cpu_ns = own_cpu ();
    slip->started_ns = moment_now_ns ();
}

void part_end (crew_slip_t *slip)
{
    slip->ended_ns = moment_now_ns ();
    slip->cpu_ns = own_cpu () - slip->cpu_ns;
}
