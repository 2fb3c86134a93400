/*  The multiplexor as stories: what happens, and what its sink then says, in made-up time.
 */
#include "client/multiplexor.h"

#include <stdio.h>
#include <stdlib.h>

#include "fabric/container.h"
#include "fabric/limits.h"
#include "tests/support/testing.h"

#define CONNECT_MS 5000
#define TOLD_MAX   8192

static multiplexor_t mux;
static moment_t now;
static char told[TOLD_MAX]; // what the sink heard since the last look
static unsigned room;       // how many sends are taken before the pipe is full
static uint64_t beats;      // HEARTBEATs sent on this connection

typedef struct {
    session_t session;
    char name[16];
} named_t;

static named_t pool[8]; // a story's; they are open until its end
static unsigned made;

static const char *name_of (const session_t *session)
{
    return container_of (session, const named_t, session)->name;
}

static void say (const char *format, ...)
{
    va_list args;
    size_t len = strlen (told);

    va_start (args, format);
    vsnprintf (told + len, sizeof told - len, format, args);
    va_end (args);
}

static bool take_send (void)
{
    if (room == 0)
        return false;
    room--;
    return true;
}

static bool on_send (void *arg, session_t *session)
{
    (void)arg;
    if (!take_send ())
        return false;
    say ("%s %s; ", session->kind == SESSION_RUN ? "RUN" : "CANCEL", name_of (session));
    return true;
}

static bool on_send_cancel (void *arg, session_t *session)
{
    (void)arg;
    if (!take_send ())
        return false;
    say ("CANCEL own %s; ", name_of (session));
    return true;
}

static bool on_send_fence (void *arg, uint64_t *number)
{
    (void)arg;
    if (!take_send ())
        return false;
    *number = ++beats;
    say ("HEARTBEAT; ");
    return true;
}

static void on_ended (void *arg,
                      session_t *session,
                      const packet_t *packet,
                      frame_t *payload,
                      zfabric_rc_t rc,
                      const char *words)
{
    (void)arg;
    assert_true (!packet == !payload);
    say ("%s ends %s%s%s; ", name_of (session), zfabric_rc_name (rc), words ? ": " : "",
         words ? words : "");
    memset (&session->by_cookie, 0x5a, sizeof session->by_cookie); // it may be freed now
    session->place = (list_node_t){0};
}

static void on_partial (void *arg, session_t *session, const packet_t *packet, frame_t *payload)
{
    (void)arg;
    assert_non_null (payload);
    say ("%s gets %u; ", name_of (session), (unsigned)packet->seq);
}

static void on_stray (void *arg, const packet_t *packet, const char *words)
{
    (void)arg;
    say ("stray %s%s%s; ", packet_type_name (packet->type), words ? ": " : "", words ? words : "");
}

static const multiplexor_sink_t sink = {
    .send = on_send,
    .send_cancel = on_send_cancel,
    .send_fence = on_send_fence,
    .ended = on_ended,
    .partial = on_partial,
    .stray = on_stray,
};

static int set_up (void **state)
{
    static const uint8_t secret[TABLE_KEY_OCTETS] = {1, 2, 3};

    (void)state;
    now = 1000000;
    room = 1000000;
    beats = 0;
    made = 0;
    told[0] = '\0';
    return multiplexor_init (&mux, secret, CONNECT_MS, &sink, NULL);
}

static int tear_down (void **state)
{
    (void)state;
    multiplexor_stop (&mux, "the test is over");
    multiplexor_finish (&mux);
    return 0;
}

static void hears (const char *expected)
{
    assert_string_equal (told, expected);
    told[0] = '\0';
    assert_true (multiplexor_check (&mux));
}

// ---- what happens

// Named for its cookie: the first letter.
static void init (named_t *self, const char *name, session_kind_t kind)
{
    *self = (named_t){.session = {.kind = kind}};
    snprintf (self->name, sizeof self->name, "%s", name);
    memset (self->session.cookie.octets, name[0], COOKIE_OCTETS);
}

