/*  The threads that handlers run on: made when they are needed, kept until the end.
 *
 *  Threads: one uses the pool; `run` is called on the pool's own. Signals are blocked on them.
 */
#ifndef WORKER_WORKER_POOL_H
#define WORKER_WORKER_POOL_H

#include "fabric/list.h"

typedef struct worker_pool worker_pool_t;

typedef void (worker_pool_fn) (list_node_t *job, void *arg);

// Of at most `most` threads. `lost` is called for a job that ended its thread (pthread_exit) before
// `run` returned, on that thread. NULL: ENOMEM.
worker_pool_t *
worker_pool_new (unsigned most, worker_pool_fn *run, worker_pool_fn *lost, void *arg);

// Waits until every job has returned.
void worker_pool_destroy (worker_pool_t **self_p);

// Runs a job on a thread that has nothing to do, or on a new one; fewer than `most` jobs must be
// unfinished. -1: EAGAIN or ENOMEM, there is no thread to be had.
int worker_pool_run (worker_pool_t *self, list_node_t *job);

#endif
