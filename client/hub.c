#define _POSIX_C_SOURCE 200809L

#include "client/hub.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fabric/condition.h"

// ---- life cycle

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
    condition_init (&self->changed);
    baton_init (&self->baton);
    list_init (&self->news);
    self->bell = -1;
    atomic_init (&self->refs, 1);
    return self;
}

hub_t *hub_ref (hub_t *self)
{
    (void)atomic_fetch_add (&self->refs, 1);
    return self;
}

void hub_unref (hub_t **self_p)
{
    hub_t *self = *self_p;

    *self_p = NULL;
    if (!self || atomic_fetch_sub (&self->refs, 1) > 1)
        return;
    if (self->bell >= 0)
        close (self->bell);
    mailbox_destroy (&self->mail);
    baton_finish (&self->baton);
    (void)pthread_cond_destroy (&self->changed);
    pthread_mutex_destroy (&self->lock);
    free (self);
}

// ---- the client's thread

bool hub_is_own_thread_locked (const hub_t *self)
{
    return self->running && pthread_equal (self->thread, pthread_self ());
}

bool hub_is_own_thread (hub_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool own = hub_is_own_thread_locked (self);
    pthread_mutex_unlock (&self->lock);
    return own;
}

void hub_begin (hub_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->thread = pthread_self ();
    self->running = true;
    pthread_mutex_unlock (&self->lock);
}

void hub_close (hub_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->closed = true;
    self->up = false;
    pthread_mutex_unlock (&self->lock);
}

void hub_finish (hub_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->running = false;
    self->finished = true;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
}

void hub_wait_finished (hub_t *self)
{
    pthread_mutex_lock (&self->lock);
    while (!self->finished)
        pthread_cond_wait (&self->changed, &self->lock);
    pthread_mutex_unlock (&self->lock);
}

// ---- news

// The lock is held. A counter of 0 takes a 1, and one that is not 0 can be read: neither fails.
static void ring (hub_t *self)
{
    const uint64_t one = 1;

    if (self->bell >= 0 && !self->rung)
        self->rung = write (self->bell, &one, sizeof one) > 0;
}

static void silence (hub_t *self)
{
    uint64_t count;

    if (self->rung)
        self->rung = read (self->bell, &count, sizeof count) < 0;
}

void hub_add_news (hub_t *self, list_node_t *news)
{
    if (list_holds (news))
        return;
    list_append (&self->news, news);
    self->untold = true;
}

void hub_tell (hub_t *self)
{
    if (!self->untold)
        return;
    self->untold = false;
    pthread_mutex_lock (&self->lock);
    if (!list_empty (&self->news))
        ring (self);
    pthread_mutex_unlock (&self->lock);
    pthread_cond_broadcast (&self->changed);
}

void hub_remove_news (hub_t *self, list_node_t *news)
{
    list_remove (news);
    if (list_empty (&self->news))
        silence (self);
}

int hub_bell (hub_t *self)
{
    pthread_mutex_lock (&self->lock);
    if (self->bell < 0) {
        self->bell = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (!list_empty (&self->news))
            ring (self);
    }
    int bell = self->bell;
    pthread_mutex_unlock (&self->lock);
    return bell;
}
