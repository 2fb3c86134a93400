#define _POSIX_C_SOURCE 200809L

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/connection.h"
#include "cli/interrupt.h"
#include "cli/run.h"
#include "cli/slurp.h"
#include "cli/variables.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fabric/limits.h"

static const option_t rows[] = {
    {.name = "codec",
     .type = OPTION_CHOICE,
     .choices = "json|msgpack",
     .initial = "json",
     .help = "What is spoken with the broker; variables and results are typed and shown as JSON "
             "either way."},
    {.name = "file",
     .letter = 'f',
     .argument = "FILE",
     .group = "Variables",
     .help = "Read the variables from a file, - for standard input."},
    {.name = "set",
     .letter = 's',
     .repeatable = true,
     .argument = "KEY=VALUE",
     .help = "Make the variables an object with this member. A VALUE that is JSON is taken as "
             "JSON, any other as a string."},
    {.name = "raw",
     .type = OPTION_FLAG,
     .help = "Send the variables as the octets that they are: no JSON, never translated."},
    {.name = "max-payload",
     .type = OPTION_OCTETS,
     .low = 1,
     .high = INT64_MAX,
     .number = DEFAULT_MAX_PAYLOAD,
     .help = "The largest variables or result; the broker has a limit of its own."},
    {.name = "stream",
     .type = OPTION_FLAG,
     .group = "Task",
     .help = "Print pieces of the result as lines as they come."},
    {.name = "detach",
     .letter = 'd',
     .type = OPTION_FLAG,
     .help = "Don't wait for the result; print the task's cookie instead."},
    {.name = "timeout",
     .letter = 't',
     .type = OPTION_MILLISECONDS,
     .low = 1,
     .high = INT64_MAX,
     .initial = "none",
     .help = "The task must end within this time."},
    {.name = "wait",
     .letter = 'w',
     .type = OPTION_MILLISECONDS,
     .high = INT64_MAX,
     .initial = "the broker's; with --each a day",
     .help = "How long the task may wait for a worker; 0: not at all."},
    {.name = "priority",
     .letter = 'p',
     .type = OPTION_NUMBER,
     .high = LIMIT_PRIORITY,
     .number = DEFAULT_PRIORITY,
     .help = "0 to 9; 9 is served first."},
    {.name = "retries",
     .letter = 'r',
     .type = OPTION_NUMBER,
     .high = LIMIT_RETRIES,
     .help = "How often it may be tried again after its worker, or the broker, went away."},
    {.name = "orphan",
     .type = OPTION_CHOICE,
     .choices = "finish|cancel",
     .initial = "finish",
     .help = "What becomes of the task if this command goes away."},
    {.name = "cookie",
     .argument = "UUID",
     .initial = "",
     .help = "The task's name, to cancel it by; a fresh one without."},
    {.name = "each",
     .letter = 'e',
     .argument = "FILE",
     .group = "Many tasks",
     .help = "Run one task for each line of a file, - for standard input."},
    {.name = "jobs",
     .letter = 'j',
     .type = OPTION_NUMBER,
     .low = 1,
     .high = 100000,
     .number = 64,
     .help = "With --each: how many tasks at once."},
    {.name = "unordered",
     .letter = 'u',
     .type = OPTION_FLAG,
     .help = "With --each: print results as they come, not in the order of the lines."},
    {.name = "quiet",
     .letter = 'q',
     .type = OPTION_FLAG,
     .help = "With --each: no progress bar and no summary."},
    {.name = NULL},
};
static const option_t *const tables[] = {CONNECTION_OPTIONS, rows, NULL};

zfabric_client_t *run_open (const run_t *self, uint32_t open, int *status)
{
    zfabric_client_options_t client_options = {
        .codec = self->codec == ENCODING_MSGPACK ? ZFABRIC_ENCODING_MSGPACK : ZFABRIC_ENCODING_JSON,
        .max_open = open,
        .max_payload = self->max_payload};

    return connection_open (self->options, &client_options, status);
}

encoding_t run_encoding (zfabric_encoding_t encoding)
{
    switch (encoding) {
    case ZFABRIC_ENCODING_MSGPACK:
        return ENCODING_MSGPACK;
    case ZFABRIC_ENCODING_RAW:
        return ENCODING_RAW;
    case ZFABRIC_ENCODING_DEFAULT:
    case ZFABRIC_ENCODING_JSON:
        break;
    }
    return ENCODING_JSON;
}

// ---- what was asked for

