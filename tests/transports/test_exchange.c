// The tasks of several callers over one connection: what is sent, and who hears of what came.

#include "tests/support/testing.h"

#include "codec/codec.h"
#include "transports/exchange.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    caller_t caller;
    const char *name;
} named_t;

static exchange_t *exchange;
static named_t a, b;
static cookie_t cookies[3];
static char heard[4096]; // what happened since expect ()
static bool full;        // the connection takes nothing
static uint64_t beats;

static unsigned number_of (const cookie_t *cookie)
{
    unsigned i = 0;

    while (i < 3 && !cookie_equal (cookie, &cookies[i]))
        i++;
    return i;
}

static void hear (const char *who, const char *what, const cookie_t *cookie, const char *more)
{
    size_t len = strlen (heard);

    snprintf (heard + len, sizeof heard - len, "%s%s %s k%u%s%s", len ? ", " : "", who, what,
              number_of (cookie), *more ? " " : "", more);
}

static void expect (const char *wanted)
{
    assert_string_equal (heard, wanted);
    heard[0] = '\0';
    assert_true (exchange_check (exchange));
}

static int sink_send (void *arg, frame_t *header, frame_t *payload)
{
    packet_t packet;
    fault_t fault;

    (void)arg;
    if (full)
        return -1;
    assert_int_equal (codec_read (frame_slice (header), &packet, &fault), 0);
    hear ("sent", packet_type_name (packet.type), &packet.cookie, "");
    frame_close (header);
    if (payload)
        frame_close (payload);
    return 0;
}

static uint64_t sink_beat (void *arg)
{
    (void)arg;
    return full ? 0 : ++beats;
}

static void on_packet (caller_t *caller, slice_t header, const packet_t *packet, slice_t payload)
{
    (void)header;
    (void)payload;
    hear (((named_t *)caller)->name, packet_type_name (packet->type), &packet->cookie,
          packet->type == PACKET_RESULT ? zfabric_rc_name (packet->rc) : "");
}

static void on_result (caller_t *caller, const cookie_t *cookie, zfabric_rc_t rc, const char *words)
{
    (void)words;
    hear (((named_t *)caller)->name, "own", cookie, zfabric_rc_name (rc));
}

static int set_up (void **state)
{
    static const exchange_sink_t sink = {.send = sink_send, .beat = sink_beat};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        cookie_make (&cookies[i]);
    heard[0] = '\0';
    full = false;
    beats = 0;
    exchange = exchange_new (&sink, NULL);
    a = (named_t){{.packet = on_packet, .result = on_result}, "a"};
    b = (named_t){{.packet = on_packet, .result = on_result}, "b"};
    exchange_join (&a.caller);
    exchange_join (&b.caller);
    exchange_up (exchange);
    return exchange ? 0 : -1;
}

static int tear_down (void **state)
{
    (void)state;
    exchange_destroy (&exchange);
    return 0;
}

// ---- what happens

static void make (packet_t *packet, packet_type_t type, unsigned which, packet_keys_t more)
{
    packet_init (packet, ENCODING_JSON);
    packet->type = type;
    packet->cookie = cookies[which];
    packet->pipeline = slice_text ("p");
    packet->keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE) | more;
}

static void run_with (named_t *caller, unsigned which, packet_keys_t flags)
{
    frame_t header, payload;
    packet_t packet;
    buffer_t out;

    make (&packet, PACKET_RUN, which, PACKET_BIT (PIPELINE) | flags);
    packet.detach = (flags & PACKET_BIT (DETACH)) != 0;
    packet.stream = (flags & PACKET_BIT (STREAM)) != 0;
    packet.orphan_cancel = (flags & PACKET_BIT (ORPHAN)) != 0;
    buffer_init (&out, LIMIT_HEADER_OCTETS);
    codec_write (&packet, &out);
    assert_int_equal (frame_take (&header, &out), 0);
    assert_int_equal (frame_copy (&payload, slice_text ("[1]")), 0);
    exchange_run (exchange, &caller->caller, &packet, &header, &payload); // takes both
    buffer_finish (&out);
}

