#define _GNU_SOURCE

#include "worker/zfabric_worker.h"

#include "tests/support/testing.h"
#include "tests/worker/fake_broker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A gate: handlers come to it and wait until the test opens it. Counts who is there.
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned inside, most, passed;
    unsigned tickets; // how many may pass
} gate_t;

typedef struct {
    fake_broker_t broker;
    zfabric_worker_t *worker;
    gate_t gate;
    pthread_mutex_t lock;
    unsigned events[ZFABRIC_WORKER_EVENT_ENDED + 1];
} bench_t;

static void gate_open (gate_t *self, unsigned tickets)
{
    pthread_mutex_lock (&self->lock);
    self->tickets += tickets;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
}

// Waits until so many handlers are at the gate at once.
static void gate_await (gate_t *self, unsigned inside)
{
    struct timespec until;

    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock (&self->lock);
    while (self->inside != inside) {
        if (pthread_cond_timedwait (&self->changed, &self->lock, &until) == ETIMEDOUT)
            fail_msg ("%u handlers are at the gate, not %u", self->inside, inside);
    }
    pthread_mutex_unlock (&self->lock);
}

// -- Handlers

// Waits at the gate, whatever else happens.
static int stubborn (zfabric_task_t *task, void *arg)
{
    gate_t *gate = (gate_t *)arg;

    pthread_mutex_lock (&gate->lock);
    gate->inside++;
    if (gate->inside > gate->most)
        gate->most = gate->inside;
    pthread_cond_broadcast (&gate->changed);
    while (gate->tickets == 0)
        pthread_cond_wait (&gate->changed, &gate->lock);
    gate->tickets--;
    gate->inside--;
    gate->passed++;
    pthread_cond_broadcast (&gate->changed);
    pthread_mutex_unlock (&gate->lock);
    return zfabric_task_finish (task, "\"done\"", 6, ZFABRIC_ENCODING_JSON);
}

static int echo (zfabric_task_t *task, void *arg)
{
    size_t size;
    const void *payload = zfabric_task_payload (task, &size);

    (void)arg;
    return zfabric_task_finish (task, payload, size, zfabric_task_encoding (task));
}

static int count (zfabric_task_t *task, void *arg)
{
    char text[16];

    (void)arg;
    for (int i = 0; i < 200; i++) {
        int len = snprintf (text, sizeof text, "%d", i);
        if (zfabric_task_partial (task, text, (size_t)len, ZFABRIC_ENCODING_JSON))
            return -1;
    }
    return 0;
}

// Sends pieces until it is cancelled.
static int flood (zfabric_task_t *task, void *arg)
{
    static char piece[100000];
    int rc;

    (void)arg;
    do {
        rc = zfabric_task_partial (task, piece, sizeof piece, ZFABRIC_ENCODING_RAW);
    } while (rc == 0 && !zfabric_task_cancelled (task));
    return zfabric_task_fail (task, ZFABRIC_CANCELLED, "flooded", NULL, 0);
}

static int patient (zfabric_task_t *task, void *arg)
{
    struct pollfd item = {.fd = zfabric_task_descriptor (task), .events = POLLIN};

    (void)arg;
    if (poll (&item, 1, PATIENCE_MS) != 1 || !zfabric_task_wait_cancelled (task, -1))
        return zfabric_task_fail (task, ZFABRIC_EXCEPTION, "not cancelled", NULL, 0);
    return -1; // CANCELLED is understood
}

static int wordless (zfabric_task_t *task, void *arg)
{
    (void)task;
    (void)arg;
    errno = ENOENT;
    return -1;
}

static int wordy (zfabric_task_t *task, void *arg)
{
    static char error[70000];
    const char *lines[1000];

    (void)arg;
    memset (error, '\1', sizeof error - 1);
    for (size_t i = 0; i < 1000; i++)
        lines[i] =
            "a line of a stack trace that is of the usual length: at some_function (file.c:123)";
    lines[0] = "the first line";
    return zfabric_task_fail (task, ZFABRIC_PROCESSOR_EXCEPTION, error, lines, 1000);
}

static int whoami (zfabric_task_t *task, void *arg)
{
    char text[600];
    size_t size;
    uint64_t left = zfabric_task_time_left (task);

    (void)arg;
    (void)zfabric_task_payload (task, &size);
    int len = snprintf (text, sizeof text, "%s|%s|%zu|%d|%s|%s", zfabric_task_pipeline (task),
                        zfabric_task_cookie (task), size, (int)zfabric_task_encoding (task),
                        left == UINT64_MAX ? "no limit" : "limit",
                        zfabric_task_cancelled (task) ? "cancelled" : "not cancelled");
    return zfabric_task_finish (task, text, (size_t)len, ZFABRIC_ENCODING_RAW);
}

