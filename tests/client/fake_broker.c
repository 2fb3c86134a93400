#define _GNU_SOURCE

#include "tests/client/fake_broker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

#include "tests/support/testing.h"

// Not cmocka's: that is not for threads.
static void must (bool good, const char *what)
{
    if (!good) {
        fprintf (stderr, "fake broker: %s: %s\n", what, strerror (errno));
        abort ();
    }
}

static void bind_to (fake_broker_t *self, const char *endpoint)
{
    size_t size = sizeof self->endpoint;
    int on = 1, unbounded = 0, linger = 2000; // what is for a client that has gone stays unsent

    self->context = zmq_ctx_new ();
    self->socket = zmq_socket (self->context, ZMQ_ROUTER);
    must (self->socket != NULL, "socket");
    zmq_setsockopt (self->socket, ZMQ_ROUTER_MANDATORY, &on, sizeof on);
    zmq_setsockopt (self->socket, ZMQ_SNDHWM, &unbounded, sizeof unbounded);
    zmq_setsockopt (self->socket, ZMQ_LINGER, &linger, sizeof linger);
    if (*self->secret_key) {
        zmq_setsockopt (self->socket, ZMQ_CURVE_SERVER, &on, sizeof on);
        zmq_setsockopt (self->socket, ZMQ_CURVE_SECRETKEY, self->secret_key, 41);
        zmq_setsockopt (self->socket, ZMQ_ZAP_DOMAIN, "fabric", 6);
    }
    // Where a connection was closed a moment ago.
    for (int i = 0; zmq_bind (self->socket, endpoint); i++) {
        must (errno == EADDRINUSE && i < PATIENCE_MS, endpoint);
        poll (NULL, 0, 1);
    }
    zmq_getsockopt (self->socket, ZMQ_LAST_ENDPOINT, self->endpoint, &size);
}

void fake_broker_open (fake_broker_t *self)
{
    *self = (fake_broker_t){0};
    wire_message_init (&self->message);
    bind_to (self, "tcp://127.0.0.1:*");
}

void fake_broker_close (fake_broker_t *self)
{
    if (!self->context)
        return;
    wire_message_close (&self->message);
    zmq_close (self->socket);
    zmq_ctx_term (self->context);
    self->socket = self->context = NULL;
}

void fake_broker_reopen (fake_broker_t *self)
{
    char endpoint[ENDPOINT_MAX];

    memcpy (endpoint, self->endpoint, sizeof endpoint);
    wire_message_init (&self->message);
    bind_to (self, endpoint);
}

void fake_broker_send_octets (fake_broker_t *self, const char *octets, size_t len, bool payload)
{
    frame_t header, empty;

    must (frame_copy (&header, slice_of (octets, len)) == 0, "memory");
    frame_init (&empty);
    if (wire_send (self->socket, &self->message.id, false, &header, payload ? &empty : NULL)) {
        must (errno == EHOSTUNREACH, "send"); // a client may go while we speak
        frame_close (&header);
        frame_close (&empty);
    }
}

void fake_broker_send (fake_broker_t *self, packet_t *packet, const char *payload)
{
    frame_t header, body;
    buffer_t out;

    buffer_init (&out, LIMIT_HEADER_OCTETS);
    codec_write (packet, &out);
    must (frame_take (&header, &out) == 0, "header");
    buffer_finish (&out);
    must (frame_copy (&body, slice_text (payload ? payload : "")) == 0, "payload");
    if (wire_send (self->socket, &self->message.id, false, &header, &body)) {
        must (errno == EHOSTUNREACH, "send");
        frame_close (&header);
        frame_close (&body);
    }
}

static void init_packet (fake_broker_t *self, packet_t *packet, packet_type_t type)
{
    packet_init (packet, self->packet.codec);
    packet->type = type;
    packet->keys = PACKET_BIT (PACKET_TYPE);
}

void fake_broker_result (fake_broker_t *self,
                         const cookie_t *cookie,
                         zfabric_rc_t rc,
                         const char *payload,
                         const char *error)
{
    packet_t packet;

    init_packet (self, &packet, PACKET_RESULT);
    packet.keys |= PACKET_BIT (RC) | (cookie ? PACKET_BIT (COOKIE) : 0);
    packet.rc = rc;
    if (cookie)
        packet.cookie = *cookie;
    if (error) {
        packet.error = text_plain (slice_text (error));
        packet.keys |= PACKET_BIT (ERROR);
    }
    fake_broker_send (self, &packet, payload);
}

void fake_broker_partial (fake_broker_t *self,
                          const cookie_t *cookie,
                          uint64_t seq,
                          const char *payload)
{
    packet_t packet;

    init_packet (self, &packet, PACKET_PARTIAL);
    packet.keys |= PACKET_BIT (COOKIE) | PACKET_BIT (SEQ);
    packet.cookie = *cookie;
    packet.seq = seq;
    fake_broker_send (self, &packet, payload);
}

