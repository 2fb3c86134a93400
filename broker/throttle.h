/*  A throttle for lines of a log that others can cause: so many a second, and then how many more
 *  there were. Pure: told the time.
 */
#ifndef BROKER_THROTTLE_H
#define BROKER_THROTTLE_H

#include <stdbool.h>

#include "fabric/moment.h"

#define THROTTLE_LINES 5u    // in each window
#define THROTTLE_MS    1000u // the window

typedef struct {
    moment_t ends; // of the window that is open
    unsigned said;
    uint64_t more; // that were not said
} throttle_t;

// Whether the line may be said. Ask throttle_more () first.
bool throttle_pass (throttle_t *self, moment_t now);

// How many were not said in the window that is over, once; 0 if there is nothing to tell.
uint64_t throttle_more (throttle_t *self, moment_t now);

// When throttle_more () will have something to tell; MOMENT_NEVER if it won't.
moment_t throttle_due (const throttle_t *self);

#endif
