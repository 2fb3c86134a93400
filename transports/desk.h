/*  The desk: where the callers of all doors ask the broker, over one connection.
 *
 *  As long as that takes nothing (or there is none, for DESK_PATIENCE_MS), callers are held: they
 *  stop reading, and are told when to go on. When the patience is over, what they ask is answered
 *  with BROKER_WENT_AWAY until there is a broker again.
 *
 *  Threads: the loop's. Owns: the uplink and the exchange.
 */
#ifndef TRANSPORTS_DESK_H
#define TRANSPORTS_DESK_H

#include "transports/exchange.h"
#include "transports/outage.h"
#include "transports/uplink.h"

#define DESK_PATIENCE_MS 5000u

typedef struct desk desk_t;

// A place in the line of those who are held.
typedef struct hold {
    list_node_t place;
    void (*resume) (struct hold *self); // out of the line already; must not ask at once
} hold_t;

// `outage` must outlive it. NULL with errno and a fault.
desk_t *
desk_new (struct event_base *base, const link_options_t *link, outage_t *outage, fault_t *fault);
void desk_destroy (desk_t **self_p);

// Whether the desk takes something now. If not, `hold` is put in line, and told later.
bool desk_takes (desk_t *self, hold_t *hold);

// Out of the line, if it is there.
void desk_let_go (hold_t *hold);

/*  A RUN or CANCEL as it came, `run` as it was read; both frames are taken. The caller hears of
 * what is wrong with it.
 */
void desk_run (
    desk_t *self, caller_t *caller, const packet_t *run, frame_t *header, frame_t *payload);
void desk_cancel (desk_t *self, caller_t *caller, const cookie_t *cookie);

// The caller has gone.
void desk_leave (desk_t *self, caller_t *caller);

// From now on RUNs are answered with BROKER_WENT_AWAY.
void desk_close (desk_t *self);

// Whether there is a connection now; and who is told when there is one, or none any more.
bool desk_is_up (const desk_t *self);
void desk_watch (desk_t *self, void (*changed) (void *arg), void *arg);

// Tasks that are open.
size_t desk_open (const desk_t *self);

#endif
