/*  What legacy_read () read, as the two frames of a fabric packet.
 *
 *  Pure.
 */
#ifndef TRANSPORTS_LEGACY_FRAMES_H
#define TRANSPORTS_LEGACY_FRAMES_H

#include "fabric/frame.h"
#include "transports/legacy.h"

/*  `octets` is the header as legacy_read () left it. 0, or -1 with a code and words for who sent it
 *  (more than `max_payload` octets of payload, no memory), and the frames are empty.
 */
int legacy_frames (const legacy_t *legacy,
                   slice_t octets,
                   uint64_t max_payload,
                   frame_t *header,
                   frame_t *payload,
                   zfabric_rc_t *rc,
                   fault_t *fault);

#endif
