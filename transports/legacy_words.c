#include "transports/legacy_words.h"

#include <errno.h>
#include <sodium.h>

#include "codec/transcode.h"

bool legacy_knows (zfabric_rc_t rc)
{
    return rc <= ZFABRIC_EXCEPTION;
}

void legacy_error (const packet_t *packet, buffer_t *out)
{
    bool words = packet_has (packet, PACKET_BIT (ERROR));

    if (packet_has (packet, PACKET_BIT (RC)) && !legacy_knows (packet->rc)) {
        buffer_text (out, zfabric_rc_name (packet->rc));
        if (words)
            buffer_text (out, ": ");
    }
    if (words)
        codec_text (packet->error, out);
}

void legacy_own_error (zfabric_rc_t rc, const char *words, buffer_t *out)
{
    if (!legacy_knows (rc)) {
        buffer_text (out, zfabric_rc_name (rc));
        if (words && *words)
            buffer_text (out, ": ");
    }
    if (words)
        buffer_text (out, words);
}

// Octets that nobody may look into are to JSON what msgpack's bin is: base64 (PROTOCOL 6).
static void put_raw (slice_t octets, buffer_t *out)
{
    size_t size = sodium_base64_ENCODED_LEN (octets.len, sodium_base64_VARIANT_ORIGINAL);

    buffer_octet (out, '"');
    uint8_t *room = buffer_reserve (out, size);
    if (room) {
        (void)sodium_bin2base64 ((char *)room, size, octets.ptr, octets.len,
                                 sodium_base64_VARIANT_ORIGINAL);
        out->len += size - 1; // without its NUL
    }
    buffer_octet (out, '"');
}

int legacy_text (const packet_t *packet, slice_t payload, buffer_t *out, fault_t *fault)
{
    const char *root = packet->type == PACKET_RUN ? "variables" : "result";

    if (packet->encoding == ENCODING_MSGPACK)
        return transcode_document (payload, ENCODING_MSGPACK, ENCODING_JSON, root, out, fault);
    if (packet->encoding == ENCODING_RAW)
        put_raw (payload, out);
    else
        buffer_slice (out, payload);
    if (!out->failed)
        return 0;
    fault_set (fault, out->failed == ENOMEM ? "out of memory" : "%s: too long for JSON", root);
    errno = out->failed;
    return -1;
}
