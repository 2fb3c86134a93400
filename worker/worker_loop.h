/*  What the worker's own thread does: moves packets between the brokers, the task manager and the
 *  handlers. Decides nothing that the task manager can decide.
 *
 *  Threads: worker_loop_drain () and _halt () any; the handlers' functions theirs; all others one.
 */
#ifndef WORKER_WORKER_LOOP_H
#define WORKER_WORKER_LOOP_H

#include "fabric/link.h"
#include "worker/handlers.h"
#include "worker/report.h"

typedef struct {
    const char *const *endpoints; // a broker each
    size_t endpoint_count;
    const link_options_t *link; // but for its endpoints and seed
    const handlers_t *handlers; // lives as long as the loop, as does what `worker` points to
    report_self_t worker;
    unsigned capacity;
    size_t max_payload;
    zfabric_worker_event_fn *tell; // on the loop's thread; must not be NULL
    void *tell_arg;
    bool task_events;
} worker_loop_options_t;

typedef struct worker_loop worker_loop_t;

// `context`: a ZeroMQ context. NULL with errno and a fault.
worker_loop_t *
worker_loop_new (void *context, const worker_loop_options_t *options, fault_t *fault);

// Waits until all handlers have returned.
void worker_loop_destroy (worker_loop_t **self_p);

// Works until every broker has been left.
void worker_loop_run (worker_loop_t *self);

// Safe in signal handlers.
void worker_loop_drain (worker_loop_t *self);
void worker_loop_halt (worker_loop_t *self);

#endif
