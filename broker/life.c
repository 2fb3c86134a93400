/*  A task's life. Each way through it ends in leave (), which takes the record out of everything;
 *  each end that the client is told of goes through close_for_client (), once.
 *
 *  Invariant: while the broker is not draining, no task waits that a worker with room could run. So
 *  a RUN that finds such a worker passes nobody who waits, and after a change only the worker that
 *  got room has to be fed.
 */
#include "broker/switchboard_state.h"

#include <assert.h>
#include <errno.h>

#include "broker/delivery.h"
#include "fabric/container.h"

#define TRANSCODED_SLACK 65536u // octets: base64 and wider numbers on top of small payloads

static slice_t cookie_slice (const cookie_t *cookie)
{
    return slice_of (cookie->octets, COOKIE_OCTETS);
}

// The record of that cookie: an open task, or the LINGERING one that stands before it.
static task_t *record_of (const switchboard_t *self, const cookie_t *cookie)
{
    slice_t key = cookie_slice (cookie);
    table_node_t *node = table_find (&self->cookies, table_hash (self->secret, key), key);

    return node ? container_of (node, task_t, by_cookie) : NULL;
}

task_t *life_find (const switchboard_t *self, const cookie_t *cookie)
{
    task_t *record = record_of (self, cookie);

    return record && record->state == TASK_LINGERING ? record->successor : record;
}

static moment_t earliest (moment_t a, moment_t b)
{
    return a < b ? a : b;
}

static void set_deadline (switchboard_t *self, task_t *task)
{
    moment_t at = MOMENT_NEVER;

    if (task->state != TASK_LINGERING)
        at = earliest (task->expires, earliest (task->wait_until, task->grace_until));
    deadlines_set (&self->deadlines, &task->deadline, at);
}

// ---- ends

static int wait_in_queue (switchboard_t *self, task_t *task, turns_t *turns);

// The record leaves table, lists, heaps and memory. Its slot, if it has one, is free then, and the
// task that waited for it to let go of the cookie is in the queue like any other.
static void leave (switchboard_t *self, task_t *task)
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
        record_of (self, &task->cookie)->successor = NULL;
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
        (void)wait_in_queue (self, successor, &successor->client->turns);
    }
}

// The client hears no more of it; the counts know how it ended.
static void close_for_client (switchboard_t *self, task_t *task, zfabric_rc_t rc)
{
    self->open--;
    stats_ended (&self->stats, self->now, rc);
    list_remove (&task->in_client);
    client_release (task->client);
    task->client = NULL;
}

// A NEW task that ends is a RUN that is refused at once, which a detached one hears of as well.
static bool wants_answer (const task_t *task)
{
    return !task->client->gone && (!task->detach || task->state == TASK_NEW);
}

void life_conclude (switchboard_t *self, task_t *task, zfabric_rc_t rc, const char *error)
{
    if (wants_answer (task))
        answer_result (self, task->client->peer, task->codec, &task->cookie, rc, error);
    close_for_client (self, task, rc);
    if (task->lane)
        waiting_remove (&self->waiting, task);
    if (!task->worker) {
        leave (self, task);
        return;
    }
    task_move (task, TASK_LINGERING);
    self->lingering++;
    task_drop_frames (task);
    set_deadline (self, task);
}

// ---- to a worker

// The frames for a worker of the task's codec; the task keeps its own if it may need them again.
static void lend_frames (task_t *task, frame_t *header, frame_t *payload)
{
    if (task->retries > 0) {
        frame_share (header, &task->header);
        frame_share (payload, &task->payload);
    } else {
        frame_move (header, &task->header);
        frame_move (payload, &task->payload);
        task->kept = false;
    }
}

// Frames for the worker's codec. 0, or -1 and the task has ended.
static int
make_frames (switchboard_t *self, task_t *task, encoding_t codec, frame_t *header, frame_t *payload)
{
    fault_t fault = {""};

    if (codec == task->codec) {
        lend_frames (task, header, payload);
        return 0;
    }
    uint64_t limit = 2 * self->limits.max_payload + TRANSCODED_SLACK;
    if (delivery_transcode (&task->header, &task->payload, codec, limit, header, payload, &fault)) {
        zfabric_rc_t rc = errno == ENOMEM ? ZFABRIC_EXCEPTION : ZFABRIC_BAD_PACKET;
        frame_close (header);
        frame_close (payload);
        life_conclude (self, task, rc, fault.text);
        return -1;
    }
    if (task->retries == 0)
        task_drop_frames (task);
    return 0;
}

// Gives a task that waits nowhere any more to a worker with room.
static void assign (switchboard_t *self, task_t *task, worker_t *worker)
{
    frame_t header, payload;

    if (make_frames (self, task, worker->codec, &header, &payload))
        return;
    task_move (task, TASK_RUNNING);
    task->attempt++;
    task->wait_until = MOMENT_NEVER;
    task->worker = worker;
    list_append (&worker->tasks, &task->in_worker);
    roster_take (&self->roster, worker);
    set_deadline (self, task);
    answer_pass (self, worker->peer, &header, &payload, false);
    frame_close (&header);
    frame_close (&payload);
}

