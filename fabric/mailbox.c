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

static void put (mailbox_t *self, list_node_t *node)
{
    const uint64_t one = 1;

    pthread_mutex_lock (&self->lock);
    if (node)
        list_append (&self->letters, node);
    // A bell without a letter is for more than the letters: it always rings.
    bool ring = !self->rung && !(self->awake && node);
    self->rung = self->rung || ring;
    // Under the lock: mailbox_take () must not find `rung` without the descriptor readable.
    if (ring && write (self->fd, &one, sizeof one) < 0)
        self->rung = false; // can't be: a counter that is 0 takes a 1
    pthread_mutex_unlock (&self->lock);
}

void mailbox_put (mailbox_t *self, list_node_t *node)
{
    put (self, node);
}

void mailbox_ring (mailbox_t *self)
{
    put (self, NULL);
}

int mailbox_descriptor (const mailbox_t *self)
{
    return self->fd;
}

void mailbox_take (mailbox_t *self, list_t *list)
{
    uint64_t count;
    list_node_t *node;

    pthread_mutex_lock (&self->lock);
    if (self->rung && read (self->fd, &count, sizeof count) > 0)
        self->rung = false;
    self->awake = self->dozes;
    while ((node = list_first (&self->letters))) {
        list_remove (node);
        list_append (list, node);
    }
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
