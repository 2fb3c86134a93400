/*  The roster: which workers there are, and who gets the next task (PROTOCOL 5.2): the least loaded
 *  by the share of its capacity in use, among equals the one idle longest.
 *
 *  Cost: a slot taken or freed O(log workers + patterns of the worker * log groups).
 */
#ifndef BROKER_ROSTER_H
#define BROKER_ROSTER_H

#include "broker/deadlines.h"
#include "broker/groups.h"
#include "fabric/packet.h"
#include "fabric/rights.h"

#define ROSTER_NAME_MAX    256 // octets of a worker's name that are kept, the final NUL among them
#define ROSTER_ADDRESS_MAX 64  // octets of its address, likewise

typedef struct worker {
    list_node_t in_roster;
    heap_node_t available; // in its group's heap, while it has room
    group_t *group;        // NULL: not registered
    slice_t asked;         // what it registered, as a group's key: kept where its key has rights
    list_t tasks;          // what it holds (task_t.in_worker), in the order in which it was given
    deadline_t silence;    // of the heartbeat that it promised
    uint32_t peer;
    uint32_t busy;       // slots taken; above capacity after a REGISTER with less
    uint16_t capacity;   // as registered
    bool draining;       // said SHUTDOWN
    encoding_t codec;    // of its latest packet
    uint64_t number;     // a count: its id in the status
    uint64_t free_since; // a count: when it last became freer
    moment_t heard;
    span_t heartbeat_ms; // promised; 0: none
    uint64_t done;       // tasks that it ended with OK
    uint64_t failed;     // and with any other code
    char name[ROSTER_NAME_MAX];
    char address[ROSTER_ADDRESS_MAX]; // as the transport tells it
} worker_t;

typedef struct {
    groups_t groups;
    list_t workers; // registered ones, in the order of their numbers
    size_t count;
    uint64_t slots;   // capacity of all
    uint64_t busy;    // slots taken of all
    uint64_t frees;   // source of free_since
    uint64_t numbers; // source of worker numbers
} roster_t;

// `secret` and `arg` must outlive it. 0 or -1 (ENOMEM).
int roster_init (roster_t *self,
                 groups_changed_fn *changed,
                 groups_removed_fn *removed,
                 void *arg,
                 const uint8_t *secret);

// All workers have left.
void roster_finish (roster_t *self);

/*  Enters a worker, or changes what an entered one serves and how much (PROTOCOL 3, REGISTER): of
 *  what the packet says, what `rights` cover (NULL: all). What it runs is not touched. 0, or -1 and
 *  then nothing has changed: ENOMEM, or EACCES if nothing is covered.
 */
int roster_register (roster_t *self,
                     worker_t *worker,
                     const packet_t *packet,
                     const rights_t *rights);

// The rights of an entered worker have changed. 0, or -1 as above.
int roster_restrict (roster_t *self, worker_t *worker, const rights_t *rights);

// Lets go of what is kept of a worker that has left.
void roster_forget (worker_t *worker);

// Takes it out, if it is in; it holds no task any more.
void roster_leave (roster_t *self, worker_t *worker);

// The worker for a pipeline; NULL: none of those that serve it has room.
worker_t *roster_pick (roster_t *self, slice_t pipeline);

// One slot more, or one less, is taken.
void roster_take (roster_t *self, worker_t *worker);
void roster_free (roster_t *self, worker_t *worker);

// It wants nothing more (PROTOCOL 3, SHUTDOWN).
void roster_drain (roster_t *self, worker_t *worker);

// Whether it could be given a task now.
static inline bool worker_has_room (const worker_t *worker)
{
    return worker->group && !worker->draining && worker->busy < worker->capacity;
}

// Verifies every invariant, O(workers * patterns). For tests.
bool roster_check (const roster_t *self);

#endif
