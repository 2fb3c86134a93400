/*  Legacy packets (PROTOCOL 9): one JSON object with its payload inside, as a string of JSON text.
 *  Here they become header and payload, and the other way round.
 *
 *  Pure. Nothing is kept.
 */
#ifndef TRANSPORTS_LEGACY_H
#define TRANSPORTS_LEGACY_H

#include "codec/codec.h"

/*  A legacy packet that was read: points into the frame, and `header`, which the caller keeps. Must
 *  not be copied.
 */
typedef struct {
    packet_t packet;
    text_t payload; // as it stands in the frame, if there is one
    bool has_payload;
} legacy_t;

/*  Reads a frame. `header` is emptied and takes the packet without its payload (and without
 *  `stacktrace` and `error` of a RESULT where they make it longer than a header may be). 0, or -1
 *  (EPROTO, ENOMEM) with a fault; legacy->packet then holds what could be read, as codec_read ()
 *  has it.
 */
int legacy_read (slice_t frame, buffer_t *header, legacy_t *legacy, fault_t *fault);

/*  Writes the packet of a broker's as a legacy frame, prefix and all: `header` as it came, `packet`
 *  as it was read. What a legacy peer does not know is put in words that it does: other codes
 * become EXCEPTION, other encodings JSON. 0, or -1 with a fault and `out` as it was: EPROTO if the
 * payload can't be said in JSON, or the header has no `packet_type`; ENOMEM or EMSGSIZE.
 */
int legacy_write (
    slice_t header, const packet_t *packet, slice_t payload, buffer_t *out, fault_t *fault);

/*  Writes a RESULT of our own. `cookie` may be NULL, and `words` too. A failure is in out->failed.
 */
void legacy_result (const cookie_t *cookie, zfabric_rc_t rc, const char *words, buffer_t *out);

// Writes a CANCEL, or a SHUTDOWN (`cookie` NULL).
void legacy_order (packet_type_t type, const cookie_t *cookie, buffer_t *out);

/*  Writes a worker's REGISTER with another capacity, and without a promised heartbeat: as a header,
 *  not a frame. A failure is in out->failed.
 */
void legacy_register (slice_t header, unsigned capacity, buffer_t *out);

#endif
