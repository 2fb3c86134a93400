#define _GNU_SOURCE

#include "load/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32
#define READY_MS      30000 // until a broker says so
#define END_MS        5000  // from SIGTERM to SIGKILL

void process_adopt (process_t *self, const char *serve, const char *listen, pid_t pid)
{
    *self = (process_t){.pid = pid, .log = -1};
    (void)snprintf (self->serve, sizeof self->serve, "%s", serve);
    (void)snprintf (self->listen, sizeof self->listen, "%s", listen);
}

// ---- endpoints

// A port that is free now, and as long as the socket `*probe` stays open nobody else's.
static int free_port (uint16_t *port, int *probe)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    *probe = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*probe < 0)
        return -1;
    if (bind (*probe, (struct sockaddr *)&address, len)
        || getsockname (*probe, (struct sockaddr *)&address, &len)) {
        close (*probe);
        return -1;
    }
    *port = ntohs (address.sin_port);
    return 0;
}

// Both are held before either is let go, or they might be the same.
static int free_ports (uint16_t ports[static 2])
{
    int first, second;

    if (free_port (&ports[0], &first))
        return -1;
    int rc = free_port (&ports[1], &second);
    if (!rc)
        close (second);
    close (first);
    return rc;
}

static int choose_endpoints (process_t *self, bool tcp)
{
    if (tcp) {
        uint16_t ports[2];
        if (free_ports (ports))
            return -1;
        (void)snprintf (self->serve, sizeof self->serve, "tcp://127.0.0.1:%u", ports[0]);
        (void)snprintf (self->listen, sizeof self->listen, "tcp://127.0.0.1:%u", ports[1]);
        return 0;
    }
    (void)snprintf (self->folder, sizeof self->folder, "/tmp/zfabric-bench-XXXXXX");
    if (!mkdtemp (self->folder)) {
        self->folder[0] = '\0';
        return -1;
    }
    (void)snprintf (self->serve, sizeof self->serve, "ipc://%s/serve", self->folder);
    (void)snprintf (self->listen, sizeof self->listen, "ipc://%s/listen", self->folder);
    return 0;
}

// ---- start

static _Noreturn void become (const process_t *self, const char *const *argv, int out, pid_t parent)
{
    const char *words[ARGUMENTS_MAX + 5];
    size_t count = 0;

    while (count < ARGUMENTS_MAX && argv[count]) {
        words[count] = argv[count];
        count++;
    }
    const char *const endpoints[] = {"--serve", self->serve, "--listen", self->listen, NULL};
    memcpy (words + count, endpoints, sizeof endpoints);
    (void)prctl (PR_SET_PDEATHSIG, SIGTERM);
    if (getppid () != parent || dup2 (out, STDOUT_FILENO) < 0
        || dup2 (self->log, STDERR_FILENO) < 0)
        _exit (127);
    (void)setpgid (0, 0); // a Ctrl-C is for the benchmark, which ends it
    execvp (words[0], (char *const *)(uintptr_t)words);
    (void)!write (STDERR_FILENO, strerror (errno), strlen (strerror (errno)));
    _exit (127);
}

// What it said last on stderr, for a person.
static void tell_why (const process_t *self, const char *name, fault_t *fault)
{
    char text[FAULT_TEXT_MAX];
    off_t end = lseek (self->log, 0, SEEK_END);
    off_t from = end > (off_t)sizeof text - 1 ? end - (off_t)sizeof text + 1 : 0;
    ssize_t len = pread (self->log, text, sizeof text - 1, from);

    while (len > 0 && text[len - 1] == '\n')
        len--;
    text[len > 0 ? len : 0] = '\0';
    char *line = strrchr (text, '\n');
    fault_set (fault, "%s did not get ready: %s", name, line ? line + 1 : text);
    errno = ECHILD;
}

// Reads its output up to `ready`. 0 or -1.
static int wait_ready (int out)
{
    char text[256];
    size_t len = 0;

    while (len < sizeof text - 1) {
        struct pollfd item = {.fd = out, .events = POLLIN};
        if (poll (&item, 1, READY_MS) != 1)
            return -1;
        ssize_t got = read (out, text + len, sizeof text - 1 - len);
        if (got <= 0)
            return -1;
        len += (size_t)got;
        text[len] = '\0';
        if (strstr (text, "ready\n"))
            return 0;
    }
    return -1;
}

int process_start (process_t *self, const char *const *argv, bool tcp, fault_t *fault)
{
    int ends[2] = {-1, -1};
    pid_t parent = getpid ();

    *self = (process_t){.ours = true, .log = memfd_create ("broker's log", MFD_CLOEXEC)};
    if (self->log < 0 || choose_endpoints (self, tcp) || pipe2 (ends, O_CLOEXEC)) {
        fault_set (fault, "can't start %s: %s", argv[0], strerror (errno));
        goto error;
    }
    self->pid = fork ();
    if (self->pid == 0)
        become (self, argv, ends[1], parent);
    close (ends[1]);
    if (self->pid < 0) {
        self->pid = 0;
        fault_set (fault, "can't start %s: %s", argv[0], strerror (errno));
        goto error;
    }
    if (wait_ready (ends[0])) {
        tell_why (self, argv[0], fault);
        goto error;
    }
    close (ends[0]);
    return 0;
error:;
    int saved = errno;
    if (ends[0] >= 0)
        close (ends[0]);
    process_finish (self);
    errno = saved;
    return -1;
}

// ---- end

static void end (pid_t pid)
{
    int watched = -1;
    struct pollfd item = {.events = POLLIN};

#ifdef SYS_pidfd_open
    watched = (int)syscall (SYS_pidfd_open, pid, 0);
#endif
    item.fd = watched;
    (void)kill (pid, SIGTERM);
    if (watched < 0 || poll (&item, 1, END_MS) != 1)
        (void)kill (pid, SIGKILL);
    (void)waitpid (pid, NULL, 0);
    if (watched >= 0)
        close (watched);
}

static void remove_socket (const char *endpoint)
{
    if (strncmp (endpoint, "ipc://", 6) == 0)
        (void)unlink (endpoint + 6);
}

void process_finish (process_t *self)
{
    if (self->ours && self->pid > 0)
        end (self->pid);
    if (self->folder[0]) {
        remove_socket (self->serve);
        remove_socket (self->listen);
        (void)rmdir (self->folder);
    }
    if (self->log >= 0)
        close (self->log);
    *self = (process_t){.log = -1};
}

// ---- what it uses

uint64_t process_cpu_ns (pid_t pid)
{
    clockid_t clock;
    struct timespec used;

    if (pid <= 0 || clock_getcpuclockid (pid, &clock) || clock_gettime (clock, &used))
        return 0;
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

// A line of /proc/PID/status, "Name:   123 kB", in octets.
static uint64_t status_octets (pid_t pid, const char *name)
{
    char path[64], line[256];
    unsigned long long found = 0;

    (void)snprintf (path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = pid > 0 ? fopen (path, "re") : NULL;
    if (!file)
        return 0;
    while (fgets (line, sizeof line, file)) {
        if (strncmp (line, name, strlen (name)) == 0)
            found = strtoull (line + strlen (name), NULL, 10);
    }
    fclose (file);
    return (uint64_t)found * 1024;
}

uint64_t process_memory (pid_t pid)
{
    return status_octets (pid, "VmRSS:");
}

uint64_t process_memory_most (pid_t pid)
{
    return status_octets (pid, "VmHWM:");
}