static void run (named_t *caller, unsigned which)
{
    run_with (caller, which, 0);
}

static void cancel (named_t *caller, unsigned which)
{
    exchange_cancel (exchange, &caller->caller, &cookies[which]);
}

static void come (packet_type_t type, unsigned which, zfabric_rc_t rc)
{
    packet_t packet;

    make (&packet, type, which, type == PACKET_RESULT ? PACKET_BIT (RC) : 0);
    packet.rc = rc;
    exchange_packet (exchange, slice_text ("{}"), &packet, slice_text ("2"));
}

static void result (unsigned which, zfabric_rc_t rc)
{
    come (PACKET_RESULT, which, rc);
}

static void beat (void)
{
    packet_t packet;

    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_HEARTBEAT;
    packet.keys = PACKET_BIT (PACKET_TYPE);
    exchange_packet (exchange, slice_text ("{}"), &packet, slice_of (NULL, 0));
}

// ---- cases

static void each_hears_of_its_own (void **state)
{
    (void)state;
    run (&a, 0);
    run (&b, 1);
    expect ("sent RUN k0, sent RUN k1");
    assert_int_equal (exchange_open (exchange), 2);
    result (1, ZFABRIC_OK);
    result (0, ZFABRIC_EXCEPTION);
    expect ("b RESULT k1 OK, a RESULT k0 EXCEPTION");
    result (0, ZFABRIC_OK); // nobody's any more
    expect ("");
    assert_int_equal (exchange_open (exchange), 0);
}

static void a_cookie_that_is_open_is_refused_here (void **state)
{
    (void)state;
    run (&a, 0);
    run (&b, 0);
    run (&a, 0);
    expect ("sent RUN k0, b own k0 COOKIE_COLLISION, a own k0 COOKIE_COLLISION");
    result (0, ZFABRIC_OK);
    run (&b, 0);
    expect ("a RESULT k0 OK, sent RUN k0");
}

static void partials_only_where_they_were_asked_for (void **state)
{
    (void)state;
    run (&a, 0);
    run_with (&a, 1, PACKET_BIT (STREAM));
    expect ("sent RUN k0, sent RUN k1");
    come (PACKET_PARTIAL, 0, 0);
    come (PACKET_PARTIAL, 1, 0);
    come (PACKET_PARTIAL, 2, 0);
    expect ("a PARTIAL k1");
}

static void a_cancel_of_an_own_task_has_no_answer_but_its_result (void **state)
{
    (void)state;
    run (&a, 0);
    cancel (&a, 0);
    expect ("sent RUN k0, sent CANCEL k0");
    result (0, ZFABRIC_CANCELLED);
    beat ();
    expect ("a RESULT k0 CANCELLED");
}

// The RESULT crossed the CANCEL: what the broker answers to that is not the next task's.
static void the_answer_to_a_cancel_that_was_late_is_not_the_next_runs (void **state)
{
    (void)state;
    run (&a, 0);
    cancel (&a, 0);
    result (0, ZFABRIC_OK);
    expect ("sent RUN k0, sent CANCEL k0, a RESULT k0 OK");
    run (&b, 0);
    result (0, ZFABRIC_COOKIE_NOT_FOUND);
    expect ("sent RUN k0");
    beat ();
    result (0, ZFABRIC_OK);
    expect ("b RESULT k0 OK");
}

static void a_cancel_by_another_caller_is_answered_at_once (void **state)
{
    (void)state;
    run (&a, 0);
    cancel (&b, 0);
    expect ("sent RUN k0, sent CANCEL k0, b own k0 OK");
    result (0, ZFABRIC_CANCELLED);
    beat ();
    expect ("a RESULT k0 CANCELLED");
}

