#define _GNU_SOURCE

#include "bench/rival.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fabric/moment.h"
#include "load/parts.h"
#include "load/process.h"

#define START_MS 10000 // until the server answers

typedef struct {
    const rival_kind_t *kind;
    load_plan_t plan;
    uint16_t port;
    bool each;
} show_t;

_Noreturn void rival_fail (const char *words)
{
    fprintf (stderr, "%s\n", words);
    exit (1);
}

void rival_append (const rival_t *self, uint64_t number, buffer_t *out)
{
    buffer_append (out, &number, RIVAL_NUMBER);
    buffer_slice (out, wording_payload (&self->wording, number));
}

void rival_result (rival_t *self, slice_t carried)
{
    uint64_t number;
    fault_t fault = {"too short"};

    if (carried.len >= RIVAL_NUMBER) {
        memcpy (&number, carried.ptr, RIVAL_NUMBER);
        slice_t payload = slice_of (carried.ptr + RIVAL_NUMBER, carried.len - RIVAL_NUMBER);
        if (account_result (&self->account, number, payload, moment_now_ns (), &fault) == 0)
            return;
    }
    rival_fail (fault.text);
}

// ---- parts

static int serve (crew_member_t *member, const void *arg)
{
    const show_t *show = (const show_t *)arg;
    int null = open ("/dev/null", O_RDWR);

    (void)dup2 (null, STDOUT_FILENO);
    if (!getenv ("RIVAL_LOG"))
        (void)dup2 (null, STDERR_FILENO);
    crew_member_ready (member);
    show->kind->become (show->port);
    return -1; // there is no such program
}

static int work (crew_member_t *member, const void *arg)
{
    const show_t *show = (const show_t *)arg;
    rival_t self = {.plan = &show->plan, .port = show->port, .each = show->each};

    show->kind->open_worker (&self);
    crew_member_ready (member);
    for (;;)
        show->kind->work (&self);
    return 0;
}

static void run_to (rival_t *self, const rival_kind_t *kind, uint64_t end)
{
    while (self->account.done < end) {
        while (self->account.sent < end && account_open (&self->account) < self->plan->window) {
            kind->put (self, account_send (&self->account, moment_now_ns ()));
            if (self->each)
                kind->flush (self);
        }
        kind->flush (self);
        kind->go (self);
    }
}

static int ask (crew_member_t *member, const void *arg)
{
    const show_t *show = (const show_t *)arg;
    rival_t self = {.plan = &show->plan, .port = show->port, .each = show->each};
    crew_slip_t *slip = crew_member_slip (member);
    uint64_t warm = part_warm_up (self.plan);

    if (wording_init (&self.wording, ENCODING_JSON, 0, self.plan->size)
        || account_init (&self.account, &self.wording, warm + self.plan->count))
        rival_fail ("out of memory");
    show->kind->open_client (&self);
    run_to (&self, show->kind, warm);
    self.account.latency = &slip->latency;
    crew_member_ready (member);
    crew_member_wait_start (member);
    part_begin (slip);
    run_to (&self, show->kind, warm + self.plan->count);
    part_end (slip);
    return 0;
}

// ---- the show

static uint16_t free_port (void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int probe = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (probe < 0 || bind (probe, (struct sockaddr *)&address, len)
        || getsockname (probe, (struct sockaddr *)&address, &len))
        rival_fail ("no port");
    close (probe);
    return ntohs (address.sin_port);
}

static void add (crew_t *crew, crew_part_fn *part, const show_t *show, pid_t server)
{
    fault_t fault = {""};

    if (crew_add (crew, part, show) || crew_wait_ready (crew, server, &fault)) {
        crew_destroy (&crew);
        rival_fail (fault.text[0] ? fault.text : strerror (errno));
    }
}

static void wait_for_server (crew_t *crew, const show_t *show)
{
    for (moment_t end = moment_now () + START_MS; !stream_answers (show->port);) {
        if (moment_now () > end) {
            crew_destroy (&crew);
            rival_fail ("the server does not answer: is it installed?");
        }
        (void)poll (NULL, 0, 5);
    }
}

static uint64_t workers_cpu (const crew_t *crew, const show_t *show)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < show->plan.workers; i++)
        sum += process_cpu_ns (crew_pid (crew, 1 + i));
    return sum;
}

static void report (const show_t *show, const crew_slip_t *slip, uint64_t server, uint64_t workers)
{
    double tasks = (double)slip->latency.count;
    double seconds = (double)(slip->ended_ns - slip->started_ns) / 1e9;

    printf ("{\"system\":\"%s%s\",\"tasks\":%.0f,\"size\":%zu,\"window\":%u,\"seconds\":%.6f,"
            "\"tasks_per_second\":%.1f,\"latency_us\":{\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f},"
            "\"broker_cpu_us\":%.4f,\"all_cpu_us\":%.4f}\n",
            show->kind->name, show->each ? ", each by itself" : "", tasks, show->plan.size,
            show->plan.window, seconds, tasks / seconds,
            (double)histogram_at (&slip->latency, 0.5) / 1e3,
            (double)histogram_at (&slip->latency, 0.99) / 1e3,
            (double)histogram_at (&slip->latency, 0.999) / 1e3, (double)server / tasks / 1e3,
            (double)(server + workers + slip->cpu_ns) / tasks / 1e3);
}

static void perform (const show_t *show)
{
    fault_t fault = {""};
    crew_t *crew = crew_new (2 + (size_t)show->plan.workers, -1);

    if (!crew)
        rival_fail (strerror (errno));
    add (crew, serve, show, 0);
    pid_t server = crew_pid (crew, 0);
    wait_for_server (crew, show);
    for (uint32_t i = 0; i < show->plan.workers; i++)
        add (crew, work, show, server);
    add (crew, ask, show, server);
    uint64_t server_cpu = process_cpu_ns (server), cpu = workers_cpu (crew, show);
    crew_start (crew);
    if (crew_wait_done (crew, 1, server, &fault)) {
        crew_destroy (&crew);
        rival_fail (fault.text);
    }
    server_cpu = process_cpu_ns (server) - server_cpu;
    cpu = workers_cpu (crew, show) - cpu;
    report (show, crew_slip (crew, 1 + show->plan.workers), server_cpu, cpu);
    crew_destroy (&crew);
}

int rival_main (const rival_kind_t *kind, int argc, char **argv)
{
    show_t show = {.kind = kind,
                   .plan = {.workers = 2,
                            .capacity = 128,
                            .clients = 1,
                            .window = 256,
                            .count = 200000,
                            .size = 64}};

    for (int i = 1; i + 1 < argc; i += 2) {
        unsigned long value = strtoul (argv[i + 1], NULL, 10);
        if (strcmp (argv[i], "--count") == 0)
            show.plan.count = value;
        else if (strcmp (argv[i], "--window") == 0)
            show.plan.window = (uint32_t)value;
        else if (strcmp (argv[i], "--size") == 0)
            show.plan.size = value;
        else if (strcmp (argv[i], "--workers") == 0)
            show.plan.workers = (uint32_t)value;
        else if (strcmp (argv[i], "--capacity") == 0)
            show.plan.capacity = (uint32_t)value;
        else if (strcmp (argv[i], "--each") == 0)
            show.each = value != 0;
        else
            rival_fail ("usage: --count N --window N --size N --workers N --capacity N --each 1");
    }
    if (show.plan.count < 1 || show.plan.window < 1 || show.plan.workers < 1)
        rival_fail ("count, window and workers are at least 1");
    show.port = free_port ();
    perform (&show);
    return 0;
}
