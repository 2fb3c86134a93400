#include "load/histogram.h"

#include <string.h>

void histogram_init (histogram_t *self)
{
    memset (self, 0, sizeof *self);
    self->least = UINT64_MAX;
}

static unsigned slot_of (uint64_t value)
{
    if (value < HISTOGRAM_STEPS)
        return (unsigned)value;
    if (value >> HISTOGRAM_BITS)
        return HISTOGRAM_SLOTS - 1;
    unsigned shift = 63u - (unsigned)__builtin_clzll (value) - HISTOGRAM_STEPS_LOG;
    return shift * HISTOGRAM_STEPS + (unsigned)(value >> shift);
}

// The middle of what the slot stands for.
static uint64_t value_of (unsigned slot)
{
    if (slot < 2 * HISTOGRAM_STEPS)
        return slot;
    unsigned shift = slot / HISTOGRAM_STEPS - 1;
    uint64_t first = (uint64_t)(slot % HISTOGRAM_STEPS + HISTOGRAM_STEPS) << shift;
    return first + (UINT64_C (1) << shift) / 2;
}

void histogram_add (histogram_t *self, uint64_t value)
{
    self->slots[slot_of (value)]++;
    self->count++;
    self->sum += value;
    if (value < self->least)
        self->least = value;
    if (value > self->most)
        self->most = value;
}

void histogram_merge (histogram_t *self, const histogram_t *other)
{
    for (unsigned i = 0; i < HISTOGRAM_SLOTS; i++)
        self->slots[i] += other->slots[i];
    self->count += other->count;
    self->sum += other->sum;
    if (other->least < self->least)
        self->least = other->least;
    if (other->most > self->most)
        self->most = other->most;
}

uint64_t histogram_at (const histogram_t *self, double share)
{
    double wanted = share * (double)self->count;
    uint64_t passed = 0;

    if (self->count == 0)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_SLOTS; i++) {
        passed += self->slots[i];
        if (self->slots[i] == 0 || (double)passed < wanted)
            continue;
        uint64_t value = value_of (i);
        value = value < self->least ? self->least : value;
        return value > self->most ? self->most : value;
    }
    return self->most;
}

double histogram_mean (const histogram_t *self)
{
    return self->count ? (double)self->sum / (double)self->count : 0;
}
