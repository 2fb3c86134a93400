/*  Twice the size that is kept, so that old octets are moved out once in a while only.
 */
#include "worker/tail.h"

void tail_add (tail_t *self, slice_t octets)
{
    if (octets.len > TAIL_OCTETS)
        octets = slice_of (octets.ptr + octets.len - TAIL_OCTETS, TAIL_OCTETS);
    if (self->len + octets.len > 2 * TAIL_OCTETS) {
        size_t kept = TAIL_OCTETS;
        memmove (self->octets, self->octets + self->len - kept, kept);
        self->len = kept;
    }
    if (octets.len)
        memcpy (self->octets + self->len, octets.ptr, octets.len);
    self->len += octets.len;
}

size_t tail_lines (tail_t *self, const char *lines[static TAIL_LINES])
{
    size_t first = self->len > TAIL_OCTETS ? self->len - TAIL_OCTETS : 0;
    size_t end = self->len, found = 0;

    for (size_t i = first; i < end; i++) {
        if (self->octets[i] == '\0')
            self->octets[i] = '?';
    }
    if (end > first && self->octets[end - 1] == '\n')
        end--;
    self->octets[end] = '\0';
    // From the last one backwards, then turned round.
    for (size_t at = end; end > first && found < TAIL_LINES; at--) {
        if (at > first && self->octets[at - 1] != '\n')
            continue;
        lines[found++] = self->octets + at;
        if (at == first)
            break;
        self->octets[at - 1] = '\0';
    }
    for (size_t i = 0; i < found / 2; i++) {
        const char *line = lines[i];
        lines[i] = lines[found - 1 - i];
        lines[found - 1 - i] = line;
    }
    return found;
}
