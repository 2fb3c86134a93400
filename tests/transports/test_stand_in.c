/*  A stand-in between a broker that does what it is told and a legacy worker that is a few
 *  functions, all in one thread: whoever waits turns the loop.
 */
#include "transports/stand_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "codec/codec.h"
#include "tests/support/testing.h"
#include "tests/worker/fake_broker.h"
#include "transports/slots.h"

#define MANY 100000u // PARTIALs: more than any connection holds that nobody reads

static struct event_base *base;
static struct event *wake; // the broker's socket has something to do
static struct event *bell; // PATIENCE_MS are over
static fake_broker_t broker;
static outage_t outage;
static stand_in_t *stand_in;
static char heard[1024]; // what the legacy worker, and the log, were told since expect ()
static unsigned outages, rooms;
static bool unable; // the legacy worker can't be given a task
static bool late;

// ---- the loop

static void on_wake (evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

static void on_bell (evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    late = true;
}

// Until something happened. The broker's socket was read until it had nothing: its descriptor will
// tell of more.
static void turn (void)
{
    struct timeval patience = {PATIENCE_MS / 1000, 0};

    evtimer_add (bell, &patience);
    assert_int_not_equal (event_base_loop (base, EVLOOP_ONCE), -1);
    evtimer_del (bell);
    if (late)
        fail_msg ("nothing happened in %u ms; heard: %s", PATIENCE_MS, heard);
}

static void watch_broker (void)
{
    int fd;
    size_t size = sizeof fd;

    assert_int_equal (zmq_getsockopt (broker.socket, ZMQ_FD, &fd, &size), 0);
    wake = event_new (base, fd, EV_READ | EV_PERSIST, on_wake, NULL);
    event_add (wake, NULL);
}

static void lose_broker (void)
{
    unsigned before = outages;

    event_free (wake);
    wake = NULL;
    fake_broker_die (&broker);
    while (outages == before)
        turn ();
}

static void find_broker (void)
{
    fake_broker_revive (&broker);
    watch_broker ();
}

// ---- the legacy worker

static void hear (const char *what)
{
    size_t len = strlen (heard);

    snprintf (heard + len, sizeof heard - len, "%s%s", len ? ", " : "", what);
}

// Turns the loop until the legacy worker was told at least that much.
static void expect (const char *wanted)
{
    while (strlen (heard) < strlen (wanted))
        turn ();
    assert_string_equal (heard, wanted);
    heard[0] = '\0';
}

// As often as it is: each attempt to find the broker again tells it.
static void expect_room (void)
{
    while (!rooms)
        turn ();
    rooms = 0;
}

static int
on_run (void *arg, slice_t header, const packet_t *packet, slice_t payload, fault_t *fault)
{
    char text[64];

    (void)arg;
    assert_int_equal (header.ptr[0], '{');
    if (unable) {
        fault_set (fault, "it can't be said");
        return -1;
    }
    snprintf (text, sizeof text, "RUN %.*s %.*s", (int)packet->pipeline.len,
              (const char *)packet->pipeline.ptr, (int)payload.len, (const char *)payload.ptr);
    hear (text);
    return 0;
}

static void on_cancel (void *arg, const cookie_t *cookie)
{
    (void)arg;
    (void)cookie;
    hear ("CANCEL");
}

static void on_shutdown (void *arg)
{
    (void)arg;
    hear ("SHUTDOWN");
}

static void on_refused (void *arg, slice_t header, const packet_t *packet)
{
    (void)arg;
    (void)header;
    hear (zfabric_rc_name (packet->rc));
}

static void on_room (void *arg)
{
    (void)arg;
    rooms++;
}

static void on_outage (const char *text, void *arg)
{
    (void)text;
    (void)arg;
    outages++;
    outage.said[0] = '\0'; // each is told
}

static void make (packet_t *packet, packet_type_t type, const cookie_t *cookie)
{
    packet_init (packet, ENCODING_JSON);
    packet->type = type;
    packet->keys = PACKET_BIT (PACKET_TYPE);
    if (cookie) {
        packet->cookie = *cookie;
        packet->keys |= PACKET_BIT (COOKIE);
    }
}

static void say (packet_t *packet, const char *text)
{
    buffer_t header;
    frame_t payload;

    buffer_init (&header, LIMIT_HEADER_OCTETS);
    codec_write (packet, &header);
    assert_int_equal (header.failed, 0);
    if (packet->type == PACKET_REGISTER) {
        stand_in_register (stand_in, packet, buffer_as_slice (&header));
    } else {
        assert_int_equal (frame_copy (&payload, slice_text (text)), 0);
        stand_in_result (stand_in, packet, buffer_as_slice (&header), &payload); // takes it
    }
    buffer_finish (&header);
}

static void offer (unsigned capacity)
{
    packet_t packet;

    make (&packet, PACKET_REGISTER, NULL);
    packet.capacity = (uint16_t)capacity;
    packet.keys |= PACKET_BIT (CAPACITY);
    say (&packet, NULL);
}

static void answer (const cookie_t *cookie, const char *text)
{
    packet_t packet;

    make (&packet, PACKET_RESULT, cookie);
    packet.rc = ZFABRIC_OK;
    packet.keys |= PACKET_BIT (RC);
    say (&packet, text);
}

static void piece (const cookie_t *cookie, uint64_t seq)
{
    packet_t packet;

    make (&packet, PACKET_PARTIAL, cookie);
    packet.seq = seq;
    packet.keys |= PACKET_BIT (SEQ);
    say (&packet, "{}");
}

// ---- a case

static int set_up (void **state)
{
    static const stand_in_sink_t sink = {.run = on_run,
                                         .cancel = on_cancel,
                                         .shutdown = on_shutdown,
                                         .refused = on_refused,
                                         .room = on_room};
    const char *endpoints[] = {broker.endpoint};
    fault_t fault;

    (void)state;
    heard[0] = '\0';
    outages = rooms = 0;
    late = unable = false;
    outage = (outage_t){.whom = "workers", .say = on_outage};
    base = event_base_new ();
    bell = evtimer_new (base, on_bell, NULL);
    fake_broker_open (&broker, ENCODING_JSON);
    broker.wait = turn;
    watch_broker ();
    link_options_t link = {.endpoints = endpoints, .endpoint_count = 1, .codec = ENCODING_JSON};
    stand_in = stand_in_new (base, &link, &outage, &sink, NULL, &fault);
    assert_non_null (stand_in);
    return 0;
}

static int tear_down (void **state)
{
    (void)state;
    stand_in_destroy (&stand_in);
    assert_null (stand_in);
    stand_in_destroy (&stand_in);
    if (wake)
        event_free (wake);
    wake = NULL;
    event_free (bell);
    fake_broker_close (&broker);
    event_base_free (base);
    return 0;
}

// Registers with two slots, and is given a task.
static void begin (cookie_t *cookie)
{
    offer (2);
    fake_broker_register (&broker, 2);
    fake_broker_run (&broker, "a", "[1]", true, cookie);
    expect ("RUN a [1]");
    assert_int_equal (stand_in_busy (stand_in), 1);
}

// A RUN of a cookie that was used before.
static void run_again (const cookie_t *cookie)
{
    packet_t packet;

    make (&packet, PACKET_RUN, cookie);
    packet.pipeline = slice_text ("b");
    packet.keys |= PACKET_BIT (PIPELINE);
    fake_broker_send (&broker, &packet, "[2]");
}

// Of the stand-in's own, so without a payload.
static void expect_own (const cookie_t *cookie, zfabric_rc_t rc, const char *words)
{
    fake_broker_expect (&broker, PACKET_RESULT);
    assert_true (cookie_equal (&broker.packet.cookie, cookie));
    assert_string_equal (zfabric_rc_name (broker.packet.rc), zfabric_rc_name (rc));
    assert_int_equal (broker.message.frames, 1);
    fake_broker_error_has (&broker, words);
}

static void expect_register (unsigned capacity)
{
    fake_broker_expect (&broker, PACKET_REGISTER);
    assert_int_equal (broker.packet.capacity, capacity);
}

// ---- cases

static void a_task_is_given_and_its_result_ends_it (void **state)
{
    cookie_t cookie;

    (void)state;
    begin (&cookie);
    answer (&cookie, "[3]");
    fake_broker_expect_result (&broker, &cookie, ZFABRIC_OK, "[3]");
    assert_int_equal (stand_in_busy (stand_in), 0);
    answer (&cookie, "[4]"); // nobody waits for it
    run_again (&cookie);
    expect ("RUN b [2]");
    answer (&cookie, "[5]");
    fake_broker_expect_result (&broker, &cookie, ZFABRIC_OK, "[5]");
}

// PROTOCOL 3: REGISTER without `capacity`: "I don't know you, register again".
static void a_broker_that_does_not_know_it_hears_its_register_again (void **state)
{
    cookie_t cookie;

    (void)state;
    begin (&cookie);
    fake_broker_grant (&broker, -1);
    fake_broker_register (&broker, 2); // whose answer is no question
    answer (&cookie, "3");
    fake_broker_expect_result (&broker, &cookie, ZFABRIC_OK, "3");
}

static void what_registers_before_there_is_a_connection_is_told_when_there_is (void **state)
{
    cookie_t cookie;

    (void)state;
    begin (&cookie);
    lose_broker ();
    offer (7); // instead of 2, and one of them may still run the task
    find_broker ();
    expect_register (6);
}

// The task ended for the broker, and nobody knows what the worker does.
static void a_lost_connection_makes_ghosts_of_what_runs (void **state)
{
    cookie_t cookie, next;

    (void)state;
    begin (&cookie);
    lose_broker ();
    expect_room ();
    assert_int_equal (stand_in_busy (stand_in), 0);
    find_broker ();
    expect_register (1);
    run_again (&cookie);
    expect_own (&cookie, ZFABRIC_COOKIE_COLLISION, "cookie");
    fake_broker_run (&broker, "c", "0", false, &next);
    expect ("RUN c 0");
    answer (&cookie, "late");
    expect_register (2);
    answer (&next, "3");
    fake_broker_expect_result (&broker, &next, ZFABRIC_OK, "3");
}

static void partials_pass_while_the_task_runs (void **state)
{
    cookie_t cookie, other;

    (void)state;
    cookie_make (&other);
    begin (&cookie);
    piece (&cookie, 0);
    piece (&other, 1);
    piece (&cookie, 2);
    answer (&cookie, "3");
    piece (&cookie, 3);
    fake_broker_expect_partial (&broker, &cookie, 0, "{}");
    fake_broker_expect_partial (&broker, &cookie, 2, "{}");
    fake_broker_expect_result (&broker, &cookie, ZFABRIC_OK, "3");
    fake_broker_grant (&broker, -1);
    expect_register (2); // with nothing before it
}

static void a_worker_that_answers_a_cancel_is_believed (void **state)
{
    cookie_t cookie;

    (void)state;
    begin (&cookie);
    fake_broker_cancel (&broker, &cookie);
    expect ("CANCEL");
    answer (&cookie, "3");
    fake_broker_expect_result (&broker, &cookie, ZFABRIC_OK, "3");
    fake_broker_cancel (&broker, &cookie); // it crossed the RESULT
    run_again (&cookie);
    expect ("RUN b [2]");
}

// The REGISTER comes first: the RESULT makes room at the broker for a task that the worker may not
// have.
static void a_cancel_without_an_answer_ends_the_task_and_keeps_its_slot (void **state)
{
    cookie_t cookie;

    (void)state;
    begin (&cookie);
    moment_t before = moment_now ();
    fake_broker_cancel (&broker, &cookie);
    expect ("CANCEL");
    expect_register (1);
    expect_own (&cookie, ZFABRIC_CANCELLED, "said nothing");
    assert_true (moment_now () >= moment_after (before, SLOTS_GRACE_MS));
    assert_int_equal (stand_in_busy (stand_in), 0);
    piece (&cookie, 0);
    run_again (&cookie);
    expect_own (&cookie, ZFABRIC_COOKIE_COLLISION, "cookie");
    answer (&cookie, "late");
    expect_register (2);
    run_again (&cookie);
    expect ("RUN b [2]");
}

static void a_task_that_can_not_be_given_ends_with_the_reason (void **state)
{
    cookie_t cookie;

    (void)state;
    begin (&cookie);
    answer (&cookie, "3");
    fake_broker_expect_result (&broker, &cookie, ZFABRIC_OK, "3");
    unable = true;
    run_again (&cookie);
    expect_own (&cookie, ZFABRIC_EXCEPTION, "it can't be said");
    assert_int_equal (stand_in_busy (stand_in), 0);
}

static void a_result_that_could_not_be_read_is_an_exception (void **state)
{
    cookie_t cookie;

    (void)state;
    begin (&cookie);
    stand_in_failed (stand_in, &cookie, "no JSON");
    expect_own (&cookie, ZFABRIC_EXCEPTION, "no JSON");
    stand_in_failed (stand_in, &cookie, "nor this");
    fake_broker_grant (&broker, -1);
    expect_register (2);
}

// With a cookie it is a RESULT of the worker's that the broker could not read; without, itself.
static void what_the_broker_refuses_ends_the_task_or_is_told (void **state)
{
    cookie_t cookie;
    packet_t packet;

    (void)state;
    begin (&cookie);
    make (&packet, PACKET_RESULT, &cookie);
    packet.rc = ZFABRIC_BAD_PACKET;
    packet.keys |= PACKET_BIT (RC);
    fake_broker_send (&broker, &packet, NULL);
    expect_own (&cookie, ZFABRIC_EXCEPTION, "refused");
    packet.rc = ZFABRIC_FORBIDDEN;
    packet.keys &= ~PACKET_BIT (COOKIE);
    fake_broker_send (&broker, &packet, NULL);
    expect ("FORBIDDEN");
}

static void a_broker_that_shuts_down_is_not_registered_with_again (void **state)
{
    cookie_t cookie;

    (void)state;
    begin (&cookie);
    fake_broker_send_type (&broker, PACKET_SHUTDOWN);
    expect ("SHUTDOWN");
    fake_broker_grant (&broker, -1);
    run_again (&cookie); // it collides: the question before it was heard
    expect_own (&cookie, ZFABRIC_COOKIE_COLLISION, "cookie");
    answer (&cookie, "3");
    fake_broker_expect_result (&broker, &cookie, ZFABRIC_OK, "3");
}

// PROTOCOL 3, SHUTDOWN: "give me nothing more".
static void a_worker_that_leaves_is_given_nothing_by_the_next_broker (void **state)
{
    cookie_t cookie;

    (void)state;
    begin (&cookie);
    stand_in_shutdown (stand_in);
    fake_broker_expect (&broker, PACKET_SHUTDOWN);
    lose_broker ();
    expect_room ();
    find_broker ();
    fake_broker_expect (&broker, PACKET_HEARTBEAT); // and no REGISTER before it
    offer (2);                                      // it has thought better of it
    expect_register (1);
    fake_broker_grant (&broker, -1);
    expect_register (1);
}

static void fill (const cookie_t *cookie, unsigned *count)
{
    *count = 0;
    while (!stand_in_full (stand_in) && *count < MANY)
        piece (cookie, (*count)++);
    assert_true (stand_in_full (stand_in));
}

static void what_the_connection_does_not_take_waits_in_order (void **state)
{
    cookie_t cookie;
    unsigned count;

    (void)state;
    begin (&cookie);
    fill (&cookie, &count);
    broker.wait = NULL; // the loop stands still: there is room again, and nobody was told
    for (unsigned i = 0; i < count - 1; i++)
        fake_broker_expect_partial (&broker, &cookie, i, "{}");
    broker.wait = turn;
    for (unsigned i = 0; i < count; i++)
        piece (&cookie, count + i);
    answer (&cookie, "3");
    for (unsigned i = count - 1; i < 2 * count; i++)
        fake_broker_expect_partial (&broker, &cookie, i, "{}");
    fake_broker_expect_result (&broker, &cookie, ZFABRIC_OK, "3");
    expect_room ();
    assert_int_equal (outages, 0);
    assert_false (stand_in_full (stand_in));
}

static void what_waits_when_the_connection_is_lost_goes_with_it (void **state)
{
    cookie_t cookie;
    unsigned count;

    (void)state;
    begin (&cookie);
    fill (&cookie, &count);
    lose_broker ();
    expect_room ();
    assert_false (stand_in_full (stand_in));
    find_broker ();
    expect_register (1); // and no PARTIAL before it
    answer (&cookie, "late");
    expect_register (2);
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)

TESTING_MAIN (CASE (a_task_is_given_and_its_result_ends_it),
              CASE (a_broker_that_does_not_know_it_hears_its_register_again),
              CASE (what_registers_before_there_is_a_connection_is_told_when_there_is),
              CASE (a_lost_connection_makes_ghosts_of_what_runs),
              CASE (partials_pass_while_the_task_runs),
              CASE (a_worker_that_answers_a_cancel_is_believed),
              CASE (a_cancel_without_an_answer_ends_the_task_and_keeps_its_slot),
              CASE (a_task_that_can_not_be_given_ends_with_the_reason),
              CASE (a_result_that_could_not_be_read_is_an_exception),
              CASE (what_the_broker_refuses_ends_the_task_or_is_told),
              CASE (a_broker_that_shuts_down_is_not_registered_with_again),
              CASE (a_worker_that_leaves_is_given_nothing_by_the_next_broker),
              CASE (what_the_connection_does_not_take_waits_in_order),
              CASE (what_waits_when_the_connection_is_lost_goes_with_it))
