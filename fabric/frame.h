/*  A frame: octets that can be moved and shared without a copy. It is a zmq_msg_t, whose size and
 *  alignment libzmq's ABI fixes, behind a name that pure code may use.
 *
 *  Owns: its octets, from any of the functions that fill it until frame_close () or a move. Every
 *  function that fills a frame expects it to hold nothing; a zeroed or closed frame holds nothing.
 *  Threads: a frame belongs to one thread at a time; shared octets may be read from several.
 */
#ifndef FABRIC_FRAME_H
#define FABRIC_FRAME_H

#include "fabric/buffer.h"
#include "fabric/slice.h"

typedef union {
    unsigned char octets[64];
    void *align;
} frame_t;

// An empty frame.
void frame_init (frame_t *self);

// A frame with a copy of the octets. 0, or -1 (ENOMEM), and then *self is an empty frame.
int frame_copy (frame_t *self, slice_t octets);

// A frame with the buffer's octets, without a copy if they are many; the buffer is empty then.
// 0, or -1 (the buffer's failure, or ENOMEM), and then *self is an empty frame.
int frame_take (frame_t *self, buffer_t *buffer);

// A second frame with the same octets (counted, or copied if they are few).
void frame_share (frame_t *self, frame_t *other);

// Moves `from` to *self; `from` is an empty frame then and need not be closed (but may be).
void frame_move (frame_t *self, frame_t *from);

void frame_close (frame_t *self);

slice_t frame_slice (const frame_t *self);
size_t frame_size (const frame_t *self);

#endif
