#include "fabric/heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define FIRST_SIZE 8

void heap_init (heap_t *self, heap_before_fn *before)
{
    *self = (heap_t){.before = before};
}

void heap_finish (heap_t *self)
{
    free (self->nodes);
    heap_init (self, self->before);
}

int heap_reserve (heap_t *self, size_t count)
{
    if (count <= self->size)
        return 0;
    size_t size = self->size ? self->size : FIRST_SIZE;
    while (size < count)
        size *= 2;
    heap_node_t **nodes = (heap_node_t **)realloc (self->nodes, size * sizeof *nodes);
    if (!nodes) {
        errno = ENOMEM;
        return -1;
    }
    self->nodes = nodes;
    self->size = size;
    return 0;
}

static void put (heap_t *self, size_t index, heap_node_t *node)
{
    self->nodes[index] = node;
    node->place = index + 1;
}

static void sift_up (heap_t *self, size_t index, heap_node_t *node)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (!self->before (node, self->nodes[parent]))
            break;
        put (self, index, self->nodes[parent]);
        index = parent;
    }
    put (self, index, node);
}

static void sift_down (heap_t *self, size_t index, heap_node_t *node)
{
    for (;;) {
        size_t child = index * 2 + 1;
        if (child >= self->count)
            break;
        if (child + 1 < self->count && self->before (self->nodes[child + 1], self->nodes[child]))
            child++;
        if (!self->before (self->nodes[child], node))
            break;
        put (self, index, self->nodes[child]);
        index = child;
    }
    put (self, index, node);
}

void heap_push (heap_t *self, heap_node_t *node)
{
    assert (self->count < self->size && node->place == 0);
    self->count++;
    sift_up (self, self->count - 1, node);
}

void heap_remove (heap_t *self, heap_node_t *node)
{
    if (node->place == 0)
        return;
    size_t index = node->place - 1;
    assert (index < self->count && self->nodes[index] == node);
    heap_node_t *last = self->nodes[--self->count];
    node->place = 0;
    if (last == node)
        return;
    put (self, index, last);
    heap_update (self, last);
}

void heap_update (heap_t *self, heap_node_t *node)
{
    size_t index = node->place - 1;

    assert (node->place && index < self->count && self->nodes[index] == node);
    if (index > 0 && self->before (node, self->nodes[(index - 1) / 2]))
        sift_up (self, index, node);
    else
        sift_down (self, index, node);
}

bool heap_check (const heap_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->nodes[i]->place != i + 1)
            return false;
        if (i > 0 && self->before (self->nodes[i], self->nodes[(i - 1) / 2]))
            return false;
    }
    return true;
}