void life_feed (switchboard_t *self, worker_t *worker)
{
    task_t *task;

    while (!self->draining && worker_has_room (worker)
           && (task = waiting_pick (&self->waiting, worker->group))) {
        waiting_serve (&self->waiting, task);
        assign (self, task, worker);
    }
}

// Lets a NEW or QUEUED task wait, at the front if `turns` is NULL. 0, or -1 and the task has ended.
static int wait_in_queue (switchboard_t *self, task_t *task, turns_t *turns)
{
    if (waiting_add (&self->waiting, task, turns)) {
        life_conclude (self, task, ZFABRIC_EXCEPTION, "out of memory");
        return -1;
    }
    if (task->state != TASK_QUEUED)
        task_move (task, TASK_QUEUED);
    set_deadline (self, task);
    return 0;
}

// What should be given away next, to whatever worker with room; NULL if there is nothing.
static task_t *pick_of_all (switchboard_t *self)
{
    task_t *best = NULL;

    for (list_node_t *node = list_first (&self->roster.groups.all); node;
         node = list_next (&self->roster.groups.all, node)) {
        const group_t *group = container_of (node, const group_t, in_all);
        task_t *task = group->available.count ? waiting_pick (&self->waiting, group) : NULL;
        if (task && (!best || waiting_before (task, best)))
            best = task;
    }
    return best;
}

/*  Gives away what has joined the queue while several workers had room, in order: after a loss, or
 *  when a cookie is free again. O(groups) a task, so not for every day.
 */
static void match_all (switchboard_t *self)
{
    task_t *task;

    while (!self->draining && (task = pick_of_all (self))) {
        worker_t *worker = roster_pick (&self->roster, task_pipeline (task));
        waiting_serve (&self->waiting, task);
        assign (self, task, worker);
    }
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
                            zfabric_rc_t *rc)
{
    if (self->draining) {
        *rc = ZFABRIC_BROKER_WENT_AWAY;
        return "the broker is stopping";
    }
    if (life_find (self, &packet->cookie)) {
        *rc = ZFABRIC_COOKIE_COLLISION;
        return "a task with this cookie is there already";
    }
    if (!is_own_pipeline (packet) && client->open >= self->limits.client_tasks) {
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
    list_append (&self->tasks, &task->in_all);
    self->open++;
    stats_accepted (&self->stats, self->now);
    return task;
}

// Behind a LINGERING task with the same cookie: its worker could not tell the two apart.
static void park (switchboard_t *self, task_t *task, task_t *record)
{
    record->successor = task;
    task_move (task, TASK_PARKED);
    self->parked++;
    set_deadline (self, task);
}

void life_submit (switchboard_t *self,
                  client_t *client,
                  const packet_t *packet,
                  frame_t *header,
                  frame_t *payload)
{
    zfabric_rc_t rc = ZFABRIC_NO_CAPACITY;
    const char *words = refusal (self, client, packet, &rc);

    if (!words && is_own_pipeline (packet)) {
        own_pipelines_run (self, client, packet, payload);
        return;
    }
    // A record that is there now is LINGERING: refusal () has seen to that.
    task_t *record = record_of (self, &packet->cookie);
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
        slice_t key = cookie_slice (&task->cookie);
        table_insert (&self->cookies, &task->by_cookie, table_hash (self->secret, key));
        if (worker)
            assign (self, task, worker);
        else
            (void)wait_in_queue (self, task, &client->turns);
    }
}

// ---- CANCEL, and what expires

