/*  The parts by libzfabric: workers that echo on their own thread, clients that start a task from
 *  each result.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>

#include "client/zfabric_client.h"
#include "fabric/moment.h"
#include "load/account.h"
#include "load/parts.h"
#include "load/wording.h"
#include "worker/zfabric_worker.h"

#define PATIENCE_MS 30000

static zfabric_encoding_t encoding_of_plan (const load_plan_t *plan)
{
    return plan->codec == ENCODING_JSON ? ZFABRIC_ENCODING_JSON : ZFABRIC_ENCODING_MSGPACK;
}

static int problem (crew_member_t *member, const char *words)
{
    fault_t *fault = &crew_member_slip (member)->problem;

    if (!fault->text[0])
        fault_set (fault, "%s", words);
    return -1;
}

// ---- workers

static int echo (zfabric_task_t *task, void *arg)
{
    size_t size;
    const void *payload = zfabric_task_payload (task, &size);

    (void)arg;
    return zfabric_task_finish (task, payload, size, zfabric_task_encoding (task));
}

int part_library_worker (crew_member_t *member, const void *arg)
{
    const part_t *part = (const part_t *)arg;
    zfabric_worker_options_t options = {
        .codec = encoding_of_plan (part->plan), .capacity = part->plan->capacity, .name = "bench"};
    char words[256] = "a worker could not start";

    if (part->keys) {
        options.server_key = part->keys->server_key;
        options.public_key = part->keys->pair->public_key;
        options.secret_key = part->keys->pair->secret_key;
    }
    zfabric_worker_t *worker = zfabric_worker_new (part->endpoint, &options, words, sizeof words);

    if (!worker
        || zfabric_worker_serve (worker, WORDING_PIPELINE, echo, NULL, ZFABRIC_HANDLER_INLINE)
        || zfabric_worker_start (worker, words, sizeof words))
        return problem (member, words);
    if (!zfabric_worker_wait_ready (worker, PATIENCE_MS))
        return problem (member, "a worker found no broker");
    crew_member_ready (member);
    crew_member_stay ();
    return 0;
}

// ---- clients

typedef struct {
    crew_member_t *member;
    const load_plan_t *plan;
    zfabric_client_t *client;
    wording_t wording;
    account_t account; // on the client's thread while tasks are on their way
    uint64_t end;      // tasks up to which it runs now
    sem_t ended;
} client_t;

static void start_task (client_t *self);

// The call's number is its cookie's.
static void on_result (zfabric_call_t *call, const zfabric_result_t *result, void *arg)
{
    client_t *self = (client_t *)arg;
    fault_t *fault = &crew_member_slip (self->member)->problem;
    unsigned long long number = 0;

    if (fault->text[0])
        return;
    (void)sscanf (zfabric_call_cookie (call) + 24, "%llx", &number);
    if (result->rc != ZFABRIC_OK)
        fault_set (fault, "a task ended with %s: %s", zfabric_rc_name (result->rc), result->error);
    else if (account_result (&self->account, number, slice_of (result->payload, result->size),
                             moment_now_ns (), fault)
                 == 0
             && self->account.sent < self->end)
        start_task (self);
    if (fault->text[0] || self->account.done == self->end)
        sem_post (&self->ended);
}

static void start_task (client_t *self)
{
    char cookie[COOKIE_TEXT + 1];
    zfabric_run_options_t options = {.cookie = cookie, .on_result = on_result, .arg = self};
    uint64_t number = account_send (&self->account, moment_now_ns ());
    slice_t payload = wording_payload (&self->wording, number);

    wording_cookie (&self->wording, number, cookie);
    zfabric_call_t *call =
        zfabric_client_start (self->client, WORDING_PIPELINE, payload.ptr, payload.len, &options);
    if (!call) {
        (void)problem (self->member, "a call could not be started");
        sem_post (&self->ended);
    }
    zfabric_call_destroy (&call);
}

// The first ones are started from a result as well: the account is the client's thread's.
static void on_first (zfabric_call_t *call, const zfabric_result_t *result, void *arg)
{
    client_t *self = (client_t *)arg;

    (void)call;
    if (result->rc != ZFABRIC_OK) {
        (void)problem (self->member, result->error);
        sem_post (&self->ended);
        return;
    }
    while (self->account.sent < self->end && account_open (&self->account) < self->plan->window
           && !crew_member_slip (self->member)->problem.text[0])
        start_task (self);
}

static int run_to (client_t *self, uint64_t end)
{
    zfabric_run_options_t options = {.on_result = on_first, .arg = self};

    self->end = end;
    if (self->account.done == end)
        return 0;
    zfabric_call_t *call = zfabric_client_start (self->client, "$ping", NULL, 0, &options);
    zfabric_call_destroy (&call);
    while (sem_wait (&self->ended) && errno == EINTR)
        ;
    return crew_member_slip (self->member)->problem.text[0] ? -1 : 0;
}

static int run (client_t *self, uint64_t tasks)
{
    crew_slip_t *slip = crew_member_slip (self->member);
    uint64_t warm = part_warm_up (self->plan);

    if (account_init (&self->account, &self->wording, warm + tasks))
        return problem (self->member, "out of memory");
    if (run_to (self, warm))
        return -1;
    self->account.latency = &slip->latency;
    crew_member_ready (self->member);
    crew_member_wait_start (self->member);
    part_begin (slip);
    if (run_to (self, warm + tasks))
        return -1;
    part_end (slip);
    return 0;
}

int part_library_client (crew_member_t *member, const void *arg)
{
    const part_t *part = (const part_t *)arg;
    client_t self = {.member = member, .plan = part->plan};
    size_t place = crew_member_place (member);
    zfabric_client_options_t options = {.codec = encoding_of_plan (part->plan),
                                        .max_open = part->plan->window + 1};
    char words[256] = "out of memory";

    if (part->keys) {
        options.server_key = part->keys->server_key;
        options.public_key = part->keys->pair->public_key;
        options.secret_key = part->keys->pair->secret_key;
    }
    if (sem_init (&self.ended, 0, 0)
        || wording_init (&self.wording, part->plan->codec, part->token + place, part->plan->size))
        return problem (member, words);
    self.client = zfabric_client_new (part->endpoint, &options, words, sizeof words);
    if (!self.client)
        return problem (member, words);
    return run (&self, part_share (part->plan, place - part->first));
}