static named_t *make (const char *name, session_kind_t kind)
{
    assert_true (made < sizeof pool / sizeof *pool);
    init (&pool[made], name, kind);
    return &pool[made++];
}

static void add (named_t *named)
{
    multiplexor_add (&mux, &named->session, now);
    multiplexor_flush (&mux);
}

static void connection (void)
{
    beats = 0;
    multiplexor_up (&mux);
}

static void comes (packet_type_t type, const char *cookie, zfabric_rc_t rc, unsigned seq)
{
    packet_t packet;
    frame_t payload;

    packet_init (&packet, ENCODING_JSON);
    frame_init (&payload);
    packet.type = type;
    packet.keys = PACKET_BIT (PACKET_TYPE);
    packet.rc = rc;
    packet.seq = seq;
    if (type == PACKET_RESULT)
        packet.keys |= PACKET_BIT (RC);
    if (type == PACKET_PARTIAL)
        packet.keys |= PACKET_BIT (SEQ);
    if (cookie) {
        memset (packet.cookie.octets, cookie[0], COOKIE_OCTETS);
        packet.cookie.upper = 0xffff; // the spelling does not matter
        packet.keys |= PACKET_BIT (COOKIE);
    }
    multiplexor_packet (&mux, &packet, &payload);
    frame_close (&payload);
}

static void result (const char *cookie, zfabric_rc_t rc)
{
    comes (PACKET_RESULT, cookie, rc, 0);
}

static void answer (void)
{
    comes (PACKET_HEARTBEAT, NULL, ZFABRIC_OK, 0);
}

static void pass (span_t ms)
{
    moment_t end = now + ms;

    while (multiplexor_deadline (&mux) <= end) {
        now = multiplexor_deadline (&mux) > now ? multiplexor_deadline (&mux) : now;
        say ("(%u) ", (unsigned)(now - 1000000));
        multiplexor_expire (&mux, now, "nobody there");
    }
    now = end;
}

// ---- stories

static void a_task_is_run (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    connection ();
    add (a);
    hears ("RUN a; ");
    result ("a", ZFABRIC_OK);
    hears ("a ends OK; ");
    result ("a", ZFABRIC_OK); // PROTOCOL 4: exactly one, so this is nobody's
    hears ("stray RESULT; ");
}

static void many_tasks_are_told_apart (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN),
            *c = make ("c", SESSION_RUN);
    connection ();
    add (a);
    add (b);
    add (c);
    hears ("RUN a; RUN b; RUN c; ");
    result ("c", ZFABRIC_OK);
    result ("a", ZFABRIC_PROCESSOR_EXCEPTION);
    result ("b", ZFABRIC_OK);
    hears ("c ends OK; a ends PROCESSOR_EXCEPTION; b ends OK; ");
}

static void partials_go_to_their_task (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN);
    connection ();
    add (a);
    add (b);
    told[0] = '\0';
    comes (PACKET_PARTIAL, "a", ZFABRIC_OK, 0);
    comes (PACKET_PARTIAL, "b", ZFABRIC_OK, 0);
    comes (PACKET_PARTIAL, "a", ZFABRIC_OK, 1);
    comes (PACKET_PARTIAL, "z", ZFABRIC_OK, 0);
    comes (PACKET_PARTIAL, NULL, ZFABRIC_OK, 0);
    hears ("a gets 0; b gets 0; a gets 1; ");
    result ("a", ZFABRIC_OK);
    comes (PACKET_PARTIAL, "a", ZFABRIC_OK, 2);
    hears ("a ends OK; ");
}

