/*  Keys of CURVE (Curve25519): 32 octets, and as text 40 characters of Z85 (ZeroMQ RFC 32).
 *
 *  Threads: pure functions, any thread.
 */
#ifndef FABRIC_KEY_H
#define FABRIC_KEY_H

#include "fabric/slice.h"

#define KEY_OCTETS 32
#define KEY_TEXT   40 // characters, without the NUL

typedef struct {
    uint8_t octets[KEY_OCTETS];
} fabric_key_t;

// 0, or -1 (EINVAL): not 40 characters of Z85. Takes as long for each text of that length.
int key_parse (slice_t text, fabric_key_t *key);

// Writes 40 characters and a NUL.
void key_print (const fabric_key_t *key, char text[static KEY_TEXT + 1]);

#endif