// Checks what may be said when, from the inside.
static int picky (zfabric_task_t *task, void *arg)
{
    static char much[2000];
    bool right = true;

    (void)arg;
    right &= zfabric_task_finish (task, much, sizeof much, ZFABRIC_ENCODING_RAW) == -1
             && errno == EMSGSIZE;
    right &= zfabric_task_finish (task, much, 1, (zfabric_encoding_t)7) == -1 && errno == EINVAL;
    right &= zfabric_task_fail (task, ZFABRIC_OK, NULL, NULL, 0) == -1 && errno == EINVAL;
    right &= zfabric_task_fail (task, ZFABRIC_TIMED_OUT, NULL, NULL, 0) == -1 && errno == EINVAL;
    right &= !zfabric_task_wait_cancelled (task, 1);
    right &= zfabric_task_finish (task, right ? "1" : "0", 1, ZFABRIC_ENCODING_DEFAULT) == 0;
    right &= zfabric_task_finish (task, "0", 1, ZFABRIC_ENCODING_JSON) == -1 && errno == EALREADY;
    right &= zfabric_task_partial (task, "0", 1, ZFABRIC_ENCODING_JSON) == -1 && errno == EALREADY;
    return right ? 0 : zfabric_task_fail (task, ZFABRIC_EXCEPTION, NULL, NULL, 0);
}

// -- The bench

static void on_event (zfabric_worker_event_t event, const char *text, void *arg)
{
    bench_t *self = (bench_t *)arg;

    (void)text;
    pthread_mutex_lock (&self->lock);
    self->events[event]++;
    pthread_mutex_unlock (&self->lock);
}

static unsigned told (bench_t *self, zfabric_worker_event_t event)
{
    pthread_mutex_lock (&self->lock);
    unsigned times = self->events[event];
    pthread_mutex_unlock (&self->lock);
    return times;
}

