/*  A fresh socket for each connection: after a silent reconnect the broker would not know us, and a
 *  key that was refused once leaves a socket dead for good. So libzmq must not reconnect. Both ways
 *  to say that outright, ZMQ_IMMEDIATE 1 and ZMQ_RECONNECT_IVL -1, throw away what came in and was
 *  not read yet when the connection breaks, the results of a broker that stops in order among it.
 *  Hence neither, but a reconnect so far off that the dealer is closed long before; and who sends
 *  only between DEALER_UP and DEALER_OVER queues nothing for a broker that is not there.
 *
 *  No ZMTP heartbeats: on a connecting socket they can abort the process (libzmq up to 4.3.5). No
 *  routing id: libzmq's are unique.
 *
 *  The monitor tells of a failed attempt by CLOSED (or by CONNECT_RETRIED alone if there was no
 *  address to try), and of a lost connection by DISCONNECTED; a handshake that fails says why
 * before that, in one of three ways.
 */
#include "fabric/dealer.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <zmq.h>

#define NEVER_MS (3600 * 1000) // to a reconnect by libzmq

#define MONITOR_EVENTS                                                                             \
    (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED   \
     | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL                        \
     | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

void dealer_init (dealer_t *self)
{
    *self = (dealer_t){.fd = -1, .monitor_fd = -1};
}

static int set_number (void *socket, int option, int value)
{
    return zmq_setsockopt (socket, option, &value, sizeof value);
}

static int set_options (void *socket, const dealer_options_t *options)
{
    if (set_number (socket, ZMQ_RECONNECT_IVL, NEVER_MS) || set_number (socket, ZMQ_IPV6, 1)
        || set_number (socket, ZMQ_LINGER, 0))
        return -1;
    if (options->max_frame) {
        int64_t octets = options->max_frame > INT64_MAX ? INT64_MAX : (int64_t)options->max_frame;
        if (zmq_setsockopt (socket, ZMQ_MAXMSGSIZE, &octets, sizeof octets))
            return -1;
    }
    if (!options->server_key)
        return 0;
    // The secret first: what libzmq derives from the others is checked when it connects.
    if (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, options->secret_key, 41)
        || zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, options->public_key, 41)
        || zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, options->server_key, 41))
        return -1;
    return 0;
}

static int descriptor_of (void *socket)
{
    int fd;
    size_t size = sizeof fd;

    return zmq_getsockopt (socket, ZMQ_FD, &fd, &size) ? -1 : fd;
}

// The name is random: one that is used again soon may still be taken.
static int open_monitor (dealer_t *self, void *context)
{
    char name[64];
    uint64_t number;

    randombytes_buf (&number, sizeof number);
    snprintf (name, sizeof name, "inproc://zfabric-monitor-%016" PRIx64, number);
    if (zmq_socket_monitor (self->socket, name, MONITOR_EVENTS))
        return -1;
    self->monitor = zmq_socket (context, ZMQ_PAIR);
    // A monitor that is read too slowly must not stop libzmq's thread: no high-water mark.
    if (!self->monitor || set_number (self->monitor, ZMQ_RCVHWM, 0)
        || set_number (self->monitor, ZMQ_LINGER, 0) || zmq_connect (self->monitor, name))
        return -1;
    self->monitor_fd = descriptor_of (self->monitor);
    return self->monitor_fd < 0 ? -1 : 0;
}

int dealer_open (dealer_t *self,
                 void *context,
                 const char *endpoint,
                 const dealer_options_t *options,
                 fault_t *fault)
{
    bool inproc = strncmp (endpoint, "inproc://", 9) == 0;
    int error;

    dealer_init (self);
    self->endpoint = endpoint;
    self->keys = options->server_key != NULL;
    self->socket = zmq_socket (context, ZMQ_DEALER);
    if (!self->socket || set_options (self->socket, options))
        goto error;
    self->fd = descriptor_of (self->socket);
    if (self->fd < 0)
        goto error;
    if (!inproc && open_monitor (self, context))
        goto error;
    if (zmq_connect (self->socket, endpoint))
        goto error;
    return 0;
error:
    error = errno;
    fault_set (fault, "can't connect to %s: %s", endpoint, zmq_strerror (error));
    dealer_close (self, 0);
    errno = error;
    return -1;
}

