/*  The class: options, handlers, one thread that runs the loop, and what others may wait for.
 */
#define _DEFAULT_SOURCE // explicit_bzero

#include "worker/zfabric_worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fabric/condition.h"
#include "fabric/context.h"
#include "fabric/limits.h"
#include "worker/task_manager.h"
#include "worker/worker_loop.h"

struct zfabric_worker {
    handlers_t *handlers;
    worker_loop_options_t options;
    link_options_t link;
    char *texts[5]; // copies: name, keys, endpoints cut at their commas
    const char *endpoints[TASK_MANAGER_BROKERS];
    zfabric_worker_event_fn *on_event;
    void *event_arg;

    worker_loop_t *loop; // NULL until it is started
    pthread_t thread;
    pthread_mutex_t lock; // for what follows
    pthread_cond_t changed;
    bool ready, ended;
    fault_t reason; // of the last loss or failure; "" since it registered
};

// -- Made

static void say (char *problem, size_t size, const char *words)
{
    if (problem && size)
        snprintf (problem, size, "%s", words);
}

static uint64_t or_default (uint64_t given, uint64_t otherwise)
{
    return given ? given : otherwise;
}

static uint32_t processors (void)
{
    long count = sysconf (_SC_NPROCESSORS_ONLN);

    return count < 1 ? 1 : count > (long)LIMIT_CAPACITY ? LIMIT_CAPACITY : (uint32_t)count;
}

// 0, or -1 (EINVAL) with words.
static int
take_numbers (zfabric_worker_t *self, const zfabric_worker_options_t *given, const char **why)
{
    uint64_t max_payload = or_default (given->max_payload, DEFAULT_MAX_PAYLOAD);

    *why = NULL;
    if ((unsigned)given->codec > ZFABRIC_ENCODING_MSGPACK)
        *why = "the codec is neither JSON nor msgpack";
    else if (given->capacity > LIMIT_CAPACITY)
        *why = "the capacity is more than 65535";
    else if (given->heartbeat_ms && given->heartbeat_ms < LIMIT_HEARTBEAT_MIN_MS)
        *why = "the heartbeat is less than 100 ms";
    if (*why) {
        errno = EINVAL;
        return -1;
    }
    self->link.codec = given->codec == ZFABRIC_ENCODING_MSGPACK ? ENCODING_MSGPACK : ENCODING_JSON;
    self->options.capacity = given->capacity ? given->capacity : processors ();
    self->options.max_payload = max_payload > SIZE_MAX ? SIZE_MAX : (size_t)max_payload;
    self->options.worker.heartbeat_ms = or_default (given->heartbeat_ms, REGISTERED_HEARTBEAT_MS);
    self->options.task_events = given->task_events;
    self->on_event = given->on_event;
    self->event_arg = given->event_arg;
    return 0;
}

// 0, or -1 (ENOMEM).
static int
take_texts (zfabric_worker_t *self, const char *endpoints, const zfabric_worker_options_t *given)
{
    const char *const texts[] = {endpoints, given->name, given->server_key, given->public_key,
                                 given->secret_key};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i] && !(self->texts[i] = strdup (texts[i])))
            return -1;
    }
    self->options.worker.name = self->texts[1];
    self->link.server_key = self->texts[2];
    self->link.public_key = self->texts[3];
    self->link.secret_key = self->texts[4];
    return 0;
}

// Cuts the endpoints at their commas. 0, or -1 (EINVAL).
static int cut_endpoints (zfabric_worker_t *self)
{
    size_t count = 0;

    for (char *at = self->texts[0]; at;) {
        char *comma = strchr (at, ',');
        if (count == TASK_MANAGER_BROKERS) {
            errno = EINVAL;
            return -1;
        }
        self->endpoints[count++] = at;
        if (comma)
            *comma++ = '\0';
        at = comma;
    }
    self->options.endpoints = self->endpoints;
    self->options.endpoint_count = count;
    return 0;
}

