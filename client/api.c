// What users call: makes clients and calls, and hands them to the client's thread.

#define _GNU_SOURCE // POSIX 2008, and strdup with CZMQ's header

#include <czmq.h>
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>

#include "client/client.h"
#include "fabric/endpoint.h"

#define ENDPOINTS_MAX 16

struct zfabric_client {
    client_loop_t *loop; // the actor's
    hub_t *hub;
    zactor_t *actor;
    encoding_t codec;
    uint32_t max_open;
    uint64_t max_payload;
};

// ---- the client

static void client_actor (zsock_t *pipe, void *arg)
{
    client_loop_t *loop = (client_loop_t *)arg;

    pthread_mutex_lock (&loop->hub->lock);
    loop->hub->thread = pthread_self ();
    loop->hub->running = true;
    pthread_mutex_unlock (&loop->hub->lock);
    zsock_signal (pipe, 0);
    client_loop_run (loop);
}

// Cuts `text` at its commas. How many parts there are, or -1 (EINVAL) with a fault.
static int split_endpoints (char *text, const char *parts[ENDPOINTS_MAX], fault_t *fault)
{
    endpoint_t endpoint;
    int count = 0;

    for (char *part = text, *next; part; part = next) {
        next = strchr (part, ',');
        if (next)
            *next++ = '\0';
        if (count == ENDPOINTS_MAX) {
            fault_set (fault, "more than %d endpoints", ENDPOINTS_MAX);
            errno = EINVAL;
            return -1;
        }
        if (endpoint_parse (part, &endpoint, fault))
            return -1;
        parts[count++] = part;
    }
    return count;
}

static int open_loop (zfabric_client_t *self,
                      const char *endpoints,
                      const zfabric_client_options_t *options,
                      fault_t *fault)
{
    const char *parts[ENDPOINTS_MAX];
    char *copy = strdup (endpoints);
    int count = copy ? split_endpoints (copy, parts, fault) : -1;
    link_options_t link = {.endpoints = parts,
                           .endpoint_count = (size_t)count,
                           .codec = self->codec,
                           .max_payload = self->max_payload,
                           .server_key = options->server_key,
                           .public_key = options->public_key,
                           .secret_key = options->secret_key};

    randombytes_buf (&link.seed, sizeof link.seed);
    if (count > 0)
        self->loop = client_loop_new (&link, options, fault);
    int problem = errno;
    free (copy);
    errno = problem;
    return self->loop ? 0 : -1;
}

static void *do_nothing (void *arg)
{
    return arg;
}

// zactor_new () waits for its thread for ever if there is none to be had: try with another.
static bool thread_to_be_had (void)
{
    pthread_t thread;

    return pthread_create (&thread, NULL, do_nothing, NULL) == 0
           && pthread_join (thread, NULL) == 0;
}

// Its thread has every signal blocked: they are the program's business.
static int start_actor (zfabric_client_t *self, fault_t *fault)
{
    sigset_t all, before;

    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    if (thread_to_be_had ())
        self->actor = zactor_new (client_actor, self->loop);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (self->actor)
        return 0;
    fault_set (fault, "no thread to be had");
    errno = EAGAIN;
    return -1;
}

static int start_client (zfabric_client_t *self,
                         const char *endpoints,
                         const zfabric_client_options_t *options,
                         fault_t *fault)
{
    fault_set (fault, "out of memory");
    if ((unsigned)options->codec > ZFABRIC_ENCODING_MSGPACK) {
        fault_set (fault, "a client's codec is JSON or msgpack");
        errno = EINVAL;
        return -1;
    }
    self->codec = options->codec == ZFABRIC_ENCODING_MSGPACK ? ENCODING_MSGPACK : ENCODING_JSON;
    self->max_open = options->max_open ? options->max_open : CLIENT_MAX_OPEN;
    self->max_payload = options->max_payload ? options->max_payload : DEFAULT_MAX_PAYLOAD;
    if (sodium_init () < 0 || open_loop (self, endpoints, options, fault))
        return -1;
    self->hub = self->loop->hub;
    return start_actor (self, fault);
}

