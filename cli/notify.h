/*  Tells the service manager how the command is doing: sd_notify (3) without its library.
 *
 *  A manager that wants to be told names a datagram socket in $NOTIFY_SOCKET; without one these do
 *  nothing. What can't be told is not an error of the command's: a manager that doesn't hear of it
 *  will act by its own limits.
 */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

#include <stdint.h>

// It serves now.
void notify_ready (void);

// It is stopping, which may take this long: the manager is asked not to lose patience before. Said
// again, the time counts from then.
void notify_stopping (uint64_t at_most_ms);

#endif
