/*  Documents from one codec to the other (PROTOCOL 6).
 *
 *  Numbers, strings, arrays and maps map to each other; msgpack bin becomes base64; what JSON can't
 *  say is refused with a fault that says where: `variables.a[3]: map key is not a string`.
 *  Memory: the output, which `out`'s limit bounds, and a small part of the input's size, at most
 *  twice the larger of input and output in all; nothing is reserved on the word of a head. Nesting
 *  up to LIMIT_DOCUMENT_DEPTH, without recursion.
 *
 *  Threads: pure functions, any thread with 80 KiB of stack left.
 */
#ifndef CODEC_TRANSCODE_H
#define CODEC_TRANSCODE_H

#include "fabric/buffer.h"
#include "fabric/packet.h"

/*  Writes the one document in `in` (of codec `from`) to `out` in codec `to`; `from` and `to` differ
 *  and neither is RAW. `root` names the document in a fault ("variables"). 0, or -1: EPROTO if
 *  `in` is not one whole valid document or can't be said, EMSGSIZE or ENOMEM from `out`; the fault
 *  is filled. An empty `in` is not a document: don't ask.
 */
int transcode_document (
    slice_t in, encoding_t from, encoding_t to, const char *root, buffer_t *out, fault_t *fault);

/*  Writes a header that codec_read () accepted as `packet` in the other codec: unknown keys of any
 *  shape are carried over; the keys in `leave_out` are not. A cookie that is 16 octets becomes text
 *  in JSON; one that is text stays text. 0 or -1 as above.
 */
int transcode_header (
    slice_t header, const packet_t *packet, packet_keys_t leave_out, buffer_t *out, fault_t *fault);

#endif