// PROTOCOL 3: packets whose type a peer does not know are ignored.
static void other_packets_are_ignored (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    connection ();
    add (a);
    told[0] = '\0';
    comes (PACKET_UNKNOWN, "a", ZFABRIC_OK, 0);
    comes (PACKET_REGISTER, "a", ZFABRIC_OK, 0);
    comes (PACKET_RUN, "a", ZFABRIC_OK, 0);
    comes (PACKET_CANCEL, "a", ZFABRIC_OK, 0);
    comes (PACKET_SHUTDOWN, NULL, ZFABRIC_OK, 0);
    answer ();
    hears ("");
}

static void refusals_without_a_cookie_are_told (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    connection ();
    add (a);
    told[0] = '\0';
    result (NULL, ZFABRIC_BAD_PACKET);
    hears ("stray RESULT; ");
}

// A call must not hang because its one RESULT could not be read.
static void a_broken_result_ends_its_task (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN),
            *c = make ("c", SESSION_RUN);
    packet_t packet;
    connection ();
    add (a);
    add (b);
    add (c);
    told[0] = '\0';
    packet_init (&packet, ENCODING_JSON);
    multiplexor_broken (&mux, &packet, "not a header");
    hears ("stray ?: not a header; ");
    packet.cookie = a->session.cookie;
    packet.keys = PACKET_BIT (COOKIE);
    multiplexor_broken (&mux, &packet, "rc: not a result code");
    hears ("a ends EXCEPTION: rc: not a result code; ");
    packet.type = PACKET_PARTIAL;
    packet.cookie = b->session.cookie;
    packet.keys |= PACKET_BIT (PACKET_TYPE);
    multiplexor_broken (&mux, &packet, "seq: not an integer");
    hears ("stray PARTIAL: seq: not an integer; ");
    packet.type = PACKET_RESULT;
    multiplexor_packet (&mux, &packet, NULL);
    hears ("b ends EXCEPTION: rc: missing; ");
}

static void what_was_not_sent_waits_for_the_connection (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN);
    add (a);
    pass (CONNECT_MS - 1);
    add (b);
    hears ("");
    connection ();
    hears ("RUN a; RUN b; ");
    assert_true (multiplexor_deadline (&mux) == MOMENT_NEVER);
}

static void without_a_connection_calls_end_in_time (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_CANCEL);
    add (a);
    pass (1000);
    add (b);
    multiplexor_lost (&mux, now, "a try that failed");
    pass (10000);
    hears ("(5000) a ends BROKER_WENT_AWAY: nobody there; "
           "(6000) b ends BROKER_WENT_AWAY: nobody there; ");
}

static void a_lost_connection_ends_what_was_sent (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_CANCEL),
            *c = make ("c", SESSION_RUN);
    connection ();
    add (a);
    add (b);
    room = 0;
    add (c);
    told[0] = '\0';
    pass (CONNECT_MS * 2);
    multiplexor_lost (&mux, now, "it is gone");
    hears ("a ends BROKER_WENT_AWAY: it is gone; b ends BROKER_WENT_AWAY: it is gone; ");
    // The other has its time from the loss on.
    pass (CONNECT_MS - 1);
    hears ("");
    room = 1;
    connection ();
    hears ("RUN c; ");
    result ("c", ZFABRIC_OK);
    hears ("c ends OK; ");
}

// An answer of the connection before can't come any more; the cookie may be used again.
static void a_cookie_can_be_used_again (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *again = make ("a again", SESSION_RUN);
    connection ();
    add (a);
    multiplexor_lost (&mux, now, "it is gone");
    add (again);
    connection ();
    result ("a", ZFABRIC_OK);
    hears ("RUN a; a ends BROKER_WENT_AWAY: it is gone; RUN a again; a again ends OK; ");
}

static void a_cookie_in_use_is_refused (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *again = make ("a again", SESSION_RUN);
    connection ();
    add (a);
    add (again);
    hears ("RUN a; a again ends COOKIE_COLLISION: this client has a call with this cookie open; ");
    result ("a", ZFABRIC_OK);
    hears ("a ends OK; ");
}

