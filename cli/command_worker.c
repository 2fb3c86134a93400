#define _POSIX_C_SOURCE 200809L

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/interrupt.h"
#include "cli/key_options.h"
#include "cli/log.h"
#include "zfabric_worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fabric/limits.h"
#include "worker/runner.h"

// Of a command that runs: three pipes, the process, its cancel; and as it starts the other ends.
#define DESCRIPTORS_A_TASK 8u
#define DESCRIPTORS_OWN    64u

static const option_t connection_rows[] = {
    {.name = "broker",
     .letter = 'b',
     .repeatable = true,
     .argument = "ENDPOINT",
     .initial = DEFAULT_LISTEN,
     .group = "Connection",
     .help = "Where a broker listens for workers. All that are given are served at once, and share "
             "the capacity."},
    {.name = "codec",
     .type = OPTION_CHOICE,
     .choices = "json|msgpack",
     .initial = "json",
     .help = "What to speak with the broker. Commands read and print text or JSON in either case."},
    {.name = "capacity",
     .type = OPTION_NUMBER,
     .low = 1,
     .high = LIMIT_CAPACITY,
     .initial = "the number of processors",
     .help = "How many tasks to run at once."},
    {.name = "name", .argument = "NAME", .help = "What the broker's status shows."},
    {.name = NULL},
};

static const option_t rows[] = {
    {.name = "run",
     .letter = 'r',
     .repeatable = true,
     .argument = "PIPELINE=COMMAND",
     .group = "What to serve",
     .help =
         "Run COMMAND by /bin/sh -c for each task of PIPELINE, or of all whose names start with "
         "it if it ends in *. The payload is its standard input, its standard output the "
         "result. ZFABRIC_COOKIE and ZFABRIC_PIPELINE are in its environment."},
    {.name = "echo",
     .type = OPTION_FLAG,
     .help = "Serve the pipeline `echo` without a command: the result is the payload."},
    {.name = "output",
     .type = OPTION_CHOICE,
     .choices = "auto|text|json|raw",
     .initial = "auto",
     .help =
         "What commands print. auto: a JSON document as it is, anything else as a string. text: "
         "always a string; what is not UTF-8 becomes replacement characters. json: one JSON "
         "document, anything else is an error. raw: octets that nobody looks into."},
    {.name = "input",
     .type = OPTION_CHOICE,
     .choices = "json|text",
     .initial = "json",
     .help =
         "What commands read. json: the payload as JSON text, so a string has its quotes. text: "
         "a string without its quotes and escapes, anything else as JSON text. A raw payload "
         "is read as it is."},
    {.name = "stream",
     .type = OPTION_FLAG,
     .help = "Send each line of output when it comes, to clients that asked for it; what --output "
             "says holds for each line. The result itself is empty then."},
    {.name = "max-payload",
     .type = OPTION_OCTETS,
     .low = 1,
     .high = INT64_MAX,
     .number = DEFAULT_MAX_PAYLOAD,
     .group = "Other",
     .help = "The largest payload, either way. A command that prints more is killed."},
    {.name = "verbose",
     .letter = 'v',
     .type = OPTION_FLAG,
     .help = "Log the beginning and end of each task as well."},
    {.name = NULL},
};
static const option_t *const tables[] = {connection_rows, key_options, rows, NULL};

typedef struct {
    log_t log;
    bool ready;
    char failure[256]; // the last one told
    int ended[2];      // a pipe whose end is closed when the worker has ended
    guard_t *guard;    // ends the commands if we are killed
    size_t count;
    runner_t **runners;
} fleet_t;

static int echo (zfabric_task_t *task, void *arg)
{
    size_t size;
    const void *payload = zfabric_task_payload (task, &size);

    (void)arg;
    return zfabric_task_finish (task, payload, size, zfabric_task_encoding (task));
}

// -- What it tells

static void say_ready (fleet_t *self)
{
    if (self->ready)
        return;
    self->ready = true;
    puts ("ready");
    // Nobody may be reading it: no reason to end.
    (void)fflush (stdout);
}

// A broker that stays away is told once; each further attempt only to those who want to know.
static zfabric_log_level_t level_of_failure (fleet_t *self, const char *text)
{
    if (strcmp (self->failure, text) == 0)
        return ZFABRIC_LOG_DEBUG;
    snprintf (self->failure, sizeof self->failure, "%s", text);
    return ZFABRIC_LOG_WARNING;
}

