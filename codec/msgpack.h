/*  msgpack headers: what codec.h says, for ENCODING_MSGPACK.
 */
#ifndef CODEC_MSGPACK_H
#define CODEC_MSGPACK_H

#include "codec/codec.h"

int msgpack_read (slice_t header, packet_t *packet, fault_t *fault);
void msgpack_write (const packet_t *packet, buffer_t *out);
bool msgpack_strings_next (slice_t *rest, text_t *text);
void msgpack_cut (slice_t header, slice_t member, buffer_t *out);

#endif
