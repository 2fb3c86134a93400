/*  A crew: processes that are forked to play a part, get ready, start together, and say when they
 *  are done or why they can't.
 *
 *  The parent must not have made a ZeroMQ context before. Members end when their parent does.
 *
 *  Threads: one. Owns: the processes, from crew_add () to crew_finish ().
 */
#ifndef LOAD_CREW_H
#define LOAD_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "fabric/fault.h"
#include "load/histogram.h"

// What a member writes for its parent: memory that both see.
typedef struct {
    uint64_t started_ns; // on the clock of moment_now_ns ()
    uint64_t ended_ns;
    uint64_t cpu_ns; // between the two
    histogram_t latency;
    fault_t problem;
} crew_slip_t;

typedef struct crew crew_t;
typedef struct crew_member crew_member_t;

// A part; returns 0, or -1 with the problem in its slip.
typedef int (crew_part_fn) (crew_member_t *member, const void *arg);

// `interrupts`: a descriptor that is readable when all should end; -1: none. NULL with errno.
crew_t *crew_new (size_t members_max, int interrupts);

// Ends all members and forgets them. NULL-safe.
void crew_destroy (crew_t **self_p);

// 0 or -1 with errno.
int crew_add (crew_t *self, crew_part_fn *part, const void *arg);

/*  Wait until all members so far are ready, or done. 0, or -1 with a fault: one had a problem or
 *  died, `pid` (0: none) did, or EINTR.
 */
int crew_wait_ready (crew_t *self, pid_t pid, fault_t *fault);
int crew_wait_done (crew_t *self, size_t members, pid_t pid, fault_t *fault);

// All who are ready start.
void crew_start (crew_t *self);

size_t crew_count (const crew_t *self);
pid_t crew_pid (const crew_t *self, size_t place);
const crew_slip_t *crew_slip (const crew_t *self, size_t place);

// ---- for the part

crew_slip_t *crew_member_slip (crew_member_t *self);

// Its place in the crew: 0 is the first.
size_t crew_member_place (const crew_member_t *self);

// Tells the parent that it is ready; _wait_start () waits for the start, _stay () for its end.
void crew_member_ready (crew_member_t *self);
void crew_member_wait_start (crew_member_t *self);
void crew_member_stay (void);

#endif
