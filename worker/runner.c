#define _GNU_SOURCE

#include "worker/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "worker/process.h"
#include "worker/tail.h"
#include "worker/worker_task.h"

static const char *const own_variables[] = {"ZFABRIC_COOKIE=", "ZFABRIC_PIPELINE="};

#define OWN_VARIABLES (sizeof own_variables / sizeof *own_variables)

struct runner {
    runner_options_t options;
    char *command;
    char **environment; // copies; without the variables that each task has of its own
    size_t variables;   // how many
};

// One task's run.
typedef struct {
    const runner_t *runner;
    zfabric_task_t *task;
    bool stream;
    buffer_t output; // all of it, or the line that has not ended yet
    tail_t errors;
    fault_t fault; // why the output was refused
} run_t;

static bool is_own (const char *variable)
{
    for (size_t i = 0; i < OWN_VARIABLES; i++) {
        if (strncmp (variable, own_variables[i], strlen (own_variables[i])) == 0)
            return true;
    }
    return false;
}

static int copy_environment (runner_t *self)
{
    size_t count = 0;

    while (environ && environ[count])
        count++;
    self->environment = (char **)calloc (count + 1, sizeof *self->environment);
    if (!self->environment)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (is_own (environ[i]))
            continue;
        char *copy = strdup (environ[i]);
        if (!copy)
            return -1;
        self->environment[self->variables++] = copy;
    }
    return 0;
}

