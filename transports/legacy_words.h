/*  What legacy peers are told in words that they know (PROTOCOL 9): codes and payloads, whatever
 *  their packets are written in.
 *
 *  Pure.
 */
#ifndef TRANSPORTS_LEGACY_WORDS_H
#define TRANSPORTS_LEGACY_WORDS_H

#include "codec/codec.h"

#define LEGACY_TEXT_MAX (UINT32_MAX / 8) // octets of a payload that was not JSON

// Whether legacy peers know the code. They get EXCEPTION for those that they don't.
bool legacy_knows (zfabric_rc_t rc);

// Writes the error of a RESULT: the name of a code that they don't know before its words.
void legacy_error (const packet_t *packet, buffer_t *out);
void legacy_own_error (zfabric_rc_t rc, const char *words, buffer_t *out); // NULL: none

/*  Writes the packet's payload as JSON text: raw octets are base64 in a string. 0, or -1 with a
 *  fault: EPROTO if it can't be said in JSON, ENOMEM or EMSGSIZE.
 */
int legacy_text (const packet_t *packet, slice_t payload, buffer_t *out, fault_t *fault);

#endif
