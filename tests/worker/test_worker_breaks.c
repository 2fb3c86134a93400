/*  Brokers that go and come back while tasks run, handlers are stuck, or the worker is draining:
 *  the worker is never alive but deaf, and no slot is lost.
 */
#define _GNU_SOURCE

#include "worker/zfabric_worker.h"

#include "tests/support/testing.h"
#include "tests/worker/fake_broker.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CAPACITY 16
#define BREAKS   5

typedef struct {
    fake_broker_t broker;
    zfabric_worker_t *worker;
    sem_t arrived, gate; // of handlers that don't look whether they are cancelled
    sem_t gone;          // those that do
} stage_t;

static int echo (zfabric_task_t *task, void *arg)
{
    size_t size;
    const void *payload = zfabric_task_payload (task, &size);

    (void)arg;
    return zfabric_task_finish (task, payload, size, zfabric_task_encoding (task));
}

static int deaf (zfabric_task_t *task, void *arg)
{
    stage_t *stage = (stage_t *)arg;

    (void)task;
    sem_post (&stage->arrived);
    return sem_wait (&stage->gate);
}

// Sends pieces until it is cancelled.
static int talk (zfabric_task_t *task, void *arg)
{
    stage_t *stage = (stage_t *)arg;

    sem_post (&stage->arrived);
    while (!zfabric_task_cancelled (task))
        (void)zfabric_task_partial (task, "1", 1, ZFABRIC_ENCODING_JSON);
    sem_post (&stage->gone);
    return -1;
}

static void await (sem_t *self, unsigned times)
{
    struct timespec until;

    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    for (unsigned i = 0; i < times; i++) {
        while (sem_timedwait (self, &until)) {
            if (errno != EINTR)
                fail_msg ("%u of %u came", i, times);
        }
    }
}

