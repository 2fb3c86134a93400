/*  JSON headers: what codec.h says, for ENCODING_JSON.
 */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include "codec/codec.h"

int json_read (slice_t header, packet_t *packet, fault_t *fault);
void json_write (const packet_t *packet, buffer_t *out);
bool json_strings_next (slice_t *rest, text_t *text);
void json_cut (slice_t header, slice_t member, buffer_t *out);

// Appends a JSON string, quotes and all; what is not UTF-8 becomes U+FFFD.
void json_put_string (slice_t text, buffer_t *out);

void json_put_unsigned (uint64_t number, buffer_t *out);

#endif