static void serve_all (bench_t *self)
{
    zfabric_worker_t *worker = self->worker;

    assert_int_equal (zfabric_worker_serve (worker, "stubborn", stubborn, &self->gate, 0), 0);
    assert_int_equal (zfabric_worker_serve (worker, "echo", echo, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (worker, "quick", echo, NULL, ZFABRIC_HANDLER_INLINE),
                      0);
    assert_int_equal (zfabric_worker_serve (worker, "count*", count, NULL, ZFABRIC_HANDLER_INLINE),
                      0);
    assert_int_equal (zfabric_worker_serve (worker, "slow-count", count, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (worker, "flood", flood, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (worker, "patient", patient, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (worker, "wordless", wordless, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (worker, "wordy", wordy, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (worker, "who*", whoami, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (worker, "picky", picky, NULL, 0), 0);
}

static void bench_make (bench_t *self, const char *endpoints, zfabric_worker_options_t options)
{
    char problem[300] = "";

    options.on_event = on_event;
    options.event_arg = self;
    options.task_events = true;
    self->worker = zfabric_worker_new (endpoints, &options, problem, sizeof problem);
    if (!self->worker)
        fail_msg ("%s", problem);
    serve_all (self);
    assert_int_equal (zfabric_worker_start (self->worker, problem, sizeof problem), 0);
}

static void bench_init (bench_t *self)
{
    memset (self, 0, sizeof *self);
    pthread_mutex_init (&self->lock, NULL);
    pthread_mutex_init (&self->gate.lock, NULL);
    pthread_cond_init (&self->gate.changed, NULL);
}

// A broker and a worker that is registered with it.
static void bench_open_with (bench_t *self, zfabric_worker_options_t options)
{
    bench_init (self);
    fake_broker_open (&self->broker,
                      options.codec == ZFABRIC_ENCODING_MSGPACK ? ENCODING_MSGPACK : ENCODING_JSON);
    bench_make (self, self->broker.endpoint, options);
    fake_broker_register (&self->broker, options.capacity);
    assert_true (zfabric_worker_wait_ready (self->worker, PATIENCE_MS));
}

static void bench_open (bench_t *self, unsigned capacity)
{
    zfabric_worker_options_t options = {.capacity = capacity, .name = "bench"};

    bench_open_with (self, options);
}

// Ends the worker as a broker that answers would see it: without waiting for anything.
static void end_worker (bench_t *self)
{
    if (zfabric_worker_wait (self->worker, 0))
        return;
    zfabric_worker_halt (self->worker);
    while (fake_broker_next (&self->broker) != PACKET_SHUTDOWN)
        ;
    fake_broker_expect (&self->broker, PACKET_HEARTBEAT);
    for (unsigned i = 0; i <= self->broker.beats; i++) // some may have been left unanswered
        fake_broker_send_type (&self->broker, PACKET_HEARTBEAT);
}

static void bench_close (bench_t *self)
{
    gate_open (&self->gate, 1000000);
    end_worker (self);
    zfabric_worker_destroy (&self->worker);
    assert_null (self->worker);
    fake_broker_close (&self->broker);
    pthread_mutex_destroy (&self->lock);
    pthread_mutex_destroy (&self->gate.lock);
    pthread_cond_destroy (&self->gate.changed);
}

static bool refuses (const char *endpoints, zfabric_worker_options_t options, const char *words)
{
    char problem[200] = "";
    zfabric_worker_t *worker = zfabric_worker_new (endpoints, &options, problem, sizeof problem);

    if (worker || errno != EINVAL || !strstr (problem, words)) {
        print_message ("%s: %s\n", endpoints, problem);
        return false;
    }
    return true;
}

// -- Cases

static void options_are_checked (void **state)
{
    const zfabric_worker_options_t usual = {0};

    (void)state;
    assert_true (refuses ("nonsense", usual, "nonsense"));
    assert_true (refuses ("tcp://127.0.0.1:*", usual, "port"));
    assert_true (refuses ("ipc:///tmp/a,,ipc:///tmp/b", usual, ""));
    assert_true (refuses (NULL, (zfabric_worker_options_t){.capacity = 65536}, "capacity"));
    assert_true (refuses (NULL, (zfabric_worker_options_t){.heartbeat_ms = 99}, "heartbeat"));
    assert_true (
        refuses (NULL, (zfabric_worker_options_t){.codec = ZFABRIC_ENCODING_RAW}, "codec"));
    assert_true (refuses (NULL, (zfabric_worker_options_t){.server_key = "short"}, "key"));
}

static void handlers_are_checked (void **state)
{
    zfabric_worker_t *worker = zfabric_worker_new (NULL, NULL, NULL, 0);
    char problem[200];

    (void)state;
    assert_non_null (worker);
    assert_int_equal (zfabric_worker_start (worker, problem, sizeof problem), -1);
    assert_string_equal (problem, "no pipeline is served");
    assert_int_equal (zfabric_worker_serve (worker, "", echo, NULL, 0), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (zfabric_worker_serve (worker, "$own", echo, NULL, 0), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (zfabric_worker_serve (worker, "a", echo, NULL, 2), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (zfabric_worker_serve (worker, "a", NULL, NULL, 0), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (zfabric_worker_serve (worker, "a", echo, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (worker, "a", echo, NULL, 0), -1);
    assert_int_equal (errno, EEXIST);
    for (int i = 1; i < 1024; i++) {
        char name[256];
        memset (name, 'x', sizeof name - 1);
        name[255] = '\0';
        name[snprintf (name, sizeof name, "%d", i)] = '-';
        assert_int_equal (zfabric_worker_serve (worker, name, echo, NULL, 0), 0);
    }
    assert_int_equal (zfabric_worker_serve (worker, "b", echo, NULL, 0), -1);
    assert_int_equal (errno, ENOSPC);
    assert_int_equal (zfabric_worker_start (worker, problem, sizeof problem), -1);
    assert_int_equal (errno, EMSGSIZE);
    assert_false (zfabric_worker_wait_ready (worker, 0));
    assert_true (zfabric_worker_wait (worker, 0));
    zfabric_worker_destroy (&worker);
    zfabric_worker_destroy (&worker);
}

// A worker nobody listens to can be ended at any time.
static void without_a_broker_it_ends_at_once (void **state)
{
    zfabric_worker_t *worker =
        zfabric_worker_new ("ipc:///tmp/zfabric-nobody-is-here", NULL, NULL, 0);

    (void)state;
    assert_non_null (worker);
    assert_int_equal (zfabric_worker_serve (worker, "*", echo, NULL, 0), 0);
    assert_int_equal (zfabric_worker_start (worker, NULL, 0), 0);
    assert_int_equal (zfabric_worker_start (worker, NULL, 0), -1);
    assert_int_equal (errno, EALREADY);
    assert_int_equal (zfabric_worker_serve (worker, "b", echo, NULL, 0), -1);
    assert_int_equal (errno, EBUSY);
    assert_false (zfabric_worker_wait_ready (worker, 20));
    zfabric_worker_drain (worker);
    assert_true (zfabric_worker_wait (worker, PATIENCE_MS));
    zfabric_worker_destroy (&worker);
}

// PROTOCOL 2: capacity, pipelines, name, and a heartbeat that is kept.
static void it_registers_with_what_it_serves (void **state)
{
    bench_t bench;
    slice_t rest;
    text_t text;
    unsigned found = 0;

    (void)state;
    bench_init (&bench);
    fake_broker_open (&bench.broker, ENCODING_JSON);
    bench_make (&bench, bench.broker.endpoint,
                (zfabric_worker_options_t){.capacity = 3, .name = "bench", .heartbeat_ms = 100});
    fake_broker_expect (&bench.broker, PACKET_REGISTER);
    assert_int_equal (bench.broker.packet.capacity, 3);
    assert_int_equal (bench.broker.packet.heartbeat_ms, 100);
    assert_true (slice_equal (bench.broker.packet.name.raw, slice_text ("bench")));
    rest = bench.broker.packet.pipelines.raw;
    while (strings_next (ENCODING_JSON, &rest, &text))
        found += slice_equal (text.raw, slice_text ("count*"))
                 || slice_equal (text.raw, slice_text ("echo"));
    assert_int_equal (found, 2);
    assert_false (zfabric_worker_wait_ready (bench.worker, 0));
    fake_broker_grant (&bench.broker, 3);
    assert_true (zfabric_worker_wait_ready (bench.worker, PATIENCE_MS));

    moment_t began = moment_now ();
    fake_broker_expect_quiet (&bench.broker, 5);
    assert_true (moment_now () - began < 5 * PEER_HEARTBEAT_MS);
    bench_close (&bench);
}

static void tasks_run_and_answer_in (encoding_t codec)
{
    const bool json = codec == ENCODING_JSON;
    bench_t bench;
    cookie_t cookie;
    char expected[400], name[COOKIE_TEXT + 1];

    bench_open_with (&bench, (zfabric_worker_options_t){.capacity = 2,
                                                        .codec = (zfabric_encoding_t)(codec + 1)});
    const char *const document = json ? "[1,\"a\"]"
                                      : "\x92\x01\xa1"
                                        "a";
    fake_broker_run (&bench.broker, "echo", document, false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, document);
    assert_false (packet_has (&bench.broker.packet, PACKET_BIT (ENCODING)));
    fake_broker_run (&bench.broker, "quick", document, false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, document);
    fake_broker_run (&bench.broker, "quick", NULL, false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "");

    fake_broker_run (&bench.broker, "whoever", "xyz", false, &cookie);
    cookie_print (&cookie, name);
    snprintf (expected, sizeof expected, "whoever|%s|3|%d|no limit|not cancelled", name, codec + 1);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, expected);
    assert_int_equal (bench.broker.packet.encoding, ENCODING_RAW);

    // A JSON result beside a msgpack header says so, and the other way round it need not.
    fake_broker_run (&bench.broker, "stubborn", "", false, &cookie);
    gate_open (&bench.gate, 1);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "\"done\"");
    assert_int_equal (bench.broker.packet.encoding, ENCODING_JSON);
    assert_int_equal (packet_has (&bench.broker.packet, PACKET_BIT (ENCODING)), !json);
    bench_close (&bench);
}

static void tasks_run_and_answer_in_json (void **state)
{
    (void)state;
    tasks_run_and_answer_in (ENCODING_JSON);
}

static void tasks_run_and_answer_in_msgpack (void **state)
{
    (void)state;
    tasks_run_and_answer_in (ENCODING_MSGPACK);
}

// PROTOCOL 2: the legacy form, and what a deadline is.
static void a_payload_in_the_header_is_one_as_well (void **state)
{
    bench_t bench;
    packet_t packet;

    (void)state;
    bench_open (&bench, 1);
    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_RUN;
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE) | PACKET_BIT (PIPELINE)
                  | PACKET_BIT (VARIABLES) | PACKET_BIT (TIMEOUT);
    cookie_make (&packet.cookie);
    packet.pipeline = slice_text ("echo");
    packet.variables.text = text_plain (slice_text ("{\"a\": \"b\\n\"}"));
    packet.timeout_ms = 60000;
    fake_broker_send (&bench.broker, &packet, NULL);
    fake_broker_expect_result (&bench.broker, &packet.cookie, ZFABRIC_OK, "{\"a\": \"b\\n\"}");
    cookie_make (&packet.cookie);
    packet.pipeline = slice_text ("who");
    fake_broker_send (&bench.broker, &packet, NULL);
    fake_broker_expect_result (&bench.broker, &packet.cookie, ZFABRIC_OK, NULL);
    slice_t payload = fake_broker_payload (&bench.broker);
    assert_non_null (memmem (payload.ptr, payload.len, "|limit|", 7));
    bench_close (&bench);
}

static void what_a_handler_may_say_is_checked (void **state)
{
    bench_t bench;
    cookie_t cookie;

    (void)state;
    bench_open_with (&bench, (zfabric_worker_options_t){.capacity = 1, .max_payload = 1000});
    fake_broker_run (&bench.broker, "picky", "", false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "1");
    char much[1002];
    memset (much, '1', sizeof much);
    much[1001] = '\0';
    fake_broker_run (&bench.broker, "echo", much, false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_EXCEPTION, "");
    fake_broker_error_has (&bench.broker, "payload");
    bench_close (&bench);
}

// Every RUN gets exactly one RESULT, whatever is wrong.
static void failures_are_results (void **state)
{
    bench_t bench;
    cookie_t cookie;
    packet_t packet;

    (void)state;
    bench_open (&bench, 1);
    fake_broker_run (&bench.broker, "wordless", "", false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_EXCEPTION, "");
    fake_broker_error_has (&bench.broker, "No such file");
    fake_broker_run (&bench.broker, "unheard-of", "", false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_EXCEPTION, "");
    fake_broker_error_has (&bench.broker, "does not serve");

    fake_broker_run (&bench.broker, "wordy", "", false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_PROCESSOR_EXCEPTION, "");
    assert_true (bench.broker.packet.stacktrace.count > 100);
    fake_broker_stack_has (&bench.broker, "the first line");
    assert_true (frame_size (&bench.broker.message.header) > 30000);

    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_RUN;
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE);
    cookie_make (&packet.cookie);
    fake_broker_send (&bench.broker, &packet, NULL);
    fake_broker_expect_result (&bench.broker, &packet.cookie, ZFABRIC_EXCEPTION, "");
    fake_broker_error_has (&bench.broker, "pipeline");
    bench_close (&bench);
}

static void tasks_run_in_parallel_up_to_the_capacity (void **state)
{
    bench_t bench;
    cookie_t cookies[4], fifth;

    (void)state;
    bench_open (&bench, 4);
    for (size_t i = 0; i < 4; i++)
        fake_broker_run (&bench.broker, "stubborn", "", false, &cookies[i]);
    gate_await (&bench.gate, 4);
    fake_broker_run (&bench.broker, "stubborn", "", false, &fifth);
    fake_broker_expect_result (&bench.broker, &fifth, ZFABRIC_EXCEPTION, "");
    fake_broker_error_has (&bench.broker, "no free slot");
    gate_open (&bench.gate, 4);
    for (size_t i = 0; i < 4; i++) {
        fake_broker_expect (&bench.broker, PACKET_RESULT);
        assert_int_equal (bench.broker.packet.rc, ZFABRIC_OK);
    }
    fake_broker_run (&bench.broker, "stubborn", "", false, &fifth);
    gate_open (&bench.gate, 1);
    fake_broker_expect_result (&bench.broker, &fifth, ZFABRIC_OK, "\"done\"");
    assert_int_equal (bench.gate.most, 4);
    bench_close (&bench);
}

static void a_cookie_that_runs_is_not_run_twice (void **state)
{
    bench_t bench;
    packet_t packet;

    (void)state;
    bench_open (&bench, 2);
    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_RUN;
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE) | PACKET_BIT (PIPELINE);
    cookie_make (&packet.cookie);
    packet.pipeline = slice_text ("stubborn");
    fake_broker_send (&bench.broker, &packet, NULL);
    gate_await (&bench.gate, 1);
    fake_broker_send (&bench.broker, &packet, NULL);
    fake_broker_expect_result (&bench.broker, &packet.cookie, ZFABRIC_COOKIE_COLLISION, "");
    gate_open (&bench.gate, 1);
    fake_broker_expect_result (&bench.broker, &packet.cookie, ZFABRIC_OK, "\"done\"");
    bench_close (&bench);
}

static void partials_come_in_order_before_the_result (void **state)
{
    static const char *const pipelines[] = {"slow-count", "counting"}; // the second one inline
    bench_t bench;
    cookie_t cookie;
    char text[16];

    (void)state;
    bench_open (&bench, 1);
    fake_broker_run (&bench.broker, pipelines[0], "", true, &cookie);
    for (unsigned i = 0; i < 200; i++) {
        snprintf (text, sizeof text, "%u", i);
        fake_broker_expect_partial (&bench.broker, &cookie, i, text);
    }
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "");

    // An inline handler can't wait for room.
    fake_broker_run (&bench.broker, pipelines[1], "", true, &cookie);
    for (unsigned i = 0; i < 64; i++)
        fake_broker_expect_partial (&bench.broker, &cookie, i, NULL);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_EXCEPTION, "");
    fake_broker_error_has (&bench.broker, "temporarily");

    // Nobody asked for them.
    fake_broker_run (&bench.broker, pipelines[0], "", false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "");
    bench_close (&bench);
}

// The handler is held up, memory does not grow, other tasks go on, and a cancel ends it.
static void partials_wait_for_a_slow_broker (void **state)
{
    bench_t bench;
    cookie_t cookie, other;
    uint64_t seq = 0;

    (void)state;
    bench_open (&bench, 2);
    fake_broker_run (&bench.broker, "flood", "", true, &cookie);
    fake_broker_expect_partial (&bench.broker, &cookie, 0, NULL);
    fake_broker_run (&bench.broker, "echo", "1", false, &other);
    while (fake_broker_next (&bench.broker) == PACKET_PARTIAL)
        assert_int_equal (bench.broker.packet.seq, ++seq);
    assert_int_equal (bench.broker.packet.type, PACKET_RESULT);
    assert_true (cookie_equal (&bench.broker.packet.cookie, &other));
    fake_broker_cancel (&bench.broker, &cookie);
    while (fake_broker_next (&bench.broker) == PACKET_PARTIAL)
        assert_int_equal (bench.broker.packet.seq, ++seq);
    assert_int_equal (bench.broker.packet.type, PACKET_RESULT);
    assert_int_equal (bench.broker.packet.rc, ZFABRIC_CANCELLED);
    bench_close (&bench);
}

static void cancel_reaches_a_running_task (void **state)
{
    bench_t bench;
    cookie_t cookie;

    (void)state;
    bench_open (&bench, 1);
    fake_broker_run (&bench.broker, "patient", "", false, &cookie);
    fake_broker_cancel (&bench.broker, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_CANCELLED, "");
    // Once it has ended a CANCEL is nothing; nor is one for a stranger.
    fake_broker_cancel (&bench.broker, &cookie);
    cookie_make (&cookie);
    fake_broker_cancel (&bench.broker, &cookie);
    fake_broker_run (&bench.broker, "quick", "1", false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "1");
    // One that was done before it heard of it is OK.
    fake_broker_run (&bench.broker, "stubborn", "", false, &cookie);
    gate_await (&bench.gate, 1);
    fake_broker_cancel (&bench.broker, &cookie);
    gate_open (&bench.gate, 1);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "\"done\"");
    bench_close (&bench);
}

// SHUTDOWN from us: running tasks finish, those on their way are run, then we leave.
static void drain_finishes_what_runs (void **state)
{
    bench_t bench;
    cookie_t first, late;

    (void)state;
    bench_open (&bench, 2);
    fake_broker_run (&bench.broker, "stubborn", "", false, &first);
    gate_await (&bench.gate, 1);
    zfabric_worker_drain (bench.worker);
    fake_broker_expect (&bench.broker, PACKET_SHUTDOWN);
    fake_broker_run (&bench.broker, "echo", "1", false, &late);
    fake_broker_expect_result (&bench.broker, &late, ZFABRIC_OK, "1");
    assert_false (zfabric_worker_wait (bench.worker, 0));
    gate_open (&bench.gate, 1);
    fake_broker_expect_result (&bench.broker, &first, ZFABRIC_OK, "\"done\"");
    assert_true (zfabric_worker_wait (bench.worker, PATIENCE_MS));
    bench_close (&bench);
}

// The RUN that crossed our SHUTDOWN comes before the answer to the HEARTBEAT behind it.
static void a_task_that_crosses_the_shutdown_is_run (void **state)
{
    bench_t bench;
    cookie_t cookie;

    (void)state;
    bench_open (&bench, 1);
    zfabric_worker_drain (bench.worker);
    fake_broker_expect (&bench.broker, PACKET_SHUTDOWN);
    fake_broker_run (&bench.broker, "echo", "2", false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "2");
    assert_true (zfabric_worker_wait (bench.worker, PATIENCE_MS));
    bench_close (&bench);
}

static void shutdown_from_the_broker_is_a_drain (void **state)
{
    bench_t bench;
    cookie_t cookie;

    (void)state;
    bench_open (&bench, 2);
    fake_broker_run (&bench.broker, "stubborn", "", false, &cookie);
    gate_await (&bench.gate, 1);
    fake_broker_send_type (&bench.broker, PACKET_SHUTDOWN);
    gate_open (&bench.gate, 1);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "\"done\"");
    assert_true (zfabric_worker_wait (bench.worker, PATIENCE_MS));
    assert_int_equal (told (&bench, ZFABRIC_WORKER_EVENT_LEAVING), 1);
    bench_close (&bench);
}

static void halt_cancels_what_runs (void **state)
{
    bench_t bench;
    cookie_t willing, deaf, late;
    moment_t began;
    bool abandoned = false;

    (void)state;
    bench_open (&bench, 3);
    fake_broker_run (&bench.broker, "patient", "", false, &willing);
    fake_broker_run (&bench.broker, "stubborn", "", false, &deaf);
    gate_await (&bench.gate, 1);
    began = moment_now ();
    zfabric_worker_drain (bench.worker);
    zfabric_worker_halt (bench.worker);
    // The two wishes may come together or one after the other: one SHUTDOWN in either case.
    fake_broker_expect (&bench.broker, PACKET_SHUTDOWN);
    fake_broker_expect_result (&bench.broker, &willing, ZFABRIC_CANCELLED, "");
    fake_broker_run (&bench.broker, "echo", "", false, &late);
    fake_broker_expect_result (&bench.broker, &late, ZFABRIC_CANCELLED, "");
    // The deaf one is answered for.
    fake_broker_expect_result (&bench.broker, &deaf, ZFABRIC_CANCELLED, "");
    fake_broker_error_has (&bench.broker, "did not return");
    abandoned = moment_now () - began >= 2900;
    assert_true (abandoned);
    assert_true (zfabric_worker_wait (bench.worker, PATIENCE_MS));
    bench_close (&bench);
}

// "Alive but deaf" never: back within the reconnect's pauses, with the slots that are free.
static void it_registers_again_when_the_broker_is_back (void **state)
{
    bench_t bench;
    cookie_t cookie, deaf;

    (void)state;
    bench_open (&bench, 3);
    fake_broker_run (&bench.broker, "patient", "", false, &cookie);
    fake_broker_run (&bench.broker, "stubborn", "", false, &deaf);
    gate_await (&bench.gate, 1);
    fake_broker_die (&bench.broker);
    fake_broker_revive (&bench.broker);
    // The patient one is cancelled and gone, sooner or later; the stubborn one holds its slot.
    do {
        fake_broker_expect (&bench.broker, PACKET_REGISTER);
    } while (bench.broker.packet.capacity != 2);
    fake_broker_grant (&bench.broker, 2);
    gate_open (&bench.gate, 1);
    fake_broker_register (&bench.broker, 3); // its slot is free again, its result is not sent
    fake_broker_run (&bench.broker, "quick", "1", false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "1");
    assert_true (told (&bench, ZFABRIC_WORKER_EVENT_LOST) >= 1);
    bench_close (&bench);
}

static void it_registers_again_when_it_is_not_known (void **state)
{
    bench_t bench;
    cookie_t cookie, deaf;
    packet_t packet;

    (void)state;
    bench_open (&bench, 2);
    fake_broker_run (&bench.broker, "stubborn", "", false, &deaf);
    gate_await (&bench.gate, 1);
    fake_broker_grant (&bench.broker, -1);
    fake_broker_grant (&bench.broker, -1); // to something that was sent before the REGISTER
    fake_broker_register (&bench.broker, 1);
    // The broker may send the same task again: the void one is no collision.
    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_RUN;
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE) | PACKET_BIT (PIPELINE);
    packet.cookie = deaf;
    packet.pipeline = slice_text ("quick");
    fake_broker_send (&bench.broker, &packet, "7");
    fake_broker_expect_result (&bench.broker, &deaf, ZFABRIC_OK, "7");
    gate_open (&bench.gate, 1);
    fake_broker_register (&bench.broker, 2);
    fake_broker_run (&bench.broker, "quick", "1", false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "1");
    bench_close (&bench);
}

// A REGISTER that nobody answers is sent again.
static void an_unanswered_register_is_repeated (void **state)
{
    bench_t bench;

    (void)state;
    bench_init (&bench);
    fake_broker_open (&bench.broker, ENCODING_JSON);
    bench_make (&bench, bench.broker.endpoint, (zfabric_worker_options_t){.capacity = 1});
    fake_broker_expect (&bench.broker, PACKET_REGISTER);
    fake_broker_register (&bench.broker, 1);
    assert_true (zfabric_worker_wait_ready (bench.worker, PATIENCE_MS));
    bench_close (&bench);
}

static void answer_bad (fake_broker_t *broker, const cookie_t *cookie)
{
    packet_t packet;

    packet_init (&packet, broker->codec);
    packet.type = PACKET_RESULT;
    packet.keys =
        PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE) | PACKET_BIT (RC) | PACKET_BIT (ERROR);
    packet.cookie = *cookie;
    packet.rc = ZFABRIC_BAD_PACKET;
    packet.error = text_plain (slice_text ("payload: too much"));
    fake_broker_send (broker, &packet, "");
}

// So that the task ends; once, or the two would go on for ever.
static void a_result_that_is_refused_is_replaced (void **state)
{
    bench_t bench;
    cookie_t cookie, other;

    (void)state;
    bench_open (&bench, 1);
    fake_broker_run (&bench.broker, "quick", "1", false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "1");
    answer_bad (&bench.broker, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_EXCEPTION, "");
    answer_bad (&bench.broker, &cookie);
    cookie_make (&other);
    answer_bad (&bench.broker, &other);
    fake_broker_run (&bench.broker, "quick", "2", false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "2");
    assert_int_equal (told (&bench, ZFABRIC_WORKER_EVENT_REFUSED), 3);
    bench_close (&bench);
}

static void strange_packets_are_ignored (void **state)
{
    static const char *const headers[] = {"",
                                          "x",
                                          "{",
                                          "{}",
                                          "{\"packet_type\":\"NEWS\"}",
                                          "{\"packet_type\":7}",
                                          "{\"packet_type\":\"RUN\"}",
                                          "{\"packet_type\":\"CANCEL\"}",
                                          "{\"packet_type\":\"PARTIAL\"}"};
    bench_t bench;
    cookie_t cookie;

    (void)state;
    bench_open (&bench, 1);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        frame_t header;
        assert_int_equal (frame_copy (&header, slice_text (headers[i])), 0);
        assert_int_equal (
            wire_send (bench.broker.socket, &bench.broker.worker, false, &header, NULL), 0);
    }
    fake_broker_run (&bench.broker, "echo", "1", false, &cookie);
    fake_broker_expect_result (&bench.broker, &cookie, ZFABRIC_OK, "1");
    bench_close (&bench);
}

