/*  What the two halves of a task's life share: life.c, its client's side, and life_running.c, its
 *  worker's.
 */
#ifndef BROKER_LIFE_INNER_H
#define BROKER_LIFE_INNER_H

#include "broker/switchboard_state.h"

// ---- life.c

// The record of that cookie: an open task, or the LINGERING one that stands before it.
task_t *life_record (const switchboard_t *self, const cookie_t *cookie);

// Sets the task's alarm to what expires next.
void life_set_deadline (switchboard_t *self, task_t *task);

// Lets a NEW or QUEUED task wait, at the front if `turns` is NULL. 0, or -1 and the task has ended.
int life_wait (switchboard_t *self, task_t *task, turns_t *turns);

// A NEW task that ends is a RUN that is refused at once, which a detached one hears of as well.
bool life_wants_answer (const task_t *task);

// The client hears no more of it; the counts know how it ended.
void life_close (switchboard_t *self, task_t *task, zfabric_rc_t rc);

// The record leaves table, lists, heaps and memory. Its slot, if it has one, is free then, and the
// task that waited for it to let go of the cookie is in the queue like any other.
void life_leave (switchboard_t *self, task_t *task);

// ---- life_running.c

// Gives a task that waits nowhere any more to a worker with room.
void life_assign (switchboard_t *self, task_t *task, worker_t *worker);

#endif
