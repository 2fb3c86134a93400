/*  A task may have PARTIALS_UNSENT pieces, or PARTIAL_OCTETS_UNSENT octets of them, between itself
 *  and the broker; then its handler waits. Each task has a window of its own, so that one broker
 *  that takes nothing holds up its own tasks only.
 */
#define _POSIX_C_SOURCE 200809L

#include "worker/worker_task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fabric/condition.h"
#include "fabric/limits.h"

#define PARTIALS_UNSENT       64u
#define PARTIAL_OCTETS_UNSENT (1024u * 1024)

_Static_assert((int)ENCODING_JSON + 1 == ZFABRIC_ENCODING_JSON
                   && (int)ENCODING_MSGPACK + 1 == ZFABRIC_ENCODING_MSGPACK
                   && (int)ENCODING_RAW + 1 == ZFABRIC_ENCODING_RAW,
               "public encodings are ours after DEFAULT");

zfabric_task_t *worker_task_new (const worker_task_home_t *home,
                                 const packet_t *run,
                                 frame_t *payload,
                                 const handler_t *handler,
                                 unsigned broker)
{
    zfabric_task_t *self = (zfabric_task_t *)calloc (1, sizeof *self + run->pipeline.len + 1);

    if (!self)
        return NULL;
    self->managed.cookie = run->cookie;
    self->managed.broker = broker;
    self->home = home;
    self->handler = handler;
    self->deadline = MOMENT_NEVER;
    if (packet_has (run, PACKET_BIT (TIMEOUT)))
        self->deadline = moment_after (moment_now (), run->timeout_ms);
    self->stream = packet_has (run, PACKET_BIT (STREAM)) && run->stream;
    self->encoding = run->encoding;
    frame_move (&self->payload, payload);
    cookie_print (&run->cookie, self->cookie);
    letter_init (&self->letter, &run->cookie);
    self->letter.task = self;
    self->letter.encoding = home->codec;
    self->descriptor = -1;
    memcpy (self->pipeline, run->pipeline.ptr, run->pipeline.len);
    (void)pthread_mutex_init (&self->lock, NULL); // can't fail on Linux
    condition_init (&self->changed);
    return self;
}

void worker_task_destroy (zfabric_task_t **self_p)
{
    zfabric_task_t *self = *self_p;

    if (!self)
        return;
    if (self->descriptor >= 0)
        close (self->descriptor);
    pthread_cond_destroy (&self->changed);
    pthread_mutex_destroy (&self->lock);
    letter_finish (&self->letter);
    frame_close (&self->payload);
    free (self);
    *self_p = NULL;
}

// -- Around the handler

// The handler said nothing and did not return 0.
static void say_failure (zfabric_task_t *self, int problem)
{
    static const char words[] = "the handler failed without a word";
    char text[sizeof words + 100], why[96];

    if (zfabric_task_cancelled (self)) {
        (void)zfabric_task_fail (self, ZFABRIC_CANCELLED, NULL, NULL, 0);
        return;
    }
    if (problem && strerror_r (problem, why, sizeof why) == 0)
        snprintf (text, sizeof text, "%s: %s", words, why);
    else
        snprintf (text, sizeof text, "%s", words);
    (void)zfabric_task_fail (self, ZFABRIC_EXCEPTION, text, NULL, 0); // ENOMEM: without the words
}

void worker_task_run (zfabric_task_t *self)
{
    errno = 0;
    int rc = self->handler->function (self, self->handler->arg);
    int problem = errno;
    if (self->said)
        return;
    if (rc == 0)
        self->said = true; // OK, and no payload
    else
        say_failure (self, problem);
}

void worker_task_cancel (zfabric_task_t *self)
{
    const uint64_t one = 1;

    pthread_mutex_lock (&self->lock);
    self->cancelled = true;
    if (self->descriptor >= 0)
        (void)!write (self->descriptor, &one, sizeof one); // a counter of 0 takes a 1
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
}

// A PARTIAL of so many octets is out of the window.
static void leave_window (zfabric_task_t *self, size_t octets)
{
    pthread_mutex_lock (&self->lock);
    self->unsent--;
    self->unsent_octets -= octets;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
}

void worker_task_posted (letter_t **letter_p)
{
    letter_t *letter = *letter_p;

    *letter_p = NULL;
    if (letter->task && !letter->partial) {
        zfabric_task_t *task = letter->task; // which it is a part of
        worker_task_destroy (&task);
        return;
    }
    if (letter->task)
        leave_window (letter->task, letter->octets);
    letter_destroy (&letter);
}

// -- Questions

const char *zfabric_task_pipeline (const zfabric_task_t *self)
{
    return self->pipeline;
}

const char *zfabric_task_cookie (const zfabric_task_t *self)
{
    return self->cookie;
}

const void *zfabric_task_payload (const zfabric_task_t *self, size_t *size)
{
    slice_t octets = frame_slice (&self->payload);

    if (size)
        *size = octets.len;
    return octets.ptr;
}

zfabric_encoding_t zfabric_task_encoding (const zfabric_task_t *self)
{
    return (zfabric_encoding_t)(self->encoding + 1);
}

bool zfabric_task_streams (const zfabric_task_t *self)
{
    return self->stream;
}

uint64_t zfabric_task_time_left (const zfabric_task_t *self)
{
    if (self->deadline == MOMENT_NEVER)
        return UINT64_MAX;
    return moment_until (moment_now (), self->deadline);
}

bool zfabric_task_cancelled (zfabric_task_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool cancelled = self->cancelled;
    pthread_mutex_unlock (&self->lock);
    return cancelled;
}

