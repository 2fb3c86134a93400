/*  A process: `/bin/sh -c COMMAND` in a process group of its own, from its start to its very end.
 *
 *  Its standard input is fed, its output and error output are handed out as they come. When it is
 *  cancelled the group gets SIGTERM, and SIGKILL after PROCESS_TERM_MS. Nothing of it is left
 *  behind: when the shell has exited, the rest of the group has PROCESS_LEFTOVER_MS to close the
 *  output, and is killed then. Only who leaves the group on purpose (setsid) survives, and is not
 *  waited for. A program that is killed leaves nothing either: the shell is killed with the thread
 *  that called process_run (), and the rest of the group by the guard.
 *
 *  Threads: any; each call is by itself. SIGPIPE is blocked meanwhile. The program must not ignore
 *  SIGCHLD: then exit statuses are lost.
 */
#ifndef WORKER_PROCESS_H
#define WORKER_PROCESS_H

#include "fabric/fault.h"
#include "fabric/slice.h"
#include "worker/guard.h"

#define PROCESS_TERM_MS     2000u // between SIGTERM and SIGKILL
#define PROCESS_LEFTOVER_MS 250u  // for what the shell leaves behind in its group

// Takes octets of output as they come. Not 0: it is enough, kill it.
typedef int (process_output_fn) (slice_t octets, void *arg);

typedef struct {
    const char *command;
    char *const *environment; // "NAME=value"s, the last one NULL
    slice_t input;
    int cancel_fd;             // readable: it is cancelled; -1: never
    guard_t *guard;            // told of the group as long as it lives; NULL: none
    process_output_fn *output; // standard output
    process_output_fn *errors; // standard error
    void *arg;                 // for both
} process_plan_t;

typedef enum {
    PROCESS_EXITED, // with `status`
    PROCESS_KILLED, // by signal `status`
    PROCESS_LOST    // somebody else has its status
} process_end_t;

typedef struct {
    process_end_t end;
    int status;
    bool cancelled; // it was sent SIGTERM
    bool refused;   // `output` or `errors` had enough
} process_outcome_t;

// Runs it. 0, or -1 with errno and a fault: it could not be started.
int process_run (const process_plan_t *plan, process_outcome_t *outcome, fault_t *fault);

#endif
