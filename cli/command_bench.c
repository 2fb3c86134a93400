#define _POSIX_C_SOURCE 200809L

#include "cli/bench_plot.h"
#include "cli/bench_report.h"
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/interrupt.h"

#include <errno.h>
#include <stdio.h>

#include "fabric/limits.h"
#include "load/run.h"

#define PROCESSES_MAX 1000u
#define COUNT_MAX     1000000000u

static const option_t rows[] = {
    {.name = "count",
     .letter = 'n',
     .type = OPTION_NUMBER,
     .low = 1,
     .high = COUNT_MAX,
     .number = 200000,
     .group = "Load",
     .help = "Tasks, of all clients together."},
    {.name = "workers",
     .type = OPTION_NUMBER,
     .low = 1,
     .high = PROCESSES_MAX,
     .number = 2,
     .help = "Workers, each a process. They send a task's payload back as its result."},
    {.name = "capacity",
     .type = OPTION_NUMBER,
     .low = 1,
     .high = LIMIT_CAPACITY,
     .number = 128,
     .help = "Tasks that each worker takes at once."},
    {.name = "clients",
     .type = OPTION_NUMBER,
     .low = 1,
     .high = PROCESSES_MAX,
     .number = 1,
     .help = "Clients, each a process."},
    {.name = "window",
     .letter = 'w',
     .type = OPTION_NUMBER,
     .low = 1,
     .high = 1000000,
     .number = 256,
     .help = "Tasks that each client has on their way at once. 1 measures the time of a single "
             "one."},
    {.name = "size",
     .letter = 's',
     .type = OPTION_OCTETS,
     .high = DEFAULT_MAX_PAYLOAD,
     .number = 64,
     .help = "Octets of a payload."},
    {.name = "codec",
     .type = OPTION_CHOICE,
     .choices = "json|msgpack",
     .initial = "json",
     .help = "Of headers and payloads."},
    {.name = "library",
     .type = OPTION_FLAG,
     .help = "Let clients and workers use libzfabric. Without it they speak bare ZeroMQ with "
             "headers made beforehand, so that the broker is what is measured."},
    {.name = "idle-clients",
     .type = OPTION_NUMBER,
     .high = 1000000,
     .help = "Connections of clients that do nothing meanwhile."},
    {.name = "waiting",
     .type = OPTION_NUMBER,
     .high = 10000000,
     .help = "Tasks that wait meanwhile, for a pipeline that nobody serves."},
    {.name = "transport",
     .type = OPTION_CHOICE,
     .choices = "ipc|tcp",
     .initial = "ipc",
     .group = "Broker",
     .help = "How the broker that is started for the benchmark is reached."},
    {.name = "curve",
     .type = OPTION_FLAG,
     .help = "Make keys for that broker and its peers: everything is encrypted then."},
    {.name = "program",
     .argument = "FILE",
     .help =
         "Start this program instead of `zfabric broker`: it is given --serve ENDPOINT "
         "--listen ENDPOINT (and --curve FILE --authorized DIR), and prints `ready` when both are "
         "bound."},
    {.name = "broker",
     .letter = 'b',
     .argument = "ENDPOINT",
     .help = "Use a broker that runs already: where it serves clients. Needs --listen."},
    {.name = "listen", .argument = "ENDPOINT", .help = "Where that broker listens for workers."},
    {.name = "pid",
     .type = OPTION_NUMBER,
     .low = 1,
     .high = INT32_MAX,
     .initial = "",
     .help = "That broker's process, whose processor time and memory are to be told."},
    {.name = "json",
     .letter = 'j',
     .type = OPTION_FLAG,
     .group = "Output",
     .help = "Print one JSON document."},
    {.name = "plot", .argument = "FILE.svg", .help = "Also draw the distribution of latencies."},
    {.name = NULL},
};
static const option_t *const tables[] = {rows, NULL};

