#define _POSIX_C_SOURCE 200809L

#include "fabric/moment.h"

#include <time.h>

uint64_t moment_now_ns (void)
{
    struct timespec now;

    clock_gettime (CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

moment_t moment_now (void)
{
    return moment_now_ns () / 1000000u;
}