zfabric_client_t *zfabric_client_new (const char *endpoints,
                                      const zfabric_client_options_t *options,
                                      char *problem,
                                      size_t size)
{
    static const zfabric_client_options_t defaults;
    fault_t fault = {"out of memory"};
    zfabric_client_t *self = (zfabric_client_t *)calloc (1, sizeof *self);

    if (self
        && start_client (self, endpoints ? endpoints : DEFAULT_SERVE, options ? options : &defaults,
                         &fault)
               == 0)
        return self;
    int saved = errno;
    if (problem && size)
        snprintf (problem, size, "%s", fault.text);
    zfabric_client_destroy (&self);
    errno = saved;
    return NULL;
}

void zfabric_client_destroy (zfabric_client_t **self_p)
{
    zfabric_client_t *self = self_p ? *self_p : NULL;

    if (!self)
        return;
    if (self->actor) {
        atomic_store (&self->loop->stop, true);
        mailbox_ring (self->hub->mail);
        zactor_destroy (&self->actor); // waits for the thread's end
    }
    client_loop_destroy (&self->loop);
    free (self);
    *self_p = NULL;
}

bool zfabric_client_connected (const zfabric_client_t *self, char *reason, size_t size)
{
    pthread_mutex_lock (&self->hub->lock);
    bool up = self->hub->up;
    if (reason && size)
        snprintf (reason, size, "%s", self->hub->reason);
    pthread_mutex_unlock (&self->hub->lock);
    return up;
}

size_t zfabric_client_open (const zfabric_client_t *self)
{
    pthread_mutex_lock (&self->hub->lock);
    size_t open = self->hub->open;
    pthread_mutex_unlock (&self->hub->lock);
    return open;
}

// ---- calls

static int read_cookie (const char *text, cookie_t *cookie)
{
    if (text)
        return cookie_parse (slice_text (text), cookie);
    cookie_make (cookie);
    return 0;
}

static int fill_run (const zfabric_client_t *self,
                     zfabric_call_t *call,
                     const char *pipeline,
                     slice_t payload,
                     const zfabric_run_options_t *options)
{
    call->session.detach = options->detach;
    call->session.timeout_ms = options->timeout_ms;
    call->on_result = options->on_result;
    call->on_partial = options->on_partial;
    call->arg = options->arg;
    if (client_run_header (self->codec, &call->session.cookie, pipeline, options, &call->header))
        return -1;
    return frame_copy (&call->payload, payload);
}

zfabric_call_t *zfabric_client_start (zfabric_client_t *self,
                                      const char *pipeline,
                                      const void *payload,
                                      size_t size,
                                      const zfabric_run_options_t *options)
{
    static const zfabric_run_options_t defaults;
    cookie_t cookie;

    options = options ? options : &defaults;
    if (!self || !pipeline || (!payload && size)) {
        errno = EINVAL;
        return NULL;
    }
    if (size > self->max_payload) {
        errno = EMSGSIZE;
        return NULL;
    }
    if (read_cookie (options->cookie, &cookie))
        return NULL;
    zfabric_call_t *call = call_new (self->hub, &cookie, SESSION_RUN);
    if (!call || fill_run (self, call, pipeline, slice_of (payload, size), options)
        || call_post (call, self->max_open)) {
        int problem = errno;
        call_unref (&call);
        errno = problem;
        return NULL;
    }
    return call;
}

zfabric_call_t *zfabric_client_cancel (zfabric_client_t *self, const char *text)
{
    cookie_t cookie;

    if (!self || !text) {
        errno = EINVAL;
        return NULL;
    }
    if (cookie_parse (slice_text (text), &cookie))
        return NULL;
    zfabric_call_t *call = call_new (self->hub, &cookie, SESSION_CANCEL);
    if (!call || client_cancel_header (self->codec, &cookie, &call->header)
        || call_post (call, self->max_open)) {
        int problem = errno;
        call_unref (&call);
        errno = problem;
        return NULL;
    }
    return call;
}

zfabric_result_t *zfabric_client_run (zfabric_client_t *self,
                                      const char *pipeline,
                                      const void *payload,
                                      size_t size,
                                      const zfabric_run_options_t *options)
{
    zfabric_result_t *result = NULL;

    // Before the task runs, not after.
    if (self && hub_is_own_thread (self->hub)) {
        errno = EDEADLK;
        return NULL;
    }
    zfabric_call_t *call = zfabric_client_start (self, pipeline, payload, size, options);
    if (!call)
        return NULL;
    if (zfabric_call_wait (call, -1))
        result = call_take_result (call);
    int problem = errno;
    call_unref (&call);
    errno = problem;
    return result;
}