// The links know what an endpoint and a key must be: makes one of each and throws it away.
static int try_links (zfabric_worker_t *self, fault_t *fault)
{
    link_options_t link = self->link;

    link.endpoints = self->endpoints;
    link.endpoint_count = self->options.endpoint_count;
    link_t *trial = link_new (NULL, &link, fault);
    if (!trial)
        return -1;
    link_destroy (&trial);
    return 0;
}

zfabric_worker_t *zfabric_worker_new (const char *endpoints,
                                      const zfabric_worker_options_t *options,
                                      char *problem,
                                      size_t size)
{
    static const zfabric_worker_options_t defaults;
    fault_t fault = {"out of memory"};
    const char *why = fault.text;
    zfabric_worker_t *self = (zfabric_worker_t *)calloc (1, sizeof *self);

    if (!self) {
        say (problem, size, why);
        return NULL;
    }
    (void)pthread_mutex_init (&self->lock, NULL); // can't fail on Linux
    condition_init (&self->changed);
    if (!options)
        options = &defaults;
    if (take_texts (self, endpoints ? endpoints : DEFAULT_LISTEN, options)
        || !(self->handlers = handlers_new ()) || take_numbers (self, options, &why))
        goto error;
    if (cut_endpoints (self)) {
        why = "too many endpoints";
        goto error;
    }
    why = fault.text;
    if (try_links (self, &fault))
        goto error;
    return self;
error:
    say (problem, size, why);
    zfabric_worker_destroy (&self);
    return NULL;
}

int zfabric_worker_serve (zfabric_worker_t *self,
                          const char *pattern,
                          zfabric_handler_fn *handler,
                          void *arg,
                          unsigned flags)
{
    handler_t entry = {handler, arg, flags};

    if (!self || !pattern || !handler || (flags & ~ZFABRIC_HANDLER_INLINE)) {
        errno = EINVAL;
        return -1;
    }
    if (self->loop) {
        errno = EBUSY;
        return -1;
    }
    return handlers_add (self->handlers, slice_text (pattern), &entry);
}

// -- Started

static void tell (zfabric_worker_event_t event, const char *text, void *arg)
{
    zfabric_worker_t *self = (zfabric_worker_t *)arg;

    if (event == ZFABRIC_WORKER_EVENT_READY) {
        pthread_mutex_lock (&self->lock);
        self->ready = true;
        fault_set (&self->reason, "%s", "");
        pthread_cond_broadcast (&self->changed);
        pthread_mutex_unlock (&self->lock);
    }
    if (event == ZFABRIC_WORKER_EVENT_LOST || event == ZFABRIC_WORKER_EVENT_FAILED) {
        pthread_mutex_lock (&self->lock);
        fault_set (&self->reason, "%s", text);
        pthread_mutex_unlock (&self->lock);
    }
    if (self->on_event)
        self->on_event (event, text, self->event_arg);
}

static void end (zfabric_worker_t *self, const char *why)
{
    pthread_mutex_lock (&self->lock);
    self->ended = true;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
    tell (ZFABRIC_WORKER_EVENT_ENDED, why, self);
}

// An inline handler did pthread_exit (). The brokers will miss our HEARTBEATs; who waits for the
// end must not wait for ever.
static void die (void *arg)
{
    end ((zfabric_worker_t *)arg, "a handler ended the worker's thread");
}

static void *work (void *arg)
{
    zfabric_worker_t *self = (zfabric_worker_t *)arg;

    pthread_cleanup_push (die, self);
    worker_loop_run (self->loop);
    pthread_cleanup_pop (0);
    end (self, "every broker is left");
    return NULL;
}

