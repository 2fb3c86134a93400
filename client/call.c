#define _POSIX_C_SOURCE 200809L

#include "client/call.h"

#include <errno.h>
#include <stdlib.h>

#include "client/outcome.h"
#include "fabric/container.h"

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
    atomic_init (&self->refs, 1);
    atomic_init (&self->ended, false);
    self->hub = hub_ref (hub);
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
    *self_p = NULL;
    if (atomic_fetch_sub (&self->refs, 1) == 1)
        call_free (self);
}

// ---- letters

// The lock is held.
static void post (zfabric_call_t *self)
{
    if (self->in_mail)
        return;
    self->in_mail = true;
    (void)atomic_fetch_add (&self->refs, 1);
    mailbox_put (self->hub->mail, &self->letter);
    baton_recall (&self->hub->baton);
}

// The lock is held.
static void open_call (zfabric_call_t *self, bool let_go)
{
    self->notify = self->notify && !let_go;
    self->hub->open++;
    self->hub->notable += self->notify;
    self->start = self->in_mail = true;
    (void)atomic_fetch_add (&self->refs, 2u - let_go); // until its end, and for the letter
}

// As many as may be open. The lock is held.
static size_t post_all (hub_t *hub, list_t *letters, size_t max_open, bool let_go)
{
    list_node_t *node;
    list_t open;
    size_t count = 0;

    list_init (&open);
    while (!hub->closed && hub->open < max_open && (node = list_first (letters))) {
        list_remove (node);
        list_append (&open, node);
        open_call (container_of (node, zfabric_call_t, letter), let_go);
        count++;
    }
    mailbox_put_all (hub->mail, &open);
    if (!list_empty (letters))
        errno = hub->closed ? ESHUTDOWN : EAGAIN;
    return count;
}

size_t call_post_all (hub_t *hub, list_t *letters, size_t max_open, bool let_go)
{
    pthread_mutex_lock (&hub->lock);
    size_t count = post_all (hub, letters, max_open, let_go);
    baton_recall (&hub->baton);
    pthread_mutex_unlock (&hub->lock);
    return count;
}

int call_post_alone (hub_t *hub, zfabric_call_t *call, size_t max_open, bool *has_baton)
{
    list_t letters;

    list_init (&letters);
    list_append (&letters, &call->letter);
    pthread_mutex_lock (&hub->lock);
    bool posted = post_all (hub, &letters, max_open, false) == 1;
    *has_baton = posted && baton_borrow (&hub->baton);
    pthread_mutex_unlock (&hub->lock);
    if (posted)
        return 0;
    list_remove (&call->letter);
    return -1;
}

void zfabric_call_cancel (zfabric_call_t *self)
{
    if (!self)
        return;
    pthread_mutex_lock (&self->hub->lock);
    if (!atomic_load (&self->ended) && !self->cancelled && !self->hub->closed) {
        self->cancel = self->cancelled = true;
        post (self);
    }
    pthread_mutex_unlock (&self->hub->lock);
}

// The lock is held.
static void open_letters (list_t *letters, list_t *opened)
{
    list_node_t *node;

    while ((node = list_first (letters))) {
        zfabric_call_t *call = container_of (node, zfabric_call_t, letter);
        list_remove (node);
        list_append (opened, &call->opened);
        call->starts = call->start;
        call->cancels = call->cancel;
        call->start = call->cancel = call->in_mail = false;
    }
}

void call_open_letters (hub_t *hub, list_t *opened)
{
    list_t letters;

    list_init (&letters);
    mailbox_take (hub->mail, &letters);
    if (list_empty (&letters))
        return;
    pthread_mutex_lock (&hub->lock);
    open_letters (&letters, opened);
    pthread_mutex_unlock (&hub->lock);
}

bool call_open_letters_alone (hub_t *hub, list_t *opened)
{
    list_t letters;

    list_init (&letters);
    pthread_mutex_lock (&hub->lock);
    bool alone = hub->open <= 1;
    if (alone) {
        mailbox_take (hub->mail, &letters);
        open_letters (&letters, opened);
    }
    pthread_mutex_unlock (&hub->lock);
    return alone;
}

// ---- the client's thread

// The lock is held.
static void tell_owner (zfabric_call_t *self)
{
    if (self->notify)
        hub_add_news (self->hub, &self->news);
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
    if (atomic_load (&self->refs) > 1 && self->partials_count < CALL_PARTIALS_MAX
        && self->partials_octets + partial->size <= CALL_PARTIAL_OCTETS) {
        list_append (&self->partials, outcome_place (partial));
        self->partials_count++;
        self->partials_octets += partial->size;
        partial = NULL;
        tell_owner (self);
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
    if (self->on_result) {
        // The call has ended when that has returned: then its owner may go on.
        pthread_mutex_unlock (&self->hub->lock);
        self->on_result (self, result, self->arg);
        pthread_mutex_lock (&self->hub->lock);
    }
    atomic_store (&self->ended, true);
    tell_owner (self);
    pthread_mutex_unlock (&self->hub->lock);
}
