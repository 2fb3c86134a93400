/*  Redial: when a link dials, sends a HEARTBEAT, and gives a connection up. No sockets, no clock:
 *  it is told the time and what happened, and says what is due.
 *
 *  States, and what moves between them:
 *
 *      WAITING ----- dialled ----> DIALLING ----- connected ----> UP
 *         ^                           |                           |
 *         +---------- failed ---------+----------- failed --------+
 *
 *      any ---- stop ----> STOPPED
 *
 *  Pauses: the first after a connection that stood for a while is a moment only, the next one is
 *  RECONNECT_MIN_MS, and each later one twice as long. Where somebody took the connection and broke
 *  it off without a word, who may have too much to do, they grow to RECONNECT_MAX_MS; where nobody
 *  was there to be spared, to RECONNECT_ABSENT_MS only, so that a broker is found again within a
 *  second of its return. Each is shortened by up to half, at random, so that the peers of one
 *  broker don't come back in step. Several endpoints are dialled in turn, and the pause grows once
 * a round.
 *
 *  An attempt that nothing answers at all ends after REDIAL_REACH_MS: after that the kernel asks
 *  again too seldom. Each fourth in a row has the whole REDIAL_DIAL_MS, for hosts that are far.
 */
#ifndef FABRIC_REDIAL_H
#define FABRIC_REDIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "fabric/limits.h"
#include "fabric/moment.h"

#define REDIAL_QUICK_MS     50   // longest first pause after a loss, and between two endpoints
#define REDIAL_STABLE_MS    1000 // a connection that stood so long was a good one
#define REDIAL_REACH_MS     1000 // an attempt that has not even reached the host
#define REDIAL_DIAL_MS      5000 // longest attempt to connect, handshake and all
#define REDIAL_DIAL_NEXT_MS 2000 // the same where there is another endpoint to try

typedef enum { REDIAL_WAITING, REDIAL_DIALLING, REDIAL_UP, REDIAL_STOPPED } redial_state_t;

typedef enum {
    REDIAL_NOTHING,
    REDIAL_DIAL,     // open a connection to endpoint number `endpoint`, then say redial_dialled ()
    REDIAL_BEAT,     // send a HEARTBEAT, then say redial_beaten ()
    REDIAL_TOO_LONG, // the attempt takes too long: end it, then say redial_failed ()
    REDIAL_SILENT    // the broker says nothing: end the connection, then say redial_failed ()
} redial_due_t;

typedef struct {
    redial_state_t state;
    size_t endpoint;   // index of the one in use or to be dialled next
    size_t endpoints;  // how many there are
    unsigned attempts; // failures in a row, since the last good connection
    span_t pause;      // longest that the last one after a whole round could be; 0: none was
    uint64_t random;
    moment_t since;  // when the state began
    moment_t due;    // WAITING: when to dial; DIALLING: when to give up; UP: when to beat
    moment_t heard;  // UP: the broker's last word, moved on by the time we were not listening
    moment_t looked; // UP: when redial_due () was last asked
} redial_t;

// Dials at once.
void redial_init (redial_t *self, size_t endpoints, uint64_t seed);

void redial_dialled (redial_t *self, moment_t now);

// DIALLING: the transport's connection stands, the handshake is under way.
void redial_reached (redial_t *self);

void redial_connected (redial_t *self, moment_t now);
void redial_heard (redial_t *self, moment_t now);
void redial_beaten (redial_t *self, moment_t now);

// The attempt, or the connection, is over. `turned_away`: somebody was there, and broke it off
// without having said a word.
void redial_failed (redial_t *self, moment_t now, bool turned_away);

void redial_stop (redial_t *self, moment_t now);

/*  What is due. Ask only when everything that has come from the broker was read: a peer that was
 *  stopped for a while must not blame the broker for it.
 */
redial_due_t redial_due (redial_t *self, moment_t now);

// When to ask next; MOMENT_NEVER when stopped.
moment_t redial_deadline (const redial_t *self);

// Verifies what holds in every state. For tests.
bool redial_check (const redial_t *self);

#endif
