#include "broker/delivery.h"

#include <errno.h>

#include "codec/codec.h"
#include "codec/transcode.h"

// Where a fault in the payload is: by the key that it would have in the header.
static const char *root_of (const packet_t *packet)
{
    return packet->type == PACKET_RUN ? "variables" : "result";
}

static int transcode_payload (const frame_t *payload,
                              const packet_t *packet,
                              encoding_t to,
                              uint64_t max_octets,
                              frame_t *made,
                              fault_t *fault)
{
    buffer_t out;

    buffer_init (&out, max_octets);
    int rc = transcode_document (frame_slice (payload), packet->encoding, to, root_of (packet),
                                 &out, fault);
    if (rc == 0 && (rc = frame_take (made, &out)))
        fault_set (fault, "%s: out of memory", root_of (packet));
    buffer_finish (&out);
    return rc;
}

int delivery_transcode (const frame_t *header,
                        const frame_t *payload,
                        encoding_t to,
                        uint64_t max_octets,
                        frame_t *new_header,
                        frame_t *new_payload,
                        fault_t *fault)
{
    packet_t packet;
    buffer_t out;
    packet_keys_t leave_out = 0;
    int rc;

    frame_init (new_header);
    frame_init (new_payload);
    // It was read when it came; reading it again costs less than keeping the view for so long.
    if (codec_read (frame_slice (header), &packet, fault))
        return -1;
    bool as_is =
        packet.encoding == ENCODING_RAW || packet.encoding == to || frame_size (payload) == 0;
    if (!as_is)
        leave_out = PACKET_BIT (ENCODING);
    buffer_init (&out, LIMIT_HEADER_OCTETS);
    rc = transcode_header (frame_slice (header), &packet, leave_out, &out, fault);
    if (rc == 0 && (rc = frame_take (new_header, &out)))
        fault_set (fault, "out of memory");
    buffer_finish (&out);
    if (rc)
        goto error;
    if (as_is) {
        frame_close (new_payload);
        frame_share (new_payload, (frame_t *)(uintptr_t)payload);
    } else if (transcode_payload (payload, &packet, to, max_octets, new_payload, fault)) {
        goto error;
    }
    return 0;
error:;
    int saved = errno;
    frame_close (new_header);
    frame_init (new_header);
    errno = saved;
    return -1;
}
