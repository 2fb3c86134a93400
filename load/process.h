/*  A broker as a process: started, or found running; its processor time and memory.
 */
#ifndef LOAD_PROCESS_H
#define LOAD_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fabric/fault.h"

typedef struct {
    pid_t pid;       // 0: nothing is known of it
    bool ours;       // it is ended with process_finish ()
    char folder[64]; // where its ipc endpoints are; "" if there is none
    char serve[128];
    char listen[128];
    int log; // what it says on stderr; -1
} process_t;

// One that runs already; `pid` may be 0.
void process_adopt (process_t *self, const char *serve, const char *listen, pid_t pid);

/*  Starts a broker: `argv` (NULL-ended), then --serve and --listen with endpoints of its own, over
 *  tcp or ipc; waits until it says `ready`. 0, or -1 with errno and a fault.
 */
int process_start (process_t *self, const char *const *argv, bool tcp, fault_t *fault);

// Ends it, if it is ours, and removes what it leaves.
void process_finish (process_t *self);

// Processor time of a process, ns; octets of it that are in memory, now and at most. 0: not known.
uint64_t process_cpu_ns (pid_t pid);
uint64_t process_memory (pid_t pid);
uint64_t process_memory_most (pid_t pid);

#endif
