#include "broker/task.h"

#include <assert.h>
#include <stdlib.h>

static const char *const state_names[TASK_STATE_COUNT] = {
#define X(id, name) name,
    TASK_STATES (X)
#undef X
};

#define TO(id) (1u << TASK_##id)

// From each state, where a task may go.
static const unsigned moves[TASK_STATE_COUNT] = {
    [TASK_NEW] = TO (QUEUED) | TO (PARKED) | TO (RUNNING) | TO (GONE),
    [TASK_QUEUED] = TO (RUNNING) | TO (GONE),
    [TASK_PARKED] = TO (QUEUED) | TO (GONE),
    [TASK_RUNNING] = TO (QUEUED) | TO (CANCELLING) | TO (LINGERING) | TO (GONE),
    [TASK_CANCELLING] = TO (LINGERING) | TO (GONE),
    [TASK_LINGERING] = TO (GONE),
};

task_t *task_new (const packet_t *packet)
{
    task_t *self = (task_t *)calloc (1, sizeof *self + packet->pipeline.len);

    if (!self)
        return NULL;
    self->cookie = packet->cookie;
    self->codec = packet->codec;
    self->encoding = packet->encoding;
    self->priority = packet->priority;
    self->retries = packet->retries;
    self->detach = packet->detach;
    self->stream = packet->stream;
    self->orphan_cancel = packet->orphan_cancel;
    self->expires = MOMENT_NEVER;
    self->wait_until = MOMENT_NEVER;
    self->grace_until = MOMENT_NEVER;
    self->pipeline_len = (uint8_t)packet->pipeline.len;
    memcpy (self->pipeline, packet->pipeline.ptr, packet->pipeline.len);
    frame_init (&self->header);
    frame_init (&self->payload);
    return self;
}

void task_drop_frames (task_t *self)
{
    if (!self->kept)
        return;
    self->kept = false;
    frame_close (&self->header);
    frame_close (&self->payload);
    frame_init (&self->header);
    frame_init (&self->payload);
}

void task_destroy (task_t **self_p)
{
    task_t *self = *self_p;

    if (!self)
        return;
    task_drop_frames (self);
    frame_close (&self->header);
    frame_close (&self->payload);
    free (self);
    *self_p = NULL;
}

void task_move (task_t *self, task_state_t to)
{
    assert (moves[self->state] >> to & 1);
    self->state = to;
}

const char *task_state_name (task_state_t state)
{
    return (unsigned)state < TASK_STATE_COUNT ? state_names[state] : "?";
}
