#include "codec/codec.h"

#include <errno.h>

#include "codec/json.h"
#include "codec/json_token.h"
#include "codec/msgpack.h"

int codec_sniff (slice_t header, encoding_t *codec)
{
    uint8_t first = header.len ? header.ptr[0] : 0;

    if (first == '{')
        *codec = ENCODING_JSON;
    else if ((first & 0xf0) == 0x80 || first == 0xde || first == 0xdf)
        *codec = ENCODING_MSGPACK;
    else
        return -1;
    return 0;
}

int codec_read (slice_t header, packet_t *packet, fault_t *fault)
{
    encoding_t codec = ENCODING_JSON;
    const char *why = NULL;

    if (codec_sniff (header, &codec))
        why = header.len ? "header: neither a JSON object nor a msgpack map" : "header: empty";
    else if (header.len > LIMIT_HEADER_OCTETS)
        why = "header: longer than 65536 octets";
    if (why) {
        packet_init (packet, codec);
        fault_set (fault, "%s", why);
        errno = EPROTO;
        return -1;
    }
    return codec == ENCODING_JSON ? json_read (header, packet, fault)
                                  : msgpack_read (header, packet, fault);
}

void codec_write (const packet_t *packet, buffer_t *out)
{
    if (packet->codec == ENCODING_JSON)
        json_write (packet, out);
    else
        msgpack_write (packet, out);
}

void codec_text (text_t text, buffer_t *out)
{
    if (!text.escaped) {
        buffer_slice (out, text.raw);
        return;
    }
    size_t len = json_token_len (text.raw);
    uint8_t *room = buffer_reserve (out, len);
    if (room) {
        json_token_resolve (text.raw, room);
        out->len += len;
    }
}

bool strings_next (encoding_t codec, slice_t *rest, text_t *text)
{
    return codec == ENCODING_JSON ? json_strings_next (rest, text)
                                  : msgpack_strings_next (rest, text);
}

void codec_cut (encoding_t codec, slice_t header, slice_t member, buffer_t *out)
{
    if (codec == ENCODING_JSON)
        json_cut (header, member, out);
    else
        msgpack_cut (header, member, out);
}
