/*  The runner: a command as a handler. For each task `/bin/sh -c COMMAND` with the payload on its
 *  standard input, ZFABRIC_COOKIE and ZFABRIC_PIPELINE in its environment, and its standard output
 *  as the result.
 *
 *  A failing command is PROCESSOR_EXCEPTION, with the status in `error` and the last lines of its
 *  error output in `stacktrace`. Output beyond what a payload may be ends the task with EXCEPTION.
 *
 *  Threads: runner_handle () on any number at once; new and destroy while none runs.
 */
#ifndef WORKER_RUNNER_H
#define WORKER_RUNNER_H

#include "worker/document.h"
#include "worker/guard.h"
#include "worker/zfabric_worker.h"

typedef struct {
    const char *command;
    document_mode_t output; // how output becomes a payload
    document_mode_t input;  // TEXT or JSON
    bool stream;            // each line is a PARTIAL, for tasks whose client wants them; the RESULT
                            // is empty then
    guard_t *guard;         // for all commands, borrowed; NULL: none
} runner_options_t;

typedef struct runner runner_t;

// Copies the options, and the program's environment as it is now. NULL: ENOMEM.
runner_t *runner_new (const runner_options_t *options);
void runner_destroy (runner_t **self_p);

// A zfabric_handler_fn; `runner` is a runner_t.
int runner_handle (zfabric_task_t *task, void *runner);

#endif
