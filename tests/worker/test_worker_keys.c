/*  Keys that don't fit: the worker says which it is, goes on trying with fresh sockets, and is
 * there when the matter is mended. The server is libzmq's own, with a handler for ZAP.
 */
#define _GNU_SOURCE

#include "worker/zfabric_worker.h"

#include "tests/support/testing.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#define PATIENCE_S 20

typedef struct {
    void *context;
    void *router; // NULL: nobody is there
    void *zap, *zap_end;
    pthread_t zap_thread;
    _Atomic int status; // what ZAP says: 200, 300, 400, 500
    char public_key[41], secret_key[41];
    char endpoint[256];

    zfabric_worker_t *worker;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned failures, readies;
    char text[300]; // of the last failure
} stage_t;

// -- The server

// RFC 27, for a server that says the same to all.
static void answer_zap (stage_t *self)
{
    char frames[8][256] = {""};
    int more = 1;
    size_t count = 0, size = sizeof more;
    char status[8];

    while (more) {
        char *frame = frames[count < 7 ? count : 7];
        int got = zmq_recv (self->zap, frame, sizeof frames[0] - 1, 0);
        frame[got < 0 ? 0 : got < 255 ? got : 255] = '\0';
        count++;
        zmq_getsockopt (self->zap, ZMQ_RCVMORE, &more, &size);
    }
    snprintf (status, sizeof status, "%d", atomic_load (&self->status));
    const char *const reply[] = {frames[0], frames[1], status, "as the test says", "peer", ""};
    for (size_t i = 0; i < 6; i++)
        zmq_send (self->zap, reply[i], strlen (reply[i]), i < 5 ? ZMQ_SNDMORE : 0);
}

static void *serve_zap (void *arg)
{
    stage_t *self = (stage_t *)arg;

    for (;;) {
        zmq_pollitem_t items[] = {{self->zap, 0, ZMQ_POLLIN, 0}, {self->zap_end, 0, ZMQ_POLLIN, 0}};
        zmq_poll (items, 2, -1);
        if (items[1].revents)
            break;
        if (items[0].revents)
            answer_zap (self);
    }
    zmq_close (self->zap);
    zmq_close (self->zap_end);
    return NULL;
}

static void start_zap (stage_t *self)
{
    self->zap = zmq_socket (self->context, ZMQ_REP);
    self->zap_end = zmq_socket (self->context, ZMQ_PULL);
    assert_int_equal (zmq_bind (self->zap, "inproc://zeromq.zap.01"), 0);
    assert_int_equal (zmq_bind (self->zap_end, "inproc://end"), 0);
    assert_int_equal (pthread_create (&self->zap_thread, NULL, serve_zap, self), 0);
}

static void stop_zap (stage_t *self)
{
    void *end = zmq_socket (self->context, ZMQ_PUSH);

    assert_int_equal (zmq_connect (end, "inproc://end"), 0);
    assert_int_equal (zmq_send (end, "", 0, 0), 0);
    pthread_join (self->zap_thread, NULL);
    zmq_close (end);
}

// Binds a ROUTER, with keys or without, where it was before if it was.
static void serve (stage_t *self, bool keys)
{
    size_t size = sizeof self->endpoint;
    const int on = 1, off = 0;

    self->router = zmq_socket (self->context, ZMQ_ROUTER);
    zmq_setsockopt (self->router, ZMQ_LINGER, &off, sizeof off);
    if (keys) {
        zmq_setsockopt (self->router, ZMQ_CURVE_SERVER, &on, sizeof on);
        zmq_setsockopt (self->router, ZMQ_CURVE_SECRETKEY, self->secret_key, 41);
        zmq_setsockopt (self->router, ZMQ_ZAP_DOMAIN, "test", 4);
    }
    const char *at = self->endpoint[0] ? self->endpoint : "tcp://127.0.0.1:*";
    time_t until = time (NULL) + PATIENCE_S;
    while (zmq_bind (self->router, at)) {
        // The one before is still being closed, in the background.
        if (errno != EADDRINUSE || time (NULL) > until)
            fail_msg ("%s: %s", at, zmq_strerror (errno));
    }
    zmq_getsockopt (self->router, ZMQ_LAST_ENDPOINT, self->endpoint, &size);
}

static void close_server (stage_t *self)
{
    zmq_close (self->router);
    self->router = NULL;
}

// Answers the worker's REGISTER.
static void grant (stage_t *self)
{
    static const char answer[] = "{\"packet_type\":\"REGISTER\",\"capacity\":1}";
    const int patience = PATIENCE_S * 1000;
    char id[64], packet[1000] = "";

    zmq_setsockopt (self->router, ZMQ_RCVTIMEO, &patience, sizeof patience);
    int size = zmq_recv (self->router, id, sizeof id, 0);
    assert_true (size > 0);
    int got = zmq_recv (self->router, packet, sizeof packet - 1, 0);
    assert_true (got > 0 && strstr (packet, "REGISTER"));
    for (int more = 1, count = 0; count < 5; count++) {
        size_t len = sizeof more;
        zmq_getsockopt (self->router, ZMQ_RCVMORE, &more, &len);
        if (!more)
            break;
        zmq_recv (self->router, packet, sizeof packet, 0);
    }
    zmq_send (self->router, id, (size_t)size, ZMQ_SNDMORE);
    zmq_send (self->router, answer, sizeof answer - 1, 0);
}

