/*  The descriptor is written once between two takes, however many letters come.
 */
#include "fabric/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
    pthread_mutex_t lock;
    list_t letters;
    bool rung;  // the descriptor is readable
    bool dozes; // the loop says when it waits
    bool awake; // and does not wait now
    int fd;
};

mailbox_t *mailbox_new (void)
{
    mailbox_t *self = (mailbox_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    self->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->fd < 0) {
        int problem = errno;
        free (self);
        errno = problem;
        return NULL;
    }
    (void)pthread_mutex_init (&self->lock, NULL); // can't fail on Linux
    list_init (&self->letters);
    return self;
}

void mailbox_destroy (mailbox_t **self_p)
{
    mailbox_t *self = *self_p;

    if (!self)
        return;
    pthread_mutex_destroy (&self->lock);
    close (self->fd);
    free (self);
    *self_p = NULL;
}

// The lock is held: mailbox_take () must not find `rung` without the descriptor readable.
static void ring (mailbox_t *self)
{
    const uint64_t one = 1;

    // Fails never: a counter that is 0 takes a 1.
    if (!self->rung)
        self->rung = write (self->fd, &one, sizeof one) > 0;
}

void mailbox_put (mailbox_t *self, list_node_t *node)
{
    pthread_mutex_lock (&self->lock);
    list_append (&self->letters, node);
    if (!self->awake)
        ring (self);
    pthread_mutex_unlock (&self->lock);
}

void mailbox_put_all (mailbox_t *self, list_t *nodes)
{
    if (list_empty (nodes))
        return;
    pthread_mutex_lock (&self->lock);
    list_append_all (&self->letters, nodes);
    if (!self->awake)
        ring (self);
    pthread_mutex_unlock (&self->lock);
}

// A bell without a letter is for more than the letters: it always rings.
void mailbox_ring (mailbox_t *self)
{
    pthread_mutex_lock (&self->lock);
    ring (self);
    pthread_mutex_unlock (&self->lock);
}

int mailbox_descriptor (const mailbox_t *self)
{
    return self->fd;
}

bool mailbox_empty (mailbox_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool empty = list_empty (&self->letters);
    pthread_mutex_unlock (&self->lock);
    return empty;
}

void mailbox_take (mailbox_t *self, list_t *list)
{
    uint64_t count;

    pthread_mutex_lock (&self->lock);
    if (self->rung && read (self->fd, &count, sizeof count) > 0)
        self->rung = false;
    self->awake = self->dozes;
    list_append_all (list, &self->letters);
    pthread_mutex_unlock (&self->lock);
}

bool mailbox_doze (mailbox_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool nothing = list_empty (&self->letters) && !self->rung;
    self->dozes = true;
    self->awake = !nothing;
    pthread_mutex_unlock (&self->lock);
    return nothing;
}
