/*  What expires when: one heap of deadlines for tasks and workers alike.
 *
 *  A deadline is a member of what expires; its owner finds itself again by its kind. O(log n) to
 *  set or clear one, O(1) to ask for the next.
 */
#ifndef BROKER_DEADLINES_H
#define BROKER_DEADLINES_H

#include "fabric/heap.h"
#include "fabric/moment.h"

typedef enum { DEADLINE_TASK, DEADLINE_WORKER } deadline_kind_t;

typedef struct {
    heap_node_t node;
    moment_t at;
    deadline_kind_t kind; // set by the owner, once
} deadline_t;

typedef struct {
    heap_t heap;
    size_t owners; // how many things have reserved a place
} deadlines_t;

void deadlines_init (deadlines_t *self);
void deadlines_finish (deadlines_t *self);

// Each owner of a deadline enters once, before it sets it, and leaves at its end. 0 or -1 (ENOMEM).
int deadlines_enter (deadlines_t *self);
void deadlines_leave (deadlines_t *self, deadline_t *deadline);

// Sets, moves or (MOMENT_NEVER) clears it.
void deadlines_set (deadlines_t *self, deadline_t *deadline, moment_t at);

// The earliest point in time at which anything expires.
moment_t deadlines_next (const deadlines_t *self);

// Takes out one that has expired by `now`; NULL if there is none.
deadline_t *deadlines_pop (deadlines_t *self, moment_t now);

#endif
