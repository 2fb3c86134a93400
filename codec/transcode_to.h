/*  The two directions of codec/transcode.h, one a file. All return as transcode_document () does,
 *  and leave what was written to `out` before a failure for the caller to drop.
 */
#ifndef CODEC_TRANSCODE_TO_H
#define CODEC_TRANSCODE_TO_H

#include "codec/transcode.h"

int to_json_document (slice_t in, const char *root, buffer_t *out, fault_t *fault);
int to_json_header (
    slice_t header, const packet_t *packet, packet_keys_t leave_out, buffer_t *out, fault_t *fault);

int to_msgpack_document (slice_t in, const char *root, buffer_t *out, fault_t *fault);
int to_msgpack_header (
    slice_t header, const packet_t *packet, packet_keys_t leave_out, buffer_t *out, fault_t *fault);

#endif
