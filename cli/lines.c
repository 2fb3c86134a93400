/*  Lines are handed out from one buffer; what was handed out is closed up when room is needed, so
 *  each octet is moved about once.
 */
#include "cli/lines.h"

void lines_init (lines_t *self, size_t longest)
{
    *self = (lines_t){.longest = longest};
    buffer_init (&self->octets, SIZE_MAX);
}

void lines_finish (lines_t *self)
{
    buffer_finish (&self->octets);
}

uint8_t *lines_room (lines_t *self, size_t size)
{
    buffer_t *octets = &self->octets;

    if (self->at > 0) {
        memmove (octets->data, octets->data + self->at, octets->len - self->at);
        octets->len -= self->at;
        self->searched -= self->at;
        self->at = 0;
    }
    return buffer_reserve (octets, size);
}

void lines_fed (lines_t *self, size_t count)
{
    self->octets.len += count;
    if (count == 0)
        self->over = true;
}

// Drops what is there of a line that is too long.
static void skip (lines_t *self)
{
    self->at = self->octets.len;
    self->searched = self->at;
    self->skipping = true;
}

lines_status_t lines_next (lines_t *self, slice_t *line)
{
    const uint8_t *data = self->octets.data;
    size_t len = self->octets.len;
    size_t left = len - self->searched;
    const uint8_t *newline =
        left ? (const uint8_t *)memchr (data + self->searched, '\n', left) : NULL;
    size_t from = self->at;

    if (!newline && !self->over) {
        self->searched = len;
        if (len - from > self->longest)
            skip (self);
        return LINES_MORE;
    }
    if (!newline && len == from && !self->skipping)
        return LINES_END;
    size_t end = newline ? (size_t)(newline - data) : len;
    self->at = self->searched = newline ? end + 1 : end;
    if (self->skipping || end - from > self->longest) {
        self->skipping = false;
        return LINES_TOO_LONG;
    }
    *line = slice_of (data + from, end - from);
    return LINES_LINE;
}
