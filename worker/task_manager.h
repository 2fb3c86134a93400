/*  The task manager: which tasks a worker runs, and what its brokers are told of that.
 *
 *  A pure state machine. What happens goes in through its functions; what is to be done comes out
 *  through the sink. It keeps the worker's promises: never more handlers at once than the capacity,
 *  one RESULT for each RUN, the right capacity in each REGISTER.
 *
 *  When a connection is lost, or the broker says that it does not know us, it has given up what we
 *  run for it. Such tasks are void: those that wait are discarded, those that run are cancelled,
 * and keep their slot until their handler returns. Until then every broker is told a capacity that
 * is less by as many, so a handler that never returns costs its slot and nothing else.
 *
 *  Each broker is told the whole capacity. Only with several brokers there can be more tasks than
 *  slots; these wait here, in order of arrival.
 *
 *  Owns: its own memory; tasks are their owner's, and only borrowed from task_manager_add () until
 *  they come back: as `discard` or `refuse`, or by task_manager_end ().
 */
#ifndef WORKER_TASK_MANAGER_H
#define WORKER_TASK_MANAGER_H

#include "fabric/cookie.h"
#include "fabric/list.h"
#include "fabric/result.h"
#include "fabric/table.h"

#define TASK_MANAGER_BROKERS 64u // at most; more would be a mistake in a configuration
#define TASK_MANAGER_KEY     (COOKIE_OCTETS + 1) // two brokers may have tasks of one cookie

// From -> to is in the table of task_manager.c.
#define MANAGED_STATES(X)                                                                          \
    X (NEW, "new")         /* not here, or not here any more */                                    \
    X (WAITING, "waiting") /* for a slot */                                                        \
    X (RUNNING, "running") /* its handler has it */                                                \
    X (VOID, "void")       /* as well, but nobody wants the result */

typedef enum {
#define X(id, name) MANAGED_##id,
    MANAGED_STATES (X)
#undef X
} managed_state_t;

// What the manager keeps of a task: part of the owner's struct, zeroed at first.
typedef struct {
    cookie_t cookie; // set by the owner, as is
    unsigned broker;
    managed_state_t state;
    bool cancelled;
    uint8_t key[TASK_MANAGER_KEY]; // cookie and broker
    table_node_t node;
    list_node_t place;
} managed_task_t;

// What is to be done. None of them may call the manager. None may be NULL.
typedef struct {
    // Give the task to its handler. task_manager_end () follows.
    void (*start) (managed_task_t *task, void *arg);
    // Tell the handler that nobody wants the result, or that it is to end early. Once a task.
    void (*cancel) (managed_task_t *task, void *arg);
    // The task never started and nobody waits for its result. It is the owner's again.
    void (*discard) (managed_task_t *task, void *arg);
    // The task never started: a RESULT of `rc` with these words. It is the owner's again.
    void (*refuse) (managed_task_t *task, zfabric_rc_t rc, const char *why, void *arg);
    // A running task is answered CANCELLED without its handler, which still has it; it is void.
    void (*abandon) (managed_task_t *task, void *arg);
    // REGISTER with this capacity.
    void (*enroll) (unsigned broker, unsigned capacity, void *arg);
    // SHUTDOWN, and then a HEARTBEAT whose answer is to be told by task_manager_fenced ().
    void (*leave) (unsigned broker, void *arg);
} task_manager_sink_t;

typedef struct task_manager task_manager_t;

/*  For `brokers` of them (up to TASK_MANAGER_BROKERS, none connected), numbered from 0, and a
 *  capacity from 1 to 65,535. `secret`: random, for the hashes of cookies. NULL: ENOMEM.
 */
task_manager_t *task_manager_new (unsigned brokers,
                                  unsigned capacity,
                                  const uint8_t secret[static TABLE_KEY_OCTETS],
                                  const task_manager_sink_t *sink,
                                  void *arg);
void task_manager_destroy (task_manager_t **self_p); // tasks that are there are forgotten

// -- Connections

// A fresh connection: registers.
void task_manager_up (task_manager_t *self, unsigned broker);

// The connection is over. One that we were about to leave is not wanted back.
void task_manager_lost (task_manager_t *self, unsigned broker);

// The broker answered a REGISTER. True if it is the first answer of this connection, or the first
// since the broker had forgotten us.
bool task_manager_granted (task_manager_t *self, unsigned broker);

// The broker does not know us. Registers again, unless a REGISTER is on its way: then, false.
bool task_manager_unknown (task_manager_t *self, unsigned broker);

// Time has passed without an answer to a REGISTER, if there was one: registers again. To be called
// about as often as a heartbeat is due.
void task_manager_remind (task_manager_t *self);

// Where the capacity that a broker was told is not right any more: registers again. To be called
// when everything that came at once has been dealt with.
void task_manager_settle (task_manager_t *self);

// -- Tasks

typedef enum {
    TASK_MANAGER_TAKES,
    TASK_MANAGER_FULL,  // the broker sent more than our capacity
    TASK_MANAGER_TWICE, // a task with this cookie is there
    TASK_MANAGER_HALTED // we are stopping at once, or not connected
} task_manager_answer_t;

// Whether a RUN is taken.
task_manager_answer_t
task_manager_asks (const task_manager_t *self, unsigned broker, const cookie_t *cookie);

// Takes a task that task_manager_asks () would take; its cookie and broker are set.
void task_manager_add (task_manager_t *self, managed_task_t *task);

// A CANCEL came. False if there is no such task: it has ended, or never was.
bool task_manager_cancel (task_manager_t *self, unsigned broker, const cookie_t *cookie);

// The handler has returned: the task is the owner's again. Whether its RESULT is wanted.
bool task_manager_end (task_manager_t *self, managed_task_t *task);

/*  The broker refused a packet about this task as bad. True if its RESULT was that packet, in which
 *  case the owner sends a plain one that can't be bad, so that the task ends. True once a task.
 */
bool task_manager_mourn (task_manager_t *self, unsigned broker, const cookie_t *cookie);

// -- The end

// Leave all brokers when the tasks have ended. Tasks that are on their way are still run.
void task_manager_drain (task_manager_t *self);

// The same, with every task cancelled. May follow a drain.
void task_manager_halt (task_manager_t *self);

// Running tasks are answered without waiting for their handlers any longer.
void task_manager_abandon (task_manager_t *self);

// The broker sent SHUTDOWN: leave it when its tasks have ended.
void task_manager_dismissed (task_manager_t *self, unsigned broker);

// The broker has dealt with our SHUTDOWN: no further RUN can come.
void task_manager_fenced (task_manager_t *self, unsigned broker);

// Whether a broker that we leave has no task here any more, and sends none: it can be closed as
// soon as the results are out.
bool task_manager_done (const task_manager_t *self, unsigned broker);

// -- Questions

unsigned task_manager_running (const task_manager_t *self); // void ones among them
unsigned task_manager_waiting (const task_manager_t *self);
bool task_manager_leaving (const task_manager_t *self, unsigned broker);

// Verifies every invariant, O(tasks). For tests.
bool task_manager_check (const task_manager_t *self);

#endif