// Options that mean nothing beside others. 0, or the exit status after a complaint.
static int check_options (const options_t *options)
{
    static const struct {
        const char *name, *other;
        bool needs; // else: excludes
    } rules[] = {
        {"each", "file", false},     {"each", "set", false}, {"each", "stream", false},
        {"each", "cookie", false},   {"file", "set", false}, {"raw", "set", false},
        {"detach", "stream", false}, {"jobs", "each", true}, {"unordered", "each", true},
        {"quiet", "each", true},
    };
    bool variables = options_argument_count (options) > 1;

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (options_given (options, rules[i].name)
            && options_given (options, rules[i].other) != rules[i].needs)
            return complain_usage ("--%s %s --%s", rules[i].name,
                                   rules[i].needs ? "means nothing without" : "does not go with",
                                   rules[i].other);
    }
    if (variables
        && (options_given (options, "file") || options_given (options, "set")
            || options_given (options, "each")))
        return complain_usage ("VARIABLES don't go with --file, --set or --each");
    return STATUS_OK;
}

static void take_task (const options_t *options, zfabric_run_options_t *task)
{
    const char *cookie = options_text (options, "cookie");

    *task = (zfabric_run_options_t){
        .cookie = cookie && *cookie ? cookie : NULL,
        .encoding = options_flag (options, "raw") ? ZFABRIC_ENCODING_RAW : ZFABRIC_ENCODING_DEFAULT,
        .timeout_ms = options_number (options, "timeout"),
        .has_wait = options_given (options, "wait"),
        .wait_ms = options_number (options, "wait"),
        .has_priority = options_given (options, "priority"),
        .priority = (uint8_t)options_number (options, "priority"),
        .retries = (uint8_t)options_number (options, "retries"),
        .orphan_cancel = options_number (options, "orphan") == 1,
        .stream = options_flag (options, "stream"),
        .detach = options_flag (options, "detach"),
    };
}

static int take_options (options_t *options, run_t *run)
{
    cookie_t cookie;
    int status = check_options (options);

    *run = (run_t){.options = options,
                   .pipeline = options_argument (options, 0),
                   .codec = options_number (options, "codec") ? ENCODING_MSGPACK : ENCODING_JSON,
                   .raw = options_flag (options, "raw"),
                   .max_payload = options_number (options, "max-payload")};
    take_task (options, &run->task);
    if (status != STATUS_OK)
        return status;
    if (!pipeline_valid (slice_text (run->pipeline)))
        return complain_usage ("PIPELINE must be 1 to %u octets without control characters",
                               LIMIT_PIPELINE_OCTETS);
    if (run->task.cookie && cookie_parse (slice_text (run->task.cookie), &cookie))
        return complain_usage ("--cookie: \"%s\" is no UUID", run->task.cookie);
    return STATUS_OK;
}

// ---- one task

// Makes the payload of what was typed. 0, or the exit status after a complaint.
static int encode (const run_t *run, const char *what, slice_t text, buffer_t *payload)
{
    fault_t fault;

    if (run->raw) {
        buffer_slice (payload, text);
        return payload->failed ? complain_failed ("out of memory") : STATUS_OK;
    }
    if (variables_encode (text, run->codec, what, payload, &fault) == 0)
        return STATUS_OK;
    if (errno != EPROTO)
        return complain_failed ("%s", fault.text);
    return complain_usage (
        "%s; a string needs its quotes, as in '\"text\"', or use --set KEY=VALUE", fault.text);
}

static int take_variables (const run_t *run, buffer_t *payload)
{
    const char *file = options_text (run->options, "file");
    const char *typed = options_argument (run->options, 1);
    size_t count;
    const char *const *pairs = options_texts (run->options, "set", &count);
    int status = STATUS_OK;
    fault_t fault;
    buffer_t text;

    buffer_init (&text, run->max_payload < SIZE_MAX ? (size_t)run->max_payload : SIZE_MAX);
    if (typed)
        status = encode (run, "VARIABLES", slice_text (typed), payload);
    else if (file && slurp (file, &text))
        status = errno == EMSGSIZE ? complain_failed ("--file: %s: over --max-payload", file)
                                   : complain_failed ("--file: %s: %s", file, strerror (errno));
    else if (file)
        status = encode (run, "--file", buffer_as_slice (&text), payload);
    else if (count && variables_build (pairs, count, &text, &fault))
        status = complain_usage ("--set: %s", fault.text);
    else if (count)
        status = encode (run, "--set", buffer_as_slice (&text), payload);
    buffer_finish (&text);
    return status;
}

// Prints a result or a piece of one. False if it can't be shown.
static bool print (const void *payload, size_t size, zfabric_encoding_t encoding, bool line)
{
    buffer_t text;
    fault_t fault;
    bool raw = encoding == ZFABRIC_ENCODING_RAW;

    buffer_init (&text, SIZE_MAX);
    int rc =
        variables_show (slice_of (payload, size), run_encoding (encoding), line, &text, &fault);
    if (rc == 0 && text.len > 0) {
        if (line || (!raw && text.data[text.len - 1] != '\n'))
            buffer_octet (&text, '\n');
        fwrite (text.data, 1, text.len, stdout);
    } else if (rc) {
        complain ("the result can't be shown: %s", fault.text);
    }
    buffer_finish (&text);
    return rc == 0;
}