static int open_stage (void **state)
{
    static stage_t stage;
    zfabric_worker_options_t options = {.capacity = CAPACITY};

    *state = &stage;
    sem_init (&stage.arrived, 0, 0);
    sem_init (&stage.gate, 0, 0);
    sem_init (&stage.gone, 0, 0);
    fake_broker_open (&stage.broker, ENCODING_JSON);
    stage.worker = zfabric_worker_new (stage.broker.endpoint, &options, NULL, 0);
    assert_non_null (stage.worker);
    assert_int_equal (zfabric_worker_serve (stage.worker, "echo", echo, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (stage.worker, "deaf", deaf, &stage, 0), 0);
    assert_int_equal (zfabric_worker_serve (stage.worker, "talk", talk, &stage, 0), 0);
    assert_int_equal (zfabric_worker_start (stage.worker, NULL, 0), 0);
    fake_broker_register (&stage.broker, CAPACITY);
    return 0;
}

static int close_stage (void **state)
{
    stage_t *stage = (stage_t *)*state;

    for (unsigned i = 0; i < BREAKS * CAPACITY; i++)
        sem_post (&stage->gate); // if the test failed
    if (stage->broker.socket)
        fake_broker_die (&stage->broker);
    zfabric_worker_destroy (&stage->worker);
    fake_broker_close (&stage->broker);
    sem_destroy (&stage->arrived);
    sem_destroy (&stage->gate);
    sem_destroy (&stage->gone);
    return 0;
}

// Until it registers with this capacity: fewer may have been free at first.
static void await_capacity (fake_broker_t *broker, unsigned capacity)
{
    do {
        fake_broker_expect (broker, PACKET_REGISTER);
    } while (broker->packet.capacity != capacity);
    fake_broker_grant (broker, (int)capacity);
}

// The next RESULT is this one; slots that come and go meanwhile are told by a REGISTER.
static void expect_result (fake_broker_t *broker, const cookie_t *cookie, const char *payload)
{
    while (fake_broker_next (broker) == PACKET_REGISTER)
        fake_broker_grant (broker, (int)broker->packet.capacity);
    assert_int_equal (broker->packet.type, PACKET_RESULT);
    assert_int_equal (broker->packet.rc, ZFABRIC_OK);
    assert_true (cookie_equal (&broker->packet.cookie, cookie));
    assert_true (slice_equal (fake_broker_payload (broker), slice_text (payload)));
}

static void expect_echo (fake_broker_t *broker)
{
    cookie_t cookie;

    fake_broker_run (broker, "echo", "1", false, &cookie);
    expect_result (broker, &cookie, "1");
}

// -- Cases

static void slots_come_back_after_each_break (void **state)
{
    stage_t *stage = (stage_t *)*state;
    cookie_t cookie;

    for (unsigned i = 0; i < BREAKS; i++) {
        for (unsigned j = 0; j < CAPACITY / 2; j++) {
            fake_broker_run (&stage->broker, "deaf", "", false, &cookie);
            fake_broker_run (&stage->broker, "talk", "", true, &cookie);
        }
        await (&stage->arrived, CAPACITY);
        fake_broker_die (&stage->broker);
        fake_broker_revive (&stage->broker);
        await (&stage->gone, CAPACITY / 2); // who looks is told at once
        await_capacity (&stage->broker, CAPACITY / 2);
        expect_echo (&stage->broker); // while the deaf are still there
        for (unsigned j = 0; j < CAPACITY / 2; j++)
            sem_post (&stage->gate);
        await_capacity (&stage->broker, CAPACITY);
    }
    expect_echo (&stage->broker);
}

// Nobody is to be told any more: it ends as soon as the handlers have returned.
static void a_broker_lost_in_a_drain_holds_up_nothing (void **state)
{
    stage_t *stage = (stage_t *)*state;
    cookie_t cookie;

    fake_broker_run (&stage->broker, "deaf", "", false, &cookie);
    await (&stage->arrived, 1);
    zfabric_worker_drain (stage->worker);
    fake_broker_expect (&stage->broker, PACKET_SHUTDOWN);
    fake_broker_die (&stage->broker);
    sem_post (&stage->gate);
    assert_true (zfabric_worker_wait (stage->worker, PATIENCE_MS));
}

// The one that comes back is not offered what it can't have.
static void a_broker_back_in_a_drain_gets_nothing (void **state)
{
    stage_t *stage = (stage_t *)*state;
    cookie_t cookie;

    fake_broker_run (&stage->broker, "deaf", "", false, &cookie);
    await (&stage->arrived, 1);
    zfabric_worker_drain (stage->worker);
    fake_broker_expect (&stage->broker, PACKET_SHUTDOWN);
    fake_broker_die (&stage->broker);
    fake_broker_revive (&stage->broker);
    sem_post (&stage->gate);
    assert_true (zfabric_worker_wait (stage->worker, PATIENCE_MS));
}

static void a_halt_without_a_broker_cancels_too (void **state)
{
    stage_t *stage = (stage_t *)*state;
    cookie_t cookie;

    fake_broker_run (&stage->broker, "talk", "", true, &cookie);
    await (&stage->arrived, 1);
    zfabric_worker_halt (stage->worker);
    fake_broker_die (&stage->broker);
    await (&stage->gone, 1);
    assert_true (zfabric_worker_wait (stage->worker, PATIENCE_MS));
}

// Each connection by itself: the other broker's tasks go on.
static void of_two_brokers_one_may_break (void **state)
{
    stage_t *stage = (stage_t *)*state;
    zfabric_worker_options_t options = {.capacity = 2};
    fake_broker_t second;
    cookie_t kept, lost;
    char both[300];

    fake_broker_open (&second, ENCODING_JSON);
    snprintf (both, sizeof both, "%s,%s", stage->broker.endpoint, second.endpoint);
    zfabric_worker_destroy (&stage->worker);
    fake_broker_die (&stage->broker); // with what that one said at its end
    fake_broker_revive (&stage->broker);
    stage->worker = zfabric_worker_new (both, &options, NULL, 0);
    assert_int_equal (zfabric_worker_serve (stage->worker, "deaf", deaf, stage, 0), 0);
    assert_int_equal (zfabric_worker_serve (stage->worker, "talk", talk, stage, 0), 0);
    assert_int_equal (zfabric_worker_serve (stage->worker, "echo", echo, NULL, 0), 0);
    assert_int_equal (zfabric_worker_start (stage->worker, NULL, 0), 0);
    fake_broker_register (&stage->broker, 2);
    fake_broker_register (&second, 2);
    fake_broker_run (&stage->broker, "deaf", "", false, &kept);
    fake_broker_run (&second, "talk", "", true, &lost);
    await (&stage->arrived, 2);
    fake_broker_die (&second);
    await (&stage->gone, 1);
    fake_broker_revive (&second);
    expect_echo (&stage->broker);
    sem_post (&stage->gate);
    expect_result (&stage->broker, &kept, "");
    await_capacity (&second, 2);
    expect_echo (&second);
    fake_broker_die (&second);
    fake_broker_close (&second);
}

#define STAGED(name) cmocka_unit_test_setup_teardown (name, open_stage, close_stage)

TESTING_MAIN (STAGED (slots_come_back_after_each_break),
              STAGED (a_broker_lost_in_a_drain_holds_up_nothing),
              STAGED (a_broker_back_in_a_drain_gets_nothing),
              STAGED (a_halt_without_a_broker_cancels_too),
              STAGED (of_two_brokers_one_may_break), )
