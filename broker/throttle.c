#include "broker/throttle.h"

bool throttle_pass (throttle_t *self, moment_t now)
{
    if (now >= self->ends && !self->more) {
        self->ends = now + THROTTLE_MS;
        self->said = 0;
    }
    if (self->said < THROTTLE_LINES) {
        self->said++;
        return true;
    }
    self->more++;
    return false;
}

uint64_t throttle_more (throttle_t *self, moment_t now)
{
    uint64_t more = now >= self->ends ? self->more : 0;

    if (more)
        self->more = 0;
    return more;
}

moment_t throttle_due (const throttle_t *self)
{
    return self->more ? self->ends : MOMENT_NEVER;
}
