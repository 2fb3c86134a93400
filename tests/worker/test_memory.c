#define _GNU_SOURCE

#include "worker/zfabric_worker.h"

#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"
#include "tests/worker/children.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

#include "worker/runner.h"
#include "worker/task_manager.h"
#include "worker/worker_loop.h"
#include "worker/worker_task.h"

/*  What is made is made once for each allocation that it takes, with that one failing: an error
 *  each time, and nothing is left (AddressSanitizer sees what is).
 */

static int handle (zfabric_task_t *task, void *arg)
{
    (void)task;
    (void)arg;
    return 0;
}

static void a_worker_is_made_or_not (void **state)
{
    const zfabric_worker_options_t options = {
        .name = "name", .server_key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"};

    (void)state;
    for (unsigned long n = 0;; n++) {
        char problem[100] = "";
        alloc_fail_at (n);
        zfabric_worker_t *worker =
            zfabric_worker_new ("tcp://a:1,tcp://b:2", &options, problem, sizeof problem);
        int rc = worker ? zfabric_worker_serve (worker, "x*", handle, NULL, 0) : -1;
        int why = errno;
        bool failed = alloc_failed ();
        alloc_fail_never ();
        zfabric_worker_destroy (&worker);
        if (!failed) {
            assert_int_equal (rc, 0);
            break;
        }
        assert_int_equal (rc, -1);
        assert_int_equal (why, ENOMEM);
    }
}

static void tell (zfabric_worker_event_t event, const char *text, void *arg)
{
    (void)event;
    (void)text;
    (void)arg;
}

static void a_loop_is_made_or_not (void **state)
{
    static const char *const endpoints[] = {"tcp://127.0.0.1:1", "tcp://127.0.0.1:2"};
    const link_options_t link = {.codec = ENCODING_JSON};
    const worker_loop_options_t options = {.endpoints = endpoints,
                                           .endpoint_count = 2,
                                           .link = &link,
                                           .capacity = 2,
                                           .max_payload = 1000,
                                           .tell = tell};
    void *context = zmq_ctx_new ();

    (void)state;
    for (unsigned long n = 0;; n++) {
        fault_t fault = {""};
        alloc_fail_at (n);
        worker_loop_t *loop = worker_loop_new (context, &options, &fault);
        int why = errno;
        bool failed = alloc_failed ();
        alloc_fail_never ();
        assert_int_equal (loop == NULL, failed);
        worker_loop_destroy (&loop);
        if (!failed)
            break;
        assert_int_equal (why, ENOMEM);
        assert_true (strlen (fault.text) > 0);
    }
    zmq_ctx_term (context);
}

static void a_runner_is_made_or_not (void **state)
{
    const runner_options_t options = {.command = "true"};

    (void)state;
    for (unsigned long n = 0;; n++) {
        alloc_fail_at (n);
        runner_t *runner = runner_new (&options);
        int why = errno;
        bool failed = alloc_failed ();
        alloc_fail_never ();
        assert_int_equal (runner == NULL, failed);
        runner_destroy (&runner);
        if (!failed)
            break;
        assert_int_equal (why, ENOMEM);
    }
}

// Runs a command as a task. `prepare` is called when everything is there but the run itself.
static zfabric_rc_t
run_once (const char *command, void (*prepare) (unsigned long n), unsigned long n)
{
    const runner_options_t options = {.command = command, .stream = true};
    worker_task_home_t home = {ENCODING_JSON, 100000, mailbox_new ()};
    handler_t handler = {runner_handle, runner_new (&options), 0};
    packet_t run;
    frame_t payload;

    packet_init (&run, ENCODING_JSON);
    run.pipeline = slice_text ("x");
    assert_int_equal (frame_copy (&payload, slice_text ("\"input\"")), 0);
    zfabric_task_t *task = worker_task_new (&home, &run, &payload, &handler, 0);
    prepare (n);
    worker_task_run (task);
    assert_true (task->said);
    zfabric_rc_t rc = task->letter.rc;
    runner_t *runner = (runner_t *)handler.arg;
    struct rlimit all = {1024, 1024};
    (void)getrlimit (RLIMIT_NOFILE, &all);
    all.rlim_cur = all.rlim_max;
    (void)setrlimit (RLIMIT_NOFILE, &all);
    worker_task_destroy (&task);
    mailbox_destroy (&home.mail);
    runner_destroy (&runner);
    return rc;
}

static void a_command_is_run_or_an_exception (void **state)
{
    (void)state;
    for (unsigned long n = 0;; n++) {
        zfabric_rc_t rc = run_once ("cat; echo err >&2; echo out", alloc_fail_at, n);
        bool failed = alloc_failed ();
        alloc_fail_never ();
        children_expect_none ();
        if (!failed) {
            assert_int_equal (rc, ZFABRIC_OK);
            break;
        }
        assert_int_equal (rc, ZFABRIC_EXCEPTION);
    }
}

static void allow_descriptors (unsigned long more)
{
    struct rlimit limit;

    assert_int_equal (getrlimit (RLIMIT_NOFILE, &limit), 0);
    int lowest = dup (0); // what would be opened next
    close (lowest);
    limit.rlim_cur = (rlim_t)lowest + more;
    assert_int_equal (setrlimit (RLIMIT_NOFILE, &limit), 0);
}

// EMFILE at each of the descriptors that it takes.
static void without_descriptors_it_is_an_exception (void **state)
{
    unsigned before = children_count_descriptors ();
    zfabric_rc_t rc = ZFABRIC_EXCEPTION;
    unsigned long more;

    (void)state;
    for (more = 0; rc == ZFABRIC_EXCEPTION && more < 100; more++) {
        rc = run_once ("echo x", allow_descriptors, more);
        children_expect_none ();
        assert_int_equal (children_count_descriptors (), before);
    }
    assert_int_equal (rc, ZFABRIC_OK);
    assert_in_range (more, 5, 20);
}

TESTING_MAIN (cmocka_unit_test (a_worker_is_made_or_not),
              cmocka_unit_test (a_loop_is_made_or_not),
              cmocka_unit_test (a_runner_is_made_or_not),
              cmocka_unit_test (a_command_is_run_or_an_exception),
              cmocka_unit_test (without_descriptors_it_is_an_exception), )
