#include "tests/simulation/model.h"

#include <assert.h>
#include <string.h>

const char *const model_pipelines[MODEL_PIPELINES] = {"a", "ab", "abc", "x.y", "x.z", "q"};
const char *const model_patterns[MODEL_PATTERNS] = {"a",   "ab", "abc", "x.y",
                                                    "x.z", "a*", "x.*", "*"};

void model_init (model_t *self, const sb_limits_t *limits)
{
    memset (self, 0, sizeof *self);
    self->limits = *limits;
    self->drain_until = MOMENT_NEVER;
    self->direct = -1;
    for (int cookie = 0; cookie < MODEL_COOKIES; cookie++)
        self->tasks[cookie].holder = -1;
}

void model_expect (model_t *self, sb_peer_t peer, packet_type_t type, int cookie, int rc)
{
    assert (self->expected_count < MODEL_EXPECTED);
    self->expected[self->expected_count++] = (model_expected_t){peer, type, cookie, rc};
}

static bool pattern_fits (const char *pattern, const char *pipeline)
{
    size_t len = strlen (pattern);

    if (pattern[len - 1] == '*')
        return strncmp (pattern, pipeline, len - 1) == 0;
    return strcmp (pattern, pipeline) == 0;
}

bool model_fits (unsigned patterns, unsigned pipeline)
{
    for (unsigned i = 0; i < MODEL_PATTERNS; i++) {
        if ((patterns >> i & 1) && pattern_fits (model_patterns[i], model_pipelines[pipeline]))
            return true;
    }
    return false;
}

int model_lingers (const model_t *self, int cookie)
{
    for (int worker = 0; worker < MODEL_WORKERS; worker++) {
        if (self->workers[worker].holds[cookie] == LINGERS)
            return worker;
    }
    return -1;
}

static bool has_room (const model_worker_t *worker)
{
    return worker->registered && !worker->draining && worker->busy < worker->capacity;
}

static bool waits (const model_t *self, int cookie)
{
    const model_task_t *task = &self->tasks[cookie];

    return task->open && task->holder < 0 && model_lingers (self, cookie) < 0;
}

static void release (model_t *self, int worker, int cookie)
{
    self->workers[worker].holds[cookie] = HOLDS_NOT;
    self->workers[worker].busy--;
}

static void tell_client (model_t *self, int cookie, zfabric_rc_t rc)
{
    const model_task_t *task = &self->tasks[cookie];

    if (!task->orphan && !task->detach)
        model_expect (self, model_client_peer (task->client), PACKET_RESULT, cookie, (int)rc);
}

// The task is over for its client; a worker that holds it goes on holding its slot.
static void close_task (model_t *self, int cookie)
{
    model_task_t *task = &self->tasks[cookie];

    if (task->holder >= 0)
        self->workers[task->holder].holds[cookie] = LINGERS;
    if (!task->orphan)
        self->clients[task->client].open--;
    task->open = false;
    task->holder = -1;
}

static void end_task (model_t *self, int cookie, zfabric_rc_t rc)
{
    tell_client (self, cookie, rc);
    close_task (self, cookie);
}

// ---- clients

static unsigned count_waiting (const model_t *self)
{
    unsigned count = 0;

    for (int cookie = 0; cookie < MODEL_COOKIES; cookie++)
        count += self->tasks[cookie].open && self->tasks[cookie].holder < 0;
    return count;
}

static bool some_room (const model_t *self, unsigned pipeline)
{
    for (int worker = 0; worker < MODEL_WORKERS; worker++) {
        if (has_room (&self->workers[worker])
            && model_fits (self->workers[worker].patterns, pipeline))
            return true;
    }
    return false;
}

void model_run (model_t *self, int client, int cookie, const model_task_t *wanted, bool no_wait)
{
    sb_peer_t peer = model_client_peer (client);
    bool at_once = model_lingers (self, cookie) < 0 && some_room (self, wanted->pipeline);

    self->clients[client].here = true;
    if (self->draining) {
        model_expect (self, peer, PACKET_RESULT, cookie, ZFABRIC_BROKER_WENT_AWAY);
    } else if (self->tasks[cookie].open) {
        model_expect (self, peer, PACKET_RESULT, cookie, ZFABRIC_COOKIE_COLLISION);
    } else if (self->clients[client].open >= self->limits.client_tasks
               || (!at_once && (no_wait || count_waiting (self) >= self->limits.queue))) {
        model_expect (self, peer, PACKET_RESULT, cookie, ZFABRIC_NO_CAPACITY);
    } else {
        self->tasks[cookie] = *wanted;
        self->tasks[cookie].open = true;
        self->tasks[cookie].client = client;
        self->tasks[cookie].holder = -1;
        self->tasks[cookie].arrival = ++self->arrivals;
        self->tasks[cookie].grace_until = MOMENT_NEVER;
        self->clients[client].open++;
        self->direct = cookie;
    }
}

