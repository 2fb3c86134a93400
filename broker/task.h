/*  One task's life (PROTOCOL 5): its record, its states and the moves between them.
 *
 *        RUN ──> QUEUED ──> RUNNING ──> CANCELLING ──> LINGERING ──> (gone)
 *                 │  ^         │ │           │
 *        PARKED ──┘  └─────────┘ └───────────┴──> (gone)
 *
 *  QUEUED     waits in a line for a worker with room
 *  PARKED     waits until a worker lets go of an earlier task with the same cookie
 *  RUNNING    given to a worker, whose slot it holds
 *  CANCELLING the same, and the worker has been sent a CANCEL
 *  LINGERING  over for its client, but the worker still holds the slot
 *
 *  Owns: its frames. Memory: one allocation, the pipeline's name at its end.
 */
#ifndef BROKER_TASK_H
#define BROKER_TASK_H

#include "broker/deadlines.h"
#include "fabric/frame.h"
#include "fabric/list.h"
#include "fabric/moment.h"
#include "fabric/packet.h"
#include "fabric/table.h"

#define TASK_STATES(X)                                                                             \
    X (NEW, "new")                                                                                 \
    X (QUEUED, "queued")                                                                           \
    X (PARKED, "queued")                                                                           \
    X (RUNNING, "running")                                                                         \
    X (CANCELLING, "cancelling")                                                                   \
    X (LINGERING, "lingering")                                                                     \
    X (GONE, "gone")

typedef enum {
#define X(id, name) TASK_##id,
    TASK_STATES (X)
#undef X
        TASK_STATE_COUNT
} task_state_t;

struct client;
struct worker;
struct lane;

typedef struct task {
    table_node_t by_cookie;
    list_node_t in_all;    // every task, in order of arrival
    list_node_t in_client; // the client's open tasks
    list_node_t in_worker; // what the worker holds, LINGERING ones as well
    heap_node_t in_lane;   // QUEUED
    deadline_t deadline;   // the next of the moments below

    cookie_t cookie;
    task_state_t state;
    struct client *client;  // NULL: gone, or answered
    struct worker *worker;  // RUNNING, CANCELLING, LINGERING
    struct lane *lane;      // QUEUED
    struct task *successor; // LINGERING: the PARKED task with the same cookie, or NULL

    uint64_t arrival;     // a count: orders tasks
    moment_t since;       // when its RUN came
    moment_t expires;     // `timeout`
    moment_t wait_until;  // `wait`; MOMENT_NEVER once it was given to a worker
    moment_t grace_until; // CANCELLING
    moment_t given;       // when its worker got it; MOMENT_NEVER: it waits

    encoding_t codec;    // of the RUN, in which the client is answered
    encoding_t encoding; // of the payload
    uint8_t priority;
    uint8_t retries;  // left
    uint16_t attempt; // how often it was given to a worker
    uint8_t row;      // of broker/metrics.h
    bool detach;
    bool stream;
    bool orphan_cancel;
    bool kept; // header and payload are held: always before it is given away, then for retries

    frame_t header;
    frame_t payload;
    uint8_t pipeline_len;
    uint8_t pipeline[];
} task_t;

/*  A record of the RUN `packet`, in state NEW, without its frames. NULL if memory is out. A RUN's
 *  own values only: client, times and place are the switchboard's to fill in.
 */
task_t *task_new (const packet_t *packet);

// Frees record and frames; it must be in no list, line or heap any more.
void task_destroy (task_t **self_p);

// The one place where a state changes; a move that the drawing above does not have is a bug here.
void task_move (task_t *self, task_state_t to);

// Lets go of header and payload.
void task_drop_frames (task_t *self);

const char *task_state_name (task_state_t state);

static inline slice_t task_pipeline (const task_t *self)
{
    return slice_of (self->pipeline, self->pipeline_len);
}

// Whether its worker's slot is taken by it.
static inline bool task_holds_slot (const task_t *self)
{
    return self->state == TASK_RUNNING || self->state == TASK_CANCELLING
           || self->state == TASK_LINGERING;
}

#endif
