#define _POSIX_C_SOURCE 200809L

#include "fabric/condition.h"

#include <errno.h>
#include <time.h>

void condition_init (pthread_cond_t *self)
{
    pthread_condattr_t monotonic;

    // None of these can fail on Linux.
    (void)pthread_condattr_init (&monotonic);
    (void)pthread_condattr_setclock (&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init (self, &monotonic);
    (void)pthread_condattr_destroy (&monotonic);
}

bool condition_wait (pthread_cond_t *self, pthread_mutex_t *lock, moment_t until)
{
    struct timespec at = {(time_t)(until / 1000), (long)(until % 1000) * 1000000};

    if (until == MOMENT_NEVER)
        return pthread_cond_wait (self, lock) == 0;
    return pthread_cond_timedwait (self, lock, &at) != ETIMEDOUT;
}

moment_t condition_until (int timeout_ms)
{
    return timeout_ms < 0 ? MOMENT_NEVER : moment_after (moment_now (), (span_t)timeout_ms);
}
