/*  A growing buffer of octets with a sticky failure: write as often as you like, ask once.
 *
 *  Owns: its memory, from init to finish (or until buffer_take).
 *  Errors: when memory runs out, or the limit would be passed, `failed` becomes the errno (ENOMEM,
 *  EMSGSIZE), the buffer keeps what it had and ignores what comes.
 */
#ifndef FABRIC_BUFFER_H
#define FABRIC_BUFFER_H

#include "fabric/slice.h"

typedef struct {
    uint8_t *data; // NULL until something was written
    size_t len;    // octets written
    size_t size;   // octets reserved
    size_t limit;  // octets that may be written
    int failed;    // 0, ENOMEM or EMSGSIZE
} buffer_t;

void buffer_init (buffer_t *self, size_t limit);
void buffer_finish (buffer_t *self);

// Empties it and forgets a failure; keeps the memory.
void buffer_reset (buffer_t *self);

// Makes room for `more` octets beyond len, so that they can be written in place. NULL if it failed.
uint8_t *buffer_reserve (buffer_t *self, size_t more);

void buffer_append (buffer_t *self, const void *octets, size_t len);
void buffer_octet (buffer_t *self, uint8_t octet);
void buffer_text (buffer_t *self, const char *text);
void buffer_slice (buffer_t *self, slice_t slice);

// Hands the memory over: the caller frees it with free (). NULL if it failed or is empty.
uint8_t *buffer_take (buffer_t *self, size_t *len);

static inline slice_t buffer_as_slice (const buffer_t *self)
{
    return slice_of (self->data, self->len);
}

#endif
