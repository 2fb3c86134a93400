/*  Ctrl-C and SIGTERM as an event that a loop can wait for, instead of an end.
 *
 *  Signals have no owner but the process: so has this, and its state is the process's. Start it
 *  before any ZeroMQ socket: CZMQ's own handlers, which end every poller, are switched off.
 */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

/*  From now on SIGINT and SIGTERM are counted. With `leave`, the second one ends the process at
 *  once with STATUS_INTERRUPTED, whatever it is doing. A descriptor that is readable when one
 *  came, or -1 with errno.
 */
int interrupt_start (bool leave);

// How many came. The descriptor is not readable until the next one.
unsigned interrupt_count (void);

/*  From now on SIGHUP is counted and makes the same descriptor readable. After interrupt_start ().
 *  0 or -1 with errno.
 */
int hangup_start (void);

// Whether one came since the last question.
bool hangup_came (void);

#endif
