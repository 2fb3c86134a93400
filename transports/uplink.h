/*  An uplink: a link to the broker in an event loop. The one module of this room whose calls touch
 *  ZeroMQ sockets there, so that none forgets to look at them again after they were used (a ZMQ_FD
 *  is edge-triggered, see fabric/link.h).
 *
 *  Threads: the loop's. Owns: the link and its events. The functions of the sink may send, but not
 *  destroy the uplink.
 */
#ifndef TRANSPORTS_UPLINK_H
#define TRANSPORTS_UPLINK_H

#include <event2/event.h>

#include "fabric/link.h"

typedef struct uplink uplink_t;

typedef struct {
    void (*up) (void *arg);
    void (*packet) (void *arg, wire_message_t *message); // frames may be taken out of it
    void (*writable) (void *arg);                        // after a send that said EAGAIN
    void (*down) (void *arg, const char *reason);        // lost, or one more attempt failed
} uplink_sink_t;

// NULL with errno and a fault, as link_new (). Dials when the loop next turns.
uplink_t *uplink_new (struct event_base *base,
                      const link_options_t *options,
                      const uplink_sink_t *sink,
                      void *arg,
                      fault_t *fault);

// What was sent has LINGER_MS to get out, in the background. NULL-safe; nulls the pointer.
void uplink_destroy (uplink_t **self_p);

// As link_send () and link_beat (); uplink_beat () tells the number of the HEARTBEAT, or 0.
int uplink_send (uplink_t *self, frame_t *header, frame_t *payload);
uint64_t uplink_beat (uplink_t *self);

bool uplink_is_up (const uplink_t *self);
const char *uplink_reason (const uplink_t *self);

#endif
