#include "cli/tally.h"
#include "cli/columns.h"
#include "cli/progress.h"

#include <stdio.h>

uint64_t tally_failed (const tally_t *self)
{
    uint64_t count = 0;

    for (unsigned rc = ZFABRIC_OK + 1; rc <= TALLY_NOT_SENT; rc++)
        count += self->ended[rc];
    return count;
}

uint64_t tally_total (const tally_t *self)
{
    return tally_failed (self) + self->ended[ZFABRIC_OK];
}

static void put_elapsed (span_t elapsed, buffer_t *out)
{
    char text[32];

    if (elapsed >= 60000) {
        progress_put_span (elapsed, out);
        return;
    }
    snprintf (text, sizeof text, "%.*f s", elapsed < 10000 ? 2 : 1, (double)elapsed / 1000);
    buffer_text (out, text);
}

static void put_codes (const tally_t *self, buffer_t *out)
{
    const char *between = " (";

    for (unsigned rc = ZFABRIC_OK + 1; rc <= TALLY_NOT_SENT; rc++) {
        if (!self->ended[rc])
            continue;
        buffer_text (out, between);
        columns_put_number (self->ended[rc], out);
        buffer_octet (out, ' ');
        buffer_text (out, rc == TALLY_NOT_SENT ? "not sent" : zfabric_rc_name ((zfabric_rc_t)rc));
        between = ", ";
    }
    buffer_octet (out, ')');
}

void tally_write (const tally_t *self, span_t elapsed, buffer_t *out)
{
    uint64_t total = tally_total (self), failed = tally_failed (self);

    columns_put_number (total, out);
    buffer_text (out, total == 1 ? " task in " : " tasks in ");
    put_elapsed (elapsed, out);
    buffer_text (out, " (");
    progress_put_rate (elapsed ? (double)total * 1000 / (double)elapsed : 0, out);
    buffer_text (out, "/s)");
    if (total == 0)
        return;
    buffer_text (out, ": ");
    columns_put_number (self->ended[ZFABRIC_OK], out);
    buffer_text (out, " OK");
    if (failed) {
        buffer_text (out, ", ");
        columns_put_number (failed, out);
        buffer_text (out, " failed");
        put_codes (self, out);
    }
}
