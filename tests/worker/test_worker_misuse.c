/*  What a program does wrong with a worker gets an answer, and does no harm to the rest.
 */
#define _GNU_SOURCE

#include "worker/zfabric_worker.h"

#include "tests/support/testing.h"
#include "tests/worker/fake_broker.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define NOWHERE "ipc:///tmp/zfabric-nobody-is-here"

typedef struct {
    fake_broker_t broker;
    zfabric_worker_t *worker;
    sem_t failed, ended; // events that came
    sem_t gate;
} stage_t;

// -- Handlers

static int echo (zfabric_task_t *task, void *arg)
{
    size_t size;
    const void *payload = zfabric_task_payload (task, &size);

    (void)arg;
    return zfabric_task_finish (task, payload, size, zfabric_task_encoding (task));
}

static int leave (zfabric_task_t *task, void *arg)
{
    (void)arg;
    (void)task;
    pthread_exit (NULL);
}

static int answer_and_leave (zfabric_task_t *task, void *arg)
{
    (void)echo (task, arg);
    pthread_exit (NULL);
}

static int wait_at_the_gate (zfabric_task_t *task, void *arg)
{
    (void)task;
    return sem_wait ((sem_t *)arg);
}

static int say_nothing_well (zfabric_task_t *task, void *arg)
{
    static const char *const lines[] = {NULL, "the second line", NULL};
    bool right = true;

    (void)arg;
    right &= zfabric_task_finish (task, NULL, 1, ZFABRIC_ENCODING_RAW) == -1 && errno == EINVAL;
    right &= zfabric_task_partial (task, NULL, 1, ZFABRIC_ENCODING_RAW) == -1 && errno == EINVAL;
    right &= zfabric_task_payload (task, NULL) != NULL;
    return zfabric_task_fail (task, right ? ZFABRIC_PROCESSOR_EXCEPTION : ZFABRIC_EXCEPTION, NULL,
                              lines, 3);
}

// -- The stage

static void on_event (zfabric_worker_event_t event, const char *text, void *arg)
{
    stage_t *self = (stage_t *)arg;

    (void)text;
    if (event == ZFABRIC_WORKER_EVENT_FAILED)
        sem_post (&self->failed);
    if (event == ZFABRIC_WORKER_EVENT_ENDED)
        sem_post (&self->ended);
}

static void await (sem_t *self)
{
    struct timespec until;

    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    while (sem_timedwait (self, &until)) {
        if (errno != EINTR)
            fail_msg ("what was waited for did not happen");
    }
}

