/*  A dealer: one connection to a broker, and what its monitor tells of it. It is used once: when it
 *  is over, another one is opened.
 *
 *  Threads: one thread at a time. Owns: its two sockets, from open to close.
 */
#ifndef FABRIC_DEALER_H
#define FABRIC_DEALER_H

#include "fabric/fault.h"
#include "fabric/wire.h"

typedef struct {
    uint64_t max_frame;     // octets of a frame that may come in; 0: no limit
    const char *server_key; // CURVE, Z85; NULL: none, and the others are not looked at
    const char *public_key;
    const char *secret_key;
} dealer_options_t;

typedef struct {
    void *socket;         // NULL: closed
    void *monitor;        // NULL over inproc, which tells nothing
    const char *endpoint; // borrowed
    int fd;               // ZMQ_FD of each, edge-triggered; -1
    int monitor_fd;
    bool keys;    // CURVE is used
    bool carried; // the transport's connection stands, or stood
    bool greeted; // so does the handshake
} dealer_t;

typedef enum {
    DEALER_NOTHING, // no news
    DEALER_UP,      // handshake done: it can be written to
    DEALER_OVER     // no connection, for good; what came in before can still be read
} dealer_news_t;

// An empty dealer is closed.
void dealer_init (dealer_t *self);

/*  Starts to connect. `endpoint` must outlive the dealer. 0, or -1 with errno and a fault; it is
 *  closed then.
 */
int dealer_open (dealer_t *self,
                 void *context,
                 const char *endpoint,
                 const dealer_options_t *options,
                 fault_t *fault);

// What was sent has `linger_ms` to get out, in the background. Nothing happens if it is closed.
void dealer_close (dealer_t *self, int linger_ms);

// Reads the monitor up to the next news; DEALER_OVER with the reason, for a person, in `reason`.
dealer_news_t dealer_news (dealer_t *self, fault_t *reason);

// Whether a message can be sent now.
bool dealer_writable (dealer_t *self);

// Makes a CURVE pair of keys. 0, or -1 (ENOTSUP).
int dealer_make_keys (char public_key[static 41], char secret_key[static 41]);

#endif
