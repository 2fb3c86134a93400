/*  A guard: a process that outlives a program which is killed, and then kills what that one's
 *  commands are made of.
 *
 *  A SIGKILL leaves a program no time to end its commands, and the broker may have given their
 *  tasks to another worker already. The guard knows their process groups, and sends each SIGKILL
 *  when the program is gone. Before a command's first instruction it is in the guard's list, so
 *  there is no moment in which the program's death is missed. Not reached is who left the group on
 *  purpose (setsid), and nobody if the guard was killed as well: then only the shells are (see
 *  spawn.h).
 *
 *  It is no child of the program, has no terminal, ignores signals, and ends with the program.
 *
 *  Threads: guard_forget () any; the others while no other uses it.
 */
#ifndef WORKER_GUARD_H
#define WORKER_GUARD_H

#include <sys/types.h>

typedef struct guard guard_t;

// NULL: EMFILE, ENFILE, EAGAIN (no process to be had), ENOMEM.
guard_t *guard_new (void);

// Its list must be empty. NULL-safe; nulls the pointer.
void guard_destroy (guard_t **self_p);

// Where a new process puts itself on the list.
int guard_descriptor (const guard_t *self);

// In a new process that leads its group: puts it on the list. Safe after vfork (). 0 or -1.
int guard_enter (int descriptor);

// The group has ended; its leader must not have been waited for, or the number is another's.
void guard_forget (guard_t *self, pid_t group);

#endif
