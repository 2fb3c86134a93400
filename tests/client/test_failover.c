/*  A client, a worker and two brokers that are killed or stopped: real ones, as processes.
 */
#define _GNU_SOURCE

#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/testing.h"
#include "zfabric_client.h"
#include "zfabric_worker.h"

#define PATIENCE_MS 30000

typedef struct {
    char serving[64];
    char listening[64];
    pid_t process;
} place_t;

static char folder[] = "/tmp/zfabric-failover-XXXXXX";
static place_t first, second;
static zfabric_client_t *client;
static zfabric_worker_t *worker;
static atomic_uint runs;
static sem_t started; // posted for each run

// Waits until it has said that it is ready.
static void start_broker (place_t *place)
{
    int out[2];
    char word[16];

    assert_int_equal (pipe (out), 0);
    place->process = fork ();
    assert_true (place->process >= 0);
    if (place->process == 0) {
        dup2 (out[1], STDOUT_FILENO);
        close (out[0]);
        close (out[1]);
        const char *command = getenv ("ZFABRIC");
        execl (command, command, "broker", "--serve", place->serving, "--listen", place->listening,
               "--drain", "100", (char *)NULL);
        _exit (127);
    }
    close (out[1]);
    assert_true (read (out[0], word, sizeof word) > 0);
    close (out[0]);
}

static void end_broker (place_t *place, int how)
{
    if (place->process > 0) {
        kill (place->process, how);
        waitpid (place->process, NULL, 0);
    }
    place->process = 0;
}

// The first two runs last until they are cancelled.
static int hold (zfabric_task_t *task, void *arg)
{
    (void)arg;
    sem_post (&started);
    if (atomic_fetch_add (&runs, 1) < 2)
        return zfabric_task_wait_cancelled (task, PATIENCE_MS) ? 1 : 0;
    return zfabric_task_finish (task, "\"done\"", 6, ZFABRIC_ENCODING_JSON);
}

static int set_up (void **state)
{
    const zfabric_worker_options_t options = {.capacity = 4};
    char endpoints[2 * sizeof first.listening];
    (void)state;

    atomic_store (&runs, 0);
    sem_init (&started, 0, 0);
    start_broker (&first);
    start_broker (&second);
    snprintf (endpoints, sizeof endpoints, "%s,%s", first.listening, second.listening);
    worker = zfabric_worker_new (endpoints, &options, NULL, 0);
    assert_int_equal (zfabric_worker_serve (worker, "hold", hold, NULL, 0), 0);
    assert_int_equal (zfabric_worker_start (worker, NULL, 0), 0);
    snprintf (endpoints, sizeof endpoints, "%s,%s", first.serving, second.serving);
    client = zfabric_client_new (endpoints, NULL, NULL, 0);
    return client ? 0 : -1;
}

static int tear_down (void **state)
{
    (void)state;
    zfabric_client_destroy (&client);
    zfabric_worker_destroy (&worker);
    end_broker (&first, SIGKILL);
    end_broker (&second, SIGKILL);
    return 0;
}

// Ends the first broker while it has two tasks: one may be sent again, one may not.
static void the_next_broker_gets_what_has_retries (int how)
{
    const zfabric_run_options_t retried = {.retries = 1};

    zfabric_call_t *again = zfabric_client_start (client, "hold", "1", 1, &retried);
    zfabric_call_t *once = zfabric_client_start (client, "hold", "2", 1, NULL);
    for (unsigned i = 0; i < 2; i++)
        sem_wait (&started);
    end_broker (&first, how);
    const zfabric_result_t *result = zfabric_call_wait (once, PATIENCE_MS);
    assert_non_null (result);
    assert_int_equal (result->rc, ZFABRIC_BROKER_WENT_AWAY);
    result = zfabric_call_wait (again, PATIENCE_MS);
    assert_non_null (result);
    assert_string_equal (result->error, "");
    assert_int_equal (result->rc, ZFABRIC_OK);
    assert_memory_equal (result->payload, "\"done\"", 6);
    assert_int_equal (atomic_load (&runs), 3);
    zfabric_call_destroy (&again);
    zfabric_call_destroy (&once);
}

static void a_broker_is_killed (void **state)
{
    (void)state;
    the_next_broker_gets_what_has_retries (SIGKILL);
}

static void a_broker_is_stopped_in_order (void **state)
{
    (void)state;
    the_next_broker_gets_what_has_retries (SIGTERM);
}

// Without retries a task is run once, and the client goes on with the next broker.
static void both_brokers_come_and_go (void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        place_t *place = i % 2 ? &second : &first;
        end_broker (place, SIGKILL);
        zfabric_result_t *result = zfabric_client_run (client, "$ping", NULL, 0, NULL);
        // What was sent to a broker that is dead already is lost with it.
        assert_true (result->rc == ZFABRIC_OK || result->rc == ZFABRIC_BROKER_WENT_AWAY);
        zfabric_result_destroy (&result);
        const zfabric_run_options_t options = {.retries = 5};
        result = zfabric_client_run (client, "$ping", NULL, 0, &options);
        assert_int_equal (result->rc, ZFABRIC_OK);
        zfabric_result_destroy (&result);
        start_broker (place);
    }
}

static int make_folder (void **state)
{
    (void)state;
    if (!mkdtemp (folder))
        return -1;
    place_t *const places[] = {&first, &second};
    for (unsigned i = 0; i < 2; i++) {
        snprintf (places[i]->serving, sizeof first.serving, "ipc://%s/s%u", folder, i);
        snprintf (places[i]->listening, sizeof first.listening, "ipc://%s/l%u", folder, i);
    }
    return 0;
}

static int remove_folder (void **state)
{
    (void)state;
    place_t *const places[] = {&first, &second};
    for (unsigned i = 0; i < 2; i++) {
        (void)unlink (places[i]->serving + 6);
        (void)unlink (places[i]->listening + 6);
    }
    return rmdir (folder);
}

int main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown (a_broker_is_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown (a_broker_is_stopped_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown (both_brokers_come_and_go, set_up, tear_down),
    };

    if (argc > 1)
        cmocka_set_test_filter (argv[1]);
    return cmocka_run_group_tests (tests, make_folder, remove_folder);
}
