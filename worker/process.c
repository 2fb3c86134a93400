/*  One poll over the three pipes, the process (pidfd) and the cancel.
 *
 *  The shell's process id is the group's. It is reaped last of all: as long as it is a zombie no
 *  other group can have its number, so a kill never hits a stranger.
 */
#define _GNU_SOURCE

#include "worker/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fabric/moment.h"
#include "worker/spawn.h"

#define CHUNK_OCTETS (64u * 1024) // what a pipe holds
#define LOOK_MS      20u          // between two looks at a process without a pidfd

enum { INPUT, OUTPUT, ERRORS, PROCESS, CANCEL, ITEMS };

typedef struct {
    const process_plan_t *plan;
    process_outcome_t *outcome;
    pid_t pid;
    struct pollfd items[ITEMS]; // fd -1: not there any more; the first four are ours
    size_t written;             // octets of the input
    bool exited;                // the shell
    moment_t kill_at;           // when the group gets SIGKILL
    moment_t leave_at;          // when an output that is still open is not waited for
    uint8_t *chunk;
} process_t;

static void shut (int *fd)
{
    if (*fd >= 0)
        close (*fd);
    *fd = -1;
}

// A pipe whose ends are not 0 to 2, which the child's are made of.
static int open_pipe (int ends[static 2])
{
    int made[2];

    ends[0] = ends[1] = -1;
    if (pipe2 (made, O_CLOEXEC))
        return -1;
    for (int i = 0; i < 2; i++) {
        ends[i] = made[i] > STDERR_FILENO ? made[i] : fcntl (made[i], F_DUPFD_CLOEXEC, 3);
        int problem = errno;
        if (ends[i] != made[i])
            close (made[i]);
        errno = problem;
    }
    if (ends[0] >= 0 && ends[1] >= 0)
        return 0;
    int problem = errno;
    shut (&ends[0]);
    shut (&ends[1]);
    errno = problem;
    return -1;
}

// Opens the pipes and starts the shell. 0, or -1 with errno.
static int start (process_t *self)
{
    int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    int problem = 0;

    for (int i = 0; i < 3 && !problem; i++) {
        if (open_pipe (pipes[i]))
            problem = errno;
    }
    if (!problem) {
        spawn_plan_t plan = {
            .command = self->plan->command,
            .environment = self->plan->environment,
            .ends = {pipes[INPUT][0], pipes[OUTPUT][1], pipes[ERRORS][1]},
            .guard = self->plan->guard ? guard_descriptor (self->plan->guard) : -1,
        };
        problem = spawn_shell (&plan, &self->pid) ? errno : 0;
    }
    shut (&pipes[INPUT][0]);
    shut (&pipes[OUTPUT][1]);
    shut (&pipes[ERRORS][1]);
    if (problem) {
        shut (&pipes[INPUT][1]);
        shut (&pipes[OUTPUT][0]);
        shut (&pipes[ERRORS][0]);
        errno = problem;
        return -1;
    }
    const int ours[ITEMS] = {pipes[INPUT][1], pipes[OUTPUT][0], pipes[ERRORS][0],
                             (int)syscall (SYS_pidfd_open, self->pid, 0), self->plan->cancel_fd};
    for (int i = 0; i < ITEMS; i++)
        self->items[i] = (struct pollfd){.fd = ours[i], .events = i == INPUT ? POLLOUT : POLLIN};
    for (int i = 0; i < 3; i++)
        (void)fcntl (ours[i], F_SETFL, O_NONBLOCK); // our ends have no other flags
    return 0;
}

static void kill_group (const process_t *self, int number)
{
    // When the status is lost, the number may be another's by now.
    if (!self->exited || self->outcome->end != PROCESS_LOST)
        (void)kill (-self->pid, number); // ESRCH: nobody is left
}

static void feed (process_t *self)
{
    int *fd = &self->items[INPUT].fd;
    slice_t input = self->plan->input;

    while (self->written < input.len) {
        ssize_t put = write (*fd, input.ptr + self->written, input.len - self->written);
        if (put < 0 && errno == EAGAIN)
            return;
        if (put < 0)
            break; // EPIPE: it wants no more, which is its right
        self->written += (size_t)put;
    }
    shut (fd);
}

static void take_output (process_t *self, int which)
{
    process_output_fn *take = which == OUTPUT ? self->plan->output : self->plan->errors;
    ssize_t got = read (self->items[which].fd, self->chunk, CHUNK_OCTETS);

    if (got > 0 && take (slice_of (self->chunk, (size_t)got), self->plan->arg) == 0)
        return;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0) {
        self->outcome->refused = true;
        self->kill_at = 0;
        shut (&self->items[OUTPUT].fd);
        shut (&self->items[ERRORS].fd);
    }
    shut (&self->items[which].fd);
}

