/*  How many tasks there were and how they ended, and the line that sums it up.
 *
 *  Threads: pure functions, any thread.
 */
#ifndef CLI_TALLY_H
#define CLI_TALLY_H

#include "fabric/buffer.h"
#include "fabric/moment.h"
#include "fabric/zfabric_result.h"

// A task that was not even sent, beside the codes of those that were.
#define TALLY_NOT_SENT ZFABRIC_RESULT_COUNT

typedef struct {
    uint64_t ended[ZFABRIC_RESULT_COUNT + 1]; // by code
} tally_t;

uint64_t tally_total (const tally_t *self);
uint64_t tally_failed (const tally_t *self);

/*  Writes "20,000 tasks in 3.2 s (6,250/s): 19,998 OK, 2 failed (1 TIMED_OUT, 1 not sent)", without
 *  a newline.
 */
void tally_write (const tally_t *self, span_t elapsed, buffer_t *out);

#endif
