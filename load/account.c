#include "load/account.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

int account_init (account_t *self, const wording_t *wording, uint64_t total)
{
    *self = (account_t){.wording = wording, .total = total};
    self->sent_at = (uint64_t *)calloc (total ? total : 1, sizeof *self->sent_at);
    return self->sent_at ? 0 : -1;
}

void account_finish (account_t *self)
{
    free (self->sent_at);
    self->sent_at = NULL;
}

uint64_t account_send (account_t *self, uint64_t now_ns)
{
    self->sent_at[self->sent] = now_ns;
    return self->sent++;
}

int account_result (
    account_t *self, uint64_t number, slice_t payload, uint64_t now_ns, fault_t *fault)
{
    errno = EPROTO;
    if (number >= self->sent) {
        fault_set (fault, "a result of task %" PRIu64 ", which was never sent", number);
        return -1;
    }
    if (self->sent_at[number] == 0) {
        fault_set (fault, "a second result of task %" PRIu64, number);
        return -1;
    }
    if (!slice_equal (payload, wording_payload (self->wording, number))) {
        fault_set (fault, "the payload of task %" PRIu64 " came back changed", number);
        return -1;
    }
    if (self->latency)
        histogram_add (self->latency, now_ns - self->sent_at[number]);
    self->sent_at[number] = 0;
    self->done++;
    return 0;
}
