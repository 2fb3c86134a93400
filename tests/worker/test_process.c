#define _GNU_SOURCE

#include "worker/process.h"

#include "tests/support/testing.h"
#include "tests/worker/children.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fabric/buffer.h"
#include "fabric/moment.h"

// Commands that are not to be waited for sleep for a minute; whatever is slow here takes less.
#define SOON_MS 20000u

// One run and what came out of it.
typedef struct {
    process_plan_t plan;
    process_outcome_t outcome;
    buffer_t output, errors;
    const char *cancel_at; // cancelled when the output starts with this; NULL: never
    moment_t took;
} run_t;

static int take_output (slice_t octets, void *arg)
{
    run_t *run = (run_t *)arg;
    const uint64_t one = 1;

    buffer_slice (&run->output, octets);
    if (run->cancel_at && run->output.len >= strlen (run->cancel_at)
        && memcmp (run->output.data, run->cancel_at, strlen (run->cancel_at)) == 0)
        assert_int_equal (write (run->plan.cancel_fd, &one, sizeof one), sizeof one);
    return run->output.failed;
}

static int take_errors (slice_t octets, void *arg)
{
    run_t *run = (run_t *)arg;

    buffer_slice (&run->errors, octets);
    return run->errors.failed;
}

static void open_run (run_t *run, const char *command)
{
    memset (run, 0, sizeof *run);
    buffer_init (&run->output, 10000000);
    buffer_init (&run->errors, 10000000);
    run->plan = (process_plan_t){.command = command,
                                 .environment = environ,
                                 .cancel_fd = eventfd (0, EFD_CLOEXEC),
                                 .output = take_output,
                                 .errors = take_errors,
                                 .arg = run};
}

static void do_run (run_t *run)
{
    fault_t fault;
    moment_t began = moment_now ();

    if (process_run (&run->plan, &run->outcome, &fault))
        fail_msg ("%s", fault.text);
    run->took = moment_now () - began;
}

static void close_run (run_t *run)
{
    close (run->plan.cancel_fd);
    buffer_finish (&run->output);
    buffer_finish (&run->errors);
    children_expect_none ();
}

static bool is (const buffer_t *buffer, const char *text)
{
    return slice_equal (buffer_as_slice (buffer), slice_text (text));
}

// A process id that the command wrote as the first line of its output.
static long written_pid (const run_t *run)
{
    char text[32] = "";

    memcpy (text, run->output.data, run->output.len < 31 ? run->output.len : 31);
    return strtol (text, NULL, 10);
}

static void output_errors_and_status_come_back (void **state)
{
    run_t run;

    (void)state;
    open_run (&run, "echo out; echo err >&2; exit 3");
    do_run (&run);
    assert_int_equal (run.outcome.end, PROCESS_EXITED);
    assert_int_equal (run.outcome.status, 3);
    assert_false (run.outcome.cancelled || run.outcome.refused);
    assert_true (is (&run.output, "out\n"));
    assert_true (is (&run.errors, "err\n"));
    close_run (&run);

    open_run (&run, "kill -SEGV $$");
    do_run (&run);
    assert_int_equal (run.outcome.end, PROCESS_KILLED);
    assert_int_equal (run.outcome.status, SIGSEGV);
    close_run (&run);
}

static void input_is_fed (void **state)
{
    static uint8_t much[3000000];
    run_t run;

    (void)state;
    for (size_t i = 0; i < sizeof much; i++)
        much[i] = (uint8_t)(i * 7 >> 3);
    open_run (&run, "cat");
    run.plan.input = slice_of (much, sizeof much);
    do_run (&run);
    assert_true (slice_equal (buffer_as_slice (&run.output), run.plan.input));
    close_run (&run);

    open_run (&run, "wc -c");
    do_run (&run);
    assert_true (is (&run.output, "0\n"));
    close_run (&run);
}

// EPIPE is its right, and no SIGPIPE ends us or is left behind.
static void a_command_need_not_read_its_input (void **state)
{
    static uint8_t much[3000000];
    static const char *const commands[] = {"true", "exec <&-; echo", "head -c 10 >&2; echo"};
    sigset_t mask, pending;
    run_t run;

    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        open_run (&run, commands[i]);
        run.plan.input = slice_of (much, sizeof much);
        do_run (&run);
        assert_int_equal (run.outcome.end, PROCESS_EXITED);
        assert_int_equal (run.outcome.status, 0);
        close_run (&run);
    }
    pthread_sigmask (SIG_BLOCK, NULL, &mask);
    sigpending (&pending);
    assert_false (sigismember (&mask, SIGPIPE) || sigismember (&pending, SIGPIPE));
}

