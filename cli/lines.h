/*  Octets into lines, as they come, each bounded.
 *
 *  Owns: the octets of the lines that are not complete or not taken yet.
 */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include "fabric/buffer.h"

typedef struct {
    buffer_t octets; // its limit bounds one line and what was fed with it
    size_t at;       // where the next line begins
    size_t searched; // no newline between `at` and here
    size_t longest;  // octets of a line
    bool skipping;   // the rest of a line that was too long
    bool over;       // nothing follows
} lines_t;

typedef enum {
    LINES_MORE,     // no whole line yet: feed
    LINES_LINE,     // here is one, without its newline; valid until the next call
    LINES_TOO_LONG, // there was one longer than allowed; it is gone
    LINES_END       // that was all
} lines_status_t;

void lines_init (lines_t *self, size_t longest);
void lines_finish (lines_t *self);

// Where to put up to `size` octets that come; NULL: ENOMEM. Then say how many came; 0: the end.
uint8_t *lines_room (lines_t *self, size_t size);
void lines_fed (lines_t *self, size_t count);

lines_status_t lines_next (lines_t *self, slice_t *line);

#endif
