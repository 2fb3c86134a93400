/*  A meter: how many octets of a kind of frames are still held by somebody, libzmq among others.
 *
 *  libzmq bounds what waits for a peer by a number of messages, however large; to bound it by
 *  octets one must know when it has let go of a frame. A metered frame counts from meter_add ()
 * until the last one who holds its octets closes it, in whatever thread.
 *
 *  Threads: any. Owns: itself, counted; a frame on its way keeps its meter.
 */
#ifndef FABRIC_METER_H
#define FABRIC_METER_H

#include "fabric/frame.h"

// Smaller frames are not worth the allocation that counting them takes, nor are they what fills
// memory: a thousand of them, libzmq's bound, are 4 MiB.
#define METER_FRAME_MIN 4096u // octets

typedef struct meter meter_t;

meter_t *meter_new (void); // NULL: ENOMEM
void meter_unref (meter_t **self_p);

uint64_t meter_octets (const meter_t *self);

// Counts the frame, which has METER_FRAME_MIN octets or more. Its octets stay where they are.
// Without memory it is not counted.
void meter_add (meter_t *self, frame_t *frame);

#endif
