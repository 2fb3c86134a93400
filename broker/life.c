/*  A task's life as its client sees it. Each way through it ends in life_leave (), which takes the
 *  record out of everything; each end that the client is told of goes through life_close (), once.
 *
 *  Invariant: while the broker is not draining, no task waits that a worker with room could run. So
 *  a RUN that finds such a worker passes nobody who waits, and after a change only the worker that
 *  got room has to be fed.
 */
#include "broker/life_inner.h"

#include <assert.h>

#include "fabric/container.h"

static slice_t cookie_slice (const cookie_t *cookie)
{
    return slice_of (cookie->octets, COOKIE_OCTETS);
}

static uint64_t hash_of (const switchboard_t *self, const cookie_t *cookie)
{
    return table_hash (self->secret, cookie_slice (cookie));
}

static task_t *record_of (const switchboard_t *self, const cookie_t *cookie, uint64_t hash)
{
    table_node_t *node = table_find (&self->cookies, hash, cookie_slice (cookie));

    return node ? container_of (node, task_t, by_cookie) : NULL;
}

// Of a record that is there, the task that is open.
static task_t *open_of (task_t *record)
{
    return record && record->state == TASK_LINGERING ? record->successor : record;
}

task_t *life_record (const switchboard_t *self, const cookie_t *cookie)
{
    return record_of (self, cookie, hash_of (self, cookie));
}

task_t *life_find (const switchboard_t *self, const cookie_t *cookie)
{
    return open_of (life_record (self, cookie));
}

static moment_t earliest (moment_t a, moment_t b)
{
    return a < b ? a : b;
}

void life_set_deadline (switchboard_t *self, task_t *task)
{
    moment_t at = MOMENT_NEVER;

    if (task->state != TASK_LINGERING)
        at = earliest (task->expires, earliest (task->wait_until, task->grace_until));
    deadlines_set (&self->deadlines, &task->deadline, at);
}

// ---- ends

void life_leave (switchboard_t *self, task_t *task)
{
    worker_t *worker = task->worker;
    task_t *successor = task->successor;

    assert (!task->client && !task->lane);
    if (task->state == TASK_LINGERING)
        self->lingering--;
    if (worker) {
        list_remove (&task->in_worker);
        roster_free (&self->roster, worker);
    }
    if (task->state == TASK_PARKED) {
        self->parked--;
        life_record (self, &task->cookie)->successor = NULL;
    } else if (successor) {
        table_replace (&self->cookies, &task->by_cookie, &successor->by_cookie);
    } else {
        table_remove (&self->cookies, &task->by_cookie);
    }
    deadlines_leave (&self->deadlines, &task->deadline);
    list_remove (&task->in_all);
    task_move (task, TASK_GONE);
    task_destroy (&task);
    if (successor) {
        self->parked--;
        task_move (successor, TASK_QUEUED);
        (void)life_wait (self, successor, &successor->client->account->turns);
    }
}

void life_close (switchboard_t *self, task_t *task, zfabric_rc_t rc)
{
    self->open--;
    stats_ended (&self->stats, self->now, rc);
    metrics_ended (&self->metrics, task, self->now, rc);
    list_remove (&task->in_client);
    task->client->account->open--;
    client_release (self, task->client);
    task->client = NULL;
}

bool life_wants_answer (const task_t *task)
{
    return !task->client->gone && (!task->detach || task->state == TASK_NEW);
}

void life_conclude (switchboard_t *self, task_t *task, zfabric_rc_t rc, const char *error)
{
    if (life_wants_answer (task))
        answer_result (self, task->client->peer, task->codec, &task->cookie, rc, error);
    life_close (self, task, rc);
    if (task->lane)
        waiting_remove (&self->waiting, task);
    if (!task->worker) {
        life_leave (self, task);
        return;
    }
    task_move (task, TASK_LINGERING);
    self->lingering++;
    task_drop_frames (task);
    life_set_deadline (self, task);
}

int life_wait (switchboard_t *self, task_t *task, turns_t *turns)
{
    if (waiting_add (&self->waiting, task, turns)) {
        life_conclude (self, task, ZFABRIC_EXCEPTION, "out of memory");
        return -1;
    }
    if (task->state != TASK_QUEUED)
        task_move (task, TASK_QUEUED);
    life_set_deadline (self, task);
    return 0;
}

// ---- RUN

static bool is_own_pipeline (const packet_t *packet)
{
    return packet->pipeline.ptr[0] == '$';
}

// Why the RUN can't become a task, whatever the workers; NULL if it can.
static const char *refusal (const switchboard_t *self,
                            const client_t *client,
                            const packet_t *packet,
                            bool collides,
                            zfabric_rc_t *rc)
{
    if (self->draining) {
        *rc = ZFABRIC_BROKER_WENT_AWAY;
        return "the broker is stopping";
    }
    if (collides) {
        *rc = ZFABRIC_COOKIE_COLLISION;
        return "a task with this cookie is there already";
    }
    if (!is_own_pipeline (packet) && client->account->open >= self->limits.client_tasks) {
        *rc = ZFABRIC_NO_CAPACITY;
        return "this client has too many tasks open";
    }
    return NULL;
}

// Why a RUN for which no worker has room can't wait either.
static const char *no_waiting (const switchboard_t *self, const packet_t *packet)
{
    if (packet_has (packet, PACKET_BIT (WAIT)) && packet->wait_ms == 0)
        return "no worker has room now, and it does not wait";
    if (self->waiting.count + self->parked >= self->limits.queue)
        return "no worker has room now, and the queue is full";
    return NULL;
}