runner_t *runner_new (const runner_options_t *options)
{
    runner_t *self = (runner_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    self->options = *options;
    self->command = strdup (options->command);
    if (!self->command || copy_environment (self)) {
        runner_destroy (&self);
        errno = ENOMEM;
        return NULL;
    }
    return self;
}

void runner_destroy (runner_t **self_p)
{
    runner_t *self = *self_p;

    if (!self)
        return;
    for (size_t i = 0; i < self->variables; i++)
        free (self->environment[i]);
    free (self->environment);
    free (self->command);
    free (self);
    *self_p = NULL;
}

// -- What the command prints

static int refuse_output (run_t *run)
{
    if (errno == ENOMEM)
        fault_set (&run->fault, "out of memory");
    else
        fault_set (&run->fault, "the output is more than %zu octets", run->task->home->max_payload);
    return -1;
}

// Sends a line, without its end, as a PARTIAL. -1 with words in run->fault.
static int send_line (run_t *run, slice_t line)
{
    const worker_task_home_t *home = run->task->home;
    buffer_t text, payload;
    encoding_t encoding;

    buffer_init (&text, SIZE_MAX);
    buffer_slice (&text, line);
    if (text.failed) {
        errno = ENOMEM;
        return refuse_output (run);
    }
    int rc = document_of_output (&text, run->runner->options.output, home->codec, home->max_payload,
                                 &payload, &encoding, &run->fault);
    // What a cancelled task does not send for want of room nobody waits for.
    if (rc == 0
        && zfabric_task_partial (run->task, payload.data, payload.len,
                                 (zfabric_encoding_t)(encoding + 1))
        && errno != ECANCELED)
        rc = refuse_output (run);
    buffer_finish (&text);
    buffer_finish (&payload);
    return rc;
}

static int take_lines (run_t *run, slice_t octets)
{
    const uint8_t *newline;

    while (octets.len && (newline = (const uint8_t *)memchr (octets.ptr, '\n', octets.len))) {
        size_t len = (size_t)(newline - octets.ptr);
        slice_t line = slice_of (octets.ptr, len);
        if (run->output.len) {
            buffer_slice (&run->output, line);
            line = buffer_as_slice (&run->output);
        }
        if (run->output.failed) {
            errno = run->output.failed;
            return refuse_output (run);
        }
        if (send_line (run, line))
            return -1;
        buffer_reset (&run->output);
        octets = slice_of (newline + 1, octets.len - len - 1);
    }
    buffer_slice (&run->output, octets);
    errno = run->output.failed;
    return run->output.failed ? refuse_output (run) : 0;
}

static int take_output (slice_t octets, void *arg)
{
    run_t *run = (run_t *)arg;

    if (run->stream)
        return take_lines (run, octets);
    buffer_slice (&run->output, octets);
    errno = run->output.failed;
    return run->output.failed ? refuse_output (run) : 0;
}

static int take_errors (slice_t octets, void *arg)
{
    run_t *run = (run_t *)arg;

    tail_add (&run->errors, octets);
    return 0;
}

// -- How it ended

static int fail (run_t *run, zfabric_rc_t rc, const char *error)
{
    const char *lines[TAIL_LINES];
    size_t count = tail_lines (&run->errors, lines);

    (void)zfabric_task_fail (run->task, rc, error, lines, count); // ENOMEM: without the words
    return -1;
}

static int finish (run_t *run)
{
    const worker_task_home_t *home = run->task->home;
    buffer_t payload;
    encoding_t encoding;

    if (run->stream) {
        if (run->output.len && send_line (run, buffer_as_slice (&run->output)))
            return fail (run, ZFABRIC_EXCEPTION, run->fault.text);
        return zfabric_task_finish (run->task, NULL, 0, ZFABRIC_ENCODING_DEFAULT);
    }
    int rc = document_of_output (&run->output, run->runner->options.output, home->codec,
                                 home->max_payload, &payload, &encoding, &run->fault);
    if (rc == 0) {
        rc = worker_task_finish (run->task, &payload, encoding);
        fault_set (&run->fault, "out of memory");
    }
    buffer_finish (&payload);
    return rc ? fail (run, ZFABRIC_EXCEPTION, run->fault.text) : 0;
}

static int judge (run_t *run, const process_outcome_t *outcome)
{
    char words[128];

    if (outcome->refused)
        return fail (run, ZFABRIC_EXCEPTION, run->fault.text);
    if (outcome->cancelled)
        return fail (run, ZFABRIC_CANCELLED, "the command was ended");
    switch (outcome->end) {
    case PROCESS_EXITED:
        if (outcome->status == 0)
            return finish (run);
        snprintf (words, sizeof words, "exit status %d", outcome->status);
        return fail (run, ZFABRIC_PROCESSOR_EXCEPTION, words);
    case PROCESS_KILLED: {
        const char *name = sigdescr_np (outcome->status);
        snprintf (words, sizeof words, "killed by signal %d (%s)", outcome->status,
                  name ? name : "?");
        return fail (run, ZFABRIC_PROCESSOR_EXCEPTION, words);
    }
    case PROCESS_LOST:
        break;
    }
    return fail (run, ZFABRIC_EXCEPTION,
                 "the exit status is lost: the program ignores SIGCHLD, or waited for it itself");
}

// -- The run

// "NAME=" and a value. NULL: ENOMEM.
static char *make_variable (const char *name, const char *value)
{
    size_t size = strlen (name) + strlen (value) + 1;
    char *variable = (char *)malloc (size);

    if (variable)
        snprintf (variable, size, "%s%s", name, value);
    return variable;
}

// The environment for one task: its own variables, which are its to free, go first.
static char **make_environment (const runner_t *self, const zfabric_task_t *task)
{
    const char *const values[OWN_VARIABLES] = {zfabric_task_cookie (task),
                                               zfabric_task_pipeline (task)};
    char **all = (char **)calloc (OWN_VARIABLES + self->variables + 1, sizeof *all);
    bool whole = all != NULL;

    for (size_t i = 0; whole && i < OWN_VARIABLES; i++) {
        all[i] = make_variable (own_variables[i], values[i]);
        whole = all[i] != NULL;
    }
    if (whole && self->variables)
        memcpy (all + OWN_VARIABLES, self->environment, self->variables * sizeof *all);
    if (!whole && all) {
        free (all[0]); // the second one is what failed, if not this
        free (all);
        all = NULL;
    }
    return all;
}

static void free_environment (char **all)
{
    for (size_t i = 0; all && i < OWN_VARIABLES; i++)
        free (all[i]);
    free (all);
}

static int run_command (run_t *run, slice_t input, char *const *environment)
{
    process_outcome_t outcome;
    fault_t fault;
    process_plan_t plan = {
        .command = run->runner->command,
        .environment = environment,
        .input = input,
        .cancel_fd = zfabric_task_descriptor (run->task),
        .guard = run->runner->options.guard,
        .output = take_output,
        .errors = take_errors,
        .arg = run,
    };

    // Without it the task could not be cancelled.
    if (plan.cancel_fd < 0)
        return fail (run, ZFABRIC_EXCEPTION, "no descriptor to be had");
    if (process_run (&plan, &outcome, &fault))
        return fail (run, ZFABRIC_EXCEPTION, fault.text);
    return judge (run, &outcome);
}

int runner_handle (zfabric_task_t *task, void *arg)
{
    const runner_t *self = (const runner_t *)arg;
    run_t run = {.runner = self, .task = task};
    buffer_t store;
    slice_t input;
    fault_t fault;
    int rc;

    run.stream = self->options.stream && zfabric_task_streams (task);
    buffer_init (&run.output, task->home->max_payload);
    char **environment = make_environment (self, task);
    if (document_to_input (frame_slice (&task->payload), task->encoding, self->options.input,
                           &store, &input, &fault))
        rc = fail (&run, ZFABRIC_EXCEPTION, fault.text);
    else if (!environment)
        rc = fail (&run, ZFABRIC_EXCEPTION, "out of memory");
    else
        rc = run_command (&run, input, environment);
    buffer_finish (&store);
    buffer_finish (&run.output);
    free_environment (environment);
    return rc;
}
