/*  The class around the actor. The loop is made, run and unmade on the actor's thread; others only
 *  ask it to stop, and learn by an eventfd that it has.
 */
#define _GNU_SOURCE

#include "broker/zfabric_broker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "broker/loop.h"
#include "broker/recording_file.h"
#include "fabric/limits.h"

struct zfabric_broker {
    zactor_t *actor;
    recorder_t *recorder; // filled by the loop; outlives it
    zfabric_broker_options_t options;
    pthread_mutex_t lock; // of `loop`
    loop_t *loop;         // NULL once it has ended
    char **bound[2];      // copies: they outlive the loop
    size_t bound_count[2];
    int ended;  // eventfd: raised when the loop has ended
    int failed; // errno of a loop that could not be made
    fault_t fault;
};

void zfabric_broker_options_init (zfabric_broker_options_t *options)
{
    *options = (zfabric_broker_options_t){
        .queue = DEFAULT_QUEUE,
        .client_tasks = DEFAULT_CLIENT_TASKS,
        .queue_wait_ms = DEFAULT_QUEUE_WAIT_MS,
        .cancel_grace_ms = DEFAULT_CANCEL_GRACE_MS,
        .drain_ms = DEFAULT_DRAIN_MS,
        .max_payload = DEFAULT_MAX_PAYLOAD,
        .outbox = DEFAULT_OUTBOX,
        .log_level = ZFABRIC_LOG_INFO,
    };
}

static int copy_bound (zfabric_broker_t *self, const loop_t *loop, sb_side_t side)
{
    size_t count = 0;

    while (loop_bound (loop, side, count))
        count++;
    self->bound[side] = (char **)calloc (count + 1, sizeof (char *));
    if (!self->bound[side])
        return -1;
    for (size_t i = 0; i < count; i++) {
        self->bound[side][i] = strdup (loop_bound (loop, side, i));
        if (!self->bound[side][i])
            return -1;
        self->bound_count[side]++;
    }
    return 0;
}

// 0, or -1 and `failed` and `fault` say why.
static int open_loop (zfabric_broker_t *self)
{
    self->loop = loop_new (&self->options, self->recorder, &self->fault);
    if (!self->loop) {
        self->failed = errno ? errno : EINVAL;
        return -1;
    }
    if (copy_bound (self, self->loop, SB_CLIENT_SIDE)
        || copy_bound (self, self->loop, SB_WORKER_SIDE)) {
        self->failed = ENOMEM;
        fault_set (&self->fault, "out of memory");
        loop_destroy (&self->loop);
        return -1;
    }
    return 0;
}

static void broker_actor (zsock_t *pipe, void *arg)
{
    zfabric_broker_t *self = (zfabric_broker_t *)arg;
    uint64_t ring = 1;

    // The lock hands over what is made here; the signal alone does, but nobody sees it who checks.
    pthread_mutex_lock (&self->lock);
    (void)open_loop (self); // `failed` says how it went
    loop_t *loop = self->loop;
    pthread_mutex_unlock (&self->lock);
    zsock_signal (pipe, 0);
    if (loop) {
        loop_run (loop, pipe);
        pthread_mutex_lock (&self->lock);
        self->loop = NULL;
        pthread_mutex_unlock (&self->lock);
        loop_destroy (&loop);
    }
    (void)!write (self->ended, &ring, sizeof ring); // can't be full: written once
}

zfabric_broker_t *
zfabric_broker_new (const zfabric_broker_options_t *options, char *problem, size_t size)
{
    zfabric_broker_t *self = (zfabric_broker_t *)calloc (1, sizeof *self);

    if (!self)
        goto error;
    self->options = *options;
    pthread_mutex_init (&self->lock, NULL);
    fault_set (&self->fault, "out of memory or descriptors");
    self->ended = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->recorder = recorder_new ();
    if (self->ended < 0 || !self->recorder)
        goto error;
    self->actor = zactor_new (broker_actor, self);
    if (!self->actor)
        goto error;
    pthread_mutex_lock (&self->lock);
    bool opened = !self->failed;
    pthread_mutex_unlock (&self->lock);
    if (!opened)
        goto error;
    return self;
error:;
    int saved = self && self->failed ? self->failed : ENOMEM;
    if (problem && size)
        snprintf (problem, size, "%s", self ? self->fault.text : "out of memory");
    zfabric_broker_destroy (&self);
    errno = saved;
    return NULL;
}

void zfabric_broker_destroy (zfabric_broker_t **self_p)
{
    zfabric_broker_t *self = self_p ? *self_p : NULL;

    if (!self)
        return;
    // An actor that has ended by itself reads its pipe no more, but zactor_destroy () waits for a
    // signal that every ended one has sent.
    zactor_destroy (&self->actor);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < self->bound_count[side]; i++)
            free (self->bound[side][i]);
        free (self->bound[side]);
    }
    recorder_destroy (&self->recorder);
    if (self->ended >= 0)
        close (self->ended);
    pthread_mutex_destroy (&self->lock);
    free (self);
    *self_p = NULL;
}

static void ask (zfabric_broker_t *self, loop_wish_t wish)
{
    pthread_mutex_lock (&self->lock);
    if (self->loop)
        loop_ask (self->loop, wish);
    pthread_mutex_unlock (&self->lock);
}

void zfabric_broker_drain (zfabric_broker_t *self)
{
    ask (self, LOOP_DRAIN);
}

void zfabric_broker_halt (zfabric_broker_t *self)
{
    ask (self, LOOP_HALT);
}

int zfabric_broker_record (zfabric_broker_t *self, const char *path)
{
    int rc = -1;

    pthread_mutex_lock (&self->lock);
    if (self->loop)
        rc = loop_record (self->loop, path);
    else
        errno = ESRCH;
    pthread_mutex_unlock (&self->lock);
    return rc;
}

int zfabric_broker_emit (const zfabric_broker_t *self, int descriptor)
{
    return recording_file_emit (self->recorder, descriptor);
}

bool zfabric_broker_wait (zfabric_broker_t *self, int timeout_ms)
{
    struct pollfd item = {.fd = self->ended, .events = POLLIN};

    return poll (&item, 1, timeout_ms) == 1;
}

const char *zfabric_broker_serving (const zfabric_broker_t *self, size_t index)
{
    return index < self->bound_count[SB_CLIENT_SIDE] ? self->bound[SB_CLIENT_SIDE][index] : NULL;
}

const char *zfabric_broker_listening (const zfabric_broker_t *self, size_t index)
{
    return index < self->bound_count[SB_WORKER_SIDE] ? self->bound[SB_WORKER_SIDE][index] : NULL;
}