// Each broker is told all of it, together they get no more.
static void two_brokers_share_the_capacity (void **state)
{
    bench_t bench;
    fake_broker_t second;
    cookie_t cookies[4];
    char endpoints[300];

    (void)state;
    bench_init (&bench);
    fake_broker_open (&bench.broker, ENCODING_JSON);
    fake_broker_open (&second, ENCODING_JSON);
    snprintf (endpoints, sizeof endpoints, "%s,%s", bench.broker.endpoint, second.endpoint);
    bench_make (&bench, endpoints, (zfabric_worker_options_t){.capacity = 2});
    fake_broker_register (&bench.broker, 2);
    fake_broker_register (&second, 2);
    fake_broker_run (&bench.broker, "stubborn", "", false, &cookies[0]);
    fake_broker_run (&bench.broker, "stubborn", "", false, &cookies[1]);
    gate_await (&bench.gate, 2);
    fake_broker_run (&second, "stubborn", "", false, &cookies[2]);
    fake_broker_run (&second, "stubborn", "", false, &cookies[3]);
    fake_broker_cancel (&second, &cookies[3]); // it waits: nothing has to be stopped
    fake_broker_expect_result (&second, &cookies[3], ZFABRIC_CANCELLED, "");
    gate_open (&bench.gate, 3);
    fake_broker_expect (&bench.broker, PACKET_RESULT);
    fake_broker_expect (&bench.broker, PACKET_RESULT);
    fake_broker_expect_result (&second, &cookies[2], ZFABRIC_OK, "\"done\"");
    assert_int_equal (bench.gate.most, 2);

    fake_broker_send_type (&bench.broker, PACKET_SHUTDOWN);
    fake_broker_run (&second, "quick", "1", false, &cookies[0]);
    fake_broker_expect_result (&second, &cookies[0], ZFABRIC_OK, "1");
    assert_false (zfabric_worker_wait (bench.worker, 0));
    fake_broker_send_type (&second, PACKET_SHUTDOWN);
    assert_true (zfabric_worker_wait (bench.worker, PATIENCE_MS));
    fake_broker_close (&second);
    bench_close (&bench);
}

