/*  Every invariant of the switchboard, for tests: slow and complete.
 */
#include "broker/switchboard_state.h"

#include "fabric/container.h"

typedef struct {
    uint64_t open;
    uint64_t lingering;
    uint64_t parked;
    uint64_t queued;
    uint64_t slots;
    uint64_t waiting[METRICS_PIPELINES + 1]; // by row
    uint64_t running[METRICS_PIPELINES + 1];
} census_t;

static const char *task_check (const switchboard_t *self, const task_t *task, census_t *census)
{
    bool lingers = task->state == TASK_LINGERING;

    if (task->state == TASK_NEW || task->state == TASK_GONE)
        return "a task is in a state that only passes";
    if (!lingers && life_find (self, &task->cookie) != task)
        return "a task is not found by its cookie";
    if (lingers ? task->client != NULL : task->client == NULL)
        return "a task has a client exactly while it is open";
    if (task_holds_slot (task) != (task->worker != NULL))
        return "a task has a worker exactly while it holds a slot";
    if ((task->state == TASK_QUEUED) != (task->lane != NULL))
        return "a task is in a lane exactly while it is queued";
    if (!lingers && !task->worker && !task->kept)
        return "a waiting task has lost its frames";
    if (!lingers && task->worker && task->kept != (task->retries > 0))
        return "a running task keeps its frames exactly for retries";
    if (task->successor && (!lingers || task->successor->state != TASK_PARKED))
        return "only a parked task follows, and only a lingering one";
    if (task->worker && !task->worker->group)
        return "a worker that is not registered holds a task";
    if (task->client && task->client->gone && task->orphan_cancel && task->state != TASK_CANCELLING)
        return "an orphan that was to be cancelled is not";
    census->open += !lingers;
    census->lingering += lingers;
    census->parked += task->state == TASK_PARKED;
    census->queued += task->state == TASK_QUEUED;
    census->slots += task->worker != NULL;
    census->waiting[task->row] += !lingers && !task->worker;
    census->running[task->row] += !lingers && task->worker;
    return NULL;
}

static const char *deadline_check (const switchboard_t *self, const task_t *task)
{
    bool expires = task->state != TASK_LINGERING
                   && (task->expires != MOMENT_NEVER || task->wait_until != MOMENT_NEVER
                       || task->grace_until != MOMENT_NEVER);

    if (heap_holds (&task->deadline.node) != expires)
        return "a task that expires has no deadline, or one that doesn't has";
    if (expires && task->deadline.at < self->now && task->deadline.at != self->now)
        return "a deadline has passed unnoticed";
    return NULL;
}

// Nothing waits that a worker with room could run.
static const char *work_check (const switchboard_t *self)
{
    if (self->draining)
        return self->waiting.count ? "tasks wait although the broker is stopping" : NULL;
    for (list_node_t *node = list_first (&self->tasks); node;
         node = list_next (&self->tasks, node)) {
        const task_t *task = container_of (node, const task_t, in_all);
        if (task->state == TASK_QUEUED
            && roster_pick ((roster_t *)(uintptr_t)&self->roster, task_pipeline (task)))
            return "a task waits although a worker has room for it";
    }
    return NULL;
}

static const char *bounds_check (const switchboard_t *self)
{
    for (list_node_t *node = list_first (&self->clients); node;
         node = list_next (&self->clients, node)) {
        const client_t *client = container_of (node, const client_t, in_clients);
        if (client->account->open > self->limits.client_tasks)
            return "a client has more tasks open than it may";
        if (!client->holder && client->own.open != client->open)
            return "a client's account is not that of its tasks";
    }
    return NULL;
}

static const char *counts_check (const switchboard_t *self, const census_t *census)
{
    uint64_t ended = 0;

    for (unsigned rc = 0; rc < ZFABRIC_RESULT_COUNT; rc++)
        ended += self->stats.ended[rc];
    if (self->stats.accepted != ended + self->open)
        return "accepted tasks are neither open nor ended";
    if (census->open != self->open || census->lingering != self->lingering
        || census->parked != self->parked || census->queued != self->waiting.count)
        return "the counts of tasks are not those of the tasks";
    if (census->slots != self->roster.busy)
        return "the slots taken are not those of the tasks";
    if (self->cookies.count != self->open + self->lingering - self->parked)
        return "the table of cookies has lost or gained a task";
    return NULL;
}

static const char *metrics_check (const switchboard_t *self, const census_t *census)
{
    const metrics_t *metrics = &self->metrics;

    for (unsigned rc = 0; rc < ZFABRIC_RESULT_COUNT; rc++) {
        uint64_t ended = 0;
        for (size_t row = 0; row < metrics->count; row++)
            ended += metrics->pipelines[row].ended[rc];
        if (ended != self->stats.ended[rc])
            return "the ends of all pipelines are not those of all tasks";
    }
    for (size_t row = 0; row < metrics->count; row++) {
        if (metrics->pipelines[row].waiting != census->waiting[row]
            || metrics->pipelines[row].running != census->running[row])
            return "a pipeline's counts are not those of its tasks";
    }
    return NULL;
}

const char *switchboard_check (const switchboard_t *self)
{
    census_t census = {0};
    const char *broken = NULL;

    for (list_node_t *node = list_first (&self->tasks); node && !broken;
         node = list_next (&self->tasks, node)) {
        const task_t *task = container_of (node, const task_t, in_all);
        broken = task_check (self, task, &census);
        if (!broken)
            broken = deadline_check (self, task);
    }
    if (!broken)
        broken = counts_check (self, &census);
    if (!broken)
        broken = metrics_check (self, &census);
    if (!broken)
        broken = bounds_check (self);
    if (!broken && !roster_check (&self->roster))
        broken = "the roster is out of order";
    if (!broken && !waiting_check (&self->waiting))
        broken = "the queue is out of order";
    if (!broken && !heap_check (&self->deadlines.heap))
        broken = "the deadlines are out of order";
    return broken ? broken : work_check (self);
}
