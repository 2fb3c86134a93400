/*  Time: a point on the monotonic clock, and spans, both in milliseconds.
 *
 *  Only moment.c reads a clock. Everything else is told the time, so that tests can make it up.
 */
#ifndef FABRIC_MOMENT_H
#define FABRIC_MOMENT_H

#include <stdint.h>

typedef uint64_t moment_t; // ms since some start; MOMENT_NEVER: no such point
typedef uint64_t span_t;   // ms

#define MOMENT_NEVER UINT64_MAX

// Now, on CLOCK_MONOTONIC.
moment_t moment_now (void);

// Nanoseconds on the same clock, for rates and benchmarks.
uint64_t moment_now_ns (void);

// `from` plus `span`; MOMENT_NEVER if that is beyond what a moment can say.
static inline moment_t moment_after (moment_t from, span_t span)
{
    return span >= MOMENT_NEVER - from ? MOMENT_NEVER : from + span;
}

// How long until `to`; 0 if it is past.
static inline span_t moment_until (moment_t from, moment_t to)
{
    return to > from ? to - from : 0;
}

#endif
