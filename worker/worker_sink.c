#include "worker/worker_loop_inner.h"

#include "fabric/container.h"

static zfabric_task_t *task_of (managed_task_t *managed)
{
    return container_of (managed, zfabric_task_t, managed);
}

static void start (managed_task_t *managed, void *arg)
{
    worker_loop_t *self = (worker_loop_t *)arg;
    zfabric_task_t *task = task_of (managed);

    if (self->options.task_events)
        worker_loop_tell (self, ZFABRIC_WORKER_EVENT_TASK, "%s %s: started", task->cookie,
                          task->pipeline);
    if (!(task->handler->flags & ZFABRIC_HANDLER_INLINE)) {
        if (worker_pool_run (self->pool, &task->ready) == 0)
            return;
        (void)zfabric_task_fail (task, ZFABRIC_EXCEPTION, "the worker has no thread for it", NULL,
                                 0); // ENOMEM: without the words
    }
    list_append (&self->here, &task->ready);
}

static void cancel (managed_task_t *managed, void *arg)
{
    (void)arg;
    worker_task_cancel (task_of (managed));
}

static void discard (managed_task_t *managed, void *arg)
{
    zfabric_task_t *task = task_of (managed);

    (void)arg;
    worker_task_destroy (&task);
}

static void refuse (managed_task_t *managed, zfabric_rc_t rc, const char *why, void *arg)
{
    worker_loop_t *self = (worker_loop_t *)arg;
    zfabric_task_t *task = task_of (managed);

    (void)zfabric_task_fail (task, rc, why, NULL, 0); // ENOMEM: without the words
    worker_session_post (self->sessions[managed->broker], &task->letter);
}

static void abandon (managed_task_t *managed, void *arg)
{
    worker_loop_t *self = (worker_loop_t *)arg;
    letter_t *letter = letter_new (&managed->cookie);

    worker_loop_tell (self, ZFABRIC_WORKER_EVENT_LEAVING,
                      "%s %s: abandoned, its handler does not return", task_of (managed)->cookie,
                      task_of (managed)->pipeline);
    if (!letter)
        return; // the broker will see us go
    letter->rc = ZFABRIC_CANCELLED;
    letter->encoding = self->home.codec;
    (void)letter_say (letter, "the worker is stopping, and the handler did not return", NULL, 0);
    worker_session_post (self->sessions[managed->broker], letter);
}

static void enroll (unsigned broker, unsigned capacity, void *arg)
{
    worker_loop_t *self = (worker_loop_t *)arg;

    worker_session_enroll (self->sessions[broker], capacity);
}

static void leave (unsigned broker, void *arg)
{
    worker_loop_t *self = (worker_loop_t *)arg;

    worker_session_leave (self->sessions[broker]);
}

const task_manager_sink_t worker_sink = {
    .start = start,
    .cancel = cancel,
    .discard = discard,
    .refuse = refuse,
    .abandon = abandon,
    .enroll = enroll,
    .leave = leave,
};
