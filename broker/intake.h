/*  Intake: from the frames of a message to a packet in the two-frame form (PROTOCOL 2).
 *
 *  Owns: the header as it came, if the payload was cut out of it: the packet view points there, so
 *  an intake must outlive the use of its packet.
 */
#ifndef BROKER_INTAKE_H
#define BROKER_INTAKE_H

#include "fabric/frame.h"
#include "fabric/packet.h"

typedef struct {
    packet_t packet;  // what could be read, even of a bad packet
    bool codec_known; // whether the header told its codec
    bool bad;         // it breaks section 2: `fault` says how
    fault_t fault;
    frame_t original; // the header that had the payload inside, or empty
} intake_t;

/*  Reads a message of `frames` frames, the first two being `header` and `payload`. Where the
 *  payload was inside the header both frames are replaced by the two-frame form.
 */
void intake_read (
    intake_t *self, frame_t *header, frame_t *payload, unsigned frames, uint64_t max_payload);

void intake_finish (intake_t *self);

#endif
