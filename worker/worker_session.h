/*  A session: the connection to one broker, and what is on its way there.
 *
 *  REGISTER, SHUTDOWN and letters are sent when the connection takes them; until then they wait
 *  here. When it is lost they are dropped, since they meant nothing to the next one.
 *
 *  Threads: the worker's own. Owns: the link; letters from worker_session_post () on.
 */
#ifndef WORKER_WORKER_SESSION_H
#define WORKER_WORKER_SESSION_H

#include "fabric/link.h"
#include "worker/letter.h"
#include "worker/report.h"

typedef struct worker_session worker_session_t;

// NULL with errno and a fault as link_new (). `self` of the worker is borrowed.
worker_session_t *worker_session_new (void *context,
                                      const link_options_t *options,
                                      const report_self_t *worker,
                                      fault_t *fault);
void worker_session_destroy (worker_session_t **self_p);

link_t *worker_session_link (worker_session_t *self);

// A REGISTER is to be sent; one that has not been sent yet is replaced.
void worker_session_enroll (worker_session_t *self, unsigned capacity);

// SHUTDOWN is to be sent, and a HEARTBEAT after it.
void worker_session_leave (worker_session_t *self);

void worker_session_post (worker_session_t *self, letter_t *letter);

// Sends what it can.
void worker_session_flush (worker_session_t *self);

// The connection is over, or a new one begins.
void worker_session_reset (worker_session_t *self);

// The broker answered a HEARTBEAT. True if this, or one before, was the answer to the one that
// worker_session_leave () sent.
bool worker_session_answered (worker_session_t *self);

// Letters that have not been sent.
size_t worker_session_unsent (const worker_session_t *self);

// Memory ran out in sending: worth another flush in a while.
bool worker_session_starved (const worker_session_t *self);

#endif