static void cancel_running (switchboard_t *self, task_t *task)
{
    answer_cancel (self, task->worker, &task->cookie);
    task_move (task, TASK_CANCELLING);
    task->grace_until = moment_after (self->now, self->limits.cancel_grace_ms);
    set_deadline (self, task);
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

// ---- PARTIAL and RESULT

// What the worker holds under this cookie; NULL, and counted, if it is not its to speak of.
static task_t *held_by (switchboard_t *self,
                        const worker_t *worker,
                        const packet_t *packet,
                        stats_drop_t late,
                        stats_drop_t foreign)
{
    task_t *task = record_of (self, &packet->cookie);

    if (!task)
        self->stats.dropped[late]++;
    else if (task->worker != worker)
        self->stats.dropped[foreign]++;
    else
        return task;
    return NULL;
}

// Passes a worker's packet on in the client's codec. 0, or -1 with a fault and nothing was sent.
static int forward (switchboard_t *self,
                    task_t *task,
                    const packet_t *packet,
                    frame_t *header,
                    frame_t *payload,
                    fault_t *fault)
{
    bool droppable = packet->type == PACKET_PARTIAL;
    frame_t other_header, other_payload;

    if (packet->codec == task->codec) {
        answer_pass (self, task->client->peer, header, payload, droppable);
        return 0;
    }
    uint64_t limit = 2 * self->limits.max_payload + TRANSCODED_SLACK;
    int rc = delivery_transcode (header, payload, task->codec, limit, &other_header, &other_payload,
                                 fault);
    if (rc == 0)
        answer_pass (self, task->client->peer, &other_header, &other_payload, droppable);
    frame_close (&other_header);
    frame_close (&other_payload);
    return rc;
}

void life_partial (switchboard_t *self,
                   worker_t *worker,
                   const packet_t *packet,
                   frame_t *header,
                   frame_t *payload)
{
    task_t *task =
        held_by (self, worker, packet, STATS_DROP_PARTIAL_LATE, STATS_DROP_PARTIAL_FOREIGN);
    fault_t fault;

    if (!task)
        return;
    if (task->state == TASK_LINGERING)
        self->stats.dropped[STATS_DROP_PARTIAL_LATE]++;
    else if (!task->stream || task->client->gone)
        self->stats.dropped[STATS_DROP_PARTIAL_UNWANTED]++;
    else if (forward (self, task, packet, header, payload, &fault))
        self->stats.dropped[STATS_DROP_PARTIAL_UNSAYABLE]++;
    else
        self->stats.partials++;
}

// Tells the client the result and closes the task for it.
static void deliver_result (
    switchboard_t *self, task_t *task, const packet_t *packet, frame_t *header, frame_t *payload)
{
    zfabric_rc_t rc = packet->rc;
    fault_t fault = {""};

    if (!wants_answer (task)) {
        if (task->client->gone)
            self->stats.dropped[STATS_DROP_RESULT_ORPHAN]++;
    } else if (forward (self, task, packet, header, payload, &fault)) {
        rc = ZFABRIC_EXCEPTION;
        answer_result (self, task->client->peer, task->codec, &task->cookie, rc, fault.text);
    }
    close_for_client (self, task, rc);
}

void life_result (switchboard_t *self,
                  worker_t *worker,
                  const packet_t *packet,
                  frame_t *header,
                  frame_t *payload)
{
    task_t *task =
        held_by (self, worker, packet, STATS_DROP_RESULT_LATE, STATS_DROP_RESULT_FOREIGN);

    if (!task)
        return;
    if (packet->rc == ZFABRIC_OK)
        worker->done++;
    else
        worker->failed++;
    if (task->state == TASK_LINGERING)
        self->stats.dropped[STATS_DROP_RESULT_LATE]++;
    else
        deliver_result (self, task, packet, header, payload);
    bool follows = task->successor != NULL;
    leave (self, task);
    if (follows)
        match_all (self);
    else
        life_feed (self, worker);
}

// ---- peers lost, and the broker's own end

// Whether the task, which has lost its worker, runs again.
static bool is_retried (const switchboard_t *self, const task_t *task)
{
    return task->state == TASK_RUNNING && task->retries > 0 && !self->draining;
}

// Ends what the lost worker held, or lets it wait for another. Its slot has been freed.
static void survive_worker (switchboard_t *self, task_t *task)
{
    if (is_retried (self, task)) {
        task->retries--;
        self->stats.requeued++;
        task_move (task, TASK_QUEUED);
        (void)wait_in_queue (self, task, NULL);
    } else if (task->state == TASK_CANCELLING) {
        life_conclude (self, task, ZFABRIC_CANCELLED, "cancelled; its worker went away");
    } else {
        life_conclude (self, task, ZFABRIC_WORKER_WENT_AWAY,
                       "its worker went away, and no retries are left");
    }
}

// Takes off the worker what it holds: what lingers into one list, what is open into the other.
static void take_off (switchboard_t *self, worker_t *worker, list_t *lingering, list_t *open)
{
    list_node_t *node;

    while ((node = list_first (&worker->tasks))) {
        task_t *task = container_of (node, task_t, in_worker);
        list_remove (node);
        list_append (task->state == TASK_LINGERING ? lingering : open, node);
        roster_free (&self->roster, worker);
        task->worker = NULL;
    }
}

/*  The worker leaves first, so that nothing of what follows is given to it; and all that runs again
 *  waits before anything is given away, so that the most urgent goes first.
 */
void life_worker_lost (switchboard_t *self, worker_t *worker)
{
    list_t lingering, open;
    list_node_t *node;
    uint64_t waited = self->waiting.count;

    list_init (&lingering);
    list_init (&open);
    take_off (self, worker, &lingering, &open);
    roster_leave (&self->roster, worker);
    while ((node = list_first (&open))) {
        list_remove (node);
        survive_worker (self, container_of (node, task_t, in_worker));
    }
    while ((node = list_first (&lingering))) {
        list_remove (node);
        leave (self, container_of (node, task_t, in_worker));
    }
    if (self->waiting.count > waited)
        match_all (self);
}

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
    client_release (client);
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