static void a_task_is_cancelled (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    connection ();
    add (a);
    multiplexor_cancel (&mux, &a->session);
    multiplexor_cancel (&mux, &a->session);
    multiplexor_flush (&mux);
    hears ("RUN a; CANCEL own a; ");
    result ("a", ZFABRIC_CANCELLED);
    hears ("a ends CANCELLED; ");
    multiplexor_cancel (&mux, &a->session); // too late: nothing happens
    multiplexor_flush (&mux);
    hears ("");
}

static void what_was_not_sent_is_cancelled_at_once (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    add (a);
    multiplexor_cancel (&mux, &a->session);
    connection ();
    hears ("a ends CANCELLED: cancelled before it was sent; ");
}

static void a_cancel_that_was_not_sent_is_forgotten_with_the_connection (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    connection ();
    add (a);
    room = 0;
    multiplexor_cancel (&mux, &a->session);
    multiplexor_flush (&mux);
    multiplexor_lost (&mux, now, "it is gone");
    room = 10;
    connection ();
    hears ("RUN a; a ends BROKER_WENT_AWAY: it is gone; ");
}

static void a_strangers_task_is_cancelled_by_cookie (void **state)
{
    (void)state;
    named_t *x = make ("x", SESSION_CANCEL), *y = make ("y", SESSION_CANCEL);
    connection ();
    add (x);
    add (y);
    hears ("CANCEL x; CANCEL y; ");
    result ("y", ZFABRIC_COOKIE_NOT_FOUND);
    result ("x", ZFABRIC_OK);
    hears ("y ends COOKIE_NOT_FOUND; x ends OK; ");
}

static void cancels_of_one_cookie_share_the_answer (void **state)
{
    (void)state;
    named_t *x = make ("x", SESSION_CANCEL), *x2 = make ("x2", SESSION_CANCEL);
    connection ();
    add (x);
    add (x2);
    hears ("CANCEL x; ");
    result ("x", ZFABRIC_COOKIE_NOT_FOUND);
    hears ("x ends COOKIE_NOT_FOUND; x2 ends COOKIE_NOT_FOUND; ");
}

// PROTOCOL 4: the broker says OK only to who is not the task's own client.
static void ones_own_task_is_cancelled_by_cookie (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *x = make ("a's cancel", SESSION_CANCEL);
    connection ();
    add (a);
    add (x);
    hears ("RUN a; a's cancel ends OK; CANCEL own a; ");
    result ("a", ZFABRIC_CANCELLED);
    hears ("a ends CANCELLED; ");
}

static void a_cancel_and_a_later_run_of_one_cookie_are_told_apart (void **state)
{
    (void)state;
    named_t *x = make ("a's cancel", SESSION_CANCEL), *a = make ("a", SESSION_RUN);
    connection ();
    add (x);
    add (a);
    result ("a", ZFABRIC_COOKIE_NOT_FOUND);
    result ("a", ZFABRIC_OK);
    hears ("CANCEL a's cancel; RUN a; a's cancel ends COOKIE_NOT_FOUND; a ends OK; ");
}

static void a_full_pipe_is_waited_for (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN),
            *c = make ("c", SESSION_RUN);
    connection ();
    room = 1;
    add (a);
    add (b);
    multiplexor_cancel (&mux, &a->session);
    add (c);
    hears ("RUN a; ");
    room = 2;
    multiplexor_flush (&mux); // it is not asked again before it says so
    hears ("");
    multiplexor_writable (&mux);
    hears ("CANCEL own a; RUN b; ");
    room = 1;
    multiplexor_writable (&mux);
    hears ("RUN c; ");
    result ("a", ZFABRIC_CANCELLED);
    result ("b", ZFABRIC_OK);
    told[0] = '\0';
}