static void cancel_task (model_t *self, int cookie)
{
    model_task_t *task = &self->tasks[cookie];

    if (task->holder < 0) {
        end_task (self, cookie, ZFABRIC_CANCELLED);
    } else if (!task->cancelling) {
        task->cancelling = true;
        task->grace_until = self->now + self->limits.cancel_grace_ms;
        model_expect (self, model_worker_peer (task->holder), PACKET_CANCEL, cookie, -1);
    }
}

void model_cancel (model_t *self, int client, int cookie)
{
    model_task_t *task = &self->tasks[cookie];

    self->clients[client].here = true;
    if (!task->open) {
        model_expect (self, model_client_peer (client), PACKET_RESULT, cookie,
                      ZFABRIC_COOKIE_NOT_FOUND);
        return;
    }
    if (task->orphan || task->client != client)
        model_expect (self, model_client_peer (client), PACKET_RESULT, cookie, ZFABRIC_OK);
    cancel_task (self, cookie);
}

void model_client_gone (model_t *self, int client)
{
    for (int cookie = 0; cookie < MODEL_COOKIES; cookie++) {
        model_task_t *task = &self->tasks[cookie];
        if (!task->open || task->orphan || task->client != client)
            continue;
        task->orphan = true;
        if (task->orphan_cancel)
            cancel_task (self, cookie);
    }
    // Another one will come by this number: nothing is known of its turns.
    memset (&self->clients[client], 0, sizeof self->clients[client]);
    for (int other = 0; other < MODEL_CLIENTS; other++)
        memset (self->clients[other].passed[client], 0, sizeof self->clients[other].passed[client]);
}

// ---- workers

void model_register (model_t *self, int worker)
{
    model_expect (self, model_worker_peer (worker), PACKET_REGISTER, -1, -1);
    if (self->draining)
        model_expect (self, model_worker_peer (worker), PACKET_SHUTDOWN, -1, -1);
}

void model_result (model_t *self, int worker, int cookie, zfabric_rc_t rc)
{
    uint8_t holds = self->workers[worker].holds[cookie];

    if (holds == HOLDS) {
        tell_client (self, cookie, rc);
        close_task (self, cookie);
    }
    if (holds != HOLDS_NOT)
        release (self, worker, cookie);
}

void model_partial (model_t *self, int worker, int cookie)
{
    const model_task_t *task = &self->tasks[cookie];

    if (self->workers[worker].holds[cookie] == HOLDS && task->stream && !task->orphan)
        model_expect (self, model_client_peer (task->client), PACKET_PARTIAL, cookie, -1);
}

void model_worker_gone (model_t *self, int worker)
{
    model_worker_t *gone = &self->workers[worker];

    for (int cookie = 0; cookie < MODEL_COOKIES; cookie++) {
        model_task_t *task = &self->tasks[cookie];
        uint8_t holds = gone->holds[cookie];
        if (holds == HOLDS_NOT)
            continue;
        release (self, worker, cookie);
        if (holds == LINGERS)
            continue;
        task->holder = -1;
        if (task->cancelling) {
            end_task (self, cookie, ZFABRIC_CANCELLED);
        } else if (task->retries > 0 && !self->draining) {
            task->retries--;
            task->requeued = true;
            task->partials = 0;
        } else {
            end_task (self, cookie, ZFABRIC_WORKER_WENT_AWAY);
        }
    }
    gone->registered = false;
    gone->draining = false;
}

void model_drain (model_t *self, bool halt)
{
    if (!self->draining) {
        self->draining = true;
        self->drain_until = self->now + self->limits.drain_ms;
        for (int worker = 0; worker < MODEL_WORKERS; worker++) {
            if (self->workers[worker].registered)
                model_expect (self, model_worker_peer (worker), PACKET_SHUTDOWN, -1, -1);
        }
    }
    if (halt)
        self->drain_until = MOMENT_NEVER;
    for (int cookie = 0; cookie < MODEL_COOKIES; cookie++) {
        if (self->tasks[cookie].open && (halt || self->tasks[cookie].holder < 0))
            end_task (self, cookie, ZFABRIC_BROKER_WENT_AWAY);
    }
}

// ---- time

static moment_t earliest (moment_t a, moment_t b)
{
    return a < b ? a : b;
}

static moment_t silence_ends (const model_worker_t *worker)
{
    return worker->registered && worker->heartbeat ? worker->heard + 3 * worker->heartbeat
                                                   : MOMENT_NEVER;
}

static moment_t task_ends (const model_task_t *task)
{
    if (!task->open)
        return MOMENT_NEVER;
    return earliest (task->expires,
                     earliest (task->given ? MOMENT_NEVER : task->wait_until, task->grace_until));
}

moment_t model_next_deadline (const model_t *self)
{
    moment_t next = self->drain_until;

    for (int cookie = 0; cookie < MODEL_COOKIES; cookie++)
        next = earliest (next, task_ends (&self->tasks[cookie]));
    for (int worker = 0; worker < MODEL_WORKERS; worker++)
        next = earliest (next, silence_ends (&self->workers[worker]));
    return next;
}

