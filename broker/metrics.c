/*  A row is found by looking at all of them: they are few, and most names differ in length.
 */
#include "broker/metrics.h"

#include <assert.h>
#include <string.h>

const span_t metrics_bounds[METRICS_BOUND_COUNT] = {
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 1800000,
};

static_assert (METRICS_PIPELINES <= UINT8_MAX, "task_t.row is one octet");

void metrics_init (metrics_t *self)
{
    memset (self, 0, sizeof *self);
    self->count = 1;
}

static metrics_pipeline_t *row_of (metrics_t *self, const task_t *task)
{
    return &self->pipelines[task->row];
}

static uint8_t find (const metrics_t *self, slice_t name)
{
    for (size_t row = 1; row < self->count; row++) {
        const metrics_pipeline_t *one = &self->pipelines[row];
        if (one->name_len == name.len && memcmp (one->name, name.ptr, name.len) == 0)
            return (uint8_t)row;
    }
    return METRICS_OTHER;
}

// The row of a name that a worker serves: found, or made, or that of all others.
static uint8_t enter (metrics_t *self, slice_t name)
{
    uint8_t row = find (self, name);

    if (row != METRICS_OTHER || self->count > METRICS_PIPELINES
        || slice_equal (name, slice_text ("other")))
        return row;
    metrics_pipeline_t *one = &self->pipelines[self->count];
    one->name_len = (uint8_t)name.len;
    memcpy (one->name, name.ptr, name.len);
    return (uint8_t)self->count++;
}

static void observe (metrics_histogram_t *self, span_t span)
{
    size_t bucket = 0;

    while (bucket < METRICS_BOUND_COUNT && span > metrics_bounds[bucket])
        bucket++;
    self->counts[bucket]++;
    self->sum_ms += span;
}

void metrics_accepted (metrics_t *self, task_t *task)
{
    task->row = find (self, task_pipeline (task));
    task->given = MOMENT_NEVER;
    row_of (self, task)->waiting++;
}

void metrics_given (metrics_t *self, task_t *task, moment_t now)
{
    row_of (self, task)->waiting--;
    if (task->row == METRICS_OTHER)
        task->row = enter (self, task_pipeline (task));
    row_of (self, task)->running++;
    if (task->attempt == 1)
        observe (&row_of (self, task)->waited, moment_until (task->since, now));
    task->given = now;
}

void metrics_taken_back (metrics_t *self, task_t *task, moment_t now)
{
    metrics_pipeline_t *row = row_of (self, task);

    row->running--;
    row->waiting++;
    observe (&row->ran, moment_until (task->given, now));
    task->given = MOMENT_NEVER;
}

void metrics_ended (metrics_t *self, const task_t *task, moment_t now, zfabric_rc_t rc)
{
    metrics_pipeline_t *row = row_of (self, task);

    row->ended[rc]++;
    if (task->given != MOMENT_NEVER) {
        row->running--;
        observe (&row->ran, moment_until (task->given, now));
        return;
    }
    row->waiting--;
    if (task->attempt == 0)
        observe (&row->waited, moment_until (task->since, now));
}