// Whether what is served fits into a REGISTER. 0, or -1 with errno and words.
static int try_register (const zfabric_worker_t *self, fault_t *fault)
{
    buffer_t out;

    if (self->options.worker.pattern_count == 0) {
        fault_set (fault, "no pipeline is served");
        errno = EINVAL;
        return -1;
    }
    buffer_init (&out, LIMIT_HEADER_OCTETS);
    report_register (self->link.codec, &self->options.worker, LIMIT_CAPACITY, &out);
    int failed = out.failed;
    buffer_finish (&out);
    if (!failed)
        return 0;
    fault_set (fault, failed == EMSGSIZE ? "the patterns and the name don't fit into a header"
                                         : "out of memory");
    errno = failed;
    return -1;
}

// With every signal blocked: they are the program's business.
static int start_thread (zfabric_worker_t *self, fault_t *fault)
{
    sigset_t all, before;

    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int failed = pthread_create (&self->thread, NULL, work, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (!failed)
        return 0;
    fault_set (fault, "no thread to be had");
    errno = failed;
    return -1;
}

int zfabric_worker_start (zfabric_worker_t *self, char *problem, size_t size)
{
    fault_t fault = {"there is no worker"};
    worker_loop_options_t *options;

    if (!self) {
        errno = EINVAL;
        goto error;
    }
    if (self->loop) {
        fault_set (&fault, "it is started already");
        errno = EALREADY;
        goto error;
    }
    options = &self->options;
    options->worker.patterns = handlers_patterns (self->handlers, &options->worker.pattern_count);
    options->handlers = self->handlers;
    options->link = &self->link;
    options->tell = tell;
    options->tell_arg = self;
    if (try_register (self, &fault))
        goto error;
    void *context = context_of_process ();
    if (!context) {
        fault_set (&fault, "no ZeroMQ context to be had");
        goto error;
    }
    self->loop = worker_loop_new (context, options, &fault);
    if (!self->loop)
        goto error;
    if (start_thread (self, &fault)) {
        worker_loop_destroy (&self->loop);
        goto error;
    }
    return 0;
error:
    say (problem, size, fault.text);
    return -1;
}

// -- Waited for

static bool wait_for (zfabric_worker_t *self, const bool *what, int timeout_ms)
{
    moment_t until = condition_until (timeout_ms);

    pthread_mutex_lock (&self->lock);
    while (!*what && !self->ended && condition_wait (&self->changed, &self->lock, until))
        ;
    bool reached = *what;
    pthread_mutex_unlock (&self->lock);
    return reached;
}

bool zfabric_worker_wait_ready (zfabric_worker_t *self, int timeout_ms)
{
    return self && self->loop && wait_for (self, &self->ready, timeout_ms);
}

void zfabric_worker_reason (zfabric_worker_t *self, char *reason, size_t size)
{
    if (!self) {
        say (reason, size, "");
        return;
    }
    pthread_mutex_lock (&self->lock);
    say (reason, size, self->reason.text);
    pthread_mutex_unlock (&self->lock);
}

bool zfabric_worker_wait (zfabric_worker_t *self, int timeout_ms)
{
    return !self || !self->loop || wait_for (self, &self->ended, timeout_ms);
}

void zfabric_worker_drain (zfabric_worker_t *self)
{
    if (self && self->loop)
        worker_loop_drain (self->loop);
}

void zfabric_worker_halt (zfabric_worker_t *self)
{
    if (self && self->loop)
        worker_loop_halt (self->loop);
}

void zfabric_worker_destroy (zfabric_worker_t **self_p)
{
    zfabric_worker_t *self = self_p ? *self_p : NULL;
    int saved = errno;

    if (!self)
        return;
    if (self->loop) {
        worker_loop_halt (self->loop);
        pthread_join (self->thread, NULL);
        worker_loop_destroy (&self->loop);
    }
    handlers_destroy (&self->handlers);
    pthread_cond_destroy (&self->changed);
    pthread_mutex_destroy (&self->lock);
    if (self->texts[4])
        explicit_bzero (self->texts[4], strlen (self->texts[4])); // the secret key
    for (size_t i = 0; i < sizeof self->texts / sizeof *self->texts; i++)
        free (self->texts[i]);
    free (self);
    *self_p = NULL;
    errno = saved;
}
