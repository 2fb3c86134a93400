/*  A condition that is waited for until a moment: POSIX's, on the clock of fabric/moment.h, which a
 *  change of the date does not touch.
 *
 *  Threads: as pthread_cond_t, which it is, and is destroyed as.
 */
#ifndef FABRIC_CONDITION_H
#define FABRIC_CONDITION_H

#include <pthread.h>
#include <stdbool.h>

#include "fabric/moment.h"

void condition_init (pthread_cond_t *self);

/*  Waits, with the lock held, until it is signalled, or perhaps for no reason; until `until` at the
 *  longest (MOMENT_NEVER: for ever). False: that is over.
 */
bool condition_wait (pthread_cond_t *self, pthread_mutex_t *lock, moment_t until);

// The moment so many milliseconds from now, as the public classes count them: -1 is never.
moment_t condition_until (int timeout_ms);

#endif
