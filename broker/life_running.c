/*  A task in the hands of a worker: given to it, what comes back, and what happens to it when the
 *  worker goes.
 */
#include "broker/life_inner.h"

#include <errno.h>

#include "broker/delivery.h"
#include "fabric/container.h"

#define TRANSCODED_SLACK 65536u // octets: base64 and wider numbers on top of small payloads

// ---- there

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

void life_assign (switchboard_t *self, task_t *task, worker_t *worker)
{
    frame_t header, payload;

    if (make_frames (self, task, worker->codec, &header, &payload))
        return;
    task_move (task, TASK_RUNNING);
    task->attempt++;
    task->wait_until = MOMENT_NEVER;
    task->worker = worker;
    metrics_given (&self->metrics, task, self->now);
    list_append (&worker->tasks, &task->in_worker);
    roster_take (&self->roster, worker);
    life_set_deadline (self, task);
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
        life_assign (self, task, worker);
    }
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
        life_assign (self, task, worker);
    }
}

// ---- back

// What the worker holds under this cookie; NULL, and counted, if it is not its to speak of.
static task_t *held_by (switchboard_t *self,
                        const worker_t *worker,
                        const packet_t *packet,
                        stats_drop_t late,
                        stats_drop_t foreign)
{
    task_t *task = life_record (self, &packet->cookie);

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

    if (!life_wants_answer (task)) {
        if (task->client->gone)
            self->stats.dropped[STATS_DROP_RESULT_ORPHAN]++;
    } else if (forward (self, task, packet, header, payload, &fault)) {
        rc = ZFABRIC_EXCEPTION;
        answer_result (self, task->client->peer, task->codec, &task->cookie, rc, fault.text);
    }
    life_close (self, task, rc);
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
    life_leave (self, task);
    if (follows)
        match_all (self);
    else
        life_feed (self, worker);
}

// ---- the worker is lost

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
        metrics_taken_back (&self->metrics, task, self->now);
        task_move (task, TASK_QUEUED);
        (void)life_wait (self, task, NULL);
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
        life_leave (self, container_of (node, task_t, in_worker));
    }
    if (self->waiting.count > waited)
        match_all (self);
}
