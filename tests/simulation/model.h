/*  What is true of tasks and peers, as the protocol says it, held beside the switchboard.
 *
 *  Everything is small and plain: arrays and loops instead of heaps and tables, so that it can be
 *  wrong only in other ways than the switchboard.
 */
#ifndef TESTS_SIMULATION_MODEL_H
#define TESTS_SIMULATION_MODEL_H

#include "broker/switchboard_io.h"
#include "fabric/result.h"
#include "fabric/packet.h"

#define MODEL_CLIENTS    12
#define MODEL_WORKERS    8
#define MODEL_COOKIES    64
#define MODEL_EXPECTED   512
#define MODEL_PRIORITIES 10

enum { HOLDS_NOT, HOLDS, LINGERS };

typedef struct {
    bool open;
    int client;  // whose, even if it is gone
    bool orphan; // the client is gone
    bool detach, stream, orphan_cancel, given, cancelling, requeued;
    unsigned priority, retries, pipeline;
    uint64_t arrival;
    moment_t expires, wait_until, grace_until;
    int holder;        // worker, or -1
    unsigned partials; // the worker's, for `seq`
} model_task_t;

typedef struct {
    bool here;
    unsigned open;
    bool passed[MODEL_CLIENTS][MODEL_PRIORITIES]; // this one was served while that one waited
} model_client_t;

typedef struct {
    bool here;
    bool registered, draining;
    unsigned capacity, patterns; // patterns: a bit for each of model_patterns
    unsigned busy;
    span_t heartbeat;
    moment_t heard;
    uint8_t holds[MODEL_COOKIES];
} model_worker_t;

// A packet that must come.
typedef struct {
    sb_peer_t peer;
    packet_type_t type;
    int cookie; // -1: none
    int rc;     // -1: none, or any
} model_expected_t;

typedef struct {
    model_task_t tasks[MODEL_COOKIES];
    model_client_t clients[MODEL_CLIENTS];
    model_worker_t workers[MODEL_WORKERS];
    model_expected_t expected[MODEL_EXPECTED];
    unsigned expected_count;
    uint64_t arrivals;
    sb_limits_t limits;
    bool draining;
    moment_t drain_until;
    moment_t now;
    int direct; // the cookie of a RUN that is being played: it may go to a worker at once
} model_t;

extern const char *const model_pipelines[];
extern const char *const model_patterns[];
#define MODEL_PIPELINES 6
#define MODEL_PATTERNS  8

// Peers' numbers: clients first.
static inline sb_peer_t model_client_peer (int client)
{
    return (sb_peer_t)client;
}

static inline sb_peer_t model_worker_peer (int worker)
{
    return (sb_peer_t)(MODEL_CLIENTS + worker);
}

void model_init (model_t *self, const sb_limits_t *limits);

void model_expect (model_t *self, sb_peer_t peer, packet_type_t type, int cookie, int rc);

// What happens, and what must follow.
void model_run (model_t *self, int client, int cookie, const model_task_t *wanted, bool no_wait);
void model_cancel (model_t *self, int client, int cookie);
void model_client_gone (model_t *self, int client);
void model_register (model_t *self, int worker);
void model_result (model_t *self, int worker, int cookie, zfabric_rc_t rc);
void model_partial (model_t *self, int worker, int cookie);
void model_worker_gone (model_t *self, int worker);
void model_drain (model_t *self, bool halt);

// Everything that has expired by model->now. When the next thing will.
void model_expire (model_t *self);
moment_t model_next_deadline (const model_t *self);

// A RUN has come out for this worker: NULL if it may, or words; it holds the task then.
const char *model_given (model_t *self, int worker, int cookie);

// After a step: nothing that waits could run. NULL or words.
const char *model_settled (const model_t *self);

// Which worker's slot the cookie lingers in; -1: none.
int model_lingers (const model_t *self, int cookie);

bool model_fits (unsigned patterns, unsigned pipeline);

#endif
