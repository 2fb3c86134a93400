#include "transports/patience.h"

#include <stdlib.h>

struct patience {
    patience_pool_t *pool;
    struct event *timer;
    uint64_t waiting;
    uint64_t over; // its part of the pool's
    patience_fn *lost;
    void *arg;
};

static void on_late (evutil_socket_t fd, short what, void *arg)
{
    patience_t *self = (patience_t *)arg;

    (void)fd;
    (void)what;
    self->lost (self->arg);
}

static void set_over (patience_t *self, uint64_t over)
{
    self->pool->over += over - self->over;
    self->over = over;
}

static void set_timer (patience_t *self)
{
    bool much = self->pool->over / (PATIENCE_SPARE / 4) >= self->pool->bound;
    unsigned ms = much ? PATIENCE_SHORT_MS : PATIENCE_MS;
    struct timeval time = {ms / 1000, (suseconds_t)(ms % 1000 * 1000)};

    if (self->over > 0)
        (void)evtimer_add (self->timer, &time);
    else
        (void)evtimer_del (self->timer);
}

void patience_count (patience_t *self, uint64_t waiting)
{
    bool took = waiting < self->waiting;

    self->waiting = waiting;
    set_over (self, waiting > self->pool->bound ? waiting - self->pool->bound : 0);
    if (took || !evtimer_pending (self->timer, NULL))
        set_timer (self);
}

patience_t *
patience_new (patience_pool_t *pool, struct event_base *base, patience_fn *lost, void *arg)
{
    patience_t *self = (patience_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    self->pool = pool;
    self->lost = lost;
    self->arg = arg;
    self->timer = evtimer_new (base, on_late, self);
    if (!self->timer)
        patience_destroy (&self);
    return self;
}

void patience_destroy (patience_t **self_p)
{
    patience_t *self = *self_p;

    if (!self)
        return;
    *self_p = NULL;
    set_over (self, 0);
    if (self->timer)
        event_free (self->timer);
    free (self);
}