// -- The worker

static void on_event (zfabric_worker_event_t event, const char *text, void *arg)
{
    stage_t *self = (stage_t *)arg;

    pthread_mutex_lock (&self->lock);
    if (event == ZFABRIC_WORKER_EVENT_FAILED) {
        self->failures++;
        snprintf (self->text, sizeof self->text, "%s", text);
    }
    self->readies += event == ZFABRIC_WORKER_EVENT_READY;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
}

// Waits for so many failures from now on; the last one has these words.
static void expect_failures (stage_t *self, unsigned count, const char *words)
{
    struct timespec until;

    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock (&self->lock);
    unsigned wanted = self->failures + count;
    while (self->failures < wanted) {
        if (pthread_cond_timedwait (&self->changed, &self->lock, &until))
            fail_msg ("%u failures came, not %u", self->failures, wanted);
    }
    if (!strstr (self->text, words))
        fail_msg ("\"%s\" has no \"%s\"", self->text, words);
    assert_int_equal (self->readies, 0);
    pthread_mutex_unlock (&self->lock);
}

static int done (zfabric_task_t *task, void *arg)
{
    (void)task;
    (void)arg;
    return 0;
}

static void start_worker (stage_t *self, const char *server_key)
{
    zfabric_worker_options_t options = {
        .capacity = 1, .server_key = server_key, .on_event = on_event, .event_arg = self};

    self->worker = zfabric_worker_new (self->endpoint, &options, NULL, 0);
    assert_non_null (self->worker);
    assert_int_equal (zfabric_worker_serve (self->worker, "*", done, NULL, 0), 0);
    assert_int_equal (zfabric_worker_start (self->worker, NULL, 0), 0);
}

static void expect_ready (stage_t *self)
{
    char reason[100] = "x";

    grant (self);
    assert_true (zfabric_worker_wait_ready (self->worker, PATIENCE_S * 1000));
    zfabric_worker_reason (self->worker, reason, sizeof reason);
    assert_string_equal (reason, "");
}

static int open_stage (void **state)
{
    stage_t *self = (stage_t *)calloc (1, sizeof *self);

    *state = self;
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->changed, NULL);
    atomic_store (&self->status, 200);
    self->context = zmq_ctx_new ();
    zmq_curve_keypair (self->public_key, self->secret_key);
    start_zap (self);
    return 0;
}

static int close_stage (void **state)
{
    stage_t *self = (stage_t *)*state;

    close_server (self);
    zfabric_worker_destroy (&self->worker);
    stop_zap (self);
    zmq_ctx_term (self->context);
    pthread_mutex_destroy (&self->lock);
    pthread_cond_destroy (&self->changed);
    free (self);
    return 0;
}

// -- Cases

static void a_key_that_fits_gets_in (void **state)
{
    stage_t *stage = (stage_t *)*state;

    serve (stage, true);
    start_worker (stage, stage->public_key);
    expect_ready (stage);
}

// libzmq's socket would never try again after a 400 or a 500.
static void a_refused_key_is_told_and_tried_again (void **state)
{
    stage_t *stage = (stage_t *)*state;

    serve (stage, true);
    atomic_store (&stage->status, 400);
    start_worker (stage, stage->public_key);
    expect_failures (stage, 2, "the key was refused");
    atomic_store (&stage->status, 500);
    expect_failures (stage, 2, "could not check the key");
    atomic_store (&stage->status, 200);
    expect_ready (stage);
}

static void a_wrong_server_key_is_told (void **state)
{
    stage_t *stage = (stage_t *)*state;
    char public_key[41], secret_key[41], right[41];

    zmq_curve_keypair (public_key, secret_key);
    serve (stage, true);
    start_worker (stage, public_key);
    expect_failures (stage, 2, "server key");
    // The broker comes back with the key that the worker expects.
    close_server (stage);
    memcpy (right, secret_key, sizeof right);
    memcpy (stage->secret_key, right, sizeof right);
    serve (stage, true);
    expect_ready (stage);
}

static void a_broker_without_keys_is_told (void **state)
{
    stage_t *stage = (stage_t *)*state;

    serve (stage, false);
    start_worker (stage, stage->public_key);
    expect_failures (stage, 2, "no keys");
    close_server (stage);
    serve (stage, true);
    expect_ready (stage);
}

static void a_broker_that_wants_keys_is_told (void **state)
{
    stage_t *stage = (stage_t *)*state;

    serve (stage, true);
    start_worker (stage, NULL);
    expect_failures (stage, 2, "key");
    close_server (stage);
    serve (stage, false);
    expect_ready (stage);
}

#define STAGED(name) cmocka_unit_test_setup_teardown (name, open_stage, close_stage)

TESTING_MAIN (STAGED (a_key_that_fits_gets_in),
              STAGED (a_refused_key_is_told_and_tried_again),
              STAGED (a_wrong_server_key_is_told),
              STAGED (a_broker_without_keys_is_told),
              STAGED (a_broker_that_wants_keys_is_told), )
