/*  The descriptor is written once between two takes, however many letters come.
 */
#include "worker/worker_mail.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct worker_mail {
    pthread_mutex_t lock;
    list_t letters;
    bool rung;
    int fd;
};

worker_mail_t *worker_mail_new (void)
{
    worker_mail_t *self = (worker_mail_t *)calloc (1, sizeof *self);

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

void worker_mail_destroy (worker_mail_t **self_p)
{
    worker_mail_t *self = *self_p;

    if (!self)
        return;
    pthread_mutex_destroy (&self->lock);
    close (self->fd);
    free (self);
    *self_p = NULL;
}

static void put (worker_mail_t *self, list_node_t *node)
{
    const uint64_t one = 1;

    pthread_mutex_lock (&self->lock);
    if (node)
        list_append (&self->letters, node);
    bool ring = !self->rung;
    self->rung = true;
    // Under the lock: worker_mail_take () must not find `rung` without the descriptor readable.
    if (ring && write (self->fd, &one, sizeof one) < 0)
        self->rung = false; // can't be: a counter that is 0 takes a 1
    pthread_mutex_unlock (&self->lock);
}

void worker_mail_put (worker_mail_t *self, list_node_t *node)
{
    put (self, node);
}

void worker_mail_ring (worker_mail_t *self)
{
    put (self, NULL);
}

int worker_mail_descriptor (const worker_mail_t *self)
{
    return self->fd;
}

void worker_mail_take (worker_mail_t *self, list_t *list)
{
    uint64_t count;
    list_node_t *node;

    pthread_mutex_lock (&self->lock);
    if (self->rung && read (self->fd, &count, sizeof count) > 0)
        self->rung = false;
    while ((node = list_first (&self->letters))) {
        list_remove (node);
        list_append (list, node);
    }
    pthread_mutex_unlock (&self->lock);
}
