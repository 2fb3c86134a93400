/*  A client's account of its tasks: when each was sent, and that it came back once.
 *
 *  Pure: told the time. Owns: its memory.
 */
#ifndef LOAD_ACCOUNT_H
#define LOAD_ACCOUNT_H

#include "fabric/fault.h"
#include "fabric/slice.h"
#include "load/histogram.h"
#include "load/wording.h"

typedef struct {
    const wording_t *wording;
    histogram_t *latency; // NULL: not kept, while it warms up
    uint64_t *sent_at;    // by number; 0: not on its way
    uint64_t total;
    uint64_t sent;
    uint64_t done;
} account_t;

// For tasks 0 to total - 1. 0 or -1 (ENOMEM).
int account_init (account_t *self, const wording_t *wording, uint64_t total);
void account_finish (account_t *self);

// The number of the next task, which is sent now.
uint64_t account_send (account_t *self, uint64_t now_ns);

/*  A task's result has come. 0, or -1 with a fault: it was not on its way, or the payload is not
 *  its own.
 */
int account_result (
    account_t *self, uint64_t number, slice_t payload, uint64_t now_ns, fault_t *fault);

// Whether every task that was sent has come back.
static inline uint64_t account_open (const account_t *self)
{
    return self->sent - self->done;
}

#endif
