/*  Behaviour of the switchboard told as a story: events in, expected actions as text, in virtual
 *  time.
 *
 *      trace_play (trace,
 *                  "w1 REGISTER capacity=1",
 *                  "> w1 REGISTER capacity=1",
 *                  "c1 RUN k1 sum retries=1 : [1,2]",
 *                  "> w1 RUN k1 : [1,2]",
 *                  "+50",              // 50 ms pass
 *                  "w1 gone",
 *                  "> c1 RESULT k1 WORKER_WENT_AWAY",
 *                  NULL);
 *
 *  Peers: c1, c2 ... clients, w1, w2 ... workers; with an m before them (mc1, mw1) they speak
 *  msgpack. k1, k2 ... are cookies. Words with `=` become header keys, their values JSON text.
 *  c1@7 is a peer with the key number 7: `key 7 client,worker a*,b` says what that may do, `key 7`
 * that it may not come in any more.
 *
 *  `drain` and `halt` stop the broker; `# ...` is a comment. Behind each event all actions that it
 *  had must follow, in order; the invariants are checked after each.
 *
 *  Single quotes in a line stand for double ones. A line that starts with `raw c1 ` sends the rest
 *  as a header.
 */
#ifndef TESTS_SUPPORT_TRACE_H
#define TESTS_SUPPORT_TRACE_H

#include "broker/switchboard.h"

typedef struct trace trace_t;

// PROTOCOL's defaults, but a queue of 100, client_tasks of 100.
extern const sb_limits_t trace_limits;

trace_t *trace_new (const sb_limits_t *limits);

// Fails the test if anything is left that a peer's going should have taken with it.
void trace_destroy (trace_t **self_p);

// Plays lines up to a NULL; fails the test at the first that does not come true.
void trace_play (trace_t *self, ...) __attribute__ ((sentinel));

switchboard_t *trace_switchboard (trace_t *self);

#endif