static task_t *task_of_run (switchboard_t *self,
                            client_t *client,
                            const packet_t *packet,
                            frame_t *header,
                            frame_t *payload)
{
    task_t *task = task_new (packet);

    if (!task || deadlines_enter (&self->deadlines)) {
        task_destroy (&task);
        return NULL;
    }
    frame_move (&task->header, header);
    frame_move (&task->payload, payload);
    task->kept = true;
    task->deadline.kind = DEADLINE_TASK;
    task->client = client;
    task->arrival = ++self->arrivals;
    task->since = self->now;
    if (packet_has (packet, PACKET_BIT (TIMEOUT)))
        task->expires = moment_after (self->now, packet->timeout_ms);
    span_t wait =
        packet_has (packet, PACKET_BIT (WAIT)) ? packet->wait_ms : self->limits.queue_wait_ms;
    task->wait_until = moment_after (self->now, wait);
    list_append (&client->tasks, &task->in_client);
    client->open++;
    client->account->open++;
    list_append (&self->tasks, &task->in_all);
    self->open++;
    stats_accepted (&self->stats, self->now);
    metrics_accepted (&self->metrics, task);
    return task;
}

// Behind a LINGERING task with the same cookie: its worker could not tell the two apart.
static void park (switchboard_t *self, task_t *task, task_t *record)
{
    record->successor = task;
    task_move (task, TASK_PARKED);
    self->parked++;
    life_set_deadline (self, task);
}

void life_submit (switchboard_t *self,
                  client_t *client,
                  const packet_t *packet,
                  frame_t *header,
                  frame_t *payload)
{
    zfabric_rc_t rc = ZFABRIC_NO_CAPACITY;

    // Before all else: who may not run it learns nothing but that.
    if (!is_own_pipeline (packet) && !holder_may_run (client->holder, packet->pipeline)) {
        answer_forbidden (self, client->peer, client->holder, packet,
                          "this key may not run that pipeline", "may not run a pipeline");
        return;
    }
    uint64_t hash = hash_of (self, &packet->cookie);
    task_t *record = record_of (self, &packet->cookie, hash);
    const char *words = refusal (self, client, packet, open_of (record) != NULL, &rc);
    if (!words && is_own_pipeline (packet)) {
        own_pipelines_run (self, client, packet, payload);
        return;
    }
    // A record that is there now is LINGERING: refusal () has seen to that.
    worker_t *worker = record ? NULL : roster_pick (&self->roster, packet->pipeline);
    if (!words && !worker)
        words = no_waiting (self, packet);
    if (words) {
        answer_refusal (self, client->peer, packet, rc, words);
        return;
    }
    task_t *task = task_of_run (self, client, packet, header, payload);
    if (!task) {
        answer_refusal (self, client->peer, packet, ZFABRIC_EXCEPTION, "out of memory");
    } else if (record) {
        park (self, task, record);
    } else {
        table_insert (&self->cookies, &task->by_cookie, hash);
        if (worker)
            life_assign (self, task, worker);
        else
            (void)life_wait (self, task, &client->account->turns);
    }
}

// ---- CANCEL, and what expires

static void cancel_running (switchboard_t *self, task_t *task)
{
    answer_cancel (self, task->worker, &task->cookie);
    task_move (task, TASK_CANCELLING);
    task->grace_until = moment_after (self->now, self->limits.cancel_grace_ms);
    life_set_deadline (self, task);
}

static void cancel_task (switchboard_t *self, task_t *task)
{
    if (task->state == TASK_RUNNING)
        cancel_running (self, task);
    else if (task->state != TASK_CANCELLING)
        life_conclude (self, task, ZFABRIC_CANCELLED, "cancelled while it waited");
}

void life_cancel (switchboard_t *self, client_t *client, const packet_t *packet)
{
    task_t *task = life_find (self, &packet->cookie);

    if (!client_may_see (client, task)) {
        answer_forbidden (self, client->peer, client->holder, packet, "this key has no such task",
                          "may not cancel a task");
        return;
    }
    if (!task) {
        answer_refusal (self, client->peer, packet, ZFABRIC_COOKIE_NOT_FOUND, "no such task");
        return;
    }
    if (task->client != client)
        answer_result (self, client->peer, packet->codec, &packet->cookie, ZFABRIC_OK, NULL);
    cancel_task (self, task);
}

void life_expired (switchboard_t *self, task_t *task)
{
    moment_t others = earliest (task->wait_until, task->grace_until);

    if (task->expires <= others) {
        if (task->state == TASK_RUNNING)
            answer_cancel (self, task->worker, &task->cookie);
        life_conclude (self, task, ZFABRIC_TIMED_OUT, "its timeout is over");
    } else if (task->wait_until <= others) {
        life_conclude (self, task, ZFABRIC_NO_CAPACITY, "no worker had room within its wait");
    } else {
        life_conclude (self, task, ZFABRIC_CANCELLED,
                       "cancelled; its worker did not answer within the grace");
    }
}

// ---- peers lost, and the broker's own end

void life_client_lost (switchboard_t *self, client_t *client)
{
    // The client goes with its last task: hold it until the walk is over.
    client->open++;
    for (list_node_t *node = list_first (&client->tasks), *next; node; node = next) {
        task_t *task = container_of (node, task_t, in_client);
        next = list_next (&client->tasks, node);
        if (task->orphan_cancel)
            cancel_task (self, task);
    }
    client_release (self, client);
}

void life_stop (switchboard_t *self, bool running)
{
    for (list_node_t *node = list_first (&self->tasks), *next; node; node = next) {
        task_t *task = container_of (node, task_t, in_all);
        next = list_next (&self->tasks, node);
        bool waits = task->state == TASK_QUEUED || task->state == TASK_PARKED;
        if (waits || (running && task->state != TASK_LINGERING))
            life_conclude (self, task, ZFABRIC_BROKER_WENT_AWAY, "the broker is stopping");
    }
}
