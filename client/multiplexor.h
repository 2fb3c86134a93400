/*  The multiplexor: many tasks over one connection, each told apart by its cookie.
 *
 *  Pure: it is told what happens and says, through its sink, what to send and what has ended. It
 *  owns no session; a session stays its caller's, who hears `ended` of it once.
 *
 *  What was sent belongs to one connection. When that is lost, every task that was sent has ended
 *  for this client, with BROKER_WENT_AWAY; what was not sent waits for the next connection, for a
 *  time.
 *
 *  Threads: one. Time: told by the caller.
 */
#ifndef CLIENT_MULTIPLEXOR_H
#define CLIENT_MULTIPLEXOR_H

#include "fabric/frame.h"
#include "fabric/list.h"
#include "fabric/moment.h"
#include "fabric/packet.h"
#include "fabric/table.h"

typedef enum {
    SESSION_RUN,   // a task of ours
    SESSION_CANCEL // the cancel of a task that is not ours
} session_kind_t;

// A member of what the caller keeps of a call; zeroed, with cookie, kind and detach set, at first.
typedef struct {
    table_node_t by_cookie;
    list_node_t place;      // in `unsent` or `sent`
    list_node_t in_cancels; // in `to_cancel`
    cookie_t cookie;
    session_kind_t kind;
    bool detach; // it ends, OK, when the broker has dealt with its RUN
    bool sent;
    bool fenced;      // detached, and the HEARTBEAT behind its RUN was sent:
    uint64_t fence;   // this is its number on the connection
    moment_t give_up; // when to end if it can't be sent
} session_t;

// The functions must not call the multiplexor.
typedef struct {
    bool (*send) (void *arg, session_t *session);        // its RUN or CANCEL; false: not now
    bool (*send_cancel) (void *arg, session_t *session); // for a RUN that was sent; false: not now
    bool (*send_fence) (void *arg, uint64_t *number);    // a HEARTBEAT; its number from 1
    // With a RESULT (whose payload may be taken) or, `packet` NULL, for a reason of our own.
    void (*ended) (void *arg,
                   session_t *session,
                   const packet_t *packet,
                   frame_t *payload,
                   zfabric_rc_t rc,
                   const char *words);
    void (*partial) (void *arg, session_t *session, const packet_t *packet, frame_t *payload);
    void (*stray) (void *arg, const packet_t *packet); // a RESULT that belongs to nobody
} multiplexor_sink_t;

typedef struct {
    table_t runs;    // SESSION_RUNs by cookie
    table_t cancels; // SESSION_CANCELs by cookie
    list_t unsent;   // in order
    list_t sent;
    list_t to_cancel;
    bool up;
    uint64_t answers; // to HEARTBEATs, on this connection
    uint8_t secret[TABLE_KEY_OCTETS];
    const multiplexor_sink_t *sink;
    void *arg;
} multiplexor_t;

// `sink` and `arg` must outlive it. 0 or -1 (ENOMEM).
int multiplexor_init (multiplexor_t *self,
                      const uint8_t secret[static TABLE_KEY_OCTETS],
                      const multiplexor_sink_t *sink,
                      void *arg);

// No session is left: multiplexor_stop () has seen to that.
void multiplexor_finish (multiplexor_t *self);

/*  A new session. It may end at once: a RUN whose cookie is in use with COOKIE_COLLISION, a CANCEL
 *  of a task of ours with OK, and the task is cancelled.
 */
void multiplexor_add (multiplexor_t *self, session_t *session, moment_t give_up);

// Its end is wanted. What was not sent ends at once.
void multiplexor_cancel (multiplexor_t *self, session_t *session);

// There is a connection; or it is lost, in `words`.
void multiplexor_up (multiplexor_t *self);
void multiplexor_lost (multiplexor_t *self, const char *words);

// A packet of the broker's; one whose type is unknown is ignored.
void multiplexor_packet (multiplexor_t *self, const packet_t *packet, frame_t *payload);

// Sends what can be sent.
void multiplexor_flush (multiplexor_t *self);

// Gives up, in `words`, on what has waited too long for a connection. When that is due next.
void multiplexor_expire (multiplexor_t *self, moment_t now, const char *words);
moment_t multiplexor_deadline (const multiplexor_t *self);

// Ends all that is left with BROKER_WENT_AWAY.
void multiplexor_stop (multiplexor_t *self, const char *words);

#endif
