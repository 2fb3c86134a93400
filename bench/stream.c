#define _GNU_SOURCE // memmem

#include "bench/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_SIZE 262144u

static _Noreturn void fail (const char *what)
{
    perror (what);
    exit (1);
}

static int dial (uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons (port),
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    int made = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (made >= 0 && connect (made, (struct sockaddr *)&address, sizeof address)) {
        close (made);
        return -1;
    }
    return made;
}

bool stream_answers (uint16_t port)
{
    int made = dial (port);

    if (made >= 0)
        close (made);
    return made >= 0;
}

void stream_open (stream_t *self, uint16_t port)
{
    static const int on = 1;

    *self = (stream_t){.socket = dial (port), .size = FIRST_SIZE};
    buffer_init (&self->out, SIZE_MAX);
    self->in = (uint8_t *)malloc (self->size);
    if (self->socket < 0 || !self->in
        || setsockopt (self->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
        fail ("connect");
}

void stream_flush (stream_t *self)
{
    size_t sent = 0;

    if (self->out.failed)
        fail ("out of memory");
    while (sent < self->out.len) {
        ssize_t now =
            send (self->socket, self->out.data + sent, self->out.len - sent, MSG_NOSIGNAL);
        if (now < 0 && errno != EINTR)
            fail ("send");
        sent += now > 0 ? (size_t)now : 0;
    }
    buffer_reset (&self->out);
}

bool stream_fill (stream_t *self, bool wait)
{
    if (self->from == self->to)
        self->from = self->to = 0;
    if (self->to == self->size && self->from > 0) {
        memmove (self->in, self->in + self->from, self->to - self->from);
        self->to -= self->from;
        self->from = 0;
    } else if (self->to == self->size) {
        self->size *= 2;
        self->in = (uint8_t *)realloc (self->in, self->size);
        if (!self->in)
            fail ("out of memory");
    }
    ssize_t got;
    do {
        got = recv (self->socket, self->in + self->to, self->size - self->to,
                    wait ? 0 : MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN)
        return false;
    if (got <= 0)
        fail ("receive");
    self->to += (size_t)got;
    return true;
}

slice_t stream_peek (const stream_t *self)
{
    return slice_of (self->in + self->from, self->to - self->from);
}

void stream_take (stream_t *self, size_t octets)
{
    self->from += octets;
}

bool stream_line (slice_t octets, slice_t *line)
{
    const uint8_t *end = (const uint8_t *)memmem (octets.ptr, octets.len, "\r\n", 2);

    if (!end)
        return false;
    *line = slice_of (octets.ptr, (size_t)(end - octets.ptr));
    return true;
}

size_t stream_number (slice_t text)
{
    size_t value = 0, unit = 1;

    for (size_t i = text.len; i-- > 0 && text.ptr[i] >= '0' && text.ptr[i] <= '9'; unit *= 10)
        value += unit * (size_t)(text.ptr[i] - '0');
    return value;
}
