/*  The progress of many tasks, and the bar that shows it:
 *
 *      [=========>          ]  45%  12,345 done  3 failed  1,234/s  0:12 left
 *
 *  Time: told by the caller, so that tests can make it up.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "fabric/buffer.h"
#include "fabric/moment.h"

#define PROGRESS_MARKS 32 // points in time that the rate looks back on

typedef struct {
    uint64_t done;   // tasks that have ended
    uint64_t failed; // of these
    double part;     // of all the work, 0 to 1; negative: unknown
} progress_now_t;

typedef struct {
    moment_t at;
    uint64_t done;
    double part;
} progress_mark_t;

typedef struct {
    moment_t start;
    progress_now_t now;
    moment_t now_at;
    progress_mark_t marks[PROGRESS_MARKS]; // a ring, at least PROGRESS_MARK_MS apart
    size_t first, count;
} progress_t;

#define PROGRESS_MARK_MS 250 // so the rate is that of the last eight seconds

void progress_init (progress_t *self, moment_t now);

void progress_update (progress_t *self, moment_t now, progress_now_t what);

// Tasks a second over the last marks; 0 before there are any.
double progress_rate (const progress_t *self);

// Milliseconds until all is done; MOMENT_NEVER: can't say.
span_t progress_left (const progress_t *self);

// Writes the bar, without a newline and less than `width` columns wide.
void progress_write (const progress_t *self, size_t width, buffer_t *out);

// Writes a span as a clock does: 0:12, 12:34, 1:02:03.
void progress_put_span (span_t span, buffer_t *out);

// Writes a rate: 1,234 or 12.3 or 0.12.
void progress_put_rate (double rate, buffer_t *out);

#endif
