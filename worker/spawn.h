/*  Starts `/bin/sh -c COMMAND` as the leader of a process group, with the given standard
 *  descriptors and no others, all signals as after a login.
 *
 *  posix_spawn () can do all but the last of it: the shell is killed when the thread that started
 *  it ends, so it does not outlive a program that is killed; and it enters the guard's list before
 *  it begins, so neither does what it starts.
 */
#ifndef WORKER_SPAWN_H
#define WORKER_SPAWN_H

#include <sys/types.h>

typedef struct {
    const char *command;
    char *const *environment; // "NAME=value"s, the last one NULL
    int ends[3];              // which become 0, 1 and 2; they are above those
    int guard;                // a guard's descriptor; -1: none
} spawn_plan_t;

// Starts it; signals are blocked for it meanwhile. 0, or -1 with errno and no process left; the
// guard may have *pid on its list then.
int spawn_shell (const spawn_plan_t *plan, pid_t *pid);

// Closes all descriptors from `first` on. Safe after vfork ().
void spawn_close_from (int first);

#endif
