/*  A message is taken whole: libzmq delivers multipart messages atomically, so after the first
 *  frame the rest never says EAGAIN. On a ROUTER that is MANDATORY only the id frame can be
 *  refused; on a DEALER the first frame.
 */
#include "fabric/wire.h"

#include <errno.h>
#include <zmq.h>

#ifdef __linux__
#    include <linux/sockios.h>
#    include <linux/tcp.h>
#    include <netinet/in.h>
#    include <sys/ioctl.h>
#    include <sys/socket.h>
#endif

#if defined(__SANITIZE_THREAD__)
#    define WIRE_TSAN 1
#elif defined(__has_feature)
#    if __has_feature(thread_sanitizer)
#        define WIRE_TSAN 1
#    endif
#endif

#ifdef WIRE_TSAN
void __tsan_acquire (void *);
void __tsan_release (void *);

void wire_published (const void *octets)
{
    __tsan_release ((void *)(uintptr_t)octets);
}

void wire_acquired (const void *octets)
{
    __tsan_acquire ((void *)(uintptr_t)octets);
}

static void hand_over (frame_t *frame)
{
    wire_published (zmq_msg_data ((zmq_msg_t *)frame));
}

static void take_over (frame_t *frame)
{
    wire_acquired (zmq_msg_data ((zmq_msg_t *)frame));
}
#else
void wire_published (const void *octets)
{
    (void)octets;
}

void wire_acquired (const void *octets)
{
    (void)octets;
}

// Not even asking where the octets are: that would be ten calls for a task.
static void hand_over (frame_t *frame)
{
    (void)frame;
}

static void take_over (frame_t *frame)
{
    (void)frame;
}
#endif

static zmq_msg_t *msg (frame_t *frame)
{
    return (zmq_msg_t *)frame;
}

void wire_message_init (wire_message_t *self)
{
    frame_init (&self->header);
    frame_init (&self->payload);
    self->id.len = 0;
    self->frames = 0;
    self->delimiter = false;
}

void wire_message_close (wire_message_t *self)
{
    frame_close (&self->header);
    frame_close (&self->payload);
    frame_init (&self->header);
    frame_init (&self->payload);
}

// Into `frame`, whose old content goes. Signals don't end it. 0 or -1.
static int receive_frame (void *socket, frame_t *frame)
{
    int got;

    do {
        got = zmq_msg_recv (msg (frame), socket, ZMQ_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return -1;
    take_over (frame);
    return 0;
}

static void drop_rest (void *socket)
{
    frame_t frame;

    frame_init (&frame);
    while (receive_frame (socket, &frame) == 0 && zmq_msg_more (msg (&frame)))
        ;
    frame_close (&frame);
}

static void keep_id (wire_message_t *message)
{
    slice_t id = frame_slice (&message->header);

    message->id.len = (uint8_t)id.len; // libzmq: at most 255
    memcpy (message->id.octets, id.ptr, id.len);
}

int wire_receive (void *socket, bool router, wire_message_t *message)
{
    message->id.len = 0;
    message->frames = 0;
    message->delimiter = false;
    if (receive_frame (socket, &message->header))
        return -1;
    bool more = zmq_msg_more (msg (&message->header));
    if (router) {
        keep_id (message);
        if (!more) {
            wire_message_close (message);
            return 0;
        }
        if (receive_frame (socket, &message->header))
            return -1;
        more = zmq_msg_more (msg (&message->header));
    }
    // An empty frame with more behind it is a REQ's delimiter; alone it is an empty header.
    if (more && frame_size (&message->header) == 0) {
        message->delimiter = true;
        if (receive_frame (socket, &message->header))
            return -1;
        more = zmq_msg_more (msg (&message->header));
    }
    message->frames = 1;
    if (more) {
        message->frames = 2;
        if (receive_frame (socket, &message->payload))
            return -1;
        if (zmq_msg_more (msg (&message->payload))) {
            message->frames = 3; // or more: too many is too many
            drop_rest (socket);
        }
    } else if (frame_size (&message->payload)) {
        frame_close (&message->payload);
        frame_init (&message->payload);
    }
    return 0;
}

int wire_descriptor (const wire_message_t *message)
{
    return zmq_msg_get ((const zmq_msg_t *)&message->header, ZMQ_SRCFD);
}

uint64_t wire_taken (int descriptor)
{
#ifdef __linux__
    struct tcp_info info = {.tcpi_bytes_acked = 0};
    socklen_t size = sizeof info;
    int octets;

    if (descriptor >= 0 && getsockopt (descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
        return info.tcpi_bytes_acked;
    if (descriptor >= 0 && ioctl (descriptor, SIOCOUTQ, &octets) == 0)
        return (uint64_t)octets;
#else
    (void)descriptor;
#endif
    return 0;
}

const char *wire_address (const wire_message_t *message)
{
    const char *address = zmq_msg_gets ((const zmq_msg_t *)&message->header, "Peer-Address");

    return address ? address : "";
}

// Of the header, not of the id before it: there it is NULL in libzmq 4.3.4.
const char *wire_user (const wire_message_t *message)
{
    return zmq_msg_gets ((const zmq_msg_t *)&message->header, "User-Id");
}

static int send_octets (void *socket, const void *octets, size_t len)
{
    int sent;

    do {
        sent = zmq_send (socket, octets, len, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

static int send_frame (void *socket, frame_t *frame, bool more)
{
    int sent;

    hand_over (frame);
    do {
        sent = zmq_msg_send (msg (frame), socket, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

int wire_send (void *socket, const wire_id_t *id, bool delimiter, frame_t *header, frame_t *payload)
{
    if (id && send_octets (socket, id->octets, id->len))
        return -1;
    if (delimiter && send_octets (socket, "", 0))
        return -1;
    if (send_frame (socket, header, payload != NULL))
        return -1;
    return payload ? send_frame (socket, payload, false) : 0;
}
