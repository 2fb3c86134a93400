#define _POSIX_C_SOURCE 200809L

#include "fabric/wire.h"

#include "tests/support/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

#define PATIENCE_MS 10000

typedef struct {
    void *context, *router, *peer;
    char endpoint[256];
    char directory[64]; // for ipc; empty without
} pair_t;

static void set_option (void *socket, int option, int value)
{
    assert_int_equal (zmq_setsockopt (socket, option, &value, sizeof value), 0);
}

// A ROUTER and a peer of `type` connected to it. `hwm`: 0 for libzmq's default.
static void pair_open (pair_t *self, const char *transport, int type, int hwm)
{
    size_t size = sizeof self->endpoint;

    memset (self, 0, sizeof *self);
    self->context = zmq_ctx_new ();
    self->router = zmq_socket (self->context, ZMQ_ROUTER);
    self->peer = zmq_socket (self->context, type);
    set_option (self->router, ZMQ_ROUTER_MANDATORY, 1);
    set_option (self->router, ZMQ_LINGER, 0);
    set_option (self->peer, ZMQ_LINGER, 0);
    if (hwm) {
        set_option (self->router, ZMQ_SNDHWM, hwm);
        set_option (self->peer, ZMQ_RCVHWM, hwm);
    }
    if (strcmp (transport, "ipc") == 0) {
        snprintf (self->directory, sizeof self->directory, "/tmp/zfabric-wire-XXXXXX");
        assert_non_null (mkdtemp (self->directory));
        snprintf (self->endpoint, size, "ipc://%s/socket", self->directory);
    } else {
        snprintf (self->endpoint, size, "%s://%s", transport,
                  strcmp (transport, "tcp") == 0 ? "127.0.0.1:*" : "wire");
    }
    assert_int_equal (zmq_bind (self->router, self->endpoint), 0);
    assert_int_equal (zmq_getsockopt (self->router, ZMQ_LAST_ENDPOINT, self->endpoint, &size), 0);
    assert_int_equal (zmq_connect (self->peer, self->endpoint), 0);
}

static void pair_close (pair_t *self)
{
    zmq_close (self->peer);
    zmq_close (self->router);
    zmq_ctx_term (self->context);
    if (*self->directory) {
        unlink (self->endpoint + strlen ("ipc://"));
        rmdir (self->directory);
    }
}

// Waits for a message and takes it.
static void receive (void *socket, bool router, wire_message_t *message)
{
    while (wire_receive (socket, router, message)) {
        assert_int_equal (errno, EAGAIN);
        zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
        assert_int_equal (zmq_poll (&item, 1, PATIENCE_MS), 1);
    }
}

static void expect_nothing (void *socket, bool router, wire_message_t *message)
{
    errno = 0;
    assert_int_equal (wire_receive (socket, router, message), -1);
    assert_int_equal (errno, EAGAIN);
}

static void send_text (
    void *socket, const wire_id_t *id, bool delimiter, const char *header, const char *payload)
{
    frame_t head, body;

    frame_init (&body);
    assert_int_equal (frame_copy (&head, slice_text (header)), 0);
    if (payload)
        assert_int_equal (frame_copy (&body, slice_text (payload)), 0);
    assert_int_equal (wire_send (socket, id, delimiter, &head, payload ? &body : NULL), 0);
    assert_int_equal (frame_size (&head), 0);
    assert_int_equal (frame_size (&body), 0);
    frame_close (&head);
    frame_close (&body);
}

// Sends frames as they are, without the module under test.
static void send_frames (void *socket, unsigned count, const char *const *frames)
{
    for (unsigned i = 0; i < count; i++) {
        int more = i + 1 < count ? ZMQ_SNDMORE : 0;
        assert_true (zmq_send (socket, frames[i], strlen (frames[i]), more) >= 0);
    }
}

static void expect_message (const wire_message_t *message, const char *header, const char *payload)
{
    assert_int_equal (message->frames, payload ? 2 : 1);
    assert_true (slice_equal (frame_slice (&message->header), slice_text (header)));
    assert_true (
        slice_equal (frame_slice (&message->payload), slice_text (payload ? payload : "")));
}

static void there_and_back (const char *transport)
{
    pair_t pair;
    wire_message_t message;

    pair_open (&pair, transport, ZMQ_DEALER, 0);
    wire_message_init (&message);

    send_text (pair.peer, NULL, false, "{question}", "payload");
    receive (pair.router, true, &message);
    expect_message (&message, "{question}", "payload");
    assert_false (message.delimiter);
    // PROTOCOL 1: libzmq's own routing ids are five octets that start with a zero.
    assert_int_equal (message.id.len, 5);
    assert_int_equal (message.id.octets[0], 0);
    if (strcmp (transport, "inproc") == 0)
        assert_int_equal (wire_descriptor (&message), -1);
    else
        assert_true (wire_descriptor (&message) > 2);

    wire_id_t id = message.id;
    send_text (pair.router, &id, false, "{answer}", "its payload");
    receive (pair.peer, false, &message);
    expect_message (&message, "{answer}", "its payload");
    assert_int_equal (message.id.len, 0);

    // A message of one frame leaves no payload of an earlier one behind.
    send_text (pair.peer, NULL, false, "{alone}", NULL);
    send_text (pair.peer, NULL, false, "{long}", "x");
    receive (pair.router, true, &message);
    expect_message (&message, "{alone}", NULL);
    assert_memory_equal (&message.id.octets, id.octets, id.len);
    receive (pair.router, true, &message);
    expect_message (&message, "{long}", "x");
    send_text (pair.router, &id, false, "{alone again}", NULL);
    receive (pair.peer, false, &message);
    expect_message (&message, "{alone again}", NULL);

    expect_nothing (pair.router, true, &message);
    expect_nothing (pair.peer, false, &message);
    wire_message_close (&message);
    wire_message_close (&message);
    pair_close (&pair);
}

