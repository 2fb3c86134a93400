/*  A histogram of times, after Gil Tene's HdrHistogram: each power of two is cut into 128 equal
 *  steps, so that what it says of a value is off by at most 1/256 of it (0.4 %), from 1 ns to
 *  18 minutes, in 34 KiB. What is longer counts as the longest.
 *
 *  A plain value without pointers: it may lie in memory that processes share, and be copied.
 */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS_LOG 7
#define HISTOGRAM_STEPS     (1u << HISTOGRAM_STEPS_LOG)
#define HISTOGRAM_BITS      40 // of the largest value
#define HISTOGRAM_SLOTS     ((HISTOGRAM_BITS - HISTOGRAM_STEPS_LOG + 1) * HISTOGRAM_STEPS)

typedef struct {
    uint64_t count;
    uint64_t sum;
    uint64_t least; // exact, as is most
    uint64_t most;
    uint64_t slots[HISTOGRAM_SLOTS];
} histogram_t;

void histogram_init (histogram_t *self);

void histogram_add (histogram_t *self, uint64_t value);

// Adds what another one counted.
void histogram_merge (histogram_t *self, const histogram_t *other);

// The value that `share` (0 to 1) of all values do not pass; 0 if there are none.
uint64_t histogram_at (const histogram_t *self, double share);

// The mean, exact; 0 if there are none.
double histogram_mean (const histogram_t *self);

#endif
