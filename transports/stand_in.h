/*  A stand-in: one fabric worker on behalf of one legacy worker, with a connection of its own to
 * the broker.
 *
 *  It registers what the legacy worker registers, less the slots that are not safe to use
 *  (transports/slots.h), does so again whenever the broker does not know it, and answers for the
 *  legacy worker what that does not.
 *
 *  Threads: the loop's. Owns: its uplink and slots.
 */
#ifndef TRANSPORTS_STAND_IN_H
#define TRANSPORTS_STAND_IN_H

#include "transports/outage.h"
#include "transports/uplink.h"

typedef struct stand_in stand_in_t;

// What the legacy worker is to be told. The functions must not destroy the stand-in.
typedef struct {
    // A RUN. 0, or -1 with the reason why it can't be given to it, and nothing was.
    int (*run) (void *arg, slice_t header, const packet_t *packet, slice_t payload, fault_t *fault);
    void (*cancel) (void *arg, const cookie_t *cookie);
    void (*shutdown) (void *arg);
    // A RESULT for what it sent: it can't be a worker as it wants to.
    void (*refused) (void *arg, slice_t header, const packet_t *packet);
    // stand_in_full () is no more true.
    void (*room) (void *arg);
} stand_in_sink_t;

// `outage` must outlive it. NULL with errno and a fault.
stand_in_t *stand_in_new (struct event_base *base,
                          const link_options_t *link,
                          outage_t *outage,
                          const stand_in_sink_t *sink,
                          void *arg,
                          fault_t *fault);

// The legacy worker has gone: so has this one. NULL-safe; nulls the pointer.
void stand_in_destroy (stand_in_t **self_p);

// From the legacy worker: REGISTER, RESULT or PARTIAL, SHUTDOWN. `header` is what to send.
void stand_in_register (stand_in_t *self, const packet_t *packet, slice_t header);
void stand_in_result (stand_in_t *self, const packet_t *packet, slice_t header, frame_t *payload);
void stand_in_shutdown (stand_in_t *self);

// A RESULT came for this task that could not be read: it has ended all the same.
void stand_in_failed (stand_in_t *self, const cookie_t *cookie, const char *words);

// Whether the legacy worker should not be read now: the connection takes no more.
bool stand_in_full (const stand_in_t *self);

// Tasks that the broker waits for.
size_t stand_in_busy (const stand_in_t *self);

#endif
