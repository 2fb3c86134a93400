/*  PROTOCOL 6: between equals the broker never copies the payload. A whole broker, reached over
 *  inproc, which hands messages over by reference: what comes out must be the memory that went in.
 */
#define _GNU_SOURCE // memmem ()

#include "tests/support/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "broker/zfabric_broker.h"
#include "fabric/context.h"

#define SIZE     (64u * 1024 * 1024) // octets: the largest payload by default
#define PATIENCE 20000               // ms, of a wait that should not be one
#define COOKIE   "123e4567-e89b-12d3-a456-426614174000"
#define JSON_RUN                                                                                   \
    "{\"packet_type\":\"RUN\",\"pipeline\":\"p\",\"retries\":1,\"cookie\":\"" COOKIE "\""
#define JSON_DONE "{\"packet_type\":\"RESULT\",\"rc\":\"OK\",\"cookie\":\"" COOKIE "\""

typedef struct {
    zfabric_broker_t *broker;
    void *client;
    void *worker;
    char clients[64];
    char workers[64];
} world_t;

static uint8_t *memory;     // of the payload
static unsigned given_back; // how often libzmq said that it needs it no more

static void give_back (void *data, void *hint)
{
    (void)data, (void)hint;
    __atomic_add_fetch (&given_back, 1, __ATOMIC_RELAXED);
}