static void take_options (const options_t *options, load_plan_t *plan)
{
    *plan = (load_plan_t){
        .workers = (uint32_t)options_number (options, "workers"),
        .capacity = (uint32_t)options_number (options, "capacity"),
        .clients = (uint32_t)options_number (options, "clients"),
        .window = (uint32_t)options_number (options, "window"),
        .count = options_number (options, "count"),
        .size = (size_t)options_number (options, "size"),
        .codec = options_number (options, "codec") == 0 ? ENCODING_JSON : ENCODING_MSGPACK,
        .library = options_flag (options, "library"),
        .curve = options_flag (options, "curve"),
        .tcp = options_number (options, "transport") == 1,
        .idle_clients = (uint32_t)options_number (options, "idle-clients"),
        .waiting = options_number (options, "waiting"),
        .program = options_text (options, "program"),
        .serve = options_text (options, "broker"),
        .listen = options_text (options, "listen"),
    };
    if (options_given (options, "pid"))
        plan->pid = (int32_t)options_number (options, "pid");
}

// 0, or the exit status after a complaint: options that contradict each other.
static int check_plan (const load_plan_t *plan)
{
    if (!plan->serve != !plan->listen)
        return complain_usage ("--broker and --listen are both needed for a broker that runs");
    if (plan->serve && plan->program)
        return complain_usage ("--program: the broker of --broker runs already");
    if (plan->serve && plan->curve)
        return complain_usage ("--curve is for a broker that is started here: no --broker");
    if (plan->pid && !plan->serve)
        return complain_usage ("--pid is for a broker that runs already: --broker");
    return STATUS_OK;
}

static int write_plot (const char *file, const load_plan_t *plan, const load_report_t *report)
{
    buffer_t svg;
    int status = STATUS_OK;

    buffer_init (&svg, SIZE_MAX);
    bench_plot (plan, report, &svg);
    FILE *out = svg.failed ? NULL : fopen (file, "we");
    if (svg.failed)
        status = complain_failed ("--plot: %s", strerror (svg.failed));
    else if (!out || fwrite (svg.data, 1, svg.len, out) != svg.len || fflush (out))
        status = complain_failed ("--plot: %s: %s", file, strerror (errno));
    if (out)
        fclose (out);
    buffer_finish (&svg);
    return status;
}

static int show (const options_t *options, const load_plan_t *plan, const load_report_t *report)
{
    const char *plot = options_text (options, "plot");
    buffer_t text;

    buffer_init (&text, SIZE_MAX);
    if (options_flag (options, "json"))
        bench_report_json (plan, report, &text);
    else
        bench_report_text (plan, report, &text);
    if (text.failed) {
        buffer_finish (&text);
        return complain_failed ("out of memory");
    }
    fwrite (text.data, 1, text.len, stdout);
    buffer_finish (&text);
    int status = complain_unwritten ();
    return status == STATUS_OK && plot ? write_plot (plot, plan, report) : status;
}

static int run (options_t *options)
{
    static load_report_t report;
    load_plan_t plan;
    fault_t fault;

    take_options (options, &plan);
    int status = check_plan (&plan);
    if (status != STATUS_OK)
        return status;
    int interrupts = interrupt_start (true);
    if (interrupts < 0)
        return complain_failed ("no signals: %s", strerror (errno));
    if (load_run (&plan, interrupts, &report, &fault) == 0)
        return show (options, &plan, &report);
    if (errno == EINTR)
        return STATUS_INTERRUPTED;
    return complain_failed ("%s", fault.text);
}

const command_t command_bench = {
    .name = "bench",
    .summary = "measure a broker",
    .arguments = "",
    .description =
        "Starts a broker, workers and clients as processes of their own, runs tasks, checks that "
        "each came back once and whole, and tells tasks a second, latencies, processor time and "
        "memory. The exit status is 1 if a task was lost, doubled or changed.\n"
        "With one machine's processors shared by all of them, what is measured is the system; the "
        "processor time of the broker is what is the broker's own.",
    .example = "zfabric bench --codec msgpack --transport tcp\n"
               "zfabric bench --window 1 --count 20000 --plot latency.svg",
    .options = tables,
    .run = run,
};
