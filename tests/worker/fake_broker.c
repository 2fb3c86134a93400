#define _DEFAULT_SOURCE

#include "tests/worker/fake_broker.h"

#include "tests/support/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

static void bind_socket (fake_broker_t *self)
{
    int on = 1, off = 0;

    self->context = zmq_ctx_new ();
    self->socket = zmq_socket (self->context, ZMQ_ROUTER);
    assert_non_null (self->socket);
    zmq_setsockopt (self->socket, ZMQ_ROUTER_MANDATORY, &on, sizeof on);
    zmq_setsockopt (self->socket, ZMQ_LINGER, &off, sizeof off);
    if (zmq_bind (self->socket, self->endpoint))
        fail_msg ("%s: %s", self->endpoint, zmq_strerror (errno));
}

void fake_broker_open (fake_broker_t *self, encoding_t codec)
{
    memset (self, 0, sizeof *self);
    self->codec = codec;
    wire_message_init (&self->message);
    snprintf (self->directory, sizeof self->directory, "/tmp/zfabric-worker-XXXXXX");
    assert_non_null (mkdtemp (self->directory));
    snprintf (self->endpoint, sizeof self->endpoint, "ipc://%s/socket", self->directory);
    bind_socket (self);
}

void fake_broker_die (fake_broker_t *self)
{
    zmq_close (self->socket);
    zmq_ctx_term (self->context); // waits until the path is free again
    self->socket = NULL;
}

void fake_broker_revive (fake_broker_t *self)
{
    bind_socket (self);
}

void fake_broker_close (fake_broker_t *self)
{
    wire_message_close (&self->message);
    if (self->socket)
        fake_broker_die (self);
    unlink (self->endpoint + strlen ("ipc://")); // libzmq leaves it
    rmdir (self->directory);
}

static void receive (fake_broker_t *self)
{
    moment_t until = moment_after (moment_now (), PATIENCE_MS);
    fault_t fault;

    while (wire_receive (self->socket, true, &self->message)) {
        assert_int_equal (errno, EAGAIN);
        if (moment_now () >= until)
            fail_msg ("nothing came in %u ms", PATIENCE_MS);
        zmq_pollitem_t item = {self->socket, 0, ZMQ_POLLIN, 0};
        if (self->wait)
            self->wait ();
        else
            (void)zmq_poll (&item, 1, (long)moment_until (moment_now (), until));
    }
    self->worker = self->message.id;
    if (codec_read (frame_slice (&self->message.header), &self->packet, &fault)
        || packet_check (&self->packet, &fault))
        fail_msg ("a bad packet from the worker: %s", fault.text);
    assert_int_equal (self->packet.codec, self->codec);
}

packet_type_t fake_broker_next (fake_broker_t *self)
{
    for (;;) {
        receive (self);
        if (self->packet.type != PACKET_HEARTBEAT)
            return self->packet.type;
        self->beats++;
        if (!self->mute)
            fake_broker_send_type (self, PACKET_HEARTBEAT);
    }
}

void fake_broker_expect (fake_broker_t *self, packet_type_t type)
{
    if (type == PACKET_HEARTBEAT)
        receive (self);
    else
        (void)fake_broker_next (self);
    if (self->packet.type != type)
        fail_msg ("a %s came, not a %s", packet_type_name (self->packet.type),
                  packet_type_name (type));
}

void fake_broker_expect_quiet (fake_broker_t *self, unsigned beats)
{
    for (unsigned i = 0; i < beats; i++) {
        fake_broker_expect (self, PACKET_HEARTBEAT);
        fake_broker_send_type (self, PACKET_HEARTBEAT);
    }
}

void fake_broker_register (fake_broker_t *self, unsigned capacity)
{
    fake_broker_expect (self, PACKET_REGISTER);
    assert_int_equal (self->packet.capacity, capacity);
    fake_broker_grant (self, (int)capacity);
}

slice_t fake_broker_payload (const fake_broker_t *self)
{
    return frame_slice (&self->message.payload);
}

static void check_payload (const fake_broker_t *self, const char *payload)
{
    slice_t octets = fake_broker_payload (self);

    assert_int_equal (self->message.frames, 2);
    if (payload && !slice_equal (octets, slice_text (payload)))
        fail_msg ("the payload is \"%.*s\", not \"%s\"", (int)octets.len, (const char *)octets.ptr,
                  payload);
}