static void too_much_output_is_ended (void **state)
{
    run_t run;

    (void)state;
    open_run (&run, "yes & echo $! >&2; yes");
    run.output.limit = 100000;
    do_run (&run);
    assert_true (run.outcome.refused);
    assert_int_equal (run.outcome.end, PROCESS_KILLED);
    assert_int_equal (run.outcome.status, SIGKILL);
    close_run (&run);
}

static void cancel_is_a_sigterm_to_all (void **state)
{
    run_t run;

    (void)state;
    open_run (&run, "sleep 60 & echo $!; wait");
    run.cancel_at = "";
    do_run (&run);
    assert_true (run.outcome.cancelled);
    assert_int_equal (run.outcome.end, PROCESS_KILLED);
    assert_int_equal (run.outcome.status, SIGTERM);
    assert_true (run.took < SOON_MS);
    children_expect_dead (written_pid (&run));
    close_run (&run);
}

static void who_ignores_sigterm_gets_sigkill (void **state)
{
    run_t run;

    (void)state;
    open_run (&run, "trap '' TERM; sleep 60 & echo $!; wait; sleep 60");
    run.cancel_at = "";
    do_run (&run);
    assert_true (run.outcome.cancelled);
    assert_int_equal (run.outcome.status, SIGKILL);
    assert_true (run.took >= PROCESS_TERM_MS - 1 && run.took < SOON_MS);
    children_expect_dead (written_pid (&run));
    close_run (&run);
}

// A shell that dies of SIGTERM at once leaves what cleans up its time.
static void who_cleans_up_has_its_time (void **state)
{
    bool cleaned = false;
    run_t run;

    (void)state;
    // Longer than what the shell leaves behind has otherwise; if the machine gives it the time.
    for (unsigned tries = 0; !cleaned && tries < 5; tries++) {
        open_run (&run, "(trap 'trap \"\" TERM; sleep 0.3; echo cleaned; exit' TERM; echo ready; "
                        "while :; do sleep 0.05; done) & wait");
        run.cancel_at = "ready";
        do_run (&run);
        assert_true (run.outcome.cancelled);
        cleaned = is (&run.output, "ready\ncleaned\n");
        close_run (&run);
    }
    assert_true (cleaned);
}

static void a_cancel_before_the_start_is_one (void **state)
{
    const uint64_t one = 1;
    run_t run;

    (void)state;
    open_run (&run, "sleep 60");
    assert_int_equal (write (run.plan.cancel_fd, &one, sizeof one), sizeof one);
    do_run (&run);
    assert_true (run.outcome.cancelled);
    assert_true (run.took < SOON_MS);
    close_run (&run);
}

// Those who keep the output open after the shell has gone are not waited for.
static void grandchildren_do_not_hang_the_task (void **state)
{
    run_t run;

    (void)state;
    open_run (&run, "sleep 60 & echo $!");
    do_run (&run);
    assert_int_equal (run.outcome.end, PROCESS_EXITED);
    assert_int_equal (run.outcome.status, 0);
    assert_true (run.took >= PROCESS_LEFTOVER_MS - 1 && run.took < SOON_MS);
    children_expect_dead (written_pid (&run));
    close_run (&run);

    // What they say within the grace is output like any other, if the machine gives them the time.
    bool heard = false;
    for (unsigned tries = 0; !heard && tries < 20; tries++) {
        open_run (&run, "(sleep 0.05; echo late) & echo early");
        do_run (&run);
        heard = is (&run.output, "early\nlate\n");
        close_run (&run);
    }
    assert_true (heard);

    // Those that closed it go as well.
    open_run (&run, "sleep 60 > /dev/null 2>&1 & echo $!");
    do_run (&run);
    assert_true (run.took < SOON_MS);
    children_expect_dead (written_pid (&run));
    close_run (&run);
}

// Who leaves the group is on its own, but does not hold us up.
static void who_left_the_group_is_not_waited_for (void **state)
{
    run_t run;

    (void)state;
    open_run (&run, "setsid sh -c 'echo $$; exec sleep 60' & wait $! ; :");
    run.cancel_at = "";
    do_run (&run);
    assert_true (run.took < SOON_MS);
    long pid = written_pid (&run);
    assert_true (children_is_alive (pid));
    kill ((pid_t)pid, SIGKILL);
    close_run (&run);
}

static void signals_are_as_after_a_login (void **state)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigset_t term, mask;
    run_t run;

    (void)state;
    sigemptyset (&term);
    sigaddset (&term, SIGTERM);
    sigaction (SIGINT, &ignore, &before);
    pthread_sigmask (SIG_BLOCK, &term, &mask);
    open_run (&run, "sed -n 's/^Sig\\(Blk\\|Ign\\):/0x/p' /proc/self/status | tr -d '\t'");
    do_run (&run);
    buffer_octet (&run.output, '\0');
    char *end;
    uint64_t blocked = strtoull ((const char *)run.output.data, &end, 16);
    uint64_t ignored = strtoull (end, &end, 16);
    assert_string_equal (end, "\n");
    // 32 and 33 are the C library's own, which nobody can set.
    assert_int_equal (blocked & 0x7fffffff, 0);
    assert_int_equal (ignored & 0x7fffffff, 0);
    close_run (&run);
    pthread_sigmask (SIG_SETMASK, &mask, NULL);
    sigaction (SIGINT, &before, NULL);
}

