#include "broker/callers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64

void callers_finish (callers_t *self)
{
    free (self->callers);
    *self = (callers_t){0};
}

static caller_t *caller_of (callers_t *self, int descriptor)
{
    return descriptor >= 0 && (size_t)descriptor < self->size ? &self->callers[descriptor] : NULL;
}

static void make_room (callers_t *self, int descriptor)
{
    size_t size = self->size ? self->size : FIRST_SIZE;

    if (descriptor < 0 || (size_t)descriptor < self->size)
        return;
    while (size <= (size_t)descriptor)
        size *= 2;
    caller_t *callers = (caller_t *)realloc (self->callers, size * sizeof *callers);
    if (!callers)
        return;
    memset (callers + self->size, 0, (size - self->size) * sizeof *callers);
    self->callers = callers;
    self->size = size;
}

void callers_accepted (callers_t *self, int descriptor, const char *address)
{
    make_room (self, descriptor);
    caller_t *caller = caller_of (self, descriptor);
    if (!caller)
        return;
    caller->spoke = false;
    (void)snprintf (caller->address, sizeof caller->address, "%s", address);
}

void callers_failed (callers_t *self)
{
    self->failing = true;
}

void callers_refused (callers_t *self)
{
    self->refused++;
}

// One that was refused by its key has been told of already; which of them it is does not matter.
static void note_silent (callers_t *self, int descriptor, const char *address, moment_t now)
{
    if (self->refused > 0) {
        self->refused--;
        return;
    }
    if (self->silent_count == CALLERS_SILENT)
        return;
    silent_caller_t *silent = &self->silent[self->silent_count++];
    silent->at = now + CALLERS_WAIT_MS;
    silent->descriptor = descriptor;
    memcpy (silent->address, address, sizeof silent->address);
}

const char *callers_disconnected (callers_t *self, int descriptor, moment_t now)
{
    caller_t *caller = caller_of (self, descriptor);
    bool failed = self->failing;

    self->failing = false;
    if (!caller)
        return failed ? "somebody" : NULL;
    if (failed)
        return caller->address;
    if (!caller->spoke)
        note_silent (self, descriptor, caller->address, now);
    return NULL;
}

void callers_spoke (callers_t *self, int descriptor)
{
    caller_t *caller = caller_of (self, descriptor);

    if (!caller || caller->spoke)
        return;
    caller->spoke = true;
    for (size_t i = 0; i < self->silent_count; i++) {
        if (self->silent[i].descriptor == descriptor) {
            memmove (&self->silent[i], &self->silent[i + 1],
                     (--self->silent_count - i) * sizeof self->silent[0]);
            return;
        }
    }
}

bool callers_silent (callers_t *self, moment_t now, char address[static CALLER_TEXT_MAX])
{
    if (callers_due (self) > now)
        return false;
    memcpy (address, self->silent[0].address, CALLER_TEXT_MAX);
    memmove (&self->silent[0], &self->silent[1], --self->silent_count * sizeof self->silent[0]);
    return true;
}

moment_t callers_due (const callers_t *self)
{
    return self->silent_count ? self->silent[0].at : MOMENT_NEVER;
}
