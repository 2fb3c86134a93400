/*  The legacy protocol's messages of gRPC (reasonchip.proto), as header and payload, and the other
 *  way round; what legacy.h is for frames of JSON.
 *
 *  Threads: pure functions.
 */
#ifndef TRANSPORTS_RPC_PACKET_H
#define TRANSPORTS_RPC_PACKET_H

#include "transports/legacy.h"

// A message that was read: `legacy` points into it, and into the header. Must not be copied.
typedef struct {
    void *message; // protobuf-c's
    legacy_t legacy;
} rpc_packet_t;

/*  Reads a message. `header` is emptied and takes the packet without its payload, as
 *  legacy_read () has it, and `timeout_ms` if it is a RUN (0: none). 0, or -1 (EPROTO, ENOMEM) with
 *  a fault; legacy.packet then holds what could be read. To be finished in any case.
 */
int rpc_packet_read (
    rpc_packet_t *self, slice_t octets, uint64_t timeout_ms, buffer_t *header, fault_t *fault);
void rpc_packet_finish (rpc_packet_t *self);

// As legacy_write (), legacy_result () and legacy_order (), but a message.
int rpc_packet_write (const packet_t *packet, slice_t payload, buffer_t *out, fault_t *fault);
void rpc_packet_result (const cookie_t *cookie, zfabric_rc_t rc, const char *words, buffer_t *out);
void rpc_packet_order (packet_type_t type, const cookie_t *cookie, buffer_t *out);

#endif
