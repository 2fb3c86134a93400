/*  Process numbers go to the guard through a pipe, positive to be remembered, negative to be
 *  forgotten. Each is one write, which a pipe keeps whole and in order. The end of the pipe is the
 *  end of the program: nobody else has the writing end, but for new processes until their exec.
 *
 *  The guard is forked twice, so that the program has no child which it does not know of. It is a
 *  copy of a program that may have threads: it only calls what is safe in a signal handler.
 */
#define _GNU_SOURCE

#include "worker/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fabric/limits.h"
#include "worker/spawn.h"

#define GROUPS_MAX LIMIT_CAPACITY // a worker runs no more at once
#define BATCH      256u           // numbers that are read at once

struct guard {
    int descriptor;
};

typedef struct {
    int32_t *groups;
    size_t count;
} roll_t;

// -- In the guard

static void remember (roll_t *self, int32_t number)
{
    size_t at = 0;

    if (number > 0) {
        if (self->count < GROUPS_MAX)
            self->groups[self->count++] = number;
        return;
    }
    while (at < self->count && self->groups[at] != -number)
        at++;
    if (at < self->count)
        self->groups[at] = self->groups[--self->count];
}

static _Noreturn void stand_guard (int pipe_end, roll_t *roll)
{
    int32_t numbers[BATCH];
    ssize_t got;

    (void)setsid ();
    (void)prctl (PR_SET_NAME, "zfabric-guard");
    (void)!chdir ("/"); // keeps no folder in use
    (void)dup2 (pipe_end, STDIN_FILENO);
    spawn_close_from (STDIN_FILENO + 1);
    // All signals are blocked: there is no EINTR.
    while ((got = read (STDIN_FILENO, numbers, sizeof numbers)) > 0) {
        for (size_t i = 0; i < (size_t)got / sizeof *numbers; i++)
            remember (roll, numbers[i]);
    }
    for (size_t i = 0; i < roll->count; i++)
        (void)kill (-roll->groups[i], SIGKILL);
    _exit (0);
}

// -- In the program

// Forks twice, with all signals blocked. 0, or the errno.
static int fork_guard (int pipe_end, roll_t *roll)
{
    int status = 0;
    pid_t pid = fork ();

    if (pid < 0)
        return errno;
    if (pid == 0) {
        pid_t guard = fork ();
        if (guard == 0)
            stand_guard (pipe_end, roll);
        _exit (guard < 0);
    }
    while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status ? EAGAIN : 0;
}

guard_t *guard_new (void)
{
    guard_t *self = (guard_t *)malloc (sizeof *self);
    roll_t roll = {.groups = (int32_t *)calloc (GROUPS_MAX, sizeof *roll.groups)};
    int ends[2] = {-1, -1}, problem = 0;
    sigset_t all, before;

    if (!self || !roll.groups)
        problem = ENOMEM;
    else if (pipe2 (ends, O_CLOEXEC))
        problem = errno;
    if (!problem) {
        sigfillset (&all);
        pthread_sigmask (SIG_SETMASK, &all, &before);
        problem = fork_guard (ends[0], &roll);
        pthread_sigmask (SIG_SETMASK, &before, NULL);
    }
    if (ends[0] >= 0)
        close (ends[0]);
    free (roll.groups);
    if (!problem) {
        self->descriptor = ends[1];
        return self;
    }
    if (ends[1] >= 0)
        close (ends[1]);
    free (self);
    errno = problem;
    return NULL;
}

void guard_destroy (guard_t **self_p)
{
    guard_t *self = *self_p;

    if (!self)
        return;
    close (self->descriptor);
    free (self);
    *self_p = NULL;
}

int guard_descriptor (const guard_t *self)
{
    return self->descriptor;
}

static int put (int descriptor, int32_t number)
{
    return write (descriptor, &number, sizeof number) == sizeof number ? 0 : -1;
}

int guard_enter (int descriptor)
{
    return put (descriptor, (int32_t)getpid ());
}

void guard_forget (guard_t *self, pid_t group)
{
    (void)put (self->descriptor, -(int32_t)group); // EPIPE: it was killed
}
