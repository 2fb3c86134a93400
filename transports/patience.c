#include "transports/patience.h"

#include <stdlib.h>

struct patience {
    patience_pool_t *pool;
    struct evbuffer *out;
    struct evbuffer_cb_entry *watch;
    struct event *timer;
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

// So much waits now.
static void count (patience_t *self, size_t waiting)
{
    uint64_t over = waiting > self->pool->bound ? waiting - self->pool->bound : 0;

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

static void on_change (struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
    patience_t *self = (patience_t *)arg;

    count (self, evbuffer_get_length (out));
    if (info->n_deleted > 0 || !evtimer_pending (self->timer, NULL))
        set_timer (self);
}

patience_t *patience_new (patience_pool_t *pool,
                          struct event_base *base,
                          struct evbuffer *out,
                          patience_fn *lost,
                          void *arg)
{
    patience_t *self = (patience_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    self->pool = pool;
    self->out = out;
    self->lost = lost;
    self->arg = arg;
    self->timer = evtimer_new (base, on_late, self);
    self->watch = evbuffer_add_cb (out, on_change, self);
    if (!self->timer || !self->watch) {
        patience_destroy (&self);
        return NULL;
    }
    count (self, evbuffer_get_length (out));
    set_timer (self);
    return self;
}

void patience_destroy (patience_t **self_p)
{
    patience_t *self = *self_p;

    if (!self)
        return;
    *self_p = NULL;
    count (self, 0);
    if (self->watch)
        (void)evbuffer_remove_cb_entry (self->out, self->watch);
    if (self->timer)
        event_free (self->timer);
    free (self);
}
