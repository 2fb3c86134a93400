/*  A slice: octets that somebody else owns, as {ptr, len}.
 *
 *  Octets travel through the house as slices; nobody does pointer arithmetic on them outside of a
 *  reader. A slice is valid as long as what it points into.
 */
#ifndef FABRIC_SLICE_H
#define FABRIC_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *ptr; // may be NULL if len is 0
    size_t len;         // octets
} slice_t;

static inline slice_t slice_of (const void *ptr, size_t len)
{
    return (slice_t){(const uint8_t *)ptr, len};
}

static inline slice_t slice_text (const char *text)
{
    return slice_of (text, strlen (text));
}

static inline bool slice_equal (slice_t a, slice_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp (a.ptr, b.ptr, a.len) == 0);
}

#endif
