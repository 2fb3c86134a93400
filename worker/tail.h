/*  The last lines of a text that comes in pieces: at most TAIL_LINES, TAIL_OCTETS in all.
 */
#ifndef WORKER_TAIL_H
#define WORKER_TAIL_H

#include "fabric/slice.h"

#define TAIL_LINES  20u
#define TAIL_OCTETS 8192u

// A plain value; zeroed: nothing came.
typedef struct {
    size_t len;
    char octets[2 * TAIL_OCTETS + 1];
} tail_t;

void tail_add (tail_t *self, slice_t octets);

// The lines, without their ends, as texts in the tail itself, which takes nothing more then; NULs
// in them have become '?'. Returns how many.
size_t tail_lines (tail_t *self, const char *lines[static TAIL_LINES]);

#endif
