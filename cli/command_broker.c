#define _POSIX_C_SOURCE 200809L

#include "cli/admission.h"
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/config.h"
#include "cli/descriptors.h"
#include "cli/doors.h"
#include "cli/flight.h"
#include "cli/interrupt.h"
#include "cli/log.h"
#include "cli/notify.h"
#include "cli/slurp.h"
#include "cli/thrift.h"

#include <czmq.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "fabric/endpoint.h"
#include "fabric/limits.h"

#define CONFIG_OCTETS_MAX (1024 * 1024)
#define LOOK_MS           500 // how often it looks whether the broker has stopped by itself
#define REFUSALS_LOOKS    20  // looks between two lines on refused connections
#define IO_THREADS_MAX    16

static const option_t rows[] = {
    {.name = "serve",
     .repeatable = true,
     .argument = "ENDPOINT",
     .initial = DEFAULT_SERVE,
     .group = "Endpoints",
     .help = "Where clients connect: tcp://HOST:PORT or ipc://PATH. HOST is an address (IPv6 in "
             "brackets), an interface or *; PORT may be * for a free one. For legacy clients: "
             "json+tcp://HOST:PORT, json+tls://HOST:PORT, json+unix:///PATH, socket:///PATH; for "
             "those of HTTP and gRPC, see zfabric bridge."},
    {.name = "listen",
     .repeatable = true,
     .argument = "ENDPOINT",
     .initial = DEFAULT_LISTEN,
     .help = "Where workers connect; for legacy ones as above."},
    {.name = "curve",
     .argument = "FILE",
     .group = "Keys",
     .help = "The broker's secret certificate, as zfabric keygen made it: NAME.cert_secret. "
             "Everything is encrypted then, and only keys in --authorized may come in."},
    {.name = "authorized",
     .argument = "DIR",
     .help = "The directory with the public certificates of all who may come in. What is added, "
             "changed or removed there takes effect within two seconds."},
    {.name = "insecure",
     .type = OPTION_FLAG,
     .help = "Bind tcp beyond loopback although there are no keys: whoever reaches the port may "
             "run tasks and serve pipelines."},
    {.name = "queue",
     .type = OPTION_NUMBER,
     .high = UINT32_MAX,
     .number = DEFAULT_QUEUE,
     .group = "Limits",
     .help = "Tasks that may wait for a worker."},
    {.name = "queue-wait",
     .type = OPTION_MILLISECONDS,
     .high = UINT64_MAX,
     .number = DEFAULT_QUEUE_WAIT_MS,
     .help = "How long a task waits that does not say so itself."},
    {.name = "client-tasks",
     .type = OPTION_NUMBER,
     .low = 1,
     .high = UINT32_MAX,
     .number = DEFAULT_CLIENT_TASKS,
     .help = "Tasks that one client may have open."},
    {.name = "cancel-grace",
     .type = OPTION_MILLISECONDS,
     .high = UINT64_MAX,
     .number = DEFAULT_CANCEL_GRACE_MS,
     .help = "How long a worker has to answer a cancel before the broker does."},
    {.name = "drain",
     .type = OPTION_MILLISECONDS,
     .high = UINT64_MAX,
     .number = DEFAULT_DRAIN_MS,
     .help = "How long running tasks have when the broker stops."},
    {.name = "max-payload",
     .type = OPTION_OCTETS,
     .low = 1,
     .high = INT64_MAX,
     .number = DEFAULT_MAX_PAYLOAD,
     .help = "The largest variables or result."},
    {.name = "outbox",
     .type = OPTION_OCTETS,
     .high = INT64_MAX,
     .number = DEFAULT_OUTBOX,
     .help = "What is kept for one peer that does not read; beyond it, who takes nothing for 3 s "
             "is thrown out."},
    {.name = "io-threads",
     .type = OPTION_NUMBER,
     .low = 1,
     .high = IO_THREADS_MAX,
     .number = 1,
     .group = "Other",
     .help =
         "libzmq's threads that read and write. More than one is for thousands of connections."},
    {.name = "config",
     .letter = 'c',
     .line_only = true,
     .argument = "FILE",
     .help = "Read options from a file of lines `name = value`; what stands on the command line "
             "wins over it."},
    {.name = "recordings",
     .argument = "DIR",
     .initial = ".",
     .help = "Where SIGUSR2 has the last 4,096 events written to a file, for whoever looks into "
             "the broker itself."},
    {.name = "verbose",
     .letter = 'v',
     .type = OPTION_FLAG,
     .help = "Log single packets and tasks as well."},
    {.name = NULL},
};
static const option_t *const tables[] = {rows, door_options, NULL};

// 0, or the exit status after a complaint.
static int read_config (options_t *options, const char *file)
{
    buffer_t text;
    fault_t fault;
    int status = STATUS_OK;

    buffer_init (&text, CONFIG_OCTETS_MAX);
    if (slurp (file, &text))
        status = complain_failed ("--config: %s: %s", file, strerror (errno));
    else if (config_read (options, buffer_as_slice (&text), file, &fault))
        status = complain_usage ("%s", fault.text);
    buffer_finish (&text);
    return status;
}

