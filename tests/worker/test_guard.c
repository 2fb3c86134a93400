#define _GNU_SOURCE

#include "worker/guard.h"

#include "tests/support/testing.h"
#include "tests/worker/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/process.h"

#define COMMANDS 2

static int pass_on (slice_t octets, void *arg)
{
    return write (*(int *)arg, octets.ptr, octets.len) == (ssize_t)octets.len ? 0 : -1;
}

// A program of its own that runs commands, what they print going to `out`; it does not return.
static _Noreturn void be_a_program (int out, guard_t *guard, const char *command)
{
    process_plan_t plan = {.command = command,
                           .environment = environ,
                           .cancel_fd = -1,
                           .guard = guard,
                           .output = pass_on,
                           .errors = pass_on,
                           .arg = &out};
    process_outcome_t outcome;
    fault_t fault;

    _exit (process_run (&plan, &outcome, &fault) ? 99 : outcome.status);
}

// Starts that program. Its number, and a stream of what it prints.
static pid_t start_program (guard_t *guard, const char *command, FILE **printed)
{
    int ends[2];

    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    pid_t pid = fork ();
    assert_true (pid >= 0);
    if (pid == 0)
        be_a_program (ends[1], guard, command);
    close (ends[1]);
    *printed = fdopen (ends[0], "r");
    assert_non_null (*printed);
    return pid;
}

static long read_number (FILE *from)
{
    char line[64] = "";

    assert_non_null (fgets (line, sizeof line, from));
    return strtol (line, NULL, 10);
}

// The shell, what it started, and what that started: all but who left the group.
static void the_commands_of_a_killed_program_are_killed (void **state)
{
    static const char *const commands[COMMANDS] = {
        // The shell waits, or has become the command itself.
        "(trap '' HUP INT TERM; sleep 60 & echo $!; wait) & echo $!; echo $$; wait",
        "(trap '' HUP INT TERM; sleep 60 & echo $!; wait) & echo $!; echo $$; exec sleep 60"};

    (void)state;
    for (size_t i = 0; i < COMMANDS; i++) {
        guard_t *guard = guard_new ();
        long numbers[3];
        FILE *printed;
        assert_non_null (guard);
        pid_t program = start_program (guard, commands[i], &printed);
        for (size_t j = 0; j < 3; j++)
            numbers[j] = read_number (printed);
        // The guard lives as long as anybody has its other end.
        guard_destroy (&guard);
        assert_int_equal (kill (program, SIGKILL), 0);
        assert_int_equal (waitpid (program, NULL, 0), program);
        for (size_t j = 0; j < 3; j++)
            children_expect_dead (numbers[j]);
        fclose (printed);
    }
}

// The shell goes with the thread that waits for it.
static void without_a_guard_the_shell_is_killed (void **state)
{
    FILE *printed;
    pid_t program = start_program (NULL, "echo $$; exec sleep 60", &printed);
    long shell = read_number (printed);

    (void)state;
    assert_int_equal (kill (program, SIGKILL), 0);
    assert_int_equal (waitpid (program, NULL, 0), program);
    children_expect_dead (shell);
    fclose (printed);
}

// A process that leads a group and waits to be killed.
static pid_t start_leader (int descriptor)
{
    int ready[2];
    char octet;
    pid_t pid;

    assert_int_equal (pipe2 (ready, O_CLOEXEC), 0);
    pid = fork ();
    assert_true (pid >= 0);
    if (pid == 0) {
        (void)prctl (PR_SET_PDEATHSIG, SIGKILL); // should the test fail
        (void)setpgid (0, 0);
        int failed = guard_enter (descriptor);
        (void)close (descriptor);
        (void)!write (ready[1], &failed, 1);
        for (;;)
            pause ();
    }
    assert_int_equal (read (ready[0], &octet, 1), 1);
    assert_int_equal (octet, 0);
    close (ready[0]);
    close (ready[1]);
    return pid;
}

static void who_is_forgotten_is_left_alone (void **state)
{
    guard_t *guard = guard_new ();
    pid_t leaders[3];
    int status;

    (void)state;
    assert_non_null (guard);
    for (size_t i = 0; i < 3; i++)
        leaders[i] = start_leader (guard_descriptor (guard));
    guard_forget (guard, leaders[0]);
    guard_destroy (&guard);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal (waitpid (leaders[i], &status, 0), leaders[i]);
        assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
    }
    // The guard has done all that it does.
    assert_int_equal (waitpid (leaders[0], &status, WNOHANG), 0);
    kill (leaders[0], SIGKILL);
    assert_int_equal (waitpid (leaders[0], &status, 0), leaders[0]);
}

static void a_guard_is_no_child (void **state)
{
    guard_t *guard = guard_new ();

    (void)state;
    assert_non_null (guard);
    children_expect_none ();
    guard_destroy (&guard);
    assert_null (guard);
    guard_destroy (&guard);
}

TESTING_MAIN (cmocka_unit_test (the_commands_of_a_killed_program_are_killed),
              cmocka_unit_test (without_a_guard_the_shell_is_killed),
              cmocka_unit_test (who_is_forgotten_is_left_alone),
              cmocka_unit_test (a_guard_is_no_child), )
