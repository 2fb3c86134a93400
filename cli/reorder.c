#include "cli/reorder.h"

#include <assert.h>
#include <stdlib.h>

int reorder_init (reorder_t *self, size_t size)
{
    *self = (reorder_t){.ring = (void **)calloc (size, sizeof (void *)), .size = size};
    return self->ring ? 0 : -1;
}

void reorder_finish (reorder_t *self)
{
    free (self->ring);
    *self = (reorder_t){0};
}

void reorder_put (reorder_t *self, uint64_t number, void *item)
{
    assert (item && reorder_room (self, number) && !self->ring[number % self->size]);
    self->ring[number % self->size] = item;
}

void *reorder_take (reorder_t *self)
{
    void **slot = &self->ring[self->next % self->size];
    void *item = *slot;

    if (item) {
        *slot = NULL;
        self->next++;
    }
    return item;
}
