#include "transports/legacy_frames.h"

#include <errno.h>

static int take_payload (const legacy_t *legacy, uint64_t max_payload, frame_t *payload)
{
    buffer_t octets;

    if (!legacy->has_payload)
        return 0;
    if (!legacy->payload.escaped && legacy->payload.raw.len > max_payload) {
        errno = EMSGSIZE;
        return -1;
    }
    if (!legacy->payload.escaped)
        return frame_copy (payload, legacy->payload.raw);
    buffer_init (&octets, max_payload);
    codec_text (legacy->payload, &octets);
    int rc = frame_take (payload, &octets);
    int problem = errno;
    buffer_finish (&octets);
    errno = problem;
    return rc;
}

int legacy_frames (const legacy_t *legacy,
                   slice_t octets,
                   uint64_t max_payload,
                   frame_t *header,
                   frame_t *payload,
                   zfabric_rc_t *rc,
                   fault_t *fault)
{
    frame_init (header);
    frame_init (payload);
    if (take_payload (legacy, max_payload, payload) == 0 && frame_copy (header, octets) == 0)
        return 0;
    bool large = errno == EMSGSIZE;
    *rc = large ? ZFABRIC_BAD_PACKET : ZFABRIC_EXCEPTION;
    if (large)
        fault_set (fault, "the payload is more than %llu octets", (unsigned long long)max_payload);
    else
        fault_set (fault, "out of memory");
    frame_close (payload);
    return -1;
}