static void a_detached_task_ends_when_the_broker_took_it (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN),
            *c = make ("c", SESSION_RUN);
    a->session.detach = b->session.detach = true;
    connection ();
    multiplexor_add (&mux, &a->session, now);
    multiplexor_add (&mux, &b->session, now);
    multiplexor_add (&mux, &c->session, now); // not detached, and behind them
    multiplexor_flush (&mux);
    hears ("RUN a; RUN b; RUN c; HEARTBEAT; ");
    answer ();
    hears ("a ends OK; b ends OK; ");
    result ("c", ZFABRIC_OK);
    hears ("c ends OK; ");
}

// PROTOCOL 2, detach: a RESULT comes only if it is refused at once.
static void a_detached_task_that_is_refused_says_so (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN);
    a->session.detach = b->session.detach = true;
    connection ();
    add (a);
    add (b);
    hears ("RUN a; HEARTBEAT; RUN b; HEARTBEAT; ");
    result ("a", ZFABRIC_NO_CAPACITY);
    answer ();
    hears ("a ends NO_CAPACITY; ");
    answer ();
    hears ("b ends OK; ");
    result ("b", ZFABRIC_NO_CAPACITY); // its wait was over
    hears ("stray RESULT; ");
}

static void a_fence_waits_for_room (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    a->session.detach = true;
    connection ();
    beats = 7; // the link's own
    for (int i = 0; i < 7; i++)
        answer ();
    room = 1;
    add (a);
    hears ("RUN a; ");
    room = 1;
    multiplexor_writable (&mux);
    hears ("HEARTBEAT; ");
    answer ();
    hears ("a ends OK; ");
}

static void a_task_that_was_not_sent_times_out_here (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN),
            *c = make ("c", SESSION_RUN);
    b->session.timeout_ms = 300;
    c->session.timeout_ms = 200;
    add (a);
    add (b);
    add (c);
    pass (1000);
    hears ("(200) c ends TIMED_OUT: it was not sent in time; "
           "(300) b ends TIMED_OUT: it was not sent in time; ");
    pass (10000);
    hears ("(5000) a ends BROKER_WENT_AWAY: nobody there; ");
}

// The broker keeps the time of what it has; this is for one that forgot.
static void a_task_that_was_sent_times_out_here_later (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN);
    a->session.timeout_ms = b->session.timeout_ms = 300;
    add (a);
    add (b);
    pass (100);
    connection ();
    hears ("RUN a; RUN b; ");
    pass (250);
    result ("b", ZFABRIC_TIMED_OUT);
    hears ("b ends TIMED_OUT; ");
    pass (10000);
    hears ("(5300) a ends TIMED_OUT: the broker did not end it in time; ");
}

static void the_longest_timeout_is_no_timeout (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN);
    a->session.timeout_ms = UINT64_MAX;
    connection ();
    add (a);
    assert_true (multiplexor_deadline (&mux) == MOMENT_NEVER);
    multiplexor_lost (&mux, now, "gone");
    hears ("RUN a; a ends BROKER_WENT_AWAY: gone; ");
}

static void the_end_ends_all (void **state)
{
    (void)state;
    named_t *a = make ("a", SESSION_RUN), *b = make ("b", SESSION_RUN),
            *x = make ("x", SESSION_CANCEL);
    connection ();
    add (a);
    room = 0;
    add (b);
    add (x);
    multiplexor_stop (&mux, "closed");
    hears ("RUN a; a ends BROKER_WENT_AWAY: closed; b ends BROKER_WENT_AWAY: closed; "
           "x ends BROKER_WENT_AWAY: closed; ");
}

// ---- by chance

#define CHANCES 64

static uint64_t chance;

static unsigned any (unsigned below)
{
    chance = chance * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
    return (unsigned)(chance >> 33) % below;
}

static named_t crowd[CHANCES];
static unsigned open_now, begun;

static void count_ended (void *arg,
                         session_t *session,
                         const packet_t *packet,
                         frame_t *payload,
                         zfabric_rc_t rc,
                         const char *words)
{
    (void)arg, (void)packet, (void)payload, (void)rc, (void)words;
    assert_true (open_now > 0);
    open_now--;
    memset (container_of (session, named_t, session), 0, sizeof (named_t)); // may be used again
}