static void on_event (zfabric_worker_event_t event, const char *text, void *arg)
{
    static const char *const words[] = {
        [ZFABRIC_WORKER_EVENT_READY] = "registered with",
        [ZFABRIC_WORKER_EVENT_LOST] = "lost the broker:",
        [ZFABRIC_WORKER_EVENT_FAILED] = "can't connect:",
        [ZFABRIC_WORKER_EVENT_REFUSED] = "refused:",
        [ZFABRIC_WORKER_EVENT_LEAVING] = "leaving:",
        [ZFABRIC_WORKER_EVENT_TASK] = "task",
        [ZFABRIC_WORKER_EVENT_ENDED] = "ended:",
    };
    fleet_t *self = (fleet_t *)arg;
    zfabric_log_level_t level = ZFABRIC_LOG_INFO;
    char line[512];

    if (event == ZFABRIC_WORKER_EVENT_FAILED)
        level = level_of_failure (self, text);
    else
        self->failure[0] = '\0';
    if (event == ZFABRIC_WORKER_EVENT_LOST || event == ZFABRIC_WORKER_EVENT_REFUSED)
        level = ZFABRIC_LOG_WARNING;
    if (event == ZFABRIC_WORKER_EVENT_TASK)
        level = ZFABRIC_LOG_DEBUG;
    snprintf (line, sizeof line, "%s %s", words[event], text);
    log_write (level, line, &self->log);
    if (event == ZFABRIC_WORKER_EVENT_READY)
        say_ready (self);
    if (event == ZFABRIC_WORKER_EVENT_ENDED)
        close (self->ended[1]);
}

// -- What it serves

static int complain_of_pattern (const char *pattern)
{
    if (errno == EEXIST)
        return complain_usage ("--run: %s is there twice", pattern);
    if (errno == ENOSPC)
        return complain_usage ("--run: more than %u pipelines", LIMIT_PATTERNS);
    if (errno == EINVAL)
        return complain_usage ("--run: %s is no name of a pipeline", pattern);
    return complain_failed ("--run: %s", strerror (errno));
}

// One PIPELINE=COMMAND. 0, or the exit status after a complaint.
static int
serve_command (fleet_t *self, zfabric_worker_t *worker, const char *text, runner_options_t *how)
{
    const char *equals = strchr (text, '=');
    char *pattern;

    if (!equals || equals == text || !equals[1])
        return complain_usage ("--run: not PIPELINE=COMMAND: %s", text);
    how->command = equals + 1;
    pattern = strndup (text, (size_t)(equals - text));
    runner_t *runner = runner_new (how);
    if (!pattern || !runner) {
        free (pattern);
        runner_destroy (&runner);
        return complain_failed ("out of memory");
    }
    self->runners[self->count++] = runner;
    int status = STATUS_OK;
    if (zfabric_worker_serve (worker, pattern, runner_handle, runner, 0))
        status = complain_of_pattern (pattern);
    free (pattern);
    return status;
}

static int serve (fleet_t *self, zfabric_worker_t *worker, const options_t *options)
{
    static const document_mode_t outputs[] = {DOCUMENT_AUTO, DOCUMENT_TEXT, DOCUMENT_JSON,
                                              DOCUMENT_RAW};
    static const document_mode_t inputs[] = {DOCUMENT_JSON, DOCUMENT_TEXT};
    size_t count;
    const char *const *texts = options_texts (options, "run", &count);
    runner_options_t how = {
        .output = outputs[options_number (options, "output")],
        .input = inputs[options_number (options, "input")],
        .stream = options_flag (options, "stream"),
        .guard = self->guard,
    };

    self->runners = (runner_t **)calloc (count + 1, sizeof *self->runners);
    if (!self->runners)
        return complain_failed ("out of memory");
    for (size_t i = 0; i < count; i++) {
        int status = serve_command (self, worker, texts[i], &how);
        if (status != STATUS_OK)
            return status;
    }
    if (options_flag (options, "echo")
        && zfabric_worker_serve (worker, "echo", echo, NULL, ZFABRIC_HANDLER_INLINE))
        return complain_of_pattern ("echo");
    return STATUS_OK;
}

// -- The worker

// All endpoints, separated by commas. NULL: ENOMEM.
static char *join_endpoints (const options_t *options)
{
    buffer_t all;
    size_t count, len;
    const char *const *texts = options_texts (options, "broker", &count);

    buffer_init (&all, SIZE_MAX);
    if (!count)
        buffer_text (&all, DEFAULT_LISTEN);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buffer_octet (&all, ',');
        buffer_text (&all, texts[i]);
    }
    buffer_octet (&all, '\0');
    char *joined = (char *)buffer_take (&all, &len);
    buffer_finish (&all);
    return joined;
}

