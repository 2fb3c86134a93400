#include "broker/deadlines.h"

#include <assert.h>

#include "fabric/container.h"

static deadline_t *of (heap_node_t *node)
{
    return container_of (node, deadline_t, node);
}

static bool earlier (const heap_node_t *a, const heap_node_t *b)
{
    return container_of (a, const deadline_t, node)->at
           < container_of (b, const deadline_t, node)->at;
}

void deadlines_init (deadlines_t *self)
{
    heap_init (&self->heap, earlier);
    self->owners = 0;
}

void deadlines_finish (deadlines_t *self)
{
    assert (self->owners == 0);
    heap_finish (&self->heap);
}

int deadlines_enter (deadlines_t *self)
{
    if (heap_reserve (&self->heap, self->owners + 1))
        return -1;
    self->owners++;
    return 0;
}

void deadlines_leave (deadlines_t *self, deadline_t *deadline)
{
    heap_remove (&self->heap, &deadline->node);
    self->owners--;
}

void deadlines_set (deadlines_t *self, deadline_t *deadline, moment_t at)
{
    if (at == MOMENT_NEVER) {
        heap_remove (&self->heap, &deadline->node);
        return;
    }
    if (heap_holds (&deadline->node)) {
        if (deadline->at == at)
            return;
        deadline->at = at;
        heap_update (&self->heap, &deadline->node);
    } else {
        deadline->at = at;
        heap_push (&self->heap, &deadline->node);
    }
}

moment_t deadlines_next (const deadlines_t *self)
{
    heap_node_t *top = heap_top (&self->heap);

    return top ? of (top)->at : MOMENT_NEVER;
}

deadline_t *deadlines_pop (deadlines_t *self, moment_t now)
{
    heap_node_t *top = heap_top (&self->heap);

    if (!top || of (top)->at > now)
        return NULL;
    heap_remove (&self->heap, top);
    return of (top);
}