static void begin_one (void)
{
    named_t *named = &crowd[any (CHANCES)];

    if (named->name[0])
        return; // in use
    init (named, "?", any (4) ? SESSION_RUN : SESSION_CANCEL);
    memset (named->session.cookie.octets, (int)any (40), COOKIE_OCTETS);
    named->session.detach = named->session.kind == SESSION_RUN && any (4) == 0;
    named->session.timeout_ms = any (3) ? 0 : 1 + any (9000);
    open_now++;
    begun++;
    multiplexor_add (&mux, &named->session, now);
}

static void something_happens (void)
{
    char cookie[2] = {(char)any (40), '\0'};
    named_t *named = &crowd[any (CHANCES)];

    switch (any (12)) {
    case 0:
        connection ();
        break;
    case 1:
        if (any (4) == 0)
            multiplexor_lost (&mux, now, "by chance");
        break;
    case 2:
        result (cookie, (zfabric_rc_t)any (ZFABRIC_RESULT_COUNT));
        break;
    case 3:
        if (named->name[0])
            multiplexor_cancel (&mux, &named->session);
        break;
    case 4:
        comes (PACKET_PARTIAL, cookie, ZFABRIC_OK, any (9));
        break;
    case 5:
        if (mux.answers < beats)
            answer ();
        break;
    case 6:
        now += any (900);
        multiplexor_expire (&mux, now, "by chance");
        break;
    case 7:
        room = any (6);
        multiplexor_writable (&mux);
        break;
    default:
        begin_one ();
        multiplexor_flush (&mux);
    }
    told[0] = '\0';
}

static void whatever_happens_every_call_ends_once (void **state)
{
    multiplexor_sink_t counting = sink;

    (void)state;
    counting.ended = count_ended;
    mux.sink = &counting;
    for (chance = 1; chance < 4; chance++) {
        uint64_t seed = chance;
        for (unsigned i = 0; i < 20000; i++) {
            something_happens ();
            assert_true (multiplexor_check (&mux));
        }
        multiplexor_stop (&mux, "over");
        assert_int_equal (open_now, 0);
        memset (crowd, 0, sizeof crowd);
        chance = seed;
    }
    assert_true (begun > 5000);
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)

TESTING_MAIN (CASE (a_task_is_run),
              CASE (many_tasks_are_told_apart),
              CASE (partials_go_to_their_task),
              CASE (other_packets_are_ignored),
              CASE (refusals_without_a_cookie_are_told),
              CASE (a_broken_result_ends_its_task),
              CASE (what_was_not_sent_waits_for_the_connection),
              CASE (without_a_connection_calls_end_in_time),
              CASE (a_lost_connection_ends_what_was_sent),
              CASE (a_cookie_can_be_used_again),
              CASE (a_cookie_in_use_is_refused),
              CASE (a_task_is_cancelled),
              CASE (what_was_not_sent_is_cancelled_at_once),
              CASE (a_cancel_that_was_not_sent_is_forgotten_with_the_connection),
              CASE (a_strangers_task_is_cancelled_by_cookie),
              CASE (cancels_of_one_cookie_share_the_answer),
              CASE (ones_own_task_is_cancelled_by_cookie),
              CASE (a_cancel_and_a_later_run_of_one_cookie_are_told_apart),
              CASE (a_full_pipe_is_waited_for),
              CASE (a_detached_task_ends_when_the_broker_took_it),
              CASE (a_detached_task_that_is_refused_says_so),
              CASE (a_fence_waits_for_room),
              CASE (a_task_that_was_not_sent_times_out_here),
              CASE (a_task_that_was_sent_times_out_here_later),
              CASE (the_longest_timeout_is_no_timeout),
              CASE (the_end_ends_all),
              CASE (whatever_happens_every_call_ends_once), )
