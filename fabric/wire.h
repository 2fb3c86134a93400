/*  The wire: packets as ZeroMQ messages on a ROUTER or a DEALER, in and out, never blocking.
 *
 *  The only file besides frame.c that speaks to libzmq about messages. Frames are moved, never
 *  copied. A socket is what zsock_resolve () or zmq_socket () gives; it belongs to one thread.
 */
#ifndef FABRIC_WIRE_H
#define FABRIC_WIRE_H

#include "fabric/frame.h"

#define WIRE_ID_MAX 255 // octets of a routing id

// A routing id. libzmq's own are 5 octets and start with a zero; any other was chosen by its peer.
typedef struct {
    uint8_t len;
    uint8_t octets[WIRE_ID_MAX];
} wire_id_t;

/*  One message as it came. Prepare with wire_message_init (); after each successful receive the
 *  frames belong to the message until they are moved out or wire_message_close () is called.
 */
typedef struct {
    wire_id_t id;    // who sent it; len 0 on a DEALER
    frame_t header;  // first frame after the id and the delimiter; empty if there was none
    frame_t payload; // second one; empty if there was none
    unsigned frames; // how many there were, delimiter and id not counted
    bool delimiter;  // a leading empty frame came first, as a REQ puts it
} wire_message_t;

void wire_message_init (wire_message_t *self);
void wire_message_close (wire_message_t *self);

/*  Receives one message. Frames beyond the second are read and dropped, whatever their number.
 *  0, or -1: EAGAIN if there is none, ETERM or ENOTSOCK when the socket is over.
 */
int wire_receive (void *socket, bool router, wire_message_t *message);

// Of the connection by which a received message came; -1 over inproc. libzmq looks it up by name
// and reads it from text, so it is not for every message.
int wire_descriptor (const wire_message_t *message);

/*  A number that changes as a connection's other end takes octets: over tcp how many it has
 *  acknowledged; over ipc how many the system keeps for it, which may be the same twice by chance.
 *  0 for -1, and where the system does not tell.
 */
uint64_t wire_taken (int descriptor);

// Where the sender of a received message is, as its transport tells it; "" if it does not.
const char *wire_address (const wire_message_t *message);

// The key that a received message came with, as the ZAP handler named it; NULL if there was none.
// Only to be believed on a socket that is a CURVE server with such a handler.
const char *wire_user (const wire_message_t *message);

/*  Sends header and payload (NULL: a message of one frame), to peer `id` on a ROUTER; `id` NULL on
 *  a DEALER. With `delimiter` an empty frame goes first. On success the frames are empty. On
 *  failure nothing was sent and they are untouched: EAGAIN (the peer's pipe is full, or a DEALER
 *  has no connection), EHOSTUNREACH (no such peer; needs ZMQ_ROUTER_MANDATORY).
 */
int wire_send (
    void *socket, const wire_id_t *id, bool delimiter, frame_t *header, frame_t *payload);

/*  What ThreadSanitizer must be told where octets that one of our threads wrote are read by
 *  another one after libzmq, which it can't see, handed them over. Nothing in other builds.
 */
void wire_published (const void *octets);
void wire_acquired (const void *octets);

#endif
