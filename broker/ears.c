#include "broker/ears.h"

#include <assert.h>
#include <limits.h>
#include <zmq.h>

void ears_init (ears_t *self)
{
    self->count = 0;
}

void ears_add_descriptor (ears_t *self, int descriptor)
{
    assert (self->count < EARS_MAX);
    self->items[self->count] = (struct pollfd){.fd = descriptor, .events = POLLIN};
    self->perhaps[self->count] = true;
    self->count++;
}

void ears_add_socket (ears_t *self, void *socket)
{
    int descriptor = -1;
    size_t size = sizeof descriptor;

    (void)zmq_getsockopt (socket, ZMQ_FD, &descriptor, &size); // fails only on what is no socket
    ears_add_descriptor (self, descriptor);
}

void ears_wait (ears_t *self, long timeout_ms)
{
    for (unsigned i = 0; i < self->count; i++) {
        if (self->perhaps[i])
            timeout_ms = 0;
    }
    // Interrupted by a signal: as if the time were over.
    if (poll (self->items, self->count, timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX) <= 0)
        return;
    for (unsigned i = 0; i < self->count; i++) {
        if (self->items[i].revents)
            self->perhaps[i] = true;
    }
}
