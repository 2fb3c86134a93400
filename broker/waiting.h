/*  The queue: tasks that wait for a worker (PROTOCOL 5.3), by priority, then in turn between
 *  clients, then in order of arrival; and nobody is held up by who waits for something else.
 *
 *  Tasks that the same workers could run, by the places where they hang (broker/groups.h), are a
 *  *line*. In a line each client has a *lane* for each priority, ordered by arrival; tasks that
 * come back from a dead worker have a lane of their own before all clients'. A line orders its
 * lanes, a place its lines; so the task for a worker is the best of its places' tops.
 *
 *  Cost: O(log tasks) to enter or leave, and to pick, for each shared pattern of the worker. When
 *  workers come with patterns that are new, all that waits is looked at once.
 */
#ifndef BROKER_WAITING_H
#define BROKER_WAITING_H

#include "broker/groups.h"
#include "broker/task.h"

/*  A client's turns: at each priority the number of the service that it had last. Of those who wait
 *  the one served longest ago is next, so clients go round in turn. Zero: it never waited.
 */
typedef struct {
    uint64_t served[LIMIT_PRIORITY + 1];
} turns_t;

typedef struct {
    table_t lines;                         // by pipeline
    table_t lanes;                         // by line, priority and client
    list_t all;                            // lines, for walks
    size_t count;                          // tasks
    uint64_t services[LIMIT_PRIORITY + 1]; // how many there were at each priority
    groups_t *groups;
    const uint8_t *secret;
} waiting_t;

// `groups` and `secret` must outlive it. 0 or -1 (ENOMEM).
int waiting_init (waiting_t *self, groups_t *groups, const uint8_t *secret);
void waiting_finish (waiting_t *self);

/*  Lets the task wait, behind its client's others of this priority or, with `turns` NULL, before
 *  all clients' (by arrival among its like). `turns` must live as long as one of its tasks waits.
 *  0 or -1 (ENOMEM).
 */
int waiting_add (waiting_t *self, task_t *task, turns_t *turns);

// Takes it out without a turn being used.
void waiting_remove (waiting_t *self, task_t *task);

// The task that a worker of this group should get next, still waiting; NULL if there is none.
task_t *waiting_pick (waiting_t *self, const group_t *group);

// Which of two picked tasks goes first.
bool waiting_before (const task_t *a, const task_t *b);

// Takes out a picked task: its client has had a turn.
void waiting_serve (waiting_t *self, task_t *task);

// How many tasks are before this one among those that the same workers could run. O(these).
size_t waiting_place (const task_t *task);

// For groups_init (): patterns have come or are shared now; a place goes.
int waiting_refit (void *arg);
void waiting_place_removed (place_t *place, void *arg);

// Verifies every invariant, O(everything). For tests.
bool waiting_check (const waiting_t *self);

#endif