TESTING_MAIN (cmocka_unit_test (options_are_checked),
              cmocka_unit_test (handlers_are_checked),
              cmocka_unit_test (without_a_broker_it_ends_at_once),
              cmocka_unit_test (it_registers_with_what_it_serves),
              cmocka_unit_test (tasks_run_and_answer_in_json),
              cmocka_unit_test (tasks_run_and_answer_in_msgpack),
              cmocka_unit_test (a_payload_in_the_header_is_one_as_well),
              cmocka_unit_test (what_a_handler_may_say_is_checked),
              cmocka_unit_test (failures_are_results),
              cmocka_unit_test (tasks_run_in_parallel_up_to_the_capacity),
              cmocka_unit_test (a_cookie_that_runs_is_not_run_twice),
              cmocka_unit_test (partials_come_in_order_before_the_result),
              cmocka_unit_test (partials_wait_for_a_slow_broker),
              cmocka_unit_test (cancel_reaches_a_running_task),
              cmocka_unit_test (drain_finishes_what_runs),
              cmocka_unit_test (a_task_that_crosses_the_shutdown_is_run),
              cmocka_unit_test (shutdown_from_the_broker_is_a_drain),
              cmocka_unit_test (halt_cancels_what_runs),
              cmocka_unit_test (it_registers_again_when_the_broker_is_back),
              cmocka_unit_test (it_registers_again_when_it_is_not_known),
              cmocka_unit_test (an_unanswered_register_is_repeated),
              cmocka_unit_test (a_result_that_is_refused_is_replaced),
              cmocka_unit_test (strange_packets_are_ignored),
              cmocka_unit_test (two_brokers_share_the_capacity), )