// NULL after a complaint, and the exit status in *status.
static zfabric_worker_t *make_worker (fleet_t *self, const options_t *options, int *status)
{
    char problem[512];
    keys_t keys;
    zfabric_worker_options_t given = {
        .codec =
            options_number (options, "codec") ? ZFABRIC_ENCODING_MSGPACK : ZFABRIC_ENCODING_JSON,
        .name = options_text (options, "name"),
        .max_payload = options_number (options, "max-payload"),
        .on_event = on_event,
        .event_arg = self,
        .task_events = options_flag (options, "verbose"),
    };

    if (options_given (options, "capacity"))
        given.capacity = (uint32_t)options_number (options, "capacity");
    *status = keys_load (&keys, options);
    if (*status != STATUS_OK)
        return NULL;
    given.server_key = keys_server (&keys);
    given.public_key = keys_public (&keys);
    given.secret_key = keys_secret (&keys);
    char *endpoints = join_endpoints (options);
    zfabric_worker_t *worker = NULL;
    if (endpoints)
        worker = zfabric_worker_new (endpoints, &given, problem, sizeof problem);
    if (!endpoints)
        *status = complain_failed ("out of memory");
    else if (!worker)
        *status = complain_usage ("--broker: %s", problem);
    free (endpoints);
    keys_finish (&keys);
    return worker;
}

// The first signal lets running tasks finish, the second does not.
static int watch (const fleet_t *self, zfabric_worker_t *worker, int interrupts)
{
    struct pollfd items[] = {{.fd = interrupts, .events = POLLIN}, {.fd = self->ended[0]}};

    for (;;) {
        if (poll (items, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            return complain_failed ("poll: %s", strerror (errno));
        }
        unsigned count = items[0].revents ? interrupt_count () : 0;
        if (count > 1)
            zfabric_worker_halt (worker);
        else if (count)
            zfabric_worker_drain (worker);
        if (items[1].revents)
            return STATUS_OK;
    }
}

static int start (fleet_t *self, zfabric_worker_t *worker, int interrupts)
{
    char problem[512];

    if (zfabric_worker_start (worker, problem, sizeof problem))
        return complain_failed ("%s", problem);
    return watch (self, worker, interrupts);
}

// So that the exit statuses of commands are not lost, whatever started us.
static void keep_children (void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    sigemptyset (&action.sa_mask);
    (void)sigaction (SIGCHLD, &action, NULL); // can't fail
}

// The usual limit of 1,024 is not enough for some 120 commands at once.
static void make_room_for_descriptors (const fleet_t *self, uint64_t capacity)
{
    rlim_t wanted = DESCRIPTORS_OWN + DESCRIPTORS_A_TASK * capacity;
    struct rlimit limit;
    char line[128];

    if (getrlimit (RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == wanted)
        return;
    snprintf (line, sizeof line, "the descriptors that are allowed are not enough for %llu tasks",
              (unsigned long long)capacity);
    log_write (ZFABRIC_LOG_WARNING, line, (void *)(uintptr_t)&self->log);
}

static int run (options_t *options)
{
    fleet_t fleet = {.log.level = log_level_of (options_number (options, "verbose"))};

    if (!options_given (options, "run") && !options_flag (options, "echo"))
        return complain_usage ("nothing to serve: give --run PIPELINE=COMMAND or --echo");
    int interrupts = interrupt_start (false);
    keep_children ();
    if (options_given (options, "run") && options_given (options, "capacity"))
        make_room_for_descriptors (&fleet, options_number (options, "capacity"));
    if (interrupts < 0 || pipe (fleet.ended))
        return complain_failed ("no descriptors: %s", strerror (errno));
    // Before there are threads or connections, of which it shall have nothing.
    if (options_given (options, "run") && !(fleet.guard = guard_new ()))
        return complain_failed ("no process to guard the commands: %s", strerror (errno));
    int status = STATUS_OK;
    zfabric_worker_t *worker = make_worker (&fleet, options, &status);
    if (!worker)
        return status;
    status = serve (&fleet, worker, options);
    if (status == STATUS_OK)
        status = start (&fleet, worker, interrupts);
    zfabric_worker_destroy (&worker);
    for (size_t i = 0; i < fleet.count; i++)
        runner_destroy (&fleet.runners[i]);
    free (fleet.runners);
    guard_destroy (&fleet.guard);
    return status;
}

const command_t command_worker = {
    .name = "worker",
    .summary = "run commands as tasks",
    .arguments = "",
    .description =
        "Serves pipelines by commands until SIGTERM or SIGINT, or until the broker sends it away. "
        "Prints `ready` on standard output when it is registered for the first time; logs to "
        "standard error. A lost broker is dialled again until it is there.\n"
        "A command that does not exit with 0 is a PROCESSOR_EXCEPTION with the last lines of its "
        "standard error. A cancelled one gets SIGTERM, with its whole process group, and SIGKILL "
        "after 2 s. What a command leaves running in its group is killed when its task ends, or "
        "when the worker itself is killed.\n"
        "The first signal lets running tasks finish; a second one cancels them.",
    .example = "zfabric worker --run 'count=wc -w' --run 'hash/*=sha256sum | cut -c-64'\n"
               "zfabric worker --run 'greet=jq -c \"{hello: .name}\"' --output json",
    .options = tables,
    .run = run,
};