static void a_cancel_of_a_strangers_task_is_the_brokers_to_answer (void **state)
{
    (void)state;
    cancel (&a, 0);
    cancel (&b, 0);
    result (0, ZFABRIC_OK);
    beat ();
    result (0, ZFABRIC_COOKIE_NOT_FOUND);
    beat ();
    expect ("sent CANCEL k0, sent CANCEL k0, a RESULT k0 OK, b RESULT k0 COOKIE_NOT_FOUND");
}

// A detached RUN has an answer only if it was refused: the HEARTBEAT behind it tells that it was
// not.
static void a_detached_task_ends_at_the_heartbeat_behind_it (void **state)
{
    (void)state;
    run_with (&a, 0, PACKET_BIT (DETACH));
    run_with (&a, 1, PACKET_BIT (DETACH));
    result (1, ZFABRIC_NO_CAPACITY);
    expect ("sent RUN k0, sent RUN k1, a RESULT k1 NO_CAPACITY");
    assert_int_equal (exchange_open (exchange), 1);
    beat ();
    beat ();
    expect ("");
    assert_int_equal (exchange_open (exchange), 0);
}

static void who_leaves_hears_nothing_and_cancels_what_it_said (void **state)
{
    (void)state;
    run (&a, 0);
    run_with (&a, 1, PACKET_BIT (ORPHAN));
    cancel (&a, 2);
    expect ("sent RUN k0, sent RUN k1, sent CANCEL k2");
    exchange_leave (exchange, &a.caller);
    expect ("sent CANCEL k1");
    run (&b, 0); // it is still under way
    expect ("b own k0 COOKIE_COLLISION");
    result (0, ZFABRIC_OK);
    result (1, ZFABRIC_CANCELLED);
    result (2, ZFABRIC_COOKIE_NOT_FOUND);
    beat ();
    beat ();
    expect ("");
    assert_int_equal (exchange_open (exchange), 0);
}

static void what_can_not_be_sent_waits_in_order (void **state)
{
    (void)state;
    full = true;
    run (&a, 0);
    cancel (&a, 0);
    run (&b, 1);
    expect ("");
    assert_true (exchange_full (exchange));
    exchange_writable (exchange);
    expect ("");
    full = false;
    exchange_writable (exchange);
    expect ("sent RUN k0, sent CANCEL k0, sent RUN k1");
    assert_false (exchange_full (exchange));
    assert_int_equal (beats, 1);
}

static void a_lost_broker_ends_everything_once (void **state)
{
    (void)state;
    full = true;
    run (&a, 0);
    full = false;
    run (&b, 1);
    cancel (&b, 2);
    exchange_down (exchange, "gone");
    expect ("b own k2 BROKER_WENT_AWAY, a own k0 BROKER_WENT_AWAY, b own k1 BROKER_WENT_AWAY");
    assert_true (exchange_full (exchange));
    exchange_up (exchange);
    beats = 0;
    exchange_writable (exchange); // what waited went with the connection
    result (1, ZFABRIC_OK);
    expect ("");
    run (&a, 0);
    result (0, ZFABRIC_OK);
    expect ("sent RUN k0, a RESULT k0 OK");
}

int main (int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE (each_hears_of_its_own),
        CASE (a_cookie_that_is_open_is_refused_here),
        CASE (partials_only_where_they_were_asked_for),
        CASE (a_cancel_of_an_own_task_has_no_answer_but_its_result),
        CASE (the_answer_to_a_cancel_that_was_late_is_not_the_next_runs),
        CASE (a_cancel_by_another_caller_is_answered_at_once),
        CASE (a_cancel_of_a_strangers_task_is_the_brokers_to_answer),
        CASE (a_detached_task_ends_at_the_heartbeat_behind_it),
        CASE (who_leaves_hears_nothing_and_cancels_what_it_said),
        CASE (what_can_not_be_sent_waits_in_order),
        CASE (a_lost_broker_ends_everything_once),
    };

    if (argc > 1)
        cmocka_set_test_filter (argv[1]);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
