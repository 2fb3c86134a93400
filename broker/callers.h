/*  Callers: the connections of one side, by descriptor, until it is known what became of their
 *  handshakes: for a log that says who was not let in, and why. A pure table.
 *
 *  libzmq's monitor names the descriptor when a connection comes and goes, but not when its
 * handshake fails: that event comes just before the one of the descriptor's end. What ends without
 * a handshake that failed and without a packet did not speak ZMTP, or changed its mind. It is told
 * a moment later, for its packets may be unread.
 *
 *  Descriptors are used again before all this is known: then a line may name the next caller. It is
 * a log, nothing is decided by it.
 */
#ifndef BROKER_CALLERS_H
#define BROKER_CALLERS_H

#include <stdbool.h>
#include <stddef.h>

#include "fabric/moment.h"

#define CALLER_TEXT_MAX 64  // octets of an address, the final NUL among them
#define CALLERS_SILENT  64  // ended without a packet, and not told yet
#define CALLERS_WAIT_MS 200 // until they are: their packets have been read by then

typedef struct {
    char address[CALLER_TEXT_MAX];
    bool spoke;
} caller_t;

typedef struct {
    moment_t at;
    int descriptor;
    char address[CALLER_TEXT_MAX];
} silent_caller_t;

typedef struct {
    caller_t *callers; // by descriptor
    size_t size;
    bool failing; // the next descriptor that closes is that of a handshake that failed
    unsigned long long refused; // by their keys, whose descriptors are still to close
    silent_caller_t silent[CALLERS_SILENT];
    size_t silent_count;
} callers_t;

void callers_finish (callers_t *self);

// What the monitor says. Without memory, callers have no address.
void callers_accepted (callers_t *self, int descriptor, const char *address);
void callers_failed (callers_t *self);  // a handshake
void callers_refused (callers_t *self); // a key

// The descriptor closed. The address if its handshake had failed; NULL otherwise.
const char *callers_disconnected (callers_t *self, int descriptor, moment_t now);

// A packet came by it.
void callers_spoke (callers_t *self, int descriptor);

// The address of the next that ended without a packet, if one is due; and when one is.
bool callers_silent (callers_t *self, moment_t now, char address[static CALLER_TEXT_MAX]);
moment_t callers_due (const callers_t *self);

#endif
