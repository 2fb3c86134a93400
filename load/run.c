#define _POSIX_C_SOURCE 200809L

#include "load/run.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/resource.h>

#include "load/parts.h"
#include "load/process.h"

typedef struct {
    const load_plan_t *plan;
    process_t broker;
    keys_t keys;
    crew_t *crew;
    size_t workers; // place of the first of each
    size_t clients;
    uint64_t token;
} run_t;

#define ARGUMENTS_MAX 24

// What the broker is started with, but for its endpoints.
static void list_arguments (const run_t *self, const char *argv[static ARGUMENTS_MAX])
{
    // Bounds that the benchmark's own load can't reach.
    static const char *const own[] = {"/proc/self/exe", "broker",    "--queue", "100000000",
                                      "--client-tasks", "100000000", "--drain", "0",
                                      "--queue-wait",   "3600000"};
    size_t count = 0;

    if (self->plan->program) {
        argv[count++] = self->plan->program;
    } else {
        memcpy (argv, own, sizeof own);
        count = sizeof own / sizeof *own;
    }
    if (self->plan->curve) {
        const char *const keys[] = {"--curve", self->keys.broker, "--authorized",
                                    self->keys.authorized};
        memcpy (argv + count, keys, sizeof keys);
        count += sizeof keys / sizeof *keys;
    }
    argv[count] = NULL;
}

static int start_broker (run_t *self, fault_t *fault)
{
    const load_plan_t *plan = self->plan;
    const char *argv[ARGUMENTS_MAX];

    if (plan->serve) {
        process_adopt (&self->broker, plan->serve, plan->listen, plan->pid);
        return 0;
    }
    if (plan->curve && keys_make (&self->keys, fault))
        return -1;
    list_arguments (self, argv);
    return process_start (&self->broker, argv, plan->tcp, fault);
}

// What each part needs to know; a part for the first who will play it.
static part_t part_of (const run_t *self, const char *endpoint)
{
    return (part_t){.plan = self->plan,
                    .endpoint = endpoint,
                    .keys = self->plan->curve ? &self->keys : NULL,
                    .first = crew_count (self->crew),
                    .token = self->token};
}

static int add (run_t *self, crew_part_fn *play, const part_t *part, size_t count, fault_t *fault)
{
    for (size_t i = 0; i < count; i++) {
        if (crew_add (self->crew, play, part)) {
            fault_set (fault, "can't start a process");
            return -1;
        }
    }
    return crew_wait_ready (self->crew, self->broker.pid, fault);
}

// Processes that hold the idle clients.
static size_t idlers (const load_plan_t *plan)
{
    return ((size_t)plan->idle_clients + PART_IDLE_MAX - 1) / PART_IDLE_MAX;
}

// Who stands around, and what it costs the broker.
static int gather_crowd (run_t *self, load_report_t *report, fault_t *fault)
{
    part_t part = part_of (self, self->broker.serve);

    report->memory_start = process_memory (self->broker.pid);
    if (add (self, part_idle_clients, &part, idlers (self->plan), fault))
        return -1;
    report->memory_idle = process_memory (self->broker.pid);
    if (self->plan->waiting && add (self, part_waiting_tasks, &part, 1, fault))
        return -1;
    report->memory_waiting = process_memory (self->broker.pid);
    return 0;
}

static uint64_t workers_cpu (const run_t *self)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < self->plan->workers; i++)
        sum += process_cpu_ns (crew_pid (self->crew, self->workers + i));
    return sum;
}

static void read_slips (const run_t *self, load_report_t *report)
{
    uint64_t from = UINT64_MAX, to = 0;

    histogram_init (&report->latency);
    for (size_t i = 0; i < self->plan->clients; i++) {
        const crew_slip_t *slip = crew_slip (self->crew, self->clients + i);
        from = slip->started_ns < from ? slip->started_ns : from;
        to = slip->ended_ns > to ? slip->ended_ns : to;
        report->clients_cpu_ns += slip->cpu_ns;
        histogram_merge (&report->latency, &slip->latency);
    }
    report->tasks = report->latency.count;
    report->seconds = (double)(to - from) / 1e9;
}

static int measure (run_t *self, load_report_t *report, fault_t *fault)
{
    pid_t broker = self->broker.pid;
    uint64_t broker_before = process_cpu_ns (broker);
    uint64_t workers_before = workers_cpu (self);

    crew_start (self->crew);
    if (crew_wait_done (self->crew, self->plan->clients, broker, fault))
        return -1;
    report->broker_cpu_ns = process_cpu_ns (broker) - broker_before;
    report->workers_cpu_ns = workers_cpu (self) - workers_before;
    report->broker_known = broker > 0;
    report->memory_end = process_memory (broker);
    report->memory_most = process_memory_most (broker);
    read_slips (self, report);
    if (report->tasks == self->plan->count)
        return 0;
    fault_set (fault, "tasks were lost"); // a client that is done has seen all of its own
    errno = EPROTO;
    return -1;
}

static int run (run_t *self, load_report_t *report, fault_t *fault)
{
    const load_plan_t *plan = self->plan;

    if (gather_crowd (self, report, fault))
        return -1;
    part_t worker = part_of (self, self->broker.listen);
    self->workers = worker.first;
    if (add (self, plan->library ? part_library_worker : part_raw_worker, &worker, plan->workers,
             fault))
        return -1;
    part_t client = part_of (self, self->broker.serve);
    self->clients = client.first;
    if (add (self, plan->library ? part_library_client : part_raw_client, &client, plan->clients,
             fault))
        return -1;
    return measure (self, report, fault);
}

// Connections are descriptors, here and in the broker.
static void raise_descriptor_limit (void)
{
    struct rlimit limit;

    if (getrlimit (RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit (RLIMIT_NOFILE, &limit); // refused: it stays as it was
    }
}

int load_run (const load_plan_t *plan, int interrupts, load_report_t *report, fault_t *fault)
{
    run_t self = {.plan = plan, .broker.log = -1};
    int rc = -1;

    *report = (load_report_t){0};
    fault_set (fault, "out of memory");
    randombytes_buf (&self.token, sizeof self.token);
    raise_descriptor_limit ();
    self.crew = crew_new (1 + idlers (plan) + plan->workers + plan->clients, interrupts);
    if (self.crew && start_broker (&self, fault) == 0)
        rc = run (&self, report, fault);
    int saved = errno;
    crew_destroy (&self.crew);
    process_finish (&self.broker);
    keys_remove (&self.keys);
    errno = saved;
    return rc;
}