static void make_worker (stage_t *self, const char *endpoint, unsigned capacity)
{
    zfabric_worker_options_t options = {
        .capacity = capacity, .on_event = on_event, .event_arg = self};

    sem_init (&self->failed, 0, 0);
    sem_init (&self->ended, 0, 0);
    sem_init (&self->gate, 0, 0);
    self->worker = zfabric_worker_new (endpoint, &options, NULL, 0);
    assert_non_null (self->worker);
    assert_int_equal (zfabric_worker_serve (self->worker, "echo", echo, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (self->worker, "leave", leave, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (self->worker, "bye", answer_and_leave, NULL, 0), 0);
    assert_int_equal (
        zfabric_worker_serve (self->worker, "inline", leave, NULL, ZFABRIC_HANDLER_INLINE), 0);
    assert_int_equal (zfabric_worker_serve (self->worker, "gate", wait_at_the_gate, &self->gate, 0),
                      0);
    assert_int_equal (zfabric_worker_serve (self->worker, "well", say_nothing_well, NULL, 0), 0);
    assert_int_equal (zfabric_worker_start (self->worker, NULL, 0), 0);
}

static void open_stage (stage_t *self, unsigned capacity)
{
    fake_broker_open (&self->broker, ENCODING_JSON);
    make_worker (self, self->broker.endpoint, capacity);
    fake_broker_register (&self->broker, capacity);
    assert_true (zfabric_worker_wait_ready (self->worker, PATIENCE_MS));
}

static void close_stage (stage_t *self)
{
    fake_broker_die (&self->broker); // a worker without a broker waits for no answer
    zfabric_worker_destroy (&self->worker);
    fake_broker_close (&self->broker);
    sem_destroy (&self->failed);
    sem_destroy (&self->ended);
    sem_destroy (&self->gate);
}

// -- Cases

static void no_worker_is_an_answer_too (void **state)
{
    char words[50] = "x";

    (void)state;
    assert_int_equal (zfabric_worker_serve (NULL, "a", echo, NULL, 0), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (zfabric_worker_start (NULL, words, sizeof words), -1);
    assert_int_equal (errno, EINVAL);
    assert_string_equal (words, "there is no worker");
    assert_false (zfabric_worker_wait_ready (NULL, -1));
    assert_true (zfabric_worker_wait (NULL, -1));
    zfabric_worker_drain (NULL);
    zfabric_worker_halt (NULL);
    zfabric_worker_reason (NULL, words, sizeof words);
    assert_string_equal (words, "");
    zfabric_worker_destroy (NULL);
}

static void before_the_start_there_is_nothing_to_end (void **state)
{
    zfabric_worker_t *worker = zfabric_worker_new (NOWHERE, NULL, NULL, 0);
    char words[50] = "x";

    (void)state;
    assert_non_null (worker);
    zfabric_worker_drain (worker);
    zfabric_worker_halt (worker);
    assert_true (zfabric_worker_wait (worker, -1));
    assert_false (zfabric_worker_wait_ready (worker, -1));
    zfabric_worker_reason (worker, words, sizeof words);
    assert_string_equal (words, "");
    assert_int_equal (zfabric_worker_serve (worker, NULL, echo, NULL, 0), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (zfabric_worker_serve (worker, "\xff", echo, NULL, 0), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (zfabric_worker_serve (worker, "a\nb", echo, NULL, 0), -1);
    assert_int_equal (errno, EINVAL);
    zfabric_worker_destroy (&worker);
}

static void nobody_there_has_a_reason (void **state)
{
    stage_t stage;
    char words[200];

    (void)state;
    make_worker (&stage, NOWHERE, 1);
    await (&stage.failed);
    assert_false (zfabric_worker_wait_ready (stage.worker, 0));
    zfabric_worker_reason (stage.worker, words, sizeof words);
    assert_string_equal (words, "nobody listens on " NOWHERE);
    zfabric_worker_reason (stage.worker, words, 7);
    assert_string_equal (words, "nobody");
    zfabric_worker_reason (stage.worker, NULL, 0);
    zfabric_worker_destroy (&stage.worker);
    await (&stage.ended);
}

static void after_its_end_it_only_says_so (void **state)
{
    stage_t stage;

    (void)state;
    make_worker (&stage, NOWHERE, 1);
    zfabric_worker_drain (stage.worker);
    assert_true (zfabric_worker_wait (stage.worker, -1));
    zfabric_worker_drain (stage.worker);
    zfabric_worker_halt (stage.worker);
    assert_true (zfabric_worker_wait (stage.worker, -1));
    assert_false (zfabric_worker_wait_ready (stage.worker, -1));
    assert_int_equal (zfabric_worker_start (stage.worker, NULL, 0), -1);
    assert_int_equal (errno, EALREADY);
    assert_int_equal (zfabric_worker_serve (stage.worker, "b", echo, NULL, 0), -1);
    assert_int_equal (errno, EBUSY);
    zfabric_worker_destroy (&stage.worker);
}

// It has failed, and its slot and its thread are there again: more often than there are slots.
static void a_handler_may_end_its_thread (void **state)
{
    stage_t stage;
    cookie_t cookie;

    (void)state;
    open_stage (&stage, 2);
    for (int i = 0; i < 20; i++) {
        fake_broker_run (&stage.broker, "leave", "1", false, &cookie);
        fake_broker_expect_result (&stage.broker, &cookie, ZFABRIC_EXCEPTION, "");
        fake_broker_error_has (&stage.broker, "ended its thread");
        fake_broker_run (&stage.broker, "bye", "2", false, &cookie);
        fake_broker_expect_result (&stage.broker, &cookie, ZFABRIC_OK, "2");
    }
    fake_broker_run (&stage.broker, "echo", "3", false, &cookie);
    fake_broker_expect_result (&stage.broker, &cookie, ZFABRIC_OK, "3");
    fake_broker_run (&stage.broker, "leave", "1", false, &cookie); // one is left for the end
    fake_broker_expect_result (&stage.broker, &cookie, ZFABRIC_EXCEPTION, "");
    close_stage (&stage);
}

static void an_inline_handler_that_ends_the_thread_ends_the_worker (void **state)
{
    stage_t stage;
    cookie_t cookie;

    (void)state;
    open_stage (&stage, 2);
    fake_broker_run (&stage.broker, "inline", "1", false, &cookie);
    await (&stage.ended);
    assert_true (zfabric_worker_wait (stage.worker, -1));
    close_stage (&stage);
}

static void a_handler_that_does_not_return_holds_up_nobody (void **state)
{
    stage_t stage;
    cookie_t stuck, cookie;

    (void)state;
    open_stage (&stage, 2);
    fake_broker_run (&stage.broker, "gate", "", false, &stuck);
    for (int i = 0; i < 100; i++) {
        fake_broker_run (&stage.broker, i % 2 ? "echo" : "bye", "1", false, &cookie);
        fake_broker_expect_result (&stage.broker, &cookie, ZFABRIC_OK, "1");
    }
    sem_post (&stage.gate);
    fake_broker_expect_result (&stage.broker, &stuck, ZFABRIC_OK, "");
    close_stage (&stage);
}

static void nothing_with_a_size_is_refused (void **state)
{
    stage_t stage;
    cookie_t cookie;

    (void)state;
    open_stage (&stage, 1);
    fake_broker_run (&stage.broker, "well", "1", true, &cookie);
    fake_broker_expect_result (&stage.broker, &cookie, ZFABRIC_PROCESSOR_EXCEPTION, "");
    fake_broker_stack_has (&stage.broker, "the second line");
    close_stage (&stage);
}

static zfabric_worker_t *to_be_drained;

static void drain_it (int number)
{
    (void)number;
    zfabric_worker_drain (to_be_drained);
}

static void a_signal_handler_may_drain (void **state)
{
    struct sigaction action = {.sa_handler = drain_it}, before;
    stage_t stage;
    cookie_t cookie;

    (void)state;
    open_stage (&stage, 1);
    fake_broker_run (&stage.broker, "gate", "", false, &cookie);
    to_be_drained = stage.worker;
    sigemptyset (&action.sa_mask);
    sigaction (SIGUSR1, &action, &before);
    raise (SIGUSR1);
    sigaction (SIGUSR1, &before, NULL);
    fake_broker_expect (&stage.broker, PACKET_SHUTDOWN);
    sem_post (&stage.gate);
    fake_broker_expect_result (&stage.broker, &cookie, ZFABRIC_OK, "");
    assert_true (zfabric_worker_wait (stage.worker, PATIENCE_MS));
    close_stage (&stage);
}

TESTING_MAIN (cmocka_unit_test (no_worker_is_an_answer_too),
              cmocka_unit_test (before_the_start_there_is_nothing_to_end),
              cmocka_unit_test (nobody_there_has_a_reason),
              cmocka_unit_test (after_its_end_it_only_says_so),
              cmocka_unit_test (a_handler_may_end_its_thread),
              cmocka_unit_test (an_inline_handler_that_ends_the_thread_ends_the_worker),
              cmocka_unit_test (a_handler_that_does_not_return_holds_up_nobody),
              cmocka_unit_test (nothing_with_a_size_is_refused),
              cmocka_unit_test (a_signal_handler_may_drain), )