void fake_broker_expect_result (fake_broker_t *self,
                                const cookie_t *cookie,
                                zfabric_rc_t rc,
                                const char *payload)
{
    fake_broker_expect (self, PACKET_RESULT);
    assert_true (cookie_equal (&self->packet.cookie, cookie));
    if (self->packet.rc != rc)
        fail_msg ("the code is %s (%.*s), not %s", zfabric_rc_name (self->packet.rc),
                  (int)self->packet.error.raw.len, (const char *)self->packet.error.raw.ptr,
                  zfabric_rc_name (rc));
    check_payload (self, payload);
}

void fake_broker_expect_partial (fake_broker_t *self,
                                 const cookie_t *cookie,
                                 uint64_t seq,
                                 const char *payload)
{
    fake_broker_expect (self, PACKET_PARTIAL);
    assert_true (cookie_equal (&self->packet.cookie, cookie));
    assert_int_equal (self->packet.seq, seq);
    check_payload (self, payload);
}

void fake_broker_error_has (fake_broker_t *self, const char *words)
{
    buffer_t text;

    buffer_init (&text, LIMIT_HEADER_OCTETS + 1);
    assert_true (packet_has (&self->packet, PACKET_BIT (ERROR)));
    codec_text (self->packet.error, &text);
    buffer_octet (&text, '\0');
    assert_int_equal (text.failed, 0);
    if (!strstr ((const char *)text.data, words))
        fail_msg ("\"%s\" has no \"%s\"", (const char *)text.data, words);
    buffer_finish (&text);
}

void fake_broker_stack_has (fake_broker_t *self, const char *line)
{
    slice_t rest = self->packet.stacktrace.raw;
    text_t text;
    bool found = false;

    assert_true (packet_has (&self->packet, PACKET_BIT (STACKTRACE)));
    while (strings_next (self->packet.codec, &rest, &text))
        found |= slice_equal (text.raw, slice_text (line));
    assert_true (found);
}

// 0, or -1: the worker is gone.
static int send_packet (fake_broker_t *self, const packet_t *packet, const char *payload)
{
    buffer_t out;
    frame_t header, body;

    buffer_init (&out, LIMIT_HEADER_OCTETS);
    codec_write (packet, &out);
    assert_int_equal (frame_take (&header, &out), 0);
    buffer_finish (&out);
    if (payload)
        assert_int_equal (frame_copy (&body, slice_text (payload)), 0);
    int rc = wire_send (self->socket, &self->worker, false, &header, payload ? &body : NULL);
    frame_close (&header);
    if (payload)
        frame_close (&body);
    return rc;
}

void fake_broker_send (fake_broker_t *self, const packet_t *packet, const char *payload)
{
    assert_int_equal (send_packet (self, packet, payload), 0);
}

void fake_broker_send_type (fake_broker_t *self, packet_type_t type)
{
    packet_t packet;

    packet_init (&packet, self->codec);
    packet.type = type;
    packet.keys = PACKET_BIT (PACKET_TYPE);
    // Who asked whether we live may have left since.
    if (send_packet (self, &packet, NULL))
        assert_int_equal (type, PACKET_HEARTBEAT);
}

void fake_broker_cancel (fake_broker_t *self, const cookie_t *cookie)
{
    packet_t packet;

    packet_init (&packet, self->codec);
    packet.type = PACKET_CANCEL;
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE);
    packet.cookie = *cookie;
    fake_broker_send (self, &packet, NULL);
}

void fake_broker_grant (fake_broker_t *self, int capacity)
{
    packet_t packet;

    packet_init (&packet, self->codec);
    packet.type = PACKET_REGISTER;
    packet.keys = PACKET_BIT (PACKET_TYPE);
    if (capacity >= 0) {
        packet.keys |= PACKET_BIT (CAPACITY);
        packet.capacity = (uint16_t)capacity;
    }
    fake_broker_send (self, &packet, NULL);
}

void fake_broker_run (
    fake_broker_t *self, const char *pipeline, const char *payload, bool stream, cookie_t *cookie)
{
    packet_t packet;

    cookie_make (cookie);
    packet_init (&packet, self->codec);
    packet.type = PACKET_RUN;
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE) | PACKET_BIT (PIPELINE);
    packet.cookie = *cookie;
    packet.pipeline = slice_text (pipeline);
    if (stream) {
        packet.keys |= PACKET_BIT (STREAM);
        packet.stream = true;
    }
    fake_broker_send (self, &packet, payload);
}
