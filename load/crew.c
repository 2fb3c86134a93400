/*  Members report over one pipe, an octet each: ready, done or failed. They start when the write
 *  end of another pipe is closed, which the parent alone has.
 */
#define _GNU_SOURCE

#include "load/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 200 // how often it looks whether all are alive

enum { SAYS_READY = 'r', SAYS_DONE = 'd', SAYS_FAILED = 'f' };

struct crew_member {
    crew_t *crew;
    size_t place;
};

struct crew {
    int reports[2];
    int start[2];
    int interrupts;
    size_t max;
    size_t count;
    size_t ready;
    size_t done;
    size_t failed;
    pid_t *pids;
    crew_slip_t *slips; // shared with the members
};

crew_t *crew_new (size_t members_max, int interrupts)
{
    crew_t *self = (crew_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    *self = (crew_t){.reports = {-1, -1}, .start = {-1, -1}, .interrupts = interrupts};
    self->max = members_max;
    self->pids = (pid_t *)calloc (members_max, sizeof *self->pids);
    self->slips = (crew_slip_t *)mmap (NULL, members_max * sizeof *self->slips,
                                       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (self->slips == MAP_FAILED)
        self->slips = NULL;
    if (!self->pids || !self->slips || pipe2 (self->reports, O_CLOEXEC)
        || pipe2 (self->start, O_CLOEXEC)) {
        int saved = errno;
        crew_destroy (&self);
        errno = saved;
    }
    return self;
}

static void close_end (int *end)
{
    if (*end >= 0)
        close (*end);
    *end = -1;
}

void crew_destroy (crew_t **self_p)
{
    crew_t *self = *self_p;

    if (!self)
        return;
    // The last first: who came early is what the others need.
    for (size_t i = self->count; i-- > 0;) {
        if (self->pids[i] > 0) {
            (void)kill (self->pids[i], SIGKILL);
            (void)waitpid (self->pids[i], NULL, 0);
        }
    }
    for (int i = 0; i < 2; i++) {
        close_end (&self->reports[i]);
        close_end (&self->start[i]);
    }
    if (self->slips)
        munmap (self->slips, self->max * sizeof *self->slips);
    free (self->pids);
    free (self);
    *self_p = NULL;
}

static void report (const crew_t *self, char word)
{
    (void)!write (self->reports[1], &word, 1); // nobody there: it ends with its parent
}

static _Noreturn void play (crew_t *self, crew_part_fn *part, const void *arg, pid_t parent)
{
    crew_member_t member = {self, self->count};

    (void)prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (getppid () != parent)
        _exit (1);
    signal (SIGINT, SIG_IGN); // the parent's to handle
    signal (SIGTERM, SIG_DFL);
    close_end (&self->start[1]);
    report (self, part (&member, arg) ? SAYS_FAILED : SAYS_DONE);
    _exit (0);
}

int crew_add (crew_t *self, crew_part_fn *part, const void *arg)
{
    pid_t parent = getpid ();

    if (self->count == self->max) {
        errno = ENOSPC;
        return -1;
    }
    histogram_init (&self->slips[self->count].latency);
    pid_t pid = fork ();
    if (pid < 0)
        return -1;
    if (pid == 0)
        play (self, part, arg, parent);
    self->pids[self->count++] = pid;
    return 0;
}

static bool has_died (pid_t pid)
{
    siginfo_t info = {0};

    // A stranger's process can only be asked whether it is there.
    if (waitid (P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        return info.si_pid == pid;
    return kill (pid, 0) && errno == ESRCH;
}

static int take_words (crew_t *self)
{
    char words[256];
    ssize_t len = read (self->reports[0], words, sizeof words);

    for (ssize_t i = 0; i < len; i++) {
        self->ready += words[i] == SAYS_READY;
        self->done += words[i] == SAYS_DONE;
        self->failed += words[i] == SAYS_FAILED;
    }
    return self->failed ? -1 : 0;
}

// A problem that a member has written down, or the death of one that was not done.
static int find_problem (crew_t *self, pid_t pid, fault_t *fault)
{
    struct pollfd item = {.fd = self->reports[0], .events = POLLIN};
    size_t dead = 0;

    for (size_t i = 0; i < self->count; i++) {
        if (self->slips[i].problem.text[0]) {
            fault_set (fault, "%s", self->slips[i].problem.text);
            errno = EPROTO;
            return -1;
        }
        dead += has_died (self->pids[i]);
    }
    // Their last words may have come since.
    while (poll (&item, 1, 0) == 1 && take_words (self) == 0)
        ;
    if (self->failed || dead > self->done) {
        fault_set (fault, "a process of the benchmark ended without a word");
        errno = ECHILD;
        return -1;
    }
    if (pid > 0 && has_died (pid)) {
        fault_set (fault, "the broker has ended");
        errno = ECHILD;
        return -1;
    }
    return 0;
}

static int read_reports (crew_t *self, pid_t pid, fault_t *fault)
{
    struct pollfd items[2] = {{.fd = self->reports[0], .events = POLLIN},
                              {.fd = self->interrupts, .events = POLLIN}};
    int count = poll (items, 2, LOOK_MS);

    if (count > 0 && items[1].revents) {
        fault_set (fault, "interrupted");
        errno = EINTR;
        return -1;
    }
    if (count > 0 && items[0].revents && take_words (self) == 0)
        return 0;
    return find_problem (self, pid, fault);
}

int crew_wait_ready (crew_t *self, pid_t pid, fault_t *fault)
{
    while (self->ready < self->count) {
        if (read_reports (self, pid, fault))
            return -1;
    }
    return 0;
}

int crew_wait_done (crew_t *self, size_t members, pid_t pid, fault_t *fault)
{
    while (self->done < members) {
        if (read_reports (self, pid, fault))
            return -1;
    }
    return 0;
}

void crew_start (crew_t *self)
{
    close_end (&self->start[1]);
}

size_t crew_count (const crew_t *self)
{
    return self->count;
}

pid_t crew_pid (const crew_t *self, size_t place)
{
    return self->pids[place];
}

const crew_slip_t *crew_slip (const crew_t *self, size_t place)
{
    return &self->slips[place];
}

crew_slip_t *crew_member_slip (crew_member_t *self)
{
    return &self->crew->slips[self->place];
}

size_t crew_member_place (const crew_member_t *self)
{
    return self->place;
}

void crew_member_ready (crew_member_t *self)
{
    report (self->crew, SAYS_READY);
}

void crew_member_wait_start (crew_member_t *self)
{
    char nothing;

    (void)!read (self->crew->start[0], &nothing, 1); // ends when it is closed
}

void crew_member_stay (void)
{
    for (;;)
        (void)pause ();
}