static void expire_task (model_t *self, int cookie)
{
    model_task_t *task = &self->tasks[cookie];

    if (task->expires <= self->now) {
        if (task->holder >= 0 && !task->cancelling)
            model_expect (self, model_worker_peer (task->holder), PACKET_CANCEL, cookie, -1);
        end_task (self, cookie, ZFABRIC_TIMED_OUT);
    } else if (!task->given && task->wait_until <= self->now) {
        end_task (self, cookie, ZFABRIC_NO_CAPACITY);
    } else {
        end_task (self, cookie, ZFABRIC_CANCELLED);
    }
}

void model_expire (model_t *self)
{
    for (int cookie = 0; cookie < MODEL_COOKIES; cookie++) {
        if (task_ends (&self->tasks[cookie]) <= self->now)
            expire_task (self, cookie);
    }
    for (int worker = 0; worker < MODEL_WORKERS; worker++) {
        if (silence_ends (&self->workers[worker]) <= self->now)
            model_worker_gone (self, worker);
    }
    if (self->now >= self->drain_until)
        model_drain (self, true);
}

// ---- who gets what

// PROTOCOL 5.2: no worker that fits has a lower share of its capacity in use.
static bool least_loaded (const model_t *self, int worker, unsigned pipeline)
{
    const model_worker_t *chosen = &self->workers[worker];

    for (int other = 0; other < MODEL_WORKERS; other++) {
        const model_worker_t *better = &self->workers[other];
        if (has_room (better) && model_fits (better->patterns, pipeline)
            && better->busy * chosen->capacity < chosen->busy * better->capacity)
            return false;
    }
    return true;
}

// PROTOCOL 5.3, between two tasks that could both go to this worker.
static const char *
may_pass (const model_t *self, const model_task_t *task, const model_task_t *other)
{
    if (other->priority > task->priority)
        return "a task passed one of higher priority";
    if (other->priority < task->priority)
        return NULL;
    if (other->requeued && !task->requeued)
        return "a task passed one that had come back";
    if (other->requeued != task->requeued)
        return NULL;
    bool same = other->client == task->client && !other->orphan && !task->orphan;
    if ((task->requeued || same) && other->arrival < task->arrival)
        return "a task passed one that had come before it";
    if (task->requeued || same || other->orphan || task->orphan)
        return NULL;
    if (self->clients[task->client].passed[other->client][task->priority])
        return "a client had two turns while another waited for one";
    return NULL;
}

// Notes whom the task's client has passed, and that nobody has passed it any more.
static void count_turn (model_t *self, int worker, const model_task_t *task)
{
    if (task->requeued || task->orphan)
        return;
    for (int client = 0; client < MODEL_CLIENTS; client++)
        self->clients[client].passed[task->client][task->priority] = false;
    for (int cookie = 0; cookie < MODEL_COOKIES; cookie++) {
        const model_task_t *other = &self->tasks[cookie];
        if (waits (self, cookie) && other->client != task->client && !other->orphan
            && !other->requeued && other->priority == task->priority
            && model_fits (self->workers[worker].patterns, other->pipeline))
            self->clients[task->client].passed[other->client][task->priority] = true;
    }
}

static const char *check_order (model_t *self, int worker, int cookie)
{
    const model_task_t *task = &self->tasks[cookie];

    for (int other = 0; other < MODEL_COOKIES; other++) {
        if (other == cookie || !waits (self, other)
            || !model_fits (self->workers[worker].patterns, self->tasks[other].pipeline))
            continue;
        const char *broken = may_pass (self, task, &self->tasks[other]);
        if (broken)
            return broken;
    }
    count_turn (self, worker, task);
    return NULL;
}

const char *model_given (model_t *self, int worker, int cookie)
{
    model_task_t *task = &self->tasks[cookie];
    model_worker_t *to = &self->workers[worker];
    const char *broken = NULL;

    if (!task->open)
        return "a RUN of no open task went out";
    if (task->holder >= 0)
        return "a task is in two places";
    if (model_lingers (self, cookie) >= 0)
        return "a cookie was given away while another worker still held it";
    if (!to->registered || to->draining || self->draining)
        return "a RUN went to a worker that wants none";
    if (to->busy >= to->capacity)
        return "a worker was given more than its capacity";
    if (!model_fits (to->patterns, task->pipeline))
        return "a RUN went to a worker that does not serve its pipeline";
    if (!least_loaded (self, worker, task->pipeline))
        return "a RUN went to a worker that is not the least loaded";
    // One that did not wait passes nobody: who waits could not have gone there.
    if (self->direct != cookie)
        broken = check_order (self, worker, cookie);
    task->holder = worker;
    task->given = true;
    task->requeued = false;
    to->holds[cookie] = HOLDS;
    to->busy++;
    return broken;
}

const char *model_settled (const model_t *self)
{
    if (self->draining)
        return NULL;
    for (int cookie = 0; cookie < MODEL_COOKIES; cookie++) {
        if (waits (self, cookie) && some_room (self, self->tasks[cookie].pipeline))
            return "a task waits although a worker has room for it";
    }
    return NULL;
}
