/*  The exchange: the tasks of many callers over one connection to the broker, as one fabric client.
 *
 *  A cookie is the same on both sides, so what one caller may see of another's task is what any two
 *  clients of a broker may: a RUN whose cookie another caller's open task has is answered with
 *  COOKIE_COLLISION (here: the broker's answer could not be told from the other one's RESULT), and
 * a CANCEL of another caller's task with OK.
 *
 *  A caller that goes away leaves its tasks as PROTOCOL 5.7 has it for a client.
 *
 *  What was sent belongs to one connection: when that is lost, its tasks have ended for the callers
 *  with BROKER_WENT_AWAY.
 *
 *  Pure: it is told what happens, and sends through its sink. Threads: one. Owns: its sessions, not
 *  the callers.
 */
#ifndef TRANSPORTS_EXCHANGE_H
#define TRANSPORTS_EXCHANGE_H

#include "fabric/frame.h"
#include "fabric/list.h"
#include "fabric/packet.h"
#include "fabric/table.h"

typedef struct exchange exchange_t;

// Who starts tasks: a member of what the owner keeps of a connection. Its functions must not call
// the exchange.
typedef struct caller {
    list_t sessions; // its open tasks
    list_t marks;    // its questions
    size_t open;     // tasks
    // A RESULT or PARTIAL for it.
    void (*packet) (struct caller *self, slice_t header, const packet_t *packet, slice_t payload);
    // A RESULT of the exchange's own.
    void (*result) (struct caller *self,
                    const cookie_t *cookie,
                    zfabric_rc_t rc,
                    const char *words);
    // The broker has taken its detached task: nothing more is heard of that. May be NULL.
    void (*taken) (struct caller *self, const cookie_t *cookie);
} caller_t;

typedef struct {
    // 0, or -1: not now, and the frames are untouched. `payload` may be NULL.
    int (*send) (void *arg, frame_t *header, frame_t *payload);
    uint64_t (*beat) (void *arg); // a HEARTBEAT: its number on this connection, or 0: not now
} exchange_sink_t;

// NULL: ENOMEM. `sink` and `arg` must outlive it.
exchange_t *exchange_new (const exchange_sink_t *sink, void *arg);
void exchange_destroy (exchange_t **self_p);

void exchange_join (caller_t *caller);

// Its tasks are left to themselves, or cancelled where they said so. It hears nothing any more.
void exchange_leave (exchange_t *self, caller_t *caller);

/*  A RUN that packet_check () let pass. Takes both frames in any case; what is wrong is answered by
 *  a RESULT.
 */
void exchange_run (
    exchange_t *self, caller_t *caller, const packet_t *run, frame_t *header, frame_t *payload);

// A CANCEL of any task.
void exchange_cancel (exchange_t *self, caller_t *caller, const cookie_t *cookie);

// Whether callers should wait before they start anything: the connection takes no more now.
bool exchange_full (const exchange_t *self);

// From the broker.
void exchange_packet (exchange_t *self, slice_t header, const packet_t *packet, slice_t payload);
void exchange_up (exchange_t *self);
void exchange_down (exchange_t *self, const char *words);
void exchange_writable (exchange_t *self);

// Tasks that are open and somebody waits for.
size_t exchange_open (const exchange_t *self);

// Verifies what holds between calls, O(n). For tests.
bool exchange_check (const exchange_t *self);

#endif
