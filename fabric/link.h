/*  A link: the connection of a client or worker to its broker, made anew after every loss.
 *
 *  Each connection is an epoch with a DEALER of its own, so that a peer always knows which broker
 *  it speaks to: libzmq never reconnects behind its back. The link watches the socket's monitor,
 *  sends HEARTBEATs, gives up a broker that says nothing for PEER_SILENCE_MS, and dials again, with
 *  pauses that grow; of several endpoints the next after a failure.
 *
 *  The owner's loop, on one thread:
 *
 *      for (;;) {
 *          int fds[LINK_DESCRIPTORS];
 *          size_t count = link_descriptors (link, fds);       // anew each time: they change
 *          poll (fds and others for reading, until link_deadline (link));
 *          for each of fds that is readable: link_fired (link, fd);
 *          while ((event = link_step (link, moment_now (), &message)) != LINK_NOTHING)
 *              switch (event) ...
 *      }
 *
 *  A loop that leaves link_step () before LINK_NOTHING came (to be fair to others) has a deadline
 *  of 0 and will not sleep. Sends may happen anywhere; they are asked for nothing else.
 *
 *  Threads: one thread at a time. Owns: its sockets; copies of the options' texts.
 */
#ifndef FABRIC_LINK_H
#define FABRIC_LINK_H

#include "fabric/fault.h"
#include "fabric/moment.h"
#include "fabric/packet.h"
#include "fabric/wire.h"

#define LINK_DESCRIPTORS 2 // most that there can be

typedef struct link link_t;

typedef enum {
    LINK_NOTHING,  // nothing more now
    LINK_UP,       // a fresh connection: the broker knows nothing of us yet
    LINK_PACKET,   // a message came, and is in *message. May be a HEARTBEAT
    LINK_WRITABLE, // a link_send () that said EAGAIN is worth another try
    LINK_LOST,     // the connection is over, link_reason () says why; the next dial is on its way
    LINK_FAILED    // an attempt to connect failed; as above
} link_event_t;

typedef struct {
    const char *const *endpoints; // tcp://host:port, ipc://path, inproc://name
    size_t endpoint_count;        // at least 1
    encoding_t codec;             // of the HEARTBEATs: JSON or MSGPACK
    uint64_t max_payload;         // octets of a frame that may come in; 0: no limit
    const char *server_key;       // CURVE, Z85; NULL: none
    const char *public_key;       // both or neither; without, a pair is made up
    const char *secret_key;
    uint64_t seed; // of the pauses' jitter; peers that start together want different ones
} link_options_t;

/*  A link that will dial at its first step. `context` is a ZeroMQ context. NULL with errno (EINVAL:
 *  an endpoint or key that can't be one; ENOMEM) and a fault.
 */
link_t *link_new (void *context, const link_options_t *options, fault_t *fault);

// Closes without caring for what was not sent yet. NULL-safe; nulls the pointer.
void link_destroy (link_t **self_p);

// Ends it in order: what was sent has LINGER_MS to get out, in the background. No events follow.
void link_stop (link_t *self);

// What to poll for reading, good until the next link_step () or link_stop (). Returns how many.
size_t link_descriptors (const link_t *self, int fds[static LINK_DESCRIPTORS]);

// Says that a descriptor was readable. -1: perhaps all were.
void link_fired (link_t *self, int fd);

// When to step next, whatever happens; 0: at once. MOMENT_NEVER when stopped.
moment_t link_deadline (const link_t *self);

/*  Does what is due and returns the next event. `message` was initialised by wire_message_init ();
 *  what it holds is the owner's after LINK_PACKET and is overwritten by the next one. Packets that
 *  came before a loss are given out before LINK_LOST.
 */
link_event_t link_step (link_t *self, moment_t now, wire_message_t *message);

/*  Sends header and payload (may be NULL), whose octets belong to the link then. -1: EAGAIN (the
 *  pipe is full: LINK_WRITABLE follows) or ENOTCONN (not up: LINK_UP follows); the frames are
 *  untouched.
 */
int link_send (link_t *self, frame_t *header, frame_t *payload);

/*  Sends a HEARTBEAT now. The broker answers each with one, in order, so the answer tells that it
 *  has dealt with everything sent before. -1 as link_send ().
 */
int link_beat (link_t *self);

// HEARTBEATs sent since LINK_UP, the link's own among them. As many answers come back, in order.
uint64_t link_beats (const link_t *self);

bool link_is_up (const link_t *self);

// The endpoint in use or to be dialled next; "" never.
const char *link_endpoint (const link_t *self);

// What the last loss or failure was, for a person: "nobody listens on tcp://..."; "" if none was.
const char *link_reason (const link_t *self);

#endif
