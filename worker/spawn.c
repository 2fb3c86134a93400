/*  vfork (), since a copy of a large program's page tables takes longer than a short command. Until
 *  its exec the child has the parent's memory, and the parent's thread waits: so the child changes
 *  nothing there, and no handler of the program may run in it (signals are blocked meanwhile).
 *
 *  What went wrong comes back through a pipe that the exec closes.
 */
#define _GNU_SOURCE

#include "worker/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/guard.h"

typedef struct {
    const spawn_plan_t *plan;
    char *const *argv;
    pid_t parent;
    int problem; // the pipe that a failure is told to
} birth_t;

// Each descriptor by itself, where the kernel has no call for it.
static void each_from (int first, bool close_it)
{
    long most = sysconf (_SC_OPEN_MAX);

    for (int fd = first; fd < most; fd++) {
        if (close_it)
            (void)close (fd);
        else
            (void)fcntl (fd, F_SETFD, FD_CLOEXEC);
    }
}

void spawn_close_from (int first)
{
    if (close_range ((unsigned)first, UINT_MAX, 0))
        each_from (first, true);
}

static void set_signals (void (*handler) (int), int first, int last)
{
    struct sigaction action = {.sa_handler = handler};

    sigemptyset (&action.sa_mask);
    for (int number = first; number <= last; number++)
        (void)sigaction (number, &action, NULL); // EINVAL: libc's own, or SIGKILL and SIGSTOP
}

// In the child: 0, or -1 with errno.
static int prepare (const birth_t *birth)
{
    const spawn_plan_t *plan = birth->plan;

    if (setpgid (0, 0) || prctl (PR_SET_PDEATHSIG, SIGKILL))
        return -1;
    if (getppid () != birth->parent)
        _exit (0); // it died before we asked to be told
    // EPIPE: the guard was killed, which is no reason not to work. The SIGPIPE that is pending then
    // goes when the signal is ignored for once.
    if (plan->guard >= 0 && guard_enter (plan->guard))
        set_signals (SIG_IGN, SIGPIPE, SIGPIPE);
    for (int i = 0; i < 3; i++) {
        if (dup2 (plan->ends[i], i) < 0)
            return -1;
    }
    // What the program forgot to mark close-on-exec is not for commands.
    if (close_range (STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC))
        each_from (STDERR_FILENO + 1, false);
    return 0;
}

static _Noreturn void be_born (const birth_t *birth)
{
    sigset_t none;

    if (prepare (birth) == 0) {
        set_signals (SIG_DFL, 1, _NSIG - 1);
        sigemptyset (&none);
        pthread_sigmask (SIG_SETMASK, &none, NULL);
        execve ("/bin/sh", birth->argv, birth->plan->environment);
    }
    int problem = errno;
    (void)!write (birth->problem, &problem, sizeof problem);
    _exit (127);
}

// A function of its own: nothing of it must be in use after the child has been there.
static pid_t fork_child (const birth_t *birth)
{
    pid_t pid = vfork ();

    if (pid == 0)
        be_born (birth);
    return pid;
}

int spawn_shell (const spawn_plan_t *plan, pid_t *pid)
{
    char *const argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
                          (char *)(uintptr_t)plan->command, NULL};
    int ends[2], problem = 0;
    sigset_t all, before;

    if (pipe2 (ends, O_CLOEXEC))
        return -1;
    // The child replaces 0 to 2; a pipe there would be gone.
    int told = fcntl (ends[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    birth_t birth = {plan, argv, getpid (), told};
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    *pid = told < 0 ? -1 : fork_child (&birth);
    if (*pid < 0)
        problem = errno;
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    close (ends[1]);
    if (told >= 0)
        close (told);
    if (*pid > 0 && read (ends[0], &problem, sizeof problem) <= 0)
        problem = 0;
    close (ends[0]);
    if (!problem)
        return 0;
    while (*pid > 0 && waitpid (*pid, NULL, 0) < 0 && errno == EINTR)
        ;
    errno = problem;
    return -1;
}