void dealer_close (dealer_t *self, int linger_ms)
{
    if (self->socket) {
        (void)set_number (self->socket, ZMQ_LINGER, linger_ms); // fails only when it is over anyway
        (void)zmq_socket_monitor (self->socket, NULL, 0);
    }
    if (self->monitor)
        (void)zmq_close (self->monitor); // both fail only for what is no socket
    if (self->socket)
        (void)zmq_close (self->socket);
    dealer_init (self);
}

// The next event of the monitor: 0, or -1 if there is none.
static int read_event (void *monitor, uint16_t *event, uint32_t *value)
{
    wire_message_t message;
    int got = -1;

    wire_message_init (&message);
    if (wire_receive (monitor, false, &message) == 0) {
        slice_t octets = frame_slice (&message.header);
        if (octets.len >= sizeof *event + sizeof *value) {
            memcpy (event, octets.ptr, sizeof *event);
            memcpy (value, octets.ptr + sizeof *event, sizeof *value);
            got = 0;
        }
    }
    wire_message_close (&message);
    return got;
}

static void say_protocol_failure (const dealer_t *self, uint32_t value, fault_t *reason)
{
    if (value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
        fault_set (reason,
                   self->keys ? "%s uses no keys, and we were told one"
                              : "%s wants a key, and we have none",
                   self->endpoint);
    else if (value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC)
        fault_set (reason, "%s has another server key", self->endpoint);
    else
        fault_set (reason, "%s does not speak ZMTP as we do (0x%x)", self->endpoint, value);
}

static void say_auth_failure (const dealer_t *self, uint32_t status, fault_t *reason)
{
    if (status == 400)
        fault_set (reason, "the key was refused by %s", self->endpoint);
    else
        fault_set (reason, "%s could not check the key (%u)", self->endpoint, status);
}

static void say_end (const dealer_t *self, fault_t *reason)
{
    if (self->greeted)
        fault_set (reason, "%s closed the connection", self->endpoint);
    else if (!self->carried)
        fault_set (reason, "nobody listens on %s", self->endpoint);
    else if (self->keys)
        fault_set (reason, "%s broke off the handshake: has it another server key, or no keys?",
                   self->endpoint);
    else
        fault_set (reason, "%s broke off the handshake: does it want a key?", self->endpoint);
}

dealer_news_t dealer_news (dealer_t *self, fault_t *reason)
{
    uint16_t event;
    uint32_t value;

    if (!self->monitor) {
        if (!self->socket || self->greeted)
            return DEALER_NOTHING;
        self->carried = self->greeted = true; // inproc: there at once
        return DEALER_UP;
    }
    while (read_event (self->monitor, &event, &value) == 0) {
        switch (event) {
        case ZMQ_EVENT_CONNECTED:
            self->carried = true;
            break;
        case ZMQ_EVENT_CONNECT_RETRIED:
            fault_set (reason, "%s can't be dialled: is there no such host?", self->endpoint);
            return DEALER_OVER;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            self->greeted = true;
            return DEALER_UP;
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            say_protocol_failure (self, value, reason);
            return DEALER_OVER;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            say_auth_failure (self, value, reason);
            return DEALER_OVER;
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        case ZMQ_EVENT_DISCONNECTED:
        case ZMQ_EVENT_CLOSED:
            say_end (self, reason);
            return DEALER_OVER;
        default:
            break;
        }
    }
    return DEALER_NOTHING;
}

bool dealer_writable (dealer_t *self)
{
    int events = 0;
    size_t size = sizeof events;

    return zmq_getsockopt (self->socket, ZMQ_EVENTS, &events, &size) == 0 && events & ZMQ_POLLOUT;
}

int dealer_make_keys (char public_key[static 41], char secret_key[static 41])
{
    return zmq_curve_keypair (public_key, secret_key);
}