static void messages_go_there_and_back_over_inproc (void **state)
{
    (void)state;
    there_and_back ("inproc");
}

static void messages_go_there_and_back_over_tcp (void **state)
{
    (void)state;
    there_and_back ("tcp");
}

static void messages_go_there_and_back_over_ipc (void **state)
{
    (void)state;
    there_and_back ("ipc");
}

// PROTOCOL 1: a REQ puts an empty frame first, and wants one in front of the answer.
static void a_req_gets_its_delimiter_back (void **state)
{
    (void)state;
    pair_t pair;
    wire_message_t message;
    char answer[32];
    int more = 0;
    size_t size = sizeof more;

    pair_open (&pair, "tcp", ZMQ_REQ, 0);
    wire_message_init (&message);
    const char *const question[] = {"{question}", "payload"};
    send_frames (pair.peer, 2, question);
    receive (pair.router, true, &message);
    expect_message (&message, "{question}", "payload");
    assert_true (message.delimiter);

    send_text (pair.router, &message.id, true, "{answer}", "yes");
    assert_int_equal (zmq_recv (pair.peer, answer, sizeof answer, 0), 8);
    assert_memory_equal (answer, "{answer}", 8);
    assert_int_equal (zmq_getsockopt (pair.peer, ZMQ_RCVMORE, &more, &size), 0);
    assert_int_equal (more, 1);
    assert_int_equal (zmq_recv (pair.peer, answer, sizeof answer, 0), 3);
    assert_memory_equal (answer, "yes", 3);

    const char *const short_question[] = {"{short}"};
    send_frames (pair.peer, 1, short_question);
    receive (pair.router, true, &message);
    expect_message (&message, "{short}", NULL);
    assert_true (message.delimiter);
    wire_message_close (&message);
    pair_close (&pair);
}

static void a_lone_empty_frame_is_an_empty_header (void **state)
{
    (void)state;
    pair_t pair;
    wire_message_t message;
    const char *const empty[] = {"", "", ""};

    pair_open (&pair, "inproc", ZMQ_DEALER, 0);
    wire_message_init (&message);
    send_frames (pair.peer, 1, empty);
    receive (pair.router, true, &message);
    expect_message (&message, "", NULL);
    assert_false (message.delimiter);

    send_frames (pair.peer, 2, empty);
    receive (pair.router, true, &message);
    expect_message (&message, "", NULL);
    assert_true (message.delimiter);

    send_frames (pair.peer, 3, empty);
    receive (pair.router, true, &message);
    expect_message (&message, "", "");
    assert_true (message.delimiter);
    wire_message_close (&message);
    pair_close (&pair);
}

static void frames_beyond_the_second_are_dropped (void **state)
{
    (void)state;
    pair_t pair;
    wire_message_t message;
    const char *const ten[] = {"{1}", "2", "3", "4", "5", "6", "7", "8", "9", "10"};

    pair_open (&pair, "tcp", ZMQ_DEALER, 0);
    wire_message_init (&message);
    send_frames (pair.peer, 10, ten);
    send_frames (pair.peer, 3, ten);
    send_frames (pair.peer, 2, ten);
    receive (pair.router, true, &message);
    assert_true (message.frames > 2);
    receive (pair.router, true, &message);
    assert_true (message.frames > 2);
    receive (pair.router, true, &message);
    expect_message (&message, "{1}", "2");
    expect_nothing (pair.router, true, &message);
    wire_message_close (&message);
    pair_close (&pair);
}

static void large_payloads_arrive_whole (void **state)
{
    (void)state;
    pair_t pair;
    wire_message_t message;
    buffer_t buffer;
    frame_t header, payload, kept;

    buffer_init (&buffer, SIZE_MAX);
    for (uint32_t i = 0; i < 1000000; i++)
        buffer_append (&buffer, &i, sizeof i);
    pair_open (&pair, "tcp", ZMQ_DEALER, 0);
    wire_message_init (&message);
    assert_int_equal (frame_copy (&header, slice_text ("{}")), 0);
    assert_int_equal (frame_take (&payload, &buffer), 0);
    frame_share (&kept, &payload);
    assert_int_equal (wire_send (pair.peer, NULL, false, &header, &payload), 0);
    receive (pair.router, true, &message);
    assert_true (slice_equal (frame_slice (&message.payload), frame_slice (&kept)));
    frame_close (&kept);
    wire_message_close (&message);
    buffer_finish (&buffer);
    pair_close (&pair);
}

