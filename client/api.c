// A client's life: made, asked how it is, stopped, destroyed.

#define _GNU_SOURCE // POSIX 2008, and strdup with CZMQ's header

#include <czmq.h>
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>

#include "client/client.h"
#include "fabric/endpoint.h"

#define ENDPOINTS_MAX 16

static void client_actor (zsock_t *pipe, void *arg)
{
    client_loop_t *loop = (client_loop_t *)arg;

    (void)pthread_setname_np (pthread_self (), "zfabric-client"); // short enough
    zsock_signal (pipe, 0);
    client_loop_run (loop);
    hub_finish (loop->hub);
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

    if (self)
        (void)pthread_mutex_init (&self->random.lock, NULL); // can't fail on Linux
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

void zfabric_client_stop (zfabric_client_t *self)
{
    if (!self)
        return;
    atomic_store (&self->loop->stop, true);
    mailbox_ring (self->hub->mail);
    pthread_mutex_lock (&self->hub->lock);
    baton_recall (&self->hub->baton);
    pthread_mutex_unlock (&self->hub->lock);
    if (!hub_is_own_thread (self->hub))
        hub_wait_finished (self->hub);
}

void zfabric_client_destroy (zfabric_client_t **self_p)
{
    zfabric_client_t *self = self_p ? *self_p : NULL;

    if (!self)
        return;
    if (self->actor) {
        zfabric_client_stop (self);
        zactor_destroy (&self->actor);
    }
    client_loop_destroy (&self->loop);
    pthread_mutex_destroy (&self->random.lock);
    free (self);
    *self_p = NULL;
}

bool zfabric_client_connected (const zfabric_client_t *self, char *reason, size_t size)
{
    bool up = false;

    if (reason && size)
        *reason = '\0';
    if (!self)
        return false;
    pthread_mutex_lock (&self->hub->lock);
    up = self->hub->up;
    if (reason && size)
        snprintf (reason, size, "%s", self->hub->reason);
    pthread_mutex_unlock (&self->hub->lock);
    return up;
}

size_t zfabric_client_open (const zfabric_client_t *self)
{
    if (!self)
        return 0;
    pthread_mutex_lock (&self->hub->lock);
    size_t open = self->hub->open;
    pthread_mutex_unlock (&self->hub->lock);
    return open;
}
