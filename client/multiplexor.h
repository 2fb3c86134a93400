/*  The multiplexor: many tasks over one connection, each told apart by its cookie.
 *
 *  Pure: it is told what happens and says, through its sink, what to send and what has ended. It
 *  owns no session; a session stays its caller's, who hears `ended` of it once.
 *
 *  What was sent belongs to one connection. When that is lost, every task that was sent has ended
 *  for this client, with BROKER_WENT_AWAY, unless it has `retries`: then it is sent again, which
 *  takes one of them; so it is when the broker itself says BROKER_WENT_AWAY, once it has gone. What
 *  was not sent waits for the next connection, for a time.
 *
 *  A broker that never noticed the loss may still have the task's former run, which keeps the
 *  cookie: that is cancelled, and the task sent until there is no collision any more, for a time.
 *
 *  Threads: one. Time: told by the caller.
 */
#ifndef CLIENT_MULTIPLEXOR_H
#define CLIENT_MULTIPLEXOR_H

#include "fabric/frame.h"
#include "fabric/heap.h"
#include "fabric/list.h"
#include "fabric/moment.h"
#include "fabric/packet.h"
#include "fabric/table.h"

typedef enum {
    SESSION_RUN,   // a task of ours
    SESSION_CANCEL // the cancel of a task that is not ours
} session_kind_t;

#define RESEND_PAUSE_MS 200   // between the attempts to send a task whose cookie is taken
#define RESEND_LIMIT_MS 10000 // longest time of them: longer than a CANCEL needs to take effect

/*  A member of what the caller keeps of a call; zeroed, with cookie, kind, detach, retries and
 *  timeout_ms set, at first.
 */
typedef struct session {
    table_node_t by_cookie;
    heap_node_t by_deadline;
    list_node_t place;       // in `unsent`, `sent`, `refused` or `collided`
    list_node_t in_cancels;  // in `to_cancel`
    list_node_t in_detached; // in `detached`, once it was sent
    struct session *next;    // CANCELs of one cookie: the first is sent, and all share its answer
    cookie_t cookie;
    session_kind_t kind;
    bool detach;     // it ends, OK, when the broker has dealt with its RUN
    uint8_t retries; // how often it may still be sent again
    bool sent : 1;
    bool again : 1;    // it was sent before
    bool unwanted : 1; // it was cancelled after it was sent
    bool collides : 1; // its former run is in its way, since `since`
    bool clears : 1;   // the CANCEL of that was sent, and its answer has not come yet
    span_t timeout_ms; // of the whole task; 0: none
    moment_t deadline; // when that is over
    moment_t since;    // when it was added
    union {
        uint64_t
            fence; // detached and sent: the number of the HEARTBEAT behind its RUN; 0: none yet
        moment_t until; // refused: when to give it up; collided: when to send it again
    };
} session_t;

// The functions must not call the multiplexor.
typedef struct {
    // Its RUN or CANCEL; false: not now. A RUN with `again` says the `retries` and the time that
    // are left, and one with `retries` may be asked for once more.
    bool (*send) (void *arg, session_t *session);
    bool (*send_cancel) (void *arg, session_t *session); // of a RUN that was sent; false: not now
    bool (*send_fence) (void *arg, uint64_t *number);    // a HEARTBEAT; its number from 1
    // With a RESULT (whose payload may be taken) or, `packet` NULL, for a reason of our own.
    void (*ended) (void *arg,
                   session_t *session,
                   const packet_t *packet,
                   frame_t *payload,
                   zfabric_rc_t rc,
                   const char *words);
    void (*partial) (void *arg, session_t *session, const packet_t *packet, frame_t *payload);
    // A RESULT that belongs to nobody, or (`words`) a packet that breaks the protocol.
    void (*stray) (void *arg, const packet_t *packet, const char *words);
} multiplexor_sink_t;

typedef struct {
    table_t runs;    // SESSION_RUNs by cookie
    table_t cancels; // SESSION_CANCELs by cookie
    list_t unsent;   // in order
    list_t sent;
    list_t refused;  // the broker stops: they wait for the next
    list_t collided; // their cookies are taken: they wait a moment
    list_t to_cancel;
    list_t detached;   // those that were sent, in order
    heap_t deadlines;  // of sessions with a timeout
    span_t connect_ms; // how long a session waits for a connection
    moment_t lost;     // when the connection was
    bool up;
    bool full;        // a send was refused: wait for multiplexor_writable ()
    uint64_t answers; // to HEARTBEATs, on this connection
    uint8_t secret[TABLE_KEY_OCTETS];
    const multiplexor_sink_t *sink;
    void *arg;
} multiplexor_t;

// `sink` and `arg` must outlive it. 0 or -1 (ENOMEM).
int multiplexor_init (multiplexor_t *self,
                      const uint8_t secret[static TABLE_KEY_OCTETS],
                      span_t connect_ms,
                      const multiplexor_sink_t *sink,
                      void *arg);

// No session is left: multiplexor_stop () has seen to that.
void multiplexor_finish (multiplexor_t *self);

/*  A new session, to be sent by the next flush. It may end at once: a RUN whose cookie is in use
 * with COOKIE_COLLISION, a CANCEL of a task of ours with OK, and the task is cancelled.
 */
void multiplexor_add (multiplexor_t *self, session_t *session, moment_t now);

// Its end is wanted. What was not sent ends at once, the rest is sent by the next flush.
void multiplexor_cancel (multiplexor_t *self, session_t *session);

// There is a connection; or it is lost, in `words` (again, if there was none).
void multiplexor_up (multiplexor_t *self);
void multiplexor_lost (multiplexor_t *self, moment_t now, const char *words);

// A packet of the broker's; one whose type is unknown is ignored.
void multiplexor_packet (multiplexor_t *self,
                         const packet_t *packet,
                         frame_t *payload,
                         moment_t now);

// One that could not be read, but for what `packet` holds: it ends the call it was for, if any.
void multiplexor_broken (multiplexor_t *self, const packet_t *packet, const char *words);

// Sends what can be sent.
void multiplexor_flush (multiplexor_t *self);

// A send that was refused is worth another try.
void multiplexor_writable (multiplexor_t *self);

// Gives up, in `words`, on what has waited too long for a connection; ends what is past its time.
void multiplexor_expire (multiplexor_t *self, moment_t now, const char *words);
moment_t multiplexor_deadline (const multiplexor_t *self);

// Ends all that is left with BROKER_WENT_AWAY.
void multiplexor_stop (multiplexor_t *self, const char *words);

// Whether no session is there.
static inline bool multiplexor_idle (const multiplexor_t *self)
{
    return self->runs.count + self->cancels.count == 0;
}

// Whether one is, a RUN.
static inline bool multiplexor_has_one (const multiplexor_t *self)
{
    return self->runs.count == 1 && self->cancels.count == 0;
}

// Verifies what holds between calls, O(n). For tests.
bool multiplexor_check (const multiplexor_t *self);

#endif