static void *dial (const char *endpoint)
{
    void *socket = zmq_socket (context_of_process (), ZMQ_DEALER);
    int patience = PATIENCE, linger = 0;

    assert_non_null (socket);
    assert_int_equal (zmq_setsockopt (socket, ZMQ_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal (zmq_setsockopt (socket, ZMQ_SNDTIMEO, &patience, sizeof patience), 0);
    assert_int_equal (zmq_setsockopt (socket, ZMQ_LINGER, &linger, sizeof linger), 0);
    assert_int_equal (zmq_connect (socket, endpoint), 0);
    return socket;
}

static void send_octets (void *socket, const void *octets, size_t len, int flags)
{
    assert_int_equal (zmq_send (socket, octets, len, flags), len);
}

static void send_header (void *socket, const char *header)
{
    send_octets (socket, header, strlen (header), 0);
}

// A header, and the payload by reference.
static void send_payload (void *socket, const void *header, size_t len)
{
    zmq_msg_t payload;

    send_octets (socket, header, len, ZMQ_SNDMORE);
    assert_int_equal (zmq_msg_init_data (&payload, memory, SIZE, give_back, NULL), 0);
    assert_int_equal (zmq_msg_send (&payload, socket, 0), SIZE);
}

// Waits for a message of two frames whose header has `word` in it; its payload must be the memory.
static void expect_payload (void *socket, const char *word)
{
    for (;;) {
        char header[4096];
        zmq_msg_t payload;
        int len = zmq_recv (socket, header, sizeof header, 0);
        assert_true (len >= 0 && (size_t)len < sizeof header);
        int more;
        size_t size = sizeof more;
        assert_int_equal (zmq_getsockopt (socket, ZMQ_RCVMORE, &more, &size), 0);
        if (!more) // a REGISTER or a HEARTBEAT
            continue;
        assert_int_equal (zmq_msg_init (&payload), 0);
        assert_true (zmq_msg_recv (&payload, socket, 0) >= 0);
        header[len] = '\0';
        if (!memmem (header, (size_t)len, word, strlen (word)))
            fail_msg ("%s instead of %s", header, word);
        assert_int_equal (zmq_msg_size (&payload), SIZE);
        assert_ptr_equal (zmq_msg_data (&payload), memory);
        zmq_msg_close (&payload);
        return;
    }
}

static int start (void **state)
{
    // libzmq takes its time to forget a name: each broker has its own.
    static unsigned number;
    zfabric_broker_options_t options;
    world_t *world = calloc (1, sizeof *world);
    char problem[256];

    assert_non_null (world);
    number++;
    snprintf (world->clients, sizeof world->clients, "inproc://by-reference-clients-%u", number);
    snprintf (world->workers, sizeof world->workers, "inproc://by-reference-workers-%u", number);
    const char *serve[] = {world->clients}, *listen[] = {world->workers};
    // Never touched: a copy would be, too.
    memory = malloc (SIZE);
    assert_non_null (memory);
    given_back = 0;
    zfabric_broker_options_init (&options);
    options.serve = serve, options.serve_count = 1;
    options.listen = listen, options.listen_count = 1;
    world->broker = zfabric_broker_new (&options, problem, sizeof problem);
    if (!world->broker)
        fail_msg ("%s", problem);
    world->client = dial (serve[0]);
    world->worker = dial (listen[0]);
    *state = world;
    return 0;
}

static int stop (void **state)
{
    world_t *world = (world_t *)*state;

    zmq_close (world->client);
    zmq_close (world->worker);
    zfabric_broker_destroy (&world->broker);
    free (world);
    // Nothing holds a payload any more.
    free (memory);
    return 0;
}

static void json_peers_get_the_very_memory (void **state)
{
    world_t *world = (world_t *)*state;

    send_header (world->worker, "{\"packet_type\":\"REGISTER\",\"capacity\":1}");
    send_payload (world->client, JSON_RUN ",\"stream\":true}",
                  sizeof JSON_RUN ",\"stream\":true}" - 1);
    expect_payload (world->worker, "RUN");
    send_payload (world->worker, "{\"packet_type\":\"PARTIAL\",\"cookie\":\"" COOKIE "\"}",
                  sizeof "{\"packet_type\":\"PARTIAL\",\"cookie\":\"" COOKIE "\"}" - 1);
    expect_payload (world->client, "PARTIAL");
    send_payload (world->worker, JSON_DONE "}", sizeof JSON_DONE "}" - 1);
    expect_payload (world->client, "RESULT");
}

#define MSGPACK_RUN                                                                                \
    "\x83\xabpacket_type\xa3RUN\xa8pipeline\xa1p\xa6"                                              \
    "cookie\xd9\x24" COOKIE
#define MSGPACK_DONE                                                                               \
    "\x83\xabpacket_type\xa6RESULT\xa2rc\xa2OK\xa6"                                                \
    "cookie\xd9\x24" COOKIE

static void msgpack_peers_get_the_very_memory (void **state)
{
    static const char registers[] = "\x82\xabpacket_type\xa8REGISTER\xa8"
                                    "capacity\x01";
    world_t *world = (world_t *)*state;

    send_octets (world->worker, registers, sizeof registers - 1, 0);
    send_payload (world->client, MSGPACK_RUN, sizeof MSGPACK_RUN - 1);
    expect_payload (world->worker, "RUN");
    send_payload (world->worker, MSGPACK_DONE, sizeof MSGPACK_DONE - 1);
    expect_payload (world->client, "RESULT");
}

// PROTOCOL 6: unless its encoding is raw or already the receiver's codec.
static void peers_of_different_codecs_get_raw_octets_by_reference (void **state)
{
    static const char raw[] = JSON_RUN ",\"encoding\":\"raw\"}";
    static const char theirs[] = "\x84\xabpacket_type\xa6RESULT\xa2rc\xa2OK\xa8"
                                 "encoding\xa4json\xa6"
                                 "cookie\xd9\x24" COOKIE;
    static const char registers[] = "\x82\xabpacket_type\xa8REGISTER\xa8"
                                    "capacity\x01";
    world_t *world = (world_t *)*state;

    send_octets (world->worker, registers, sizeof registers - 1, 0);
    send_payload (world->client, raw, sizeof raw - 1);
    expect_payload (world->worker, "RUN");
    send_payload (world->worker, theirs, sizeof theirs - 1);
    expect_payload (world->client, "RESULT");
}

// A task that waits for a worker, and goes to a second one when the first has left, is kept whole.
static void a_task_that_waits_and_is_given_again_keeps_the_memory (void **state)
{
    world_t *world = (world_t *)*state;

    send_payload (world->client, JSON_RUN "}", sizeof JSON_RUN "}" - 1);
    send_header (world->worker, "{\"packet_type\":\"REGISTER\",\"capacity\":1}");
    expect_payload (world->worker, "RUN");
    // The broker holds it still, for the second worker.
    assert_int_equal (__atomic_load_n (&given_back, __ATOMIC_RELAXED), 0);
    void *second = dial (world->workers);
    send_header (second, "{\"packet_type\":\"REGISTER\",\"capacity\":1}");
    zmq_close (world->worker);
    world->worker = second;
    expect_payload (world->worker, "RUN");
    send_payload (world->worker, JSON_DONE "}", sizeof JSON_DONE "}" - 1);
    expect_payload (world->client, "RESULT");
}

TESTING_MAIN (cmocka_unit_test_setup_teardown (json_peers_get_the_very_memory, start, stop),
              cmocka_unit_test_setup_teardown (msgpack_peers_get_the_very_memory, start, stop),
              cmocka_unit_test_setup_teardown (
                  peers_of_different_codecs_get_raw_octets_by_reference, start, stop),
              cmocka_unit_test_setup_teardown (
                  a_task_that_waits_and_is_given_again_keeps_the_memory, start, stop), )
