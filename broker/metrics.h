/*  What `$metrics` knows of tasks: for each pipeline how many wait and run, how they ended, how
 * long they waited and ran. Nothing but counting, at each turn of a task's life.
 *
 *  Names come from clients, so their number is bounded: a pipeline has a row of its own once a task
 *  of it was given to a worker, while there are rows left. All others share the row METRICS_OTHER,
 *  and so does one that is really called "other". A name that nobody serves costs no row.
 *
 *  Time: told by the caller; spans are of its clock's whole milliseconds.
 */
#ifndef BROKER_METRICS_H
#define BROKER_METRICS_H

#include "broker/task.h"
#include "fabric/result.h"

#define METRICS_PIPELINES 32u // with rows of their own: each is 50 series or so of Prometheus'
#define METRICS_OTHER     0u  // the row of all others

/*  Upper bounds of the histograms' buckets, in ms; what is longer than the last one is in one
 * bucket more. From what a task costs at least to what `--queue-wait` is made for.
 */
#define METRICS_BOUND_COUNT 17u
extern const span_t metrics_bounds[METRICS_BOUND_COUNT];

typedef struct {
    uint64_t counts[METRICS_BOUND_COUNT + 1]; // of each bucket alone; the last: longer than all
    uint64_t sum_ms;
} metrics_histogram_t;

typedef struct {
    uint64_t waiting; // now
    uint64_t running; // now: with a worker, and not over for the client
    uint64_t ended[ZFABRIC_RESULT_COUNT];
    metrics_histogram_t waited; // from RUN to the first worker, or to the end without one
    metrics_histogram_t ran;    // from each worker's being given it to its end, or that worker's
    uint8_t name_len;
    uint8_t name[255];
} metrics_pipeline_t;

typedef struct {
    size_t count; // rows in use, METRICS_OTHER among them
    metrics_pipeline_t pipelines[METRICS_PIPELINES + 1];
} metrics_t;

void metrics_init (metrics_t *self);

// The task's turns; each sets what the task remembers for the next (`row`, `given`).
void metrics_accepted (metrics_t *self, task_t *task);
void metrics_given (metrics_t *self, task_t *task, moment_t now); // its `attempt` counted already
void metrics_taken_back (metrics_t *self, task_t *task, moment_t now); // it waits again
void metrics_ended (metrics_t *self, const task_t *task, moment_t now, zfabric_rc_t rc);

#endif
