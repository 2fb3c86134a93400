/*  Two arrays side by side in the order of the patterns' octets, and how many prefixes there are of
 *  each length. A pipeline is looked up whole, then cut to each such length, the longest first.
 */
#include "worker/handlers.h"

#include <errno.h>
#include <stdlib.h>

#include "fabric/limits.h"
#include "fabric/packet.h"
#include "fabric/utf8.h"

struct handlers {
    size_t count;
    slice_t *patterns; // sorted; the octets are ours
    handler_t *handlers;
    uint16_t prefixes[LIMIT_PIPELINE_OCTETS + 1]; // by length with the '*'
};

handlers_t *handlers_new (void)
{
    return (handlers_t *)calloc (1, sizeof (handlers_t));
}

void handlers_destroy (handlers_t **self_p)
{
    handlers_t *self = *self_p;

    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free ((void *)(uintptr_t)self->patterns[i].ptr);
    free (self->patterns);
    free (self->handlers);
    free (self);
    *self_p = NULL;
}

// Orders `pattern` against the octets of `name`, and of a '*' behind them if `starred`.
static int compare (slice_t pattern, slice_t name, bool starred)
{
    size_t shorter = pattern.len < name.len ? pattern.len : name.len;
    int order = shorter ? memcmp (pattern.ptr, name.ptr, shorter) : 0;

    if (order)
        return order;
    if (pattern.len < name.len)
        return -1;
    if (pattern.len == name.len)
        return starred ? -1 : 0;
    if (!starred)
        return 1;
    if (pattern.ptr[name.len] != '*')
        return pattern.ptr[name.len] < '*' ? -1 : 1;
    return pattern.len > name.len + 1;
}

// The place of a pattern, or where it would be; `*there` says which.
static size_t locate (const handlers_t *self, slice_t name, bool starred, bool *there)
{
    size_t low = 0, high = self->count;

    *there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare (self->patterns[middle], name, starred);
        if (order == 0) {
            *there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Makes room for one more in both arrays.
static int grow (handlers_t *self)
{
    size_t size = self->count + 1;
    slice_t *patterns = (slice_t *)realloc (self->patterns, size * sizeof *patterns);

    if (!patterns)
        return -1;
    self->patterns = patterns;
    handler_t *handlers = (handler_t *)realloc (self->handlers, size * sizeof *handlers);
    if (!handlers)
        return -1;
    self->handlers = handlers;
    return 0;
}

int handlers_add (handlers_t *self, slice_t pattern, const handler_t *handler)
{
    bool there;

    if (!pattern_valid (pattern) || !utf8_valid (pattern)) {
        errno = EINVAL;
        return -1;
    }
    size_t place = locate (self, pattern, false, &there);
    if (there) {
        errno = EEXIST;
        return -1;
    }
    if (self->count == LIMIT_PATTERNS) {
        errno = ENOSPC;
        return -1;
    }
    uint8_t *copy = (uint8_t *)malloc (pattern.len);
    if (!copy || grow (self)) {
        free (copy);
        errno = ENOMEM;
        return -1;
    }
    memcpy (copy, pattern.ptr, pattern.len);
    size_t behind = self->count - place;
    memmove (self->patterns + place + 1, self->patterns + place, behind * sizeof (slice_t));
    memmove (self->handlers + place + 1, self->handlers + place, behind * sizeof (handler_t));
    self->patterns[place] = slice_of (copy, pattern.len);
    self->handlers[place] = *handler;
    self->count++;
    if (copy[pattern.len - 1] == '*')
        self->prefixes[pattern.len]++;
    return 0;
}

const handler_t *handlers_find (const handlers_t *self, slice_t pipeline)
{
    bool there;
    size_t place = locate (self, pipeline, false, &there);

    if (there)
        return &self->handlers[place];
    size_t longest =
        pipeline.len < LIMIT_PIPELINE_OCTETS ? pipeline.len : LIMIT_PIPELINE_OCTETS - 1;
    for (size_t len = longest + 1; len > 0; len--) {
        if (!self->prefixes[len])
            continue;
        place = locate (self, slice_of (pipeline.ptr, len - 1), true, &there);
        if (there)
            return &self->handlers[place];
    }
    return NULL;
}

const slice_t *handlers_patterns (const handlers_t *self, size_t *count)
{
    *count = self->count;
    return self->patterns;
}
