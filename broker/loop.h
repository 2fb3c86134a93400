/*  The broker's loop: frames in -> events, actions -> frames out. It polls, moves frames and keeps
 *  the time; what happens to a task the switchboard decides.
 *
 *  Threads: all but loop_ask () and loop_record () on the thread that made it.
 */
#ifndef BROKER_LOOP_H
#define BROKER_LOOP_H

#include "broker/recorder.h"
#include "broker/sockets.h"

typedef struct loop loop_t;

typedef enum { LOOP_RUN, LOOP_DRAIN, LOOP_HALT } loop_wish_t;

/*  Makes and binds everything. NULL with errno as zfabric_broker_new () says and a fault. `options`
 *  is copied, but for its endpoints. `recorder` must outlive the loop, whose thread fills it.
 */
loop_t *loop_new (const zfabric_broker_options_t *options, recorder_t *recorder, fault_t *fault);
void loop_destroy (loop_t **self_p);

/*  Runs until the switchboard has finished. `pipe` is the actor's: a message on it means halt. */
void loop_run (loop_t *self, zsock_t *pipe);

// Asks the loop to stop, from any thread or a signal handler; a weaker wish than one before is
// none.
void loop_ask (loop_t *self, loop_wish_t wish);

// Asks the loop to write the recorder's events to a new file, from any thread; of several wishes at
// a time the last counts. 0 or -1 (ENOMEM).
int loop_record (loop_t *self, const char *path);

// The endpoint that was bound as number `index` of a side; NULL beyond the last.
const char *loop_bound (const loop_t *self, sb_side_t side, size_t index);

#endif
