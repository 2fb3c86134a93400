/*  A cookie: the UUID that names a task, with the spelling in which it came.
 *
 *  Two cookies are the same task if their 16 octets are equal. The spelling (letter case, text or
 *  binary) is kept so that an answer names the task in the words of the question.
 */
#ifndef FABRIC_COOKIE_H
#define FABRIC_COOKIE_H

#include "fabric/slice.h"

#define COOKIE_OCTETS 16
#define COOKIE_TEXT   36 // characters: 8-4-4-4-12

typedef struct {
    uint8_t octets[COOKIE_OCTETS];
    uint32_t upper; // bit n: hex digit n was an upper-case letter
    bool binary;    // came as 16 octets (msgpack bin)
} cookie_t;

// A fresh random one (UUID version 4), from libsodium.
void cookie_make (cookie_t *cookie);

// The same of octets that are random already.
void cookie_make_of (cookie_t *cookie, const uint8_t random[static COOKIE_OCTETS]);

// Reads 36 characters of text. 0, or -1 (EINVAL); *cookie is untouched then.
int cookie_parse (slice_t text, cookie_t *cookie);

// Takes 16 octets as they are. 0, or -1 (EINVAL) if there are not 16.
int cookie_from_octets (slice_t octets, cookie_t *cookie);

// Writes 36 characters and a NUL, in the cookie's own letter case.
void cookie_print (const cookie_t *cookie, char text[static COOKIE_TEXT + 1]);

static inline bool cookie_equal (const cookie_t *a, const cookie_t *b)
{
    return memcmp (a->octets, b->octets, COOKIE_OCTETS) == 0;
}

#endif
