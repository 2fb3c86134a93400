#include "broker/outbox.h"

#include <stdlib.h>

#include "fabric/container.h"

#define PACKET_COST 256u // octets that a packet costs beside its frames' content

void outbox_init (outbox_t *self)
{
    list_init (&self->packets);
    self->octets = 0;
}

static uint64_t cost_of (const frame_t *header, const frame_t *payload)
{
    return PACKET_COST + frame_size (header) + (payload ? frame_size (payload) : 0);
}

static void forget (outbox_t *self, outbox_packet_t *packet)
{
    self->octets -= packet->cost;
    list_remove (&packet->in_outbox);
    frame_close (&packet->header);
    if (packet->has_payload)
        frame_close (&packet->payload);
    free (packet);
}

void outbox_finish (outbox_t *self)
{
    while (!outbox_empty (self))
        outbox_shift (self);
}

static void drop_droppable (outbox_t *self, uint64_t *dropped)
{
    for (list_node_t *node = list_first (&self->packets), *next; node; node = next) {
        outbox_packet_t *packet = container_of (node, outbox_packet_t, in_outbox);
        next = list_next (&self->packets, node);
        if (packet->droppable) {
            forget (self, packet);
            ++*dropped;
        }
    }
}

static bool fits (const outbox_t *self, uint64_t cost, uint64_t limit)
{
    return outbox_empty (self) || (self->octets < limit && cost <= limit - self->octets);
}

outbox_verdict_t outbox_add (outbox_t *self,
                             frame_t *header,
                             frame_t *payload,
                             bool droppable,
                             bool metered,
                             uint64_t limit,
                             uint64_t *dropped)
{
    uint64_t cost = cost_of (header, payload);

    if (!fits (self, cost, limit)) {
        if (droppable) {
            ++*dropped;
            return OUTBOX_DROPPED;
        }
        drop_droppable (self, dropped);
        if (!fits (self, cost, limit))
            return OUTBOX_FULL;
    }
    outbox_packet_t *packet = (outbox_packet_t *)calloc (1, sizeof *packet);
    if (!packet)
        return OUTBOX_FULL;
    packet->cost = cost;
    frame_move (&packet->header, header);
    packet->has_payload = payload != NULL;
    if (payload)
        frame_move (&packet->payload, payload);
    packet->droppable = droppable;
    packet->metered = metered;
    list_append (&self->packets, &packet->in_outbox);
    self->octets += cost;
    return OUTBOX_KEPT;
}

outbox_packet_t *outbox_first (outbox_t *self)
{
    list_node_t *node = list_first (&self->packets);

    return node ? container_of (node, outbox_packet_t, in_outbox) : NULL;
}

void outbox_shift (outbox_t *self)
{
    forget (self, outbox_first (self));
}