static void refused (void *socket, const wire_id_t *id, bool delimiter, int why)
{
    frame_t header, payload;

    assert_int_equal (frame_copy (&header, slice_text ("{header}")), 0);
    assert_int_equal (frame_copy (&payload, slice_text ("payload")), 0);
    errno = 0;
    assert_int_equal (wire_send (socket, id, delimiter, &header, &payload), -1);
    assert_int_equal (errno, why);
    assert_true (slice_equal (frame_slice (&header), slice_text ("{header}")));
    assert_true (slice_equal (frame_slice (&payload), slice_text ("payload")));
    frame_close (&header);
    frame_close (&payload);
}

static void a_stranger_cannot_be_reached_and_the_frames_stay (void **state)
{
    (void)state;
    pair_t pair;
    wire_message_t message;
    const wire_id_t stranger = {5, {0, 1, 2, 3, 4}};

    pair_open (&pair, "tcp", ZMQ_DEALER, 0);
    wire_message_init (&message);
    refused (pair.router, &stranger, false, EHOSTUNREACH);
    refused (pair.router, &stranger, true, EHOSTUNREACH);

    // Nothing of it is left: the next message to a real peer is whole.
    send_text (pair.peer, NULL, false, "{here}", NULL);
    receive (pair.router, true, &message);
    send_text (pair.router, &message.id, false, "{there}", "payload");
    receive (pair.peer, false, &message);
    expect_message (&message, "{there}", "payload");
    wire_message_close (&message);
    pair_close (&pair);
}

static void a_full_peer_says_so_and_the_frames_stay (void **state)
{
    (void)state;
    pair_t pair;
    wire_message_t message;
    frame_t header, payload;
    unsigned sent = 0, came = 0;

    pair_open (&pair, "inproc", ZMQ_DEALER, 5);
    wire_message_init (&message);
    send_text (pair.peer, NULL, false, "{here}", NULL);
    receive (pair.router, true, &message);
    wire_id_t id = message.id;
    for (;;) {
        assert_int_equal (frame_copy (&header, slice_text ("{header}")), 0);
        assert_int_equal (frame_copy (&payload, slice_text ("payload")), 0);
        if (wire_send (pair.router, &id, false, &header, &payload))
            break;
        sent++;
        assert_in_range (sent, 0, 1000);
    }
    assert_int_equal (errno, EAGAIN);
    assert_true (slice_equal (frame_slice (&header), slice_text ("{header}")));
    assert_true (slice_equal (frame_slice (&payload), slice_text ("payload")));
    refused (pair.router, &id, true, EAGAIN);

    // Whole messages, no more than were sent, and room again.
    for (; came < sent; came++) {
        receive (pair.peer, false, &message);
        expect_message (&message, "{header}", "payload");
    }
    expect_nothing (pair.peer, false, &message);
    expect_nothing (pair.router, true, &message); // the ROUTER learns of the room by reading
    assert_int_equal (wire_send (pair.router, &id, false, &header, &payload), 0);
    wire_message_close (&message);
    pair_close (&pair);
}

static void a_dealer_without_a_connection_says_so (void **state)
{
    (void)state;
    void *context = zmq_ctx_new ();
    void *dealer = zmq_socket (context, ZMQ_DEALER);

    refused (dealer, NULL, false, EAGAIN);
    refused (dealer, NULL, true, EAGAIN);
    zmq_close (dealer);
    zmq_ctx_term (context);
}

static void a_socket_that_is_over_says_so (void **state)
{
    (void)state;
    void *context = zmq_ctx_new ();
    void *router = zmq_socket (context, ZMQ_ROUTER);
    wire_message_t message;

    wire_message_init (&message);
    assert_int_equal (zmq_ctx_shutdown (context), 0);
    assert_int_equal (wire_receive (router, true, &message), -1);
    assert_int_equal (errno, ETERM);
    assert_int_equal (wire_receive (context, true, &message), -1);
    assert_int_equal (errno, ENOTSOCK);
    wire_message_close (&message);
    zmq_close (router);
    zmq_ctx_term (context);
}

TESTING_MAIN (cmocka_unit_test (messages_go_there_and_back_over_inproc),
              cmocka_unit_test (messages_go_there_and_back_over_tcp),
              cmocka_unit_test (messages_go_there_and_back_over_ipc),
              cmocka_unit_test (a_req_gets_its_delimiter_back),
              cmocka_unit_test (a_lone_empty_frame_is_an_empty_header),
              cmocka_unit_test (frames_beyond_the_second_are_dropped),
              cmocka_unit_test (large_payloads_arrive_whole),
              cmocka_unit_test (a_stranger_cannot_be_reached_and_the_frames_stay),
              cmocka_unit_test (a_full_peer_says_so_and_the_frames_stay),
              cmocka_unit_test (a_dealer_without_a_connection_says_so),
              cmocka_unit_test (a_socket_that_is_over_says_so), )