static void take_cancel (process_t *self, moment_t now)
{
    self->items[CANCEL].fd = -1;
    if (self->exited)
        return;
    self->outcome->cancelled = true;
    kill_group (self, SIGTERM);
    if (self->kill_at == MOMENT_NEVER)
        self->kill_at = moment_after (now, PROCESS_TERM_MS);
}

// Looks whether the shell has exited, and leaves it a zombie.
static void look (process_t *self, moment_t now)
{
    process_outcome_t *outcome = self->outcome;
    siginfo_t info = {.si_pid = 0};
    int rc = waitid (P_PID, (id_t)self->pid, &info, WEXITED | WNOHANG | WNOWAIT);

    if (rc && errno == EINTR)
        return;
    if (rc == 0 && info.si_pid == 0)
        return;
    outcome->end = rc ? PROCESS_LOST : info.si_code == CLD_EXITED ? PROCESS_EXITED : PROCESS_KILLED;
    outcome->status = rc ? 0 : info.si_status;
    self->exited = true;
    shut (&self->items[PROCESS].fd);
    shut (&self->items[INPUT].fd);
    // When it was killed already there is nothing to be gained by more patience.
    if (!outcome->cancelled)
        self->kill_at = moment_after (now, PROCESS_LEFTOVER_MS);
    else if (self->kill_at == MOMENT_NEVER)
        self->leave_at = moment_after (now, PROCESS_LEFTOVER_MS);
}

static void do_what_is_due (process_t *self, moment_t now)
{
    if (now < self->kill_at)
        return;
    kill_group (self, SIGKILL);
    self->kill_at = MOMENT_NEVER;
    if (self->exited)
        self->leave_at = moment_after (now, PROCESS_LEFTOVER_MS);
}

static bool finished (const process_t *self, moment_t now)
{
    bool closed = self->items[OUTPUT].fd < 0 && self->items[ERRORS].fd < 0;

    return self->exited && (closed || now >= self->leave_at);
}

static int timeout (const process_t *self, moment_t now)
{
    moment_t at = self->kill_at < self->leave_at ? self->kill_at : self->leave_at;
    span_t span = moment_until (now, at);

    if (!self->exited && self->items[PROCESS].fd < 0 && span > LOOK_MS)
        span = LOOK_MS;
    return span > INT_MAX ? -1 : (int)span;
}

static void turn (process_t *self)
{
    moment_t now = moment_now ();

    while (!finished (self, now)) {
        int got = poll (self->items, ITEMS, timeout (self, now));
        now = moment_now ();
        for (int i = 0; i < ITEMS && got > 0; i++) {
            if (self->items[i].fd < 0 || !self->items[i].revents)
                continue;
            if (i == INPUT)
                feed (self);
            else if (i == OUTPUT || i == ERRORS)
                take_output (self, i);
            else if (i == CANCEL)
                take_cancel (self, now);
        }
        if (!self->exited)
            look (self, now);
        do_what_is_due (self, now);
    }
}

// Nothing of it stays: members of the group that closed their output, the zombie, our ends.
static void finish (process_t *self)
{
    kill_group (self, SIGKILL);
    if (self->plan->guard)
        guard_forget (self->plan->guard, self->pid);
    if (self->outcome->end != PROCESS_LOST) {
        while (waitpid (self->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    for (int i = INPUT; i <= PROCESS; i++)
        shut (&self->items[i].fd);
}

// A write into a pipe that nobody reads must not end the program.
static void block_pipe_signal (sigset_t *before)
{
    sigset_t pipe_signal;

    sigemptyset (&pipe_signal);
    sigaddset (&pipe_signal, SIGPIPE);
    pthread_sigmask (SIG_BLOCK, &pipe_signal, before);
}

static void restore_pipe_signal (const sigset_t *before)
{
    static const struct timespec at_once;
    sigset_t pipe_signal;

    sigemptyset (&pipe_signal);
    sigaddset (&pipe_signal, SIGPIPE);
    if (!sigismember (before, SIGPIPE)) {
        while (sigtimedwait (&pipe_signal, NULL, &at_once) > 0)
            ;
    }
    pthread_sigmask (SIG_SETMASK, before, NULL);
}

int process_run (const process_plan_t *plan, process_outcome_t *outcome, fault_t *fault)
{
    process_t self = {
        .plan = plan, .outcome = outcome, .kill_at = MOMENT_NEVER, .leave_at = MOMENT_NEVER};
    sigset_t before;

    *outcome = (process_outcome_t){.end = PROCESS_EXITED};
    self.chunk = (uint8_t *)malloc (CHUNK_OCTETS);
    if (!self.chunk || start (&self)) {
        int problem = self.chunk ? errno : ENOMEM;
        fault_set (fault, "can't start /bin/sh: %s", strerrordesc_np (problem));
        free (self.chunk);
        errno = problem;
        return -1;
    }
    block_pipe_signal (&before);
    turn (&self);
    finish (&self);
    restore_pipe_signal (&before);
    free (self.chunk);
    return 0;
}
