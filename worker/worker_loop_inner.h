/*  The loop's own struct, for the files that are parts of it: worker_loop.c turns round,
 *  worker_packets.c takes what comes, worker_sink.c does what the task manager wants.
 */
#ifndef WORKER_WORKER_LOOP_INNER_H
#define WORKER_WORKER_LOOP_INNER_H

#include <stdatomic.h>

#include "worker/task_manager.h"
#include "worker/worker_loop.h"
#include "fabric/mailbox.h"
#include "worker/worker_pool.h"
#include "worker/worker_session.h"
#include "worker/worker_task.h"

typedef enum { WORKER_WORKS, WORKER_DRAINS, WORKER_HALTS } worker_wish_t;

struct worker_loop {
    worker_loop_options_t options; // `link` is not valid after worker_loop_new ()
    worker_task_home_t home;
    worker_pool_t *pool;
    task_manager_t *manager;
    size_t count; // of sessions
    worker_session_t *sessions[TASK_MANAGER_BROKERS];
    bool closed[TASK_MANAGER_BROKERS];
    moment_t fence_by[TASK_MANAGER_BROKERS]; // when the answer to a SHUTDOWN is not waited for
    wire_message_t message;                  // the last one that came
    zfabric_task_t *inside;                  // whose inline handler runs
    list_t here;   // tasks to be run on this thread, or that found no thread
    list_t mail;   // letters that came
    moment_t now;  // when this turn began
    moment_t beat; // when a promised HEARTBEAT is due
    moment_t remind;
    moment_t abandon;   // when handlers that don't return are not waited for
    worker_wish_t done; // the wish that has been dealt with
    _Atomic int wish;   // worker_wish_t, from other threads
    int bell;           // eventfd: there is a wish
};

// What the task manager wants done; the loop is its argument.
extern const task_manager_sink_t worker_sink;

// A message from broker `number`.
void worker_packets_take (worker_loop_t *self, unsigned number, wire_message_t *message);

// Tells the program; the text is made safe and cut.
void worker_loop_tell (worker_loop_t *self, zfabric_worker_event_t event, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

#endif
