/*  What the owner of a call does with it: wait, take what has come, let go.
 *
 *  Each wait has a condition of its own, on the waiter's stack, so that a call's end wakes no
 * thread but those that wait for that call.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>

#include "client/client.h"
#include "client/outcome.h"
#include "fabric/condition.h"
#include "fabric/container.h"

// ---- one call

typedef bool (call_ready_fn) (const zfabric_call_t *self);

static void waiter_init (call_waiter_t *waiter, zfabric_call_t *call)
{
    condition_init (&waiter->changed);
    waiter->next = call->waiters;
    call->waiters = waiter;
}

static void waiter_finish (call_waiter_t *waiter, zfabric_call_t *call)
{
    call_waiter_t **at = &call->waiters;

    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
    (void)pthread_cond_destroy (&waiter->changed);
}

// Until `ready` or the time is over. The lock is held.
static void
wait_as (call_waiter_t *waiter, zfabric_call_t *self, call_ready_fn *ready, int timeout_ms)
{
    moment_t until = condition_until (timeout_ms);

    while (!ready (self) && condition_wait (&waiter->changed, &self->hub->lock, until))
        ;
}

// Waits, the lock held, until `ready`. 0, or -1 with errno and not ready.
static int wait_until (zfabric_call_t *self, call_ready_fn *ready, int timeout_ms)
{
    call_waiter_t waiter;

    if (!ready (self) && timeout_ms != 0) {
        if (hub_is_own_thread_locked (self->hub)) {
            errno = EDEADLK;
            return -1;
        }
        waiter_init (&waiter, self);
        wait_as (&waiter, self, ready, timeout_ms);
        waiter_finish (&waiter, self);
    }
    if (ready (self))
        return 0;
    errno = ETIMEDOUT;
    return -1;
}

static bool has_ended (const zfabric_call_t *self)
{
    return atomic_load (&self->ended);
}

// Until the call has ended, or the baton is the caller's: whether it is.
static bool wait_for_baton (zfabric_call_t *self)
{
    call_waiter_t waiter;
    baton_wish_t wish = {.changed = &waiter.changed, .in_vain = &self->ended};
    hub_t *hub = self->hub;

    pthread_mutex_lock (&hub->lock);
    waiter_init (&waiter, self);
    baton_want (&hub->baton, &wish);
    while (!wish.has && !has_ended (self))
        (void)condition_wait (&waiter.changed, &hub->lock, MOMENT_NEVER);
    baton_unwant (&hub->baton, &wish);
    waiter_finish (&waiter, self);
    pthread_mutex_unlock (&hub->lock);
    return wish.has;
}

void client_wait_alone (client_loop_t *self, zfabric_call_t *call, bool has_baton)
{
    if (has_baton)
        client_loop_borrowed (self, call);
    while (!has_ended (call) && wait_for_baton (call))
        client_loop_borrowed (self, call);
}

static bool has_news (const zfabric_call_t *self)
{
    return atomic_load (&self->ended) || !list_empty (&self->partials);
}

const zfabric_result_t *zfabric_call_wait (zfabric_call_t *self, int timeout_ms)
{
    const zfabric_result_t *result = NULL;

    if (!self) {
        errno = EINVAL;
        return NULL;
    }
    if (atomic_load (&self->ended))
        return self->result;
    pthread_mutex_lock (&self->hub->lock);
    if (wait_until (self, has_ended, timeout_ms) == 0)
        result = self->result;
    pthread_mutex_unlock (&self->hub->lock);
    return result;
}

zfabric_partial_t *zfabric_call_next (zfabric_call_t *self, int timeout_ms)
{
    zfabric_partial_t *partial = NULL;

    if (!self) {
        errno = EINVAL;
        return NULL;
    }
    pthread_mutex_lock (&self->hub->lock);
    if (wait_until (self, has_news, timeout_ms) == 0) {
        list_node_t *node = list_first (&self->partials);
        errno = ENODATA;
        if (node) {
            list_remove (node);
            partial = outcome_at (node);
            self->partials_count--;
            self->partials_octets -= partial->size;
        }
    }
    pthread_mutex_unlock (&self->hub->lock);
    return partial;
}

bool zfabric_call_ended (const zfabric_call_t *self)
{
    return self && atomic_load (&self->ended);
}

zfabric_result_t *call_take_result (zfabric_call_t *self)
{
    zfabric_result_t *result = (zfabric_result_t *)(uintptr_t)self->result;

    if (self->result == &outcome_no_memory) {
        errno = ENOMEM;
        return NULL;
    }
    self->result = NULL;
    return result;
}

const char *zfabric_call_cookie (const zfabric_call_t *self)
{
    return self ? self->cookie : "";
}

void *zfabric_call_arg (const zfabric_call_t *self)
{
    return self ? self->arg : NULL;
}

// The lock is held.
static void forget_news (zfabric_call_t *self)
{
    self->notify = false;
    hub_remove_news (self->hub, &self->news);
    if (--self->hub->notable == 0)
        pthread_cond_broadcast (&self->hub->changed); // who waits for more waits in vain
}

void zfabric_call_destroy (zfabric_call_t **self_p)
{
    zfabric_call_t *self = self_p ? *self_p : NULL;

    if (!self)
        return;
    if (self->notify) {
        pthread_mutex_lock (&self->hub->lock);
        forget_news (self);
        pthread_mutex_unlock (&self->hub->lock);
    }
    call_unref (self_p);
}

// ---- whichever call has news

static zfabric_call_t *take_news (hub_t *hub)
{
    list_node_t *node = list_first (&hub->news);

    if (!node)
        return NULL;
    zfabric_call_t *call = container_of (node, zfabric_call_t, news);
    if (atomic_load (&call->ended))
        forget_news (call); // there will be no more
    else
        hub_remove_news (hub, node);
    return call;
}

// Until there are news, or none are to come, or the time is over. The lock is held.
static int wait_for_news (hub_t *hub, int timeout_ms)
{
    if (timeout_ms != 0 && hub_is_own_thread_locked (hub))
        return EDEADLK;
    moment_t until = condition_until (timeout_ms);
    while (timeout_ms != 0 && list_empty (&hub->news) && hub->notable
           && condition_wait (&hub->changed, &hub->lock, until))
        ;
    return hub->notable ? ETIMEDOUT : ENODATA;
}

zfabric_call_t *zfabric_client_next (zfabric_client_t *self, int timeout_ms)
{
    if (!self) {
        errno = EINVAL;
        return NULL;
    }
    hub_t *hub = self->hub;
    int problem = 0;
    pthread_mutex_lock (&hub->lock);
    if (list_empty (&hub->news))
        problem = wait_for_news (hub, timeout_ms);
    zfabric_call_t *call = take_news (hub);
    pthread_mutex_unlock (&hub->lock);
    if (!call)
        errno = problem;
    return call;
}

int zfabric_client_descriptor (zfabric_client_t *self)
{
    if (!self) {
        errno = EINVAL;
        return -1;
    }
    return hub_bell (self->hub);
}
