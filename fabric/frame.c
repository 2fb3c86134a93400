/*  zmq_msg_t keeps up to 33 octets in itself and counts references to more; moving one is a copy of
 *  its 64 octets. The casts are sound: frame_t has zmq_msg_t's size and alignment, checked below.
 */
#include "fabric/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

_Static_assert(sizeof (frame_t) == sizeof (zmq_msg_t), "a frame is a zmq_msg_t");
_Static_assert(_Alignof(frame_t) >= _Alignof(zmq_msg_t), "a frame is a zmq_msg_t");

#define TAKE_OCTETS 4096 // below, a copy costs less than a second allocation

static zmq_msg_t *msg (const frame_t *self)
{
    return (zmq_msg_t *)(uintptr_t)self;
}

void frame_init (frame_t *self)
{
    (void)zmq_msg_init (msg (self)); // can't fail
}

int frame_copy (frame_t *self, slice_t octets)
{
    if (zmq_msg_init_size (msg (self), octets.len)) {
        frame_init (self);
        errno = ENOMEM;
        return -1;
    }
    if (octets.len)
        memcpy (zmq_msg_data (msg (self)), octets.ptr, octets.len);
    return 0;
}

static void free_octets (void *data, void *hint)
{
    (void)hint;
    free (data);
}

int frame_take (frame_t *self, buffer_t *buffer)
{
    if (buffer->failed) {
        frame_init (self);
        errno = buffer->failed;
        return -1;
    }
    if (buffer->len < TAKE_OCTETS) {
        if (frame_copy (self, buffer_as_slice (buffer)))
            return -1;
        buffer_reset (buffer);
        return 0;
    }

    size_t len;
    uint8_t *data = buffer_take (buffer, &len);
    if (zmq_msg_init_data (msg (self), data, len, free_octets, NULL)) {
        free (data);
        frame_init (self);
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

void frame_share (frame_t *self, frame_t *other)
{
    frame_init (self);
    (void)zmq_msg_copy (msg (self), msg (other)); // fails only on a frame that was never filled
}

void frame_move (frame_t *self, frame_t *from)
{
    frame_init (self);
    (void)zmq_msg_move (msg (self), msg (from)); // as above
}

void frame_close (frame_t *self)
{
    (void)zmq_msg_close (msg (self)); // EFAULT for a frame that holds nothing: closed already
}

slice_t frame_slice (const frame_t *self)
{
    return slice_of (zmq_msg_data (msg (self)), zmq_msg_size (msg (self)));
}

size_t frame_size (const frame_t *self)
{
    return zmq_msg_size (msg (self));
}