static void take_options (const options_t *options, log_t *log, zfabric_broker_options_t *broker)
{
    zfabric_broker_options_init (broker);
    broker->serve = options_texts (options, "serve", &broker->serve_count);
    broker->listen = options_texts (options, "listen", &broker->listen_count);
    broker->queue = (uint32_t)options_number (options, "queue");
    broker->client_tasks = (uint32_t)options_number (options, "client-tasks");
    broker->queue_wait_ms = options_number (options, "queue-wait");
    broker->cancel_grace_ms = options_number (options, "cancel-grace");
    broker->drain_ms = options_number (options, "drain");
    broker->max_payload = options_number (options, "max-payload");
    broker->outbox = options_number (options, "outbox");
    broker->curve = options_text (options, "curve");
    broker->authorized = options_text (options, "authorized");
    broker->insecure = options_flag (options, "insecure");
    log->level = log_level_of (options_number (options, "verbose"));
    broker->log_level = log->level;
    broker->log = log_write;
    broker->log_arg = log;
}

typedef const char *(bound_fn)(const zfabric_broker_t *broker, size_t place);

static void warn_of_open_doors (const zfabric_broker_t *broker, bound_fn *bound, log_t *log)
{
    const char *name;
    endpoint_t endpoint;
    char text[ENDPOINT_MAX + 128];

    for (size_t i = 0; (name = bound (broker, i)); i++) {
        if (endpoint_parse (name, &endpoint, NULL) || !endpoint_beyond_host (&endpoint))
            continue;
        snprintf (text, sizeof text, "insecure: whoever reaches %s needs no key", name);
        log_write (ZFABRIC_LOG_WARNING, text, log);
    }
}

// Says how many connections were refused, at most once in so many looks.
static void tell_of_refusals (log_t *log)
{
    static uint64_t told;
    static unsigned looks;
    uint64_t refused = admission_refused ();
    char text[160];

    if (looks > 0)
        looks--;
    if (looks > 0 || refused == told)
        return;
    snprintf (text, sizeof text,
              "out of descriptors: %" PRIu64 " connections refused; the limit is %" PRIu64
              " (ulimit -n, or LimitNOFILE= of a service)",
              refused - told, admission_limit ());
    log_write (ZFABRIC_LOG_WARNING, text, log);
    told = refused;
    looks = REFUSALS_LOOKS;
}

// The first signal lets running tasks finish, the second does not.
static int
watch (zfabric_broker_t *broker, doors_t *doors, int interrupts, uint64_t drain_ms, log_t *log)
{
    struct pollfd item = {.fd = interrupts, .events = POLLIN};
    unsigned count = 0;

    for (;;) {
        bool came = poll (&item, 1, count ? 0 : LOOK_MS) == 1;
        if (came)
            count = interrupt_count ();
        if (hangup_came ())
            doors_reload (doors, log);
        flight_look ();
        thrift_look ();
        tell_of_refusals (log);
        if (count > 1) {
            zfabric_broker_halt (broker);
        } else if (came && count) {
            notify_stopping (drain_ms);
            doors_retire (doors);
            zfabric_broker_drain (broker);
        }
        if (zfabric_broker_wait (broker, count ? LOOK_MS / 10 : 0))
            return count ? STATUS_OK : complain_failed ("the broker stopped by itself");
    }
}

static int serve (const zfabric_broker_options_t *broker_options,
                  doors_t *doors,
                  const char *recordings,
                  log_t *log)
{
    char problem[512];
    int interrupts = interrupt_start (false);

    // Without doors a SIGHUP is what it always was.
    if (interrupts < 0 || (places_have_doors (&doors->places) && hangup_start ()))
        return complain_failed ("no signals: %s", strerror (errno));
    descriptors_raise ();
    zfabric_broker_t *broker = zfabric_broker_new (broker_options, problem, sizeof problem);
    if (!broker)
        return complain_failed ("%s", problem);
    if (doors_start (doors, log) != STATUS_OK) {
        zfabric_broker_destroy (&broker);
        return STATUS_FAILED;
    }
    if (!broker_options->curve) {
        warn_of_open_doors (broker, zfabric_broker_serving, log);
        warn_of_open_doors (broker, zfabric_broker_listening, log);
    }
    if (flight_start (broker, recordings))
        log_write (ZFABRIC_LOG_WARNING, "there will be no recordings", log);
    puts ("ready");
    // Nobody may be reading it: no reason to end.
    (void)fflush (stdout);
    notify_ready ();
    int status = watch (broker, doors, interrupts, broker_options->drain_ms, log);
    flight_stop ();
    doors_drain (doors);
    zfabric_broker_destroy (&broker);
    return status;
}

static int run (options_t *options)
{
    const char *file = options_text (options, "config");
    zfabric_broker_options_t broker_options;
    doors_t doors;
    log_t log;
    int status = file ? read_config (options, file) : STATUS_OK;

    if (status != STATUS_OK)
        return status;
    take_options (options, &log, &broker_options);
    if (!broker_options.curve != !broker_options.authorized)
        return complain_usage ("--curve and --authorized belong together");
    zsys_set_io_threads (options_number (options, "io-threads")); // before the first socket
    status = doors_init (&doors, options, &broker_options);
    if (status == STATUS_OK)
        status = serve (&broker_options, &doors, options_text (options, "recordings"), &log);
    doors_finish (&doors);
    return status;
}

const command_t command_broker = {
    .name = "broker",
    .summary = "carry tasks from clients to workers",
    .arguments = "",
    .description =
        "Runs a broker until SIGTERM or SIGINT. Prints `ready` on standard output when every "
        "endpoint is bound; logs to standard error.\n"
        "The first signal lets running tasks finish, for --drain at the longest; a second one "
        "does not.",
    .example = "zfabric broker --serve tcp://127.0.0.1:51520 --serve ipc:///tmp/clients",
    .options = tables,
    .run = run,
};
