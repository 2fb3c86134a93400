/*  Ears: waits for several ZeroMQ sockets and descriptors, and knows which of them may have
 *  something, with as few system calls as possible: zmq_poll () makes two for each socket.
 *
 *  The descriptor of a ZeroMQ socket is edge-triggered, and using the socket can eat the edge
 *  (DESIGN 4, points 12 and 14). So each has a flag, "perhaps there is something": set at first,
 *  when the descriptor fires, and by ears_used () after every send; cleared by ears_dry () after a
 *  receive that found nothing. While one is set, nobody waits.
 *
 *  Threads: that of the sockets. Owns nothing.
 */
#ifndef BROKER_EARS_H
#define BROKER_EARS_H

#include <poll.h>
#include <stdbool.h>

#define EARS_MAX 8

typedef struct {
    struct pollfd items[EARS_MAX];
    bool perhaps[EARS_MAX];
    unsigned count;
} ears_t;

// No ears at all; each one that is added has the next number, from 0 on.
void ears_init (ears_t *self);
void ears_add_socket (ears_t *self, void *socket);
void ears_add_descriptor (ears_t *self, int descriptor);

// Waits until one may have something, `timeout_ms` at the longest.
void ears_wait (ears_t *self, long timeout_ms);

// Whether it may have something.
static inline bool ears_perhaps (const ears_t *self, unsigned ear)
{
    return self->perhaps[ear];
}

// The socket was used for something else than a receive that found nothing.
static inline void ears_used (ears_t *self, unsigned ear)
{
    self->perhaps[ear] = true;
}

// There is nothing: a receive said so, or the descriptor was read.
static inline void ears_dry (ears_t *self, unsigned ear)
{
    self->perhaps[ear] = false;
}

#endif
