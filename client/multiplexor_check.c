// What must hold between the steps of a multiplexor. For tests.

#include "client/multiplexor.h"

#include "fabric/container.h"

// Sessions in a list of those that were sent, or of those that were not.
static size_t count_list (const multiplexor_t *self, const list_t *list, size_t *bad)
{
    bool sent = list == &self->sent, collided = list == &self->collided;
    bool waits = collided || list == &self->refused;
    moment_t last = 0;
    size_t count = 0;

    for (list_node_t *node = list_first (list); node; node = list_next (list, node)) {
        const session_t *session = container_of (node, const session_t, place);
        bool run = session->kind == SESSION_RUN;
        count++;
        *bad += session->sent != sent;
        *bad += list_holds (&session->in_cancels) && (!run || !(sent || session->collides));
        *bad += list_holds (&session->in_detached) != (sent && session->detach);
        *bad += heap_holds (&session->by_deadline) && !session->timeout_ms;
        *bad += session->next && run;
        *bad += waits && (!run || !session->again || session->unwanted || session->until < last);
        *bad += collided && !session->collides;
        *bad += session->clears && !session->collides;
        last = waits ? session->until : 0;
    }
    return count;
}

bool multiplexor_check (const multiplexor_t *self)
{
    size_t bad = 0;
    size_t unsent = count_list (self, &self->unsent, &bad);
    size_t sent = count_list (self, &self->sent, &bad);
    size_t waiting =
        count_list (self, &self->refused, &bad) + count_list (self, &self->collided, &bad);
    size_t all = unsent + sent + waiting;

    if (!self->up
        && (sent || waiting || !list_empty (&self->to_cancel) || !list_empty (&self->detached)))
        return false;
    return bad == 0 && all == self->runs.count + self->cancels.count && self->deadlines.count <= all
           && heap_check (&self->deadlines);
}
