#include "fabric/buffer.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_SIZE 256 // octets: a usual header

void buffer_init (buffer_t *self, size_t limit)
{
    *self = (buffer_t){.limit = limit};
}

void buffer_finish (buffer_t *self)
{
    free (self->data);
    buffer_init (self, self->limit);
}

void buffer_reset (buffer_t *self)
{
    self->len = 0;
    self->failed = 0;
}

uint8_t *buffer_grow (buffer_t *self, size_t more)
{
    if (self->failed)
        return NULL;
    if (more > self->limit - self->len) {
        self->failed = EMSGSIZE;
        return NULL;
    }
    if (more <= self->size - self->len && self->data)
        return self->data + self->len;

    size_t wanted = self->len + more;
    size_t size = self->size ? self->size : FIRST_SIZE;
    while (size < wanted)
        size = size > SIZE_MAX / 2 ? wanted : size + size / 2;
    size = size < self->limit ? size : self->limit;
    uint8_t *data = (uint8_t *)realloc (self->data, size);
    if (!data) {
        self->failed = ENOMEM;
        return NULL;
    }
    self->data = data;
    self->size = size;
    return self->data + self->len;
}

void buffer_text (buffer_t *self, const char *text)
{
    buffer_append (self, text, strlen (text));
}

void buffer_slice (buffer_t *self, slice_t slice)
{
    buffer_append (self, slice.ptr, slice.len);
}

uint8_t *buffer_take (buffer_t *self, size_t *len)
{
    uint8_t *data = self->data;

    if (self->failed || !data)
        return NULL;
    *len = self->len;
    buffer_init (self, self->limit);
    return data;
}