// One packet, which is there. HEARTBEATs are answered.
static packet_type_t receive (fake_broker_t *self)
{
    fault_t fault;
    packet_t answer;

    must (wire_receive (self->socket, true, &self->message) == 0, "receive");
    must (codec_read (frame_slice (&self->message.header), &self->packet, &fault) == 0, fault.text);
    if (self->packet.type == PACKET_HEARTBEAT) {
        self->beats++;
        init_packet (self, &answer, PACKET_HEARTBEAT);
        if (!self->mute)
            fake_broker_send (self, &answer, "");
    }
    return self->packet.type;
}

static void wait_for_packet (fake_broker_t *self)
{
    zmq_pollitem_t item = {.socket = self->socket, .events = ZMQ_POLLIN};
    int got;

    do {
        got = zmq_poll (&item, 1, PATIENCE_MS);
    } while (got < 0 && errno == EINTR);
    must (got > 0, "nothing comes");
}

packet_type_t fake_broker_next (fake_broker_t *self)
{
    packet_type_t type;

    do {
        wait_for_packet (self);
        type = receive (self);
    } while (type == PACKET_HEARTBEAT);
    return type;
}

void fake_broker_beat (fake_broker_t *self)
{
    wait_for_packet (self);
    must (receive (self) == PACKET_HEARTBEAT, "not a HEARTBEAT");
}

slice_t fake_broker_payload (const fake_broker_t *self)
{
    return frame_slice (&self->message.payload);
}

// ---- in a thread

static void give_back (fake_broker_t *self)
{
    char payload[256];
    slice_t octets = fake_broker_payload (self);
    cookie_t cookie = self->packet.cookie;
    bool count = slice_equal (self->packet.pipeline, slice_text ("count"));

    must (octets.len < sizeof payload, "too much to echo");
    memcpy (payload, octets.ptr, octets.len);
    payload[octets.len] = '\0';
    for (unsigned i = 0; count && i < 2; i++)
        fake_broker_partial (self, &cookie, i, i ? "\"two\"" : "\"one\"");
    fake_broker_result (self, &cookie, ZFABRIC_OK, payload, NULL);
}

typedef struct {
    cookie_t *cookies; // of tasks that never end by themselves
    size_t count;
    size_t size;
} held_t;

static void hold (held_t *held, const cookie_t *cookie)
{
    if (held->count == held->size) {
        held->size = held->size ? held->size * 2 : 64;
        held->cookies = (cookie_t *)realloc (held->cookies, held->size * sizeof *held->cookies);
        must (held->cookies != NULL, "memory");
    }
    held->cookies[held->count++] = *cookie;
}

static bool let_go (held_t *held, const cookie_t *cookie)
{
    for (size_t i = 0; i < held->count; i++) {
        if (cookie_equal (&held->cookies[i], cookie)) {
            held->cookies[i] = held->cookies[--held->count];
            return true;
        }
    }
    return false;
}

static void answer (fake_broker_t *self, held_t *held)
{
    cookie_t cookie;

    switch (receive (self)) {
    case PACKET_RUN:
        cookie = self->packet.cookie;
        if (slice_equal (self->packet.pipeline, slice_text ("never")))
            hold (held, &cookie);
        else if (!self->packet.detach)
            give_back (self);
        break;
    case PACKET_CANCEL:
        cookie = self->packet.cookie;
        if (let_go (held, &cookie))
            fake_broker_result (self, &cookie, ZFABRIC_CANCELLED, "", NULL);
        else
            fake_broker_result (self, &cookie, ZFABRIC_COOKIE_NOT_FOUND, "", NULL);
        break;
    case PACKET_HEARTBEAT:
        break;
    case PACKET_UNKNOWN:
    case PACKET_REGISTER:
    case PACKET_PARTIAL:
    case PACKET_RESULT:
    case PACKET_SHUTDOWN:
    case PACKET_TYPE_COUNT:
        must (false, "no packet of a client's");
    }
}

static void *serve (void *arg)
{
    fake_broker_t *self = (fake_broker_t *)arg;
    held_t held = {0};
    zmq_pollitem_t items[] = {{.socket = self->socket, .events = ZMQ_POLLIN},
                              {.fd = self->stop[0], .events = ZMQ_POLLIN}};

    while (!(items[1].revents & ZMQ_POLLIN)) {
        must (zmq_poll (items, 2, -1) >= 0 || errno == EINTR, "poll");
        if (items[0].revents & ZMQ_POLLIN)
            answer (self, &held);
    }
    free (held.cookies);
    return NULL;
}

void fake_broker_serve (fake_broker_t *self)
{
    must (pipe (self->stop) == 0, "pipe");
    must (pthread_create (&self->thread, NULL, serve, self) == 0, "thread");
}

void fake_broker_stop (fake_broker_t *self)
{
    must (write (self->stop[1], "", 1) == 1, "write");
    pthread_join (self->thread, NULL);
    close (self->stop[0]);
    close (self->stop[1]);
}
