#include "transports/outage.h"

#include <stdio.h>
#include <string.h>

void outage_tell (outage_t *self, const char *reason, moment_t now)
{
    fault_t text;

    if (!self->say || (now < self->until && strcmp (self->said, reason) == 0))
        return;
    snprintf (self->said, sizeof self->said, "%s", reason);
    self->until = moment_after (now, OUTAGE_AGAIN_MS);
    fault_set (&text, "no broker for %s: %s", self->whom, reason);
    self->say (text.text, self->arg);
}
