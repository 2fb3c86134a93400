/*  Delivery: a packet in the codec of who receives it (PROTOCOL 6).
 */
#ifndef BROKER_DELIVERY_H
#define BROKER_DELIVERY_H

#include "fabric/frame.h"
#include "fabric/packet.h"

/*  Says header and payload, which one codec wrote, in the other one (`to`): new frames; the old
 *  ones stay. `max_octets` bounds the new payload. 0, or -1 (EPROTO: JSON can't say it, or it is
 *  not what its `encoding` says; EMSGSIZE; ENOMEM) with a fault, and then the new frames are empty.
 */
int delivery_transcode (const frame_t *header,
                        const frame_t *payload,
                        encoding_t to,
                        uint64_t max_octets,
                        frame_t *new_header,
                        frame_t *new_payload,
                        fault_t *fault);

#endif
