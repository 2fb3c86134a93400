/*  A benchmark from its beginning to its end: the broker, the crew, the measuring.
 *
 *  Threads: one, in a process without a ZeroMQ context.
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "fabric/fault.h"
#include "load/plan.h"

/*  Does what the plan says. `interrupts` as in crew_new (). 0, or -1 with errno and a fault: a task
 *  was lost, came back twice or changed, or something could not be started.
 */
int load_run (const load_plan_t *plan, int interrupts, load_report_t *report, fault_t *fault);

#endif
