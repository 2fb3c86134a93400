/*  A link against a bare ROUTER in the same thread. Time is real where libzmq needs it, and made up
 *  where the link waits.
 */
#define _GNU_SOURCE

#include "fabric/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "fabric/endpoint.h"
#include "fabric/redial.h"
#include "tests/support/testing.h"

#define PATIENCE_MS 10000 // for what happens at once unless it is broken

static void *context;
static void *router;
static link_t *link_;
static wire_message_t message;
static char endpoint[ENDPOINT_MAX];
static moment_t ahead; // how far the link's time is before the real one

static moment_t link_now (void)
{
    return moment_now () + ahead;
}

static void bind_router (const char *to)
{
    size_t size = sizeof endpoint;
    int linger = 0, mandatory = 1;

    router = zmq_socket (context, ZMQ_ROUTER);
    zmq_setsockopt (router, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt (router, ZMQ_ROUTER_MANDATORY, &mandatory, sizeof mandatory);
    // After a close the port is free a moment later.
    for (int i = 0; zmq_bind (router, to); i++) {
        assert_int_equal (errno, EADDRINUSE);
        assert_true (i < PATIENCE_MS);
        poll (NULL, 0, 1);
    }
    zmq_getsockopt (router, ZMQ_LAST_ENDPOINT, endpoint, &size);
}

static void close_router (void)
{
    if (router)
        zmq_close (router);
    router = NULL;
}

static link_options_t options_for (const char *const *endpoints, size_t count)
{
    return (link_options_t){
        .endpoints = endpoints, .endpoint_count = count, .codec = ENCODING_JSON, .seed = 1};
}

static void make_link (const link_options_t *options)
{
    fault_t fault = {""};

    link_ = link_new (context, options, &fault);
    assert_string_equal (fault.text, "");
    assert_non_null (link_);
}

static void link_to (const char *to)
{
    link_options_t options = options_for (&to, 1);
    make_link (&options);
}

static int set_up (void **state)
{
    (void)state;
    context = zmq_ctx_new ();
    wire_message_init (&message);
    ahead = 0;
    return 0;
}

static int tear_down (void **state)
{
    (void)state;
    link_destroy (&link_);
    wire_message_close (&message);
    close_router ();
    zmq_ctx_term (context);
    return 0;
}

// The link's next event, as its owner's loop gets it; NOTHING if none comes within `patience`.
static link_event_t next_event (span_t patience)
{
    moment_t end = moment_now () + patience;

    for (;;) {
        link_event_t event = link_step (link_, link_now (), &message);
        if (event != LINK_NOTHING || moment_now () >= end)
            return event;
        int fds[LINK_DESCRIPTORS];
        struct pollfd polled[LINK_DESCRIPTORS];
        size_t count = link_descriptors (link_, fds);
        for (size_t i = 0; i < count; i++)
            polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        span_t wait = moment_until (link_now (), link_deadline (link_));
        span_t left = moment_until (moment_now (), end);
        poll (polled, count, (int)(wait < left ? wait : left));
        for (size_t i = 0; i < count; i++) {
            if (polled[i].revents)
                link_fired (link_, fds[i]);
        }
    }
}

static bool router_receives (wire_message_t *got)
{
    zmq_pollitem_t item = {.socket = router, .events = ZMQ_POLLIN};

    assert_int_equal (zmq_poll (&item, 1, PATIENCE_MS), 1);
    return wire_receive (router, true, got) == 0;
}

static void send_text (const char *text)
{
    frame_t header;

    assert_int_equal (frame_copy (&header, slice_text (text)), 0);
    assert_int_equal (link_send (link_, &header, NULL), 0);
}

static void answer_text (const wire_id_t *id, const char *text)
{
    frame_t header;

    assert_int_equal (frame_copy (&header, slice_text (text)), 0);
    assert_int_equal (wire_send (router, id, false, &header, NULL), 0);
}

static void assert_text (const frame_t *frame, const char *text)
{
    slice_t octets = frame_slice (frame);

    assert_int_equal (octets.len, strlen (text));
    assert_memory_equal (octets.ptr, text, octets.len);
}

// Sends one packet to the router, which then knows us.
static wire_id_t introduce (void)
{
    wire_message_t got;

    wire_message_init (&got);
    send_text ("hello");
    assert_true (router_receives (&got));
    assert_text (&got.header, "hello");
    wire_message_close (&got);
    return got.id;
}

static void assert_reason (const char *words)
{
    if (!strstr (link_reason (link_), words))
        fail_msg ("the reason is: %s", link_reason (link_));
    if (!strstr (link_reason (link_), endpoint))
        fail_msg ("the reason does not name %s: %s", endpoint, link_reason (link_));
}

static void talk_over (const char *to)
{
    bind_router (to);
    link_to (endpoint);
    assert_false (link_is_up (link_));
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    assert_true (link_is_up (link_));
    wire_id_t id = introduce ();
    answer_text (&id, "welcome");
    assert_int_equal (next_event (PATIENCE_MS), LINK_PACKET);
    assert_text (&message.header, "welcome");
    assert_int_equal (message.frames, 1);
    assert_int_equal (id.octets[0], 0); // PROTOCOL 1: the routing id is left to libzmq
}

static void it_comes_up_and_talks_over_tcp (void **state)
{
    (void)state;
    talk_over ("tcp://127.0.0.1:*");
}

static void it_comes_up_and_talks_over_ipv6 (void **state)
{
    (void)state;
    router = zmq_socket (context, ZMQ_ROUTER);
    int on = 1;
    zmq_setsockopt (router, ZMQ_IPV6, &on, sizeof on);
    if (zmq_bind (router, "tcp://[::1]:*")) {
        close_router ();
        skip (); // a host without IPv6
    }
    size_t size = sizeof endpoint;
    zmq_getsockopt (router, ZMQ_LAST_ENDPOINT, endpoint, &size);
    link_to (endpoint);
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    (void)introduce ();
}

static void it_comes_up_and_talks_over_ipc (void **state)
{
    (void)state;
    char folder[] = "/tmp/zf-link-XXXXXX", to[64];
    assert_non_null (mkdtemp (folder));
    snprintf (to, sizeof to, "ipc://%s/s", folder);
    talk_over (to);
    close_router ();
    snprintf (to, sizeof to, "%s/s", folder);
    unlink (to);
    rmdir (folder);
}

static void it_comes_up_and_talks_over_inproc (void **state)
{
    (void)state;
    talk_over ("inproc://broker");
}

// A port that is taken but not listened on; whose, for close ().
static int take_port (void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal (bind (fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal (getsockname (fd, (struct sockaddr *)&address, &size), 0);
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", ntohs (address.sin_port));
    return fd;
}

static void nobody_listens (void **state)
{
    (void)state;
    int port = take_port ();
    link_to (endpoint);
    assert_int_equal (next_event (PATIENCE_MS), LINK_FAILED);
    assert_reason ("nobody listens on ");
    frame_t header;
    frame_init (&header);
    assert_int_equal (link_send (link_, &header, NULL), -1);
    assert_int_equal (errno, ENOTCONN);
    assert_int_equal (next_event (PATIENCE_MS), LINK_FAILED);
    close (port);
    bind_router (endpoint);
    link_event_t event;
    while ((event = next_event (PATIENCE_MS)) == LINK_FAILED)
        ;
    assert_int_equal (event, LINK_UP);
}

static void nobody_listens_at_a_path (void **state)
{
    (void)state;
    snprintf (endpoint, sizeof endpoint, "ipc:///tmp/zf-link-nobody/here");
    link_to (endpoint);
    assert_int_equal (next_event (PATIENCE_MS), LINK_FAILED);
    assert_reason ("nobody listens on ");
}

static void a_host_that_does_not_exist_is_told (void **state)
{
    (void)state;
    snprintf (endpoint, sizeof endpoint, "tcp://a..b:51520"); // no name that anybody is asked about
    link_to (endpoint);
    assert_int_equal (next_event (PATIENCE_MS), LINK_FAILED);
    assert_reason ("no such host");
}

// PROTOCOL: what the broker sent before it went is not lost.
static void packets_come_before_the_loss (void **state)
{
    (void)state;
    bind_router ("tcp://127.0.0.1:*");
    link_to (endpoint);
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    wire_id_t id = introduce ();
    for (int i = 0; i < 500; i++)
        answer_text (&id, "a result");
    int linger = -1;
    zmq_setsockopt (router, ZMQ_LINGER, &linger, sizeof linger);
    close_router ();
    for (int i = 0; i < 500; i++)
        assert_int_equal (next_event (PATIENCE_MS), LINK_PACKET);
    assert_int_equal (next_event (PATIENCE_MS), LINK_LOST);
    assert_false (link_is_up (link_));
    assert_reason ("closed the connection");
}

static void it_comes_back (void **state)
{
    (void)state;
    bind_router ("tcp://127.0.0.1:*");
    link_to (endpoint);
    for (int i = 0; i < 3; i++) {
        link_event_t event;
        while ((event = next_event (PATIENCE_MS)) == LINK_FAILED)
            ;
        assert_int_equal (event, LINK_UP);
        (void)introduce ();
        close_router ();
        assert_int_equal (next_event (PATIENCE_MS), LINK_LOST);
        bind_router (endpoint);
    }
}

static void the_next_endpoint_is_tried (void **state)
{
    (void)state;
    char nobody[ENDPOINT_MAX];
    int port = take_port ();
    memcpy (nobody, endpoint, sizeof nobody);
    bind_router ("inproc://second");
    const char *both[] = {nobody, endpoint};
    link_options_t options = options_for (both, 2);
    make_link (&options);
    assert_int_equal (next_event (PATIENCE_MS), LINK_FAILED);
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    assert_string_equal (link_endpoint (link_), endpoint);
    (void)introduce ();
    close (port);
}

static void silence_ends_it (void **state)
{
    (void)state;
    bind_router ("tcp://127.0.0.1:*");
    link_to (endpoint);
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    link_event_t event = LINK_NOTHING;
    for (int i = 0; i < 20 && event == LINK_NOTHING; i++) {
        ahead += PEER_HEARTBEAT_MS / 2;
        event = next_event (0);
    }
    assert_int_equal (event, LINK_LOST);
    assert_reason (" said nothing for 5 s");
    assert_in_range (ahead, PEER_SILENCE_MS, PEER_SILENCE_MS + PEER_HEARTBEAT_MS);
}

static void any_packet_breaks_the_silence (void **state)
{
    (void)state;
    bind_router ("tcp://127.0.0.1:*");
    link_to (endpoint);
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    wire_id_t id = introduce ();
    for (int i = 0; i < 20; i++) {
        ahead += PEER_HEARTBEAT_MS - 1;
        answer_text (&id, "I am here");
        assert_int_equal (next_event (PATIENCE_MS), LINK_PACKET);
        assert_int_equal (next_event (0), LINK_NOTHING);
    }
}

static void heartbeats_in (encoding_t codec, const char *octets)
{
    const char *to = endpoint;
    wire_message_t got;

    wire_message_init (&got);
    bind_router ("tcp://127.0.0.1:*");
    link_options_t options = options_for (&to, 1);
    options.codec = codec;
    make_link (&options);
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    assert_int_equal (link_beats (link_), 0);
    ahead += PEER_HEARTBEAT_MS;
    assert_int_equal (next_event (0), LINK_NOTHING);
    assert_int_equal (link_beat (link_), 0);
    assert_int_equal (link_beats (link_), 2);
    for (int i = 0; i < 2; i++) {
        assert_true (router_receives (&got));
        assert_text (&got.header, octets);
        assert_int_equal (got.frames, 1);
    }
    wire_message_close (&got);
}

static void heartbeats_in_json (void **state)
{
    (void)state;
    heartbeats_in (ENCODING_JSON, "{\"packet_type\":\"HEARTBEAT\"}");
}

static void heartbeats_in_msgpack (void **state)
{
    (void)state;
    heartbeats_in (ENCODING_MSGPACK, "\x81\xabpacket_type\xa9HEARTBEAT");
}

static void a_full_pipe_says_so_and_when_there_is_room (void **state)
{
    (void)state;
    wire_message_t got;
    unsigned sent = 0, received = 0;

    wire_message_init (&got);
    bind_router ("inproc://full");
    link_to (endpoint);
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    for (;; sent++) {
        frame_t header;
        assert_int_equal (frame_copy (&header, slice_text ("much")), 0);
        if (link_send (link_, &header, NULL)) {
            assert_int_equal (errno, EAGAIN);
            assert_text (&header, "much");
            frame_close (&header);
            break;
        }
    }
    assert_true (sent >= 1000);
    assert_int_equal (next_event (20), LINK_NOTHING);
    while (wire_receive (router, true, &got) == 0)
        received++;
    assert_int_equal (received, sent);
    assert_int_equal (next_event (PATIENCE_MS), LINK_WRITABLE);
    send_text ("more");
    assert_int_equal (next_event (0), LINK_NOTHING);
    wire_message_close (&got);
}

static void a_frame_over_the_limit_ends_it (void **state)
{
    (void)state;
    static char large[LIMIT_HEADER_OCTETS + 100];
    const char *to = endpoint;
    bind_router ("tcp://127.0.0.1:*");
    link_options_t options = options_for (&to, 1);
    options.max_payload = 100; // a header may be larger
    make_link (&options);
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    wire_id_t id = introduce ();
    memset (large, 'x', sizeof large - 1);
    large[LIMIT_HEADER_OCTETS] = '\0';
    answer_text (&id, large);
    assert_int_equal (next_event (PATIENCE_MS), LINK_PACKET);
    large[LIMIT_HEADER_OCTETS] = 'x';
    answer_text (&id, large);
    assert_int_equal (next_event (PATIENCE_MS), LINK_LOST);
}

static void what_was_sent_before_the_stop_arrives (void **state)
{
    (void)state;
    wire_message_t got;
    wire_message_init (&got);
    bind_router ("tcp://127.0.0.1:*");
    link_to (endpoint);
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    for (int i = 0; i < 100; i++)
        send_text ("the last words");
    link_stop (link_);
    assert_int_equal (next_event (0), LINK_NOTHING);
    assert_true (link_deadline (link_) == MOMENT_NEVER);
    link_destroy (&link_);
    for (int i = 0; i < 100; i++)
        assert_true (router_receives (&got));
    wire_message_close (&got);
}

static void a_dark_host_has_its_time (void **state)
{
    (void)state;
    // A socket that accepts and says nothing, as a stopped process does.
    void *stream = zmq_socket (context, ZMQ_STREAM);
    int off = 0;
    size_t size = sizeof endpoint;
    zmq_setsockopt (stream, ZMQ_LINGER, &off, sizeof off);
    assert_int_equal (zmq_bind (stream, "tcp://127.0.0.1:*"), 0);
    zmq_getsockopt (stream, ZMQ_LAST_ENDPOINT, endpoint, &size);
    link_to (endpoint);
    assert_int_equal (next_event (20), LINK_NOTHING);
    ahead += REDIAL_DIAL_MS;
    assert_int_equal (next_event (0), LINK_FAILED);
    assert_reason ("no answer from ");
    zmq_close (stream);
}

static void serve_with_keys (char public_key[static 41])
{
    char secret_key[41];
    int on = 1, off = 0;
    size_t size = sizeof endpoint;

    assert_int_equal (zmq_curve_keypair (public_key, secret_key), 0);
    router = zmq_socket (context, ZMQ_ROUTER);
    zmq_setsockopt (router, ZMQ_LINGER, &off, sizeof off);
    zmq_setsockopt (router, ZMQ_CURVE_SERVER, &on, sizeof on);
    zmq_setsockopt (router, ZMQ_CURVE_SECRETKEY, secret_key, 41);
    zmq_setsockopt (router, ZMQ_ZAP_DOMAIN, "fabric", 6);
    assert_int_equal (zmq_bind (router, "tcp://127.0.0.1:*"), 0);
    zmq_getsockopt (router, ZMQ_LAST_ENDPOINT, endpoint, &size);
}

static void link_with_key (const char *server_key)
{
    const char *to = endpoint;
    link_options_t options = options_for (&to, 1);
    options.server_key = server_key;
    make_link (&options);
}

static void the_right_key_gets_in (void **state)
{
    char key[41];
    (void)state;
    serve_with_keys (key);
    link_with_key (key);
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    (void)introduce ();
}

static void another_server_key_is_told (void **state)
{
    char key[41], other[41], secret[41];
    (void)state;
    serve_with_keys (key);
    zmq_curve_keypair (other, secret);
    link_with_key (other);
    for (int i = 0; i < 2; i++) {
        assert_int_equal (next_event (PATIENCE_MS), LINK_FAILED);
        assert_reason ("another server key");
    }
}

static void a_broker_that_wants_a_key_is_told (void **state)
{
    char key[41];
    (void)state;
    serve_with_keys (key);
    link_to (endpoint);
    for (int i = 0; i < 2; i++) {
        assert_int_equal (next_event (PATIENCE_MS), LINK_FAILED);
        assert_reason ("want");
    }
}

static void a_broker_without_keys_is_told (void **state)
{
    char key[41], secret[41];
    (void)state;
    zmq_curve_keypair (key, secret);
    bind_router ("tcp://127.0.0.1:*");
    link_with_key (key);
    for (int i = 0; i < 2; i++) {
        assert_int_equal (next_event (PATIENCE_MS), LINK_FAILED);
        assert_reason ("key");
    }
}

static void deny_one (void *zap, const char *status)
{
    char request[8][256];
    zmq_pollitem_t item = {.socket = zap, .events = ZMQ_POLLIN};

    // Their handshake goes on in libzmq's thread; ours only has to be driven.
    for (int i = 0; i < PATIENCE_MS && zmq_poll (&item, 1, 1) == 0; i++)
        assert_int_equal (next_event (0), LINK_NOTHING);
    int more = 1, frames = 0;
    size_t size = sizeof more;
    while (more) {
        int got = zmq_recv (zap, request[frames < 8 ? frames : 7], 255, 0);
        assert_true (got >= 0);
        request[frames < 8 ? frames : 7][got < 255 ? got : 255] = '\0';
        frames++;
        zmq_getsockopt (zap, ZMQ_RCVMORE, &more, &size);
    }
    zmq_send (zap, "1.0", 3, ZMQ_SNDMORE);
    zmq_send (zap, request[1], strlen (request[1]), ZMQ_SNDMORE);
    zmq_send (zap, status, strlen (status), ZMQ_SNDMORE);
    zmq_send (zap, "no", 2, ZMQ_SNDMORE);
    zmq_send (zap, "", 0, ZMQ_SNDMORE);
    zmq_send (zap, "", 0, 0);
}

// libzmq never tries again after a refusal; the link does, as the key may be let in later.
static void a_refused_key_is_told_and_tried_again (void **state)
{
    char key[41];
    int off = 0;
    (void)state;
    void *zap = zmq_socket (context, ZMQ_REP);
    zmq_setsockopt (zap, ZMQ_LINGER, &off, sizeof off);
    assert_int_equal (zmq_bind (zap, "inproc://zeromq.zap.01"), 0);
    serve_with_keys (key);
    link_with_key (key);
    for (int i = 0; i < 2; i++) {
        deny_one (zap, "400");
        assert_int_equal (next_event (PATIENCE_MS), LINK_FAILED);
        assert_reason ("the key was refused by ");
    }
    deny_one (zap, "200");
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    zmq_close (zap);
}

static void what_cannot_be_is_refused (void **state)
{
    static const char *const bad[] = {"",          "tcp://",    "tcp://a",         "tcp://a:*",
                                      "tcp://a:0", "udp://a:1", "127.0.0.1:51520", "ipc://",
                                      "inproc://"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fault_t fault = {""};
        link_options_t options = options_for (&bad[i], 1);
        assert_null (link_new (context, &options, &fault));
        assert_int_equal (errno, EINVAL);
        assert_string_not_equal (fault.text, "");
    }
    const char *good = "tcp://127.0.0.1:1";
    link_options_t options = options_for (&good, 0);
    assert_null (link_new (context, &options, NULL));
    options = options_for (&good, 1);
    options.server_key = "short";
    assert_null (link_new (context, &options, NULL));
    options.server_key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    options.public_key = options.server_key;
    assert_null (link_new (context, &options, NULL));
    assert_int_equal (errno, EINVAL);
    link_t *none = NULL;
    link_destroy (&none);
}

// A context that is over must not make the owner's loop run hot.
static void a_context_that_is_over_leaves_it_quiet (void **state)
{
    (void)state;
    bind_router ("tcp://127.0.0.1:*");
    link_to (endpoint);
    assert_int_equal (next_event (PATIENCE_MS), LINK_UP);
    zmq_ctx_shutdown (context);
    link_event_t event;
    unsigned events = 0;
    for (int i = 0; i < 20; i++) {
        while ((event = next_event (0)) != LINK_NOTHING)
            events++;
        ahead += 1000;
    }
    assert_true (events < 30);
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)

TESTING_MAIN (CASE (it_comes_up_and_talks_over_tcp),
              CASE (it_comes_up_and_talks_over_ipv6),
              CASE (it_comes_up_and_talks_over_ipc),
              CASE (it_comes_up_and_talks_over_inproc),
              CASE (nobody_listens),
              CASE (nobody_listens_at_a_path),
              CASE (a_host_that_does_not_exist_is_told),
              CASE (packets_come_before_the_loss),
              CASE (it_comes_back),
              CASE (the_next_endpoint_is_tried),
              CASE (silence_ends_it),
              CASE (any_packet_breaks_the_silence),
              CASE (heartbeats_in_json),
              CASE (heartbeats_in_msgpack),
              CASE (a_full_pipe_says_so_and_when_there_is_room),
              CASE (a_frame_over_the_limit_ends_it),
              CASE (what_was_sent_before_the_stop_arrives),
              CASE (a_dark_host_has_its_time),
              CASE (the_right_key_gets_in),
              CASE (another_server_key_is_told),
              CASE (a_broker_that_wants_a_key_is_told),
              CASE (a_broker_without_keys_is_told),
              CASE (a_refused_key_is_told_and_tried_again),
              CASE (what_cannot_be_is_refused),
              CASE (a_context_that_is_over_leaves_it_quiet), )
