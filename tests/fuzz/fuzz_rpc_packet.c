// Messages of gRPC (transports/reasonchip.proto). What can be read can be written, and says the
// same when it is read again.

#include "transports/rpc_packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void check (bool holds)
{
    if (!holds)
        abort ();
}

static void compare (const legacy_t *one, const legacy_t *other)
{
    const packet_t *a = &one->packet, *b = &other->packet;

    check (a->type == b->type && a->detach == b->detach && a->stream == b->stream);
    check (slice_equal (a->pipeline, b->pipeline));
    check (packet_has (a, PACKET_BIT (COOKIE)) == packet_has (b, PACKET_BIT (COOKIE)));
    check (!packet_has (a, PACKET_BIT (COOKIE)) || cookie_equal (&a->cookie, &b->cookie));
    check (a->type != PACKET_RUN || slice_equal (one->payload.raw, other->payload.raw));
}

static void write_and_read (const buffer_t *header, const legacy_t *legacy)
{
    rpc_packet_t again;
    buffer_t out, copy;
    fault_t fault;

    buffer_init (&out, 1 << 22);
    buffer_init (&copy, LIMIT_HEADER_OCTETS);
    slice_t payload = legacy->has_payload ? legacy->payload.raw : (slice_t){0};
    check (header->len <= LIMIT_HEADER_OCTETS);
    // A type that nobody knows has no name to be written.
    if (legacy->packet.type != PACKET_UNKNOWN
        && rpc_packet_write (&legacy->packet, payload, &out, &fault) == 0) {
        // An error that has a code put before it may make the header too long, and is left out.
        check (rpc_packet_read (&again, buffer_as_slice (&out), 0, &copy, &fault) == 0);
        compare (legacy, &again.legacy);
        rpc_packet_finish (&again);
    }
    buffer_finish (&out);
    buffer_finish (&copy);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    rpc_packet_t packet;
    buffer_t header;
    fault_t fault;

    buffer_init (&header, LIMIT_HEADER_OCTETS);
    if (rpc_packet_read (&packet, slice_of (data, size), 1500, &header, &fault) == 0)
        write_and_read (&header, &packet.legacy);
    rpc_packet_finish (&packet);
    buffer_finish (&header);
    return 0;
}