static void on_result (zfabric_call_t *call, const zfabric_result_t *result, void *arg)
{
    uint64_t one = 1;

    (void)call, (void)result;
    (void)!write (*(const int *)arg, &one, sizeof one); // can't be full: written once
}

/*  Prints on the client's thread: whoever reads too slowly slows down the connection, and no piece
 *  is dropped here.
 */
static void on_partial (zfabric_call_t *call, const zfabric_partial_t *partial, void *arg)
{
    (void)call, (void)arg;
    if (print (partial->payload, partial->size, partial->encoding, true))
        (void)fflush (stdout); // the last one tells whether all was written
}

static void wait_for_end (zfabric_call_t *call, int interrupts, int ended)
{
    struct pollfd items[] = {{.fd = ended, .events = POLLIN}, {.fd = interrupts, .events = POLLIN}};

    for (;;) {
        if (poll (items, 2, -1) < 0)
            continue;
        if (items[0].revents)
            return;
        if (items[1].revents && interrupt_count () > 0) {
            zfabric_call_cancel (call);
            complain ("cancelling; another Ctrl-C leaves at once");
        }
    }
}

static int print_end (const run_t *run, zfabric_call_t *call)
{
    const zfabric_result_t *result = zfabric_call_wait (call, -1);

    if (!result)
        return complain_failed ("no result: %s", strerror (errno));
    if (result->rc != ZFABRIC_OK) {
        (void)fflush (stdout);
        return connection_report (result);
    }
    if (run->task.detach)
        puts (zfabric_call_cookie (call));
    else if (!print (result->payload, result->size, result->encoding, false))
        return connection_status (ZFABRIC_EXCEPTION);
    return complain_unwritten ();
}

static int refuse_start (const run_t *run)
{
    if (errno == EMSGSIZE)
        return complain_failed ("the variables are over --max-payload");
    return complain_failed ("can't run %s: %s", run->pipeline, strerror (errno));
}

static int run_one (run_t *run, zfabric_client_t *client, slice_t payload)
{
    int ended = eventfd (0, EFD_CLOEXEC);
    int status;

    if (ended < 0)
        return complain_failed ("no descriptors: %s", strerror (errno));
    run->task.on_result = on_result;
    run->task.on_partial = run->task.stream ? on_partial : NULL;
    run->task.arg = &ended;
    zfabric_call_t *call =
        zfabric_client_start (client, run->pipeline, payload.ptr, payload.len, &run->task);
    if (call) {
        wait_for_end (call, run->interrupts, ended);
        status = print_end (run, call);
    } else {
        status = refuse_start (run);
    }
    zfabric_call_destroy (&call);
    close (ended);
    return status;
}

static int take_interrupts (run_t *run)
{
    run->interrupts = interrupt_start (true);
    return run->interrupts < 0 ? complain_failed ("no signals: %s", strerror (errno)) : STATUS_OK;
}

static int run_single (run_t *run)
{
    buffer_t payload;

    buffer_init (&payload, SIZE_MAX);
    // A Ctrl-C while the variables are being typed in just ends it.
    int status = take_variables (run, &payload);
    if (status == STATUS_OK)
        status = take_interrupts (run);
    if (status == STATUS_OK) {
        zfabric_client_t *client = run_open (run, 1, &status);
        if (client)
            status = run_one (run, client, buffer_as_slice (&payload));
        zfabric_client_destroy (&client);
    }
    buffer_finish (&payload);
    return status;
}

static int run_command (options_t *options)
{
    run_t run;
    int status = take_options (options, &run);

    if (status != STATUS_OK)
        return status;
    if (!options_given (options, "each"))
        return run_single (&run);
    status = take_interrupts (&run);
    return status == STATUS_OK ? run_each (&run) : status;
}

const command_t command_run = {
    .name = "run",
    .summary = "run a task, or one for each line of a file",
    .arguments = "PIPELINE [VARIABLES]",
    .least = 1,
    .most = 2,
    .description =
        "Runs a task and prints its result. VARIABLES is JSON; a result is printed as JSON, or as "
        "it is if it is raw octets. Without VARIABLES the task has none.\n"
        "With --each, every line of a file is the variables of a task; a line that is not JSON is "
        "sent as a JSON string. Results are printed as lines in the order of the lines; a task "
        "that fails says so on standard error and leaves the line `null`.\n"
        "Ctrl-C cancels and waits for the end; a second one leaves at once.\n"
        "The exit status is 0 if the result was OK, 11 to 22 for the other codes (see "
        "zfabric-run(1)), 1 if there was none or a task of --each failed, 2 after a bad option, "
        "130 after a Ctrl-C that left tasks undone.",
    .example = "zfabric run resize --set width=640 --set file=/tmp/a.png\n"
               "find /usr/include -name '*.h' | zfabric run fingerprint --each - --jobs 16",
    .options = tables,
    .run = run_command,
};
