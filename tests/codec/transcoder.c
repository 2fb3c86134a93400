/*  The transcoder as a filter, for tests in other languages: documents and headers come in on
 *  standard input, what becomes of them goes out on standard output, one for one.
 *
 *  A request: one octet for what it is ('j': a document in JSON, 'm': one in msgpack, 'h': a header
 *  of either codec), its length as 32 bits, big endian, and its octets. An answer: '=' or '!',
 *  a length, and the document or header in the other codec, or the fault.
 */
#include <stdio.h>
#include <stdlib.h>

#include "codec/codec.h"
#include "codec/transcode.h"

#define OUTPUT_MAX (256u * 1024 * 1024) // octets

// 0, or -1 if the input ends before `len` octets.
static int take (void *octets, size_t len)
{
    return len == 0 || fread (octets, len, 1, stdin) == 1 ? 0 : -1;
}

static void give (uint8_t kind, slice_t octets)
{
    uint8_t head[5] = {kind, (uint8_t)(octets.len >> 24), (uint8_t)(octets.len >> 16),
                       (uint8_t)(octets.len >> 8), (uint8_t)octets.len};

    fwrite (head, sizeof head, 1, stdout);
    if (octets.len)
        fwrite (octets.ptr, octets.len, 1, stdout);
}

static int transcode (uint8_t kind, slice_t in, buffer_t *out, fault_t *fault)
{
    packet_t packet;

    if (kind == 'j')
        return transcode_document (in, ENCODING_JSON, ENCODING_MSGPACK, "variables", out, fault);
    if (kind == 'm')
        return transcode_document (in, ENCODING_MSGPACK, ENCODING_JSON, "variables", out, fault);
    return codec_read (in, &packet, fault) || transcode_header (in, &packet, 0, out, fault) ? -1
                                                                                            : 0;
}

int main (void)
{
    uint8_t head[5];
    fault_t fault;
    buffer_t out;

    while (take (head, sizeof head) == 0) {
        size_t len = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
        uint8_t *octets = (uint8_t *)malloc (len ? len : 1); // no more: a sanitizer sees all else
        if (!octets || take (octets, len))
            return 1;
        buffer_init (&out, OUTPUT_MAX);
        if (transcode (head[0], slice_of (octets, len), &out, &fault))
            give ('!', slice_text (fault.text));
        else
            give ('=', buffer_as_slice (&out));
        buffer_finish (&out);
        free (octets);
    }
    return ferror (stdout) || fflush (stdout) ? 1 : 0;
}
