/*  The frame's message moves into a carrier, and a new message without a copy points to its octets;
 *  when libzmq frees that one, the carrier goes and the meter falls.
 */
#include "fabric/meter.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <zmq.h>

#include "fabric/wire.h"

struct meter {
    atomic_uint refs;
    atomic_uint_fast64_t octets;
};

typedef struct {
    meter_t *meter;
    zmq_msg_t message;
} carrier_t;

meter_t *meter_new (void)
{
    meter_t *self = (meter_t *)calloc (1, sizeof *self);

    if (self)
        atomic_init (&self->refs, 1);
    return self;
}

void meter_unref (meter_t **self_p)
{
    meter_t *self = *self_p;

    if (self && atomic_fetch_sub (&self->refs, 1) == 1)
        free (self);
    *self_p = NULL;
}

uint64_t meter_octets (const meter_t *self)
{
    return atomic_load (&self->octets);
}

// On a thread of libzmq's, as a rule.
static void let_go (void *data, void *hint)
{
    carrier_t *carrier = (carrier_t *)hint;

    (void)data;
    wire_acquired (carrier);
    atomic_fetch_sub (&carrier->meter->octets, zmq_msg_size (&carrier->message));
    meter_unref (&carrier->meter);
    zmq_msg_close (&carrier->message);
    free (carrier);
}

void meter_add (meter_t *self, frame_t *frame)
{
    carrier_t *carrier = (carrier_t *)malloc (sizeof *carrier);
    size_t size = frame_size (frame);

    // Small messages hold their octets in themselves and would take them along when moved.
    assert (size >= METER_FRAME_MIN);
    if (!carrier)
        return;
    zmq_msg_init (&carrier->message);
    zmq_msg_move (&carrier->message, (zmq_msg_t *)frame);
    if (zmq_msg_init_data ((zmq_msg_t *)frame, zmq_msg_data (&carrier->message), size, let_go,
                           carrier)) {
        zmq_msg_init ((zmq_msg_t *)frame);
        zmq_msg_move ((zmq_msg_t *)frame, &carrier->message);
        free (carrier);
        return;
    }
    carrier->meter = self;
    atomic_fetch_add (&self->refs, 1);
    atomic_fetch_add (&self->octets, size);
    wire_published (carrier);
}
