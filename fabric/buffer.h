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
    size_t size;   // octets reserved, never more than the limit
    size_t limit;  // octets that may be written
    int failed;    // 0, ENOMEM or EMSGSIZE
} buffer_t;

void buffer_init (buffer_t *self, size_t limit);
void buffer_finish (buffer_t *self);

// Empties it and forgets a failure; keeps the memory.
void buffer_reset (buffer_t *self);

// What buffer_reserve () does when there is not more room than asked for.
uint8_t *buffer_grow (buffer_t *self, size_t more);

/*  Makes room for `more` octets beyond len, so that they can be written in place. NULL if it
 * failed. Inline like the next two: whoever writes documents spends his time here.
 */
static inline uint8_t *buffer_reserve (buffer_t *self, size_t more)
{
    if (self->failed || more >= self->size - self->len)
        return buffer_grow (self, more);
    return self->data + self->len;
}

static inline void buffer_append (buffer_t *self, const void *octets, size_t len)
{
    uint8_t *room = len ? buffer_reserve (self, len) : NULL;

    if (room) {
        memcpy (room, octets, len);
        self->len += len;
    }
}

static inline void buffer_octet (buffer_t *self, uint8_t octet)
{
    uint8_t *room = buffer_reserve (self, 1);

    if (room) {
        *room = octet;
        self->len++;
    }
}

void buffer_text (buffer_t *self, const char *text);
void buffer_slice (buffer_t *self, slice_t slice);

// Hands the memory over: the caller frees it with free (). NULL if it failed or is empty.
uint8_t *buffer_take (buffer_t *self, size_t *len);

static inline slice_t buffer_as_slice (const buffer_t *self)
{
    return slice_of (self->data, self->len);
}

#endif
