#define _POSIX_C_SOURCE 200809L

#include "client/call.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "client/outcome.h"
#include "fabric/container.h"

// ---- the hub

hub_t *hub_new (void)
{
    hub_t *self = (hub_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    self->mail = mailbox_new ();
    if (!self->mail) {
        int problem = errno;
        free (self);
        errno = problem;
        return NULL;
    }
    (void)pthread_mutex_init (&self->lock, NULL); // can't fail on Linux
    self->refs = 1;
    return self;
}

void hub_unref (hub_t **self_p)
{
    hub_t *self = *self_p;

    if (!self)
        return;
    pthread_mutex_lock (&self->lock);
    bool last = --self->refs == 0;
    pthread_mutex_unlock (&self->lock);
    if (last) {
        pthread_mutex_destroy (&self->lock);
        mailbox_destroy (&self->mail);
        free (self);
    }
    *self_p = NULL;
}

static bool own_thread (const hub_t *self)
{
    return self->running && pthread_equal (self->thread, pthread_self ());
}

bool hub_is_own_thread (hub_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool own = own_thread (self);
    pthread_mutex_unlock (&self->lock);
    return own;
}

// ---- life cycle

zfabric_call_t *call_new (hub_t *hub, const cookie_t *cookie, session_kind_t kind)
{
    zfabric_call_t *self = (zfabric_call_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    self->session.cookie = *cookie;
    self->session.kind = kind;
    frame_init (&self->header);
    frame_init (&self->payload);
    list_init (&self->partials);
    cookie_print (cookie, self->cookie);
    self->refs = 1;
    self->hub = hub;
    pthread_mutex_lock (&hub->lock);
    hub->refs++;
    pthread_mutex_unlock (&hub->lock);
    return self;
}

static void call_free (zfabric_call_t *self)
{
    list_node_t *node;

    while ((node = list_first (&self->partials))) {
        zfabric_partial_t *partial = outcome_at (node);
        list_remove (node);
        zfabric_partial_destroy (&partial);
    }
    if (self->result != &outcome_no_memory) {
        zfabric_result_t *result = (zfabric_result_t *)(uintptr_t)self->result;
        zfabric_result_destroy (&result);
    }
    frame_close (&self->header);
    frame_close (&self->payload);
    hub_unref (&self->hub);
    free (self);
}

void call_unref (zfabric_call_t **self_p)
{
    zfabric_call_t *self = *self_p;

    if (!self)
        return;
    pthread_mutex_lock (&self->hub->lock);
    bool last = --self->refs == 0;
    pthread_mutex_unlock (&self->hub->lock);
    if (last)
        call_free (self);
    *self_p = NULL;
}

void zfabric_call_destroy (zfabric_call_t **self_p)
{
    if (self_p)
        call_unref (self_p);
}

const char *zfabric_call_cookie (const zfabric_call_t *self)
{
    return self->cookie;
}

// ---- letters

// The lock is held.
static void post (zfabric_call_t *self)
{
    if (self->in_mail)
        return;
    self->in_mail = true;
    self->refs++;
    mailbox_put (self->hub->mail, &self->letter);
}

int call_post (zfabric_call_t *self, size_t max_open)
{
    hub_t *hub = self->hub;
    int rc = -1;

    pthread_mutex_lock (&hub->lock);
    if (hub->open < max_open) {
        hub->open++;
        self->refs++; // until its end
        self->start = true;
        post (self);
        rc = 0;
    }
    pthread_mutex_unlock (&hub->lock);
    if (rc)
        errno = EAGAIN;
    return rc;
}

void zfabric_call_cancel (zfabric_call_t *self)
{
    if (!self)
        return;
    pthread_mutex_lock (&self->hub->lock);
    if (!self->ended && !self->cancelled && self->hub->running) {
        self->cancel = self->cancelled = true;
        post (self);
    }
    pthread_mutex_unlock (&self->hub->lock);
}

zfabric_call_t *call_read_letter (list_node_t *letter, bool *start, bool *cancel)
{
    zfabric_call_t *self = container_of (letter, zfabric_call_t, letter);

    pthread_mutex_lock (&self->hub->lock);
    *start = self->start;
    *cancel = self->cancel;
    self->start = self->cancel = self->in_mail = false;
    pthread_mutex_unlock (&self->hub->lock);
    return self;
}

// ---- the client's thread

// The lock is held.
static void wake_waiters (zfabric_call_t *self)
{
    for (call_waiter_t *waiter = self->waiters; waiter; waiter = waiter->next)
        pthread_cond_signal (&waiter->changed);
}

void call_partial (zfabric_call_t *self, const packet_t *packet, frame_t *payload)
{
    zfabric_partial_t *partial = outcome_partial (packet, payload);

    if (!partial)
        return; // dropped: the gap in `seq` tells
    if (self->on_partial) {
        self->on_partial (self, partial, self->arg);
        zfabric_partial_destroy (&partial);
        return;
    }
    pthread_mutex_lock (&self->hub->lock);
    if (self->refs > 1 && self->partials_count < CALL_PARTIALS_MAX
        && self->partials_octets + partial->size <= CALL_PARTIAL_OCTETS) {
        list_append (&self->partials, outcome_place (partial));
        self->partials_count++;
        self->partials_octets += partial->size;
        partial = NULL;
        wake_waiters (self);
    }
    pthread_mutex_unlock (&self->hub->lock);
    zfabric_partial_destroy (&partial);
}

void call_end (zfabric_call_t *self,
               const packet_t *packet,
               frame_t *payload,
               zfabric_rc_t rc,
               const char *words)
{
    const zfabric_result_t *result = outcome_result (packet, payload, rc, words);

    if (!result)
        result = &outcome_no_memory;
    pthread_mutex_lock (&self->hub->lock);
    self->hub->open--;
    self->result = result;
    // With a callback the call has ended when that has returned: then its owner may go on.
    self->ended = !self->on_result;
    wake_waiters (self);
    pthread_mutex_unlock (&self->hub->lock);
    if (self->on_result) {
        self->on_result (self, result, self->arg);
        pthread_mutex_lock (&self->hub->lock);
        self->ended = true;
        wake_waiters (self);
        pthread_mutex_unlock (&self->hub->lock);
    }
}

// ---- owners wait

static struct timespec after_ms (int timeout_ms)
{
    struct timespec at;

    clock_gettime (CLOCK_MONOTONIC, &at);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

typedef bool (call_ready_fn) (const zfabric_call_t *self);

static void waiter_init (call_waiter_t *waiter, zfabric_call_t *call)
{
    pthread_condattr_t monotonic;

    // None of these can fail on Linux.
    (void)pthread_condattr_init (&monotonic);
    (void)pthread_condattr_setclock (&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init (&waiter->changed, &monotonic);
    (void)pthread_condattr_destroy (&monotonic);
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
    pthread_mutex_t *lock = &self->hub->lock;
    struct timespec at = {0};
    int problem = 0;

    if (timeout_ms > 0)
        at = after_ms (timeout_ms);
    while (!ready (self) && problem != ETIMEDOUT)
        problem = timeout_ms < 0 ? pthread_cond_wait (&waiter->changed, lock)
                                 : pthread_cond_timedwait (&waiter->changed, lock, &at);
}

// Waits, the lock held, until `ready`. 0, or -1 with errno and not ready.
static int wait_until (zfabric_call_t *self, call_ready_fn *ready, int timeout_ms)
{
    call_waiter_t waiter;

    if (!ready (self) && timeout_ms != 0) {
        if (own_thread (self->hub)) {
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
    return self->ended;
}

static bool has_news (const zfabric_call_t *self)
{
    return self->ended || !list_empty (&self->partials);
}

const zfabric_result_t *zfabric_call_wait (zfabric_call_t *self, int timeout_ms)
{
    const zfabric_result_t *result = NULL;

    if (!self) {
        errno = EINVAL;
        return NULL;
    }
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
