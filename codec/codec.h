/*  The codecs: octets <-> packet view, for JSON and msgpack headers (PROTOCOL 2 and 6).
 *
 *  Reading is one strict pass without allocation; what it accepts, every strict reader of the
 *  format reads the same way. Writing goes to a caller's buffer.
 *
 *  Threads: pure functions, any thread with 80 KiB of stack left.
 */
#ifndef CODEC_CODEC_H
#define CODEC_CODEC_H

#include "fabric/buffer.h"
#include "fabric/packet.h"

/*  Which codec a header is in, by its first octet: `{` is JSON; 0x80-0x8f, 0xde and 0xdf are
 *  msgpack. -1 if it is neither (or empty).
 */
int codec_sniff (slice_t header, encoding_t *codec);

/*  Reads a header into `packet`: syntax, types, ranges, duplicates, UTF-8, depth and size are
 *  checked, whatever the packet's type; which keys a type needs is packet_check ()'s business.
 *  Unknown keys are only checked. 0, or -1 (EPROTO) with a fault that starts with the key it is
 *  about, if there is one ("timeout: not an integer >= 1"). On failure `packet` still holds what
 *  could be read, so that an answer can carry the cookie; a cookie that appears twice or is
 *  malformed is not there.
 */
int codec_read (slice_t header, packet_t *packet, fault_t *fault);

/*  Writes the header that `packet` describes, in packet->codec: packet_type and the known keys in
 *  packet->keys. Texts must be plain (escaped = false); octets that are not UTF-8 become U+FFFD.
 *  `encoding` is written if its bit is set. A failure is in out->failed.
 */
void codec_write (const packet_t *packet, buffer_t *out);

/*  Appends the octets that `text` stands for: escapes resolved. The result is valid UTF-8 where
 *  the header was (msgpack bin is taken as it is).
 */
void codec_text (text_t text, buffer_t *out);

/*  Walks an array of strings that codec_read () accepted. Start with `*rest = strings.raw`; true
 *  and a text, or false at the end.
 */
bool strings_next (encoding_t codec, slice_t *rest, text_t *text);

/*  The header without one of its members: how a packet with its payload inside becomes the
 *  two-frame form. `member` as codec_read () found it. Everything else stays as it is, to the octet
 *  (in msgpack the map's count is one less).
 */
void codec_cut (encoding_t codec, slice_t header, slice_t member, buffer_t *out);

#endif