// Nothing but 0 to 2, although the test has others open without close-on-exec.
static void descriptors_are_not_inherited (void **state)
{
    run_t run;
    int fd = dup (0);

    (void)state;
    open_run (&run, "ls /proc/self/fd");
    do_run (&run);
    assert_true (is (&run.output, "0\n1\n2\n3\n")); // 3 is ls's own
    close_run (&run);
    close (fd);
}

static void a_lost_status_is_said (void **state)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    run_t run;

    (void)state;
    sigaction (SIGCHLD, &ignore, &before);
    open_run (&run, "echo out");
    do_run (&run);
    assert_int_equal (run.outcome.end, PROCESS_LOST);
    assert_true (is (&run.output, "out\n"));
    close_run (&run);
    sigaction (SIGCHLD, &before, NULL);
}

static void what_cannot_be_started_is_said (void **state)
{
    static char much[4000000];
    fault_t fault;
    run_t run;
    unsigned before = children_count_descriptors ();

    (void)state;
    memset (much, 'x', sizeof much - 1);
    open_run (&run, much);
    assert_int_equal (process_run (&run.plan, &run.outcome, &fault), -1);
    assert_int_equal (errno, E2BIG);
    assert_non_null (strstr (fault.text, "Argument list too long"));
    close_run (&run);
    assert_int_equal (children_count_descriptors (), before);
}

static void it_needs_no_standard_descriptors (void **state)
{
    run_t run;
    int in = dup (0), out = dup (1), err = dup (2);

    (void)state;
    fflush (stdout);
    close (0);
    close (1);
    close (2);
    open_run (&run, "cat; echo err >&2");
    run.plan.input = slice_text ("in\n");
    do_run (&run);
    dup2 (in, 0);
    dup2 (out, 1);
    dup2 (err, 2);
    close (in);
    close (out);
    close (err);
    assert_true (is (&run.output, "in\n"));
    assert_true (is (&run.errors, "err\n"));
    // Its descriptor was one of the three, and has been replaced.
    run.plan.cancel_fd = -1;
    close_run (&run);
}

static void *run_many (void *arg)
{
    char expected[32];

    for (unsigned i = 0; i < 50; i++) {
        run_t run;
        open_run (&run, i % 5 ? "cat; exit 7" : "cat; sleep 60 >/dev/null 2>&1 & exit 7");
        int len = snprintf (expected, sizeof expected, "%u", i + *(unsigned *)arg);
        run.plan.input = slice_of (expected, (size_t)len);
        fault_t fault;
        int rc = process_run (&run.plan, &run.outcome, &fault);
        bool right = rc == 0 && run.outcome.end == PROCESS_EXITED && run.outcome.status == 7
                     && is (&run.output, expected);
        close (run.plan.cancel_fd);
        buffer_finish (&run.output);
        buffer_finish (&run.errors);
        if (!right)
            return arg;
    }
    return NULL;
}

static void two_hundred_leave_nothing_behind (void **state)
{
    unsigned before = children_count_descriptors ();
    unsigned numbers[4] = {0, 1000, 2000, 3000};
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal (pthread_create (&threads[i], NULL, run_many, &numbers[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        void *wrong;
        assert_int_equal (pthread_join (threads[i], &wrong), 0);
        assert_null (wrong);
    }
    assert_int_equal (children_count_descriptors (), before);
    children_expect_none ();
}

TESTING_MAIN (cmocka_unit_test (output_errors_and_status_come_back),
              cmocka_unit_test (input_is_fed),
              cmocka_unit_test (a_command_need_not_read_its_input),
              cmocka_unit_test (too_much_output_is_ended),
              cmocka_unit_test (cancel_is_a_sigterm_to_all),
              cmocka_unit_test (who_ignores_sigterm_gets_sigkill),
              cmocka_unit_test (who_cleans_up_has_its_time),
              cmocka_unit_test (a_cancel_before_the_start_is_one),
              cmocka_unit_test (grandchildren_do_not_hang_the_task),
              cmocka_unit_test (who_left_the_group_is_not_waited_for),
              cmocka_unit_test (signals_are_as_after_a_login),
              cmocka_unit_test (descriptors_are_not_inherited),
              cmocka_unit_test (a_lost_status_is_said),
              cmocka_unit_test (what_cannot_be_started_is_said),
              cmocka_unit_test (it_needs_no_standard_descriptors),
              cmocka_unit_test (two_hundred_leave_nothing_behind), )
