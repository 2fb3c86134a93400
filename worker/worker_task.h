/*  A task from the inside: what the worker does with it around its handler. What the handler may do
 *  is in zfabric_worker.h.
 *
 *  The worker's own thread makes a task, gives it to a handler's thread, and has it back when its
 *  RESULT arrives in the mail; only worker_task_cancel () and _posted () may be called in between.
 */
#ifndef WORKER_WORKER_TASK_H
#define WORKER_WORKER_TASK_H

#include <pthread.h>

#include "fabric/moment.h"
#include "worker/handlers.h"
#include "worker/letter.h"
#include "worker/task_manager.h"
#include "fabric/mailbox.h"

// What the tasks of one worker share.
typedef struct {
    encoding_t codec;
    size_t max_payload;
    mailbox_t *mail; // where PARTIALs and RESULTs go
} worker_task_home_t;

struct zfabric_task {
    managed_task_t managed; // the worker's thread's
    list_node_t ready;      // in the queue to its handler
    const worker_task_home_t *home;
    const handler_t *handler;
    moment_t deadline;
    bool stream;
    encoding_t encoding; // of the payload
    frame_t payload;
    char cookie[COOKIE_TEXT + 1];

    // The handler's.
    bool said;       // the result
    uint64_t seq;    // of the next PARTIAL
    letter_t letter; // the RESULT

    pthread_mutex_t lock; // for what follows
    pthread_cond_t changed;
    bool cancelled;
    int descriptor;       // -1 until it is asked for
    size_t unsent;        // PARTIALs that the broker has not taken yet
    size_t unsent_octets; // of their payloads
    char pipeline[];
};

/*  A task from a RUN that has a cookie and a pipeline. The payload is moved out of `payload` if it
 *  goes well. NULL: ENOMEM.
 */
zfabric_task_t *worker_task_new (const worker_task_home_t *home,
                                 const packet_t *run,
                                 frame_t *payload,
                                 const handler_t *handler,
                                 unsigned broker);
void worker_task_destroy (zfabric_task_t **self_p);

// Calls the handler and makes sure that there is a result. The letter is not put into the mail.
void worker_task_run (zfabric_task_t *self);

void worker_task_cancel (zfabric_task_t *self);

// A letter has been sent or dropped: ends it, and the task with its RESULT. Nulls the pointer.
void worker_task_posted (letter_t **letter_p);

// zfabric_task_finish () with octets that need not be copied: the buffer's, which is empty if it
// goes well.
int worker_task_finish (zfabric_task_t *self, buffer_t *octets, encoding_t encoding);

#endif