int zfabric_task_descriptor (zfabric_task_t *self)
{
    pthread_mutex_lock (&self->lock);
    if (self->descriptor < 0)
        self->descriptor = eventfd (self->cancelled, EFD_CLOEXEC | EFD_NONBLOCK);
    int descriptor = self->descriptor;
    pthread_mutex_unlock (&self->lock);
    return descriptor;
}

bool zfabric_task_wait_cancelled (zfabric_task_t *self, int timeout_ms)
{
    moment_t until = condition_until (timeout_ms);

    pthread_mutex_lock (&self->lock);
    while (!self->cancelled && condition_wait (&self->changed, &self->lock, until))
        ;
    bool cancelled = self->cancelled;
    pthread_mutex_unlock (&self->lock);
    return cancelled;
}

// -- What a handler says

static int refused (int problem)
{
    errno = problem;
    return -1;
}

// Our own for a public one; -1 (EINVAL) if it is none.
static int
read_encoding (const zfabric_task_t *self, zfabric_encoding_t given, encoding_t *encoding)
{
    if (given == ZFABRIC_ENCODING_DEFAULT)
        *encoding = self->home->codec;
    else if ((unsigned)given <= ZFABRIC_ENCODING_RAW)
        *encoding = (encoding_t)(given - 1);
    else
        return refused (EINVAL);
    return 0;
}

static bool window_full (const zfabric_task_t *self, size_t octets)
{
    return self->unsent >= PARTIALS_UNSENT
           || (self->unsent && self->unsent_octets + octets > PARTIAL_OCTETS_UNSENT);
}

// Takes room in the window, waiting for it where that is allowed.
static int enter_window (zfabric_task_t *self, size_t octets)
{
    int problem = 0;

    pthread_mutex_lock (&self->lock);
    while (window_full (self, octets) && !problem) {
        if (self->handler->flags & ZFABRIC_HANDLER_INLINE)
            problem = EAGAIN;
        else if (self->cancelled)
            problem = ECANCELED;
        else
            pthread_cond_wait (&self->changed, &self->lock);
    }
    if (!problem) {
        self->unsent++;
        self->unsent_octets += octets;
    }
    pthread_mutex_unlock (&self->lock);
    return problem ? refused (problem) : 0;
}

// Whether octets may go out at all.
static int check (const zfabric_task_t *self, const void *octets, size_t size)
{
    if (!octets && size)
        return refused (EINVAL);
    if (self->said)
        return refused (EALREADY);
    return size > self->home->max_payload ? refused (EMSGSIZE) : 0;
}

// Puts a PARTIAL with these octets into the mail; the payload is moved.
static int post_partial (zfabric_task_t *self, frame_t *payload, encoding_t encoding)
{
    if (enter_window (self, frame_size (payload)))
        return -1;
    letter_t *letter = letter_new (&self->managed.cookie);
    if (!letter) {
        leave_window (self, frame_size (payload));
        return refused (ENOMEM);
    }
    letter->task = self;
    letter->partial = true;
    letter->seq = self->seq++;
    letter->octets = frame_size (payload);
    letter->encoding = encoding;
    frame_move (&letter->payload, payload);
    mailbox_put (self->home->mail, &letter->place);
    return 0;
}

int zfabric_task_partial (zfabric_task_t *self,
                          const void *octets,
                          size_t size,
                          zfabric_encoding_t given)
{
    encoding_t encoding;
    frame_t payload;

    if (check (self, octets, size) || read_encoding (self, given, &encoding))
        return -1;
    if (!self->stream)
        return 0;
    if (frame_copy (&payload, slice_of (octets, size)))
        return -1;
    int rc = post_partial (self, &payload, encoding);
    int problem = errno;
    frame_close (&payload);
    errno = problem;
    return rc;
}

static void say (zfabric_task_t *self, zfabric_rc_t rc, encoding_t encoding)
{
    self->said = true;
    self->letter.rc = rc;
    self->letter.encoding = encoding;
}

int zfabric_task_finish (zfabric_task_t *self,
                         const void *octets,
                         size_t size,
                         zfabric_encoding_t given)
{
    encoding_t encoding;
    slice_t own = frame_slice (&self->payload);

    if (check (self, octets, size) || read_encoding (self, given, &encoding))
        return -1;
    frame_close (&self->letter.payload);
    if (size && octets == own.ptr && size == own.len)
        frame_share (&self->letter.payload, &self->payload);
    else if (frame_copy (&self->letter.payload, slice_of (octets, size)))
        return -1;
    say (self, ZFABRIC_OK, encoding);
    return 0;
}

int worker_task_finish (zfabric_task_t *self, buffer_t *octets, encoding_t encoding)
{
    if (check (self, octets->data, octets->len))
        return -1;
    frame_close (&self->letter.payload);
    if (frame_take (&self->letter.payload, octets))
        return -1;
    say (self, ZFABRIC_OK, encoding);
    return 0;
}

int zfabric_task_fail (zfabric_task_t *self,
                       zfabric_rc_t rc,
                       const char *error,
                       const char *const *stacktrace,
                       size_t count)
{
    if (self->said)
        return refused (EALREADY);
    if (rc != ZFABRIC_PROCESSOR_EXCEPTION && rc != ZFABRIC_EXCEPTION && rc != ZFABRIC_CANCELLED)
        return refused (EINVAL);
    say (self, rc, self->home->codec);
    return letter_say (&self->letter, error, stacktrace, stacktrace ? count : 0);
}
