// The legacy framing and the packets in it (PROTOCOL 9): the first octet says in what pieces.

#include "fabric/frame.h"
#include "transports/framing.h"
#include "transports/legacy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

// What was read can be written, and what was written can be read.
static void take (slice_t frame, buffer_t *header)
{
    legacy_t legacy;
    buffer_t payload, out;
    fault_t fault;

    if (legacy_read (frame, header, &legacy, &fault))
        return;
    buffer_init (&payload, 1 << 20);
    buffer_init (&out, 1 << 22);
    if (legacy.has_payload)
        codec_text (legacy.payload, &payload);
    if (legacy_write (buffer_as_slice (header), &legacy.packet, buffer_as_slice (&payload), &out,
                      &fault)
        == 0) {
        legacy_t again;
        buffer_t copy;
        buffer_init (&copy, LIMIT_HEADER_OCTETS);
        slice_t written = slice_of (out.data + FRAMING_PREFIX, out.len - FRAMING_PREFIX);
        // An error that has a code put before it may make the header too long.
        if (legacy_read (written, &copy, &again, &fault) && frame.len < LIMIT_HEADER_OCTETS / 2)
            abort ();
        buffer_finish (&copy);
    }
    buffer_finish (&payload);
    buffer_finish (&out);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    framing_budget_t budget = {.limit = 1 << 16};
    framing_t framing;
    buffer_t header;

    if (size < 1)
        return 0;
    size_t step = data[0] ? data[0] : 1000;
    slice_t octets = slice_of (data + 1, size - 1);
    framing_init (&framing, 1 << 16, &budget);
    buffer_init (&header, LIMIT_HEADER_OCTETS);
    for (bool going = true; going && octets.len;) {
        slice_t in = slice_of (octets.ptr, octets.len < step ? octets.len : step), frame;
        octets = slice_of (octets.ptr + in.len, octets.len - in.len);
        framing_news_t news;
        while (going && (news = framing_next (&framing, &in, &frame)) != FRAMING_MORE) {
            if (news == FRAMING_FRAME)
                take (frame, &header);
            going = news == FRAMING_FRAME || news == FRAMING_TOO_LONG;
        }
        if (budget.held > budget.limit || framing_held (&framing) != budget.held)
            if (going && framing_half (&framing))
                abort ();
    }
    framing_finish (&framing);
    if (budget.held != 0)
        abort ();
    buffer_finish (&header);
    return 0;
}
