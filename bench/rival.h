/*  What the benchmarks of other systems share: their server as a process, workers that send back
 *  what they get and a client that checks it as processes, and a report with the keys of `zfabric
 *  bench --json`.
 *
 *  Each speaks its server's protocol on bare sockets. Peers send as much at once as they can, which
 *  is the best that can happen to a server; with `--each 1` every task and every result is sent by
 *  itself, as programs do that have one at a time. What is carried for a task is its number, 8
 *  octets, and its payload.
 *
 *      bench_rival_redis [--count N] [--window N] [--size N] [--workers N] [--capacity N] [--each
 * 1]
 */
#ifndef BENCH_RIVAL_H
#define BENCH_RIVAL_H

#include "bench/stream.h"
#include "load/account.h"
#include "load/crew.h"
#include "load/plan.h"

#define RIVAL_NUMBER 8u // octets before each payload

typedef struct {
    const load_plan_t *plan;
    uint16_t port;
    wording_t wording;
    account_t account; // of the client
    bool each;         // every task and result is sent by itself
    void *own;         // the system's
} rival_t;

typedef struct {
    const char *name;
    // Starts the server on that port of 127.0.0.1: becomes it.
    void (*become) (uint16_t port);
    // Gets ready; then the crew is told.
    void (*open_worker) (rival_t *self);
    void (*open_client) (rival_t *self);
    // Takes what there is and answers, at least one; for ever called again.
    void (*work) (rival_t *self);
    // Puts a task into what is sent next, and sends that.
    void (*put) (rival_t *self, uint64_t number);
    void (*flush) (rival_t *self);
    // Takes results, at least one, by rival_result ().
    void (*go) (rival_t *self);
} rival_kind_t;

int rival_main (const rival_kind_t *kind, int argc, char **argv);

// Appends what is carried for a task.
void rival_append (const rival_t *self, uint64_t number, buffer_t *out);

// What came back for a task: its number and payload.
void rival_result (rival_t *self, slice_t carried);

// Ends the program with these words.
_Noreturn void rival_fail (const char *words);

#endif
