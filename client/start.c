// Makes calls, and hands them to the client's thread.

#include <errno.h>
#include <sodium.h>

#include "client/client.h"
#include "fabric/container.h"

static const zfabric_run_options_t default_options;

static void make_cookie (client_random_t *random, cookie_t *cookie)
{
    pthread_mutex_lock (&random->lock);
    if (!random->left) {
        randombytes_buf (random->octets, sizeof random->octets);
        random->left = sizeof random->octets;
    }
    random->left -= COOKIE_OCTETS;
    cookie_make_of (cookie, random->octets + random->left);
    pthread_mutex_unlock (&random->lock);
}

static int check_run (const zfabric_client_t *self, const zfabric_run_t *run)
{
    if (!run->pipeline || (!run->payload && run->size)) {
        errno = EINVAL;
        return -1;
    }
    if (run->size > self->max_payload) {
        errno = EMSGSIZE;
        return -1;
    }
    return 0;
}

static int fill_run (const zfabric_client_t *self, zfabric_call_t *call, const zfabric_run_t *run)
{
    const zfabric_run_options_t *options = run->options;

    call->session.detach = options->detach;
    call->session.timeout_ms = options->timeout_ms;
    call->session.retries = options->retries;
    call->on_result = options->on_result;
    call->on_partial = options->on_partial;
    call->arg = options->arg;
    call->notify = options->notify;
    if (client_run_header (self->codec, &call->session.cookie, run->pipeline, options,
                           &call->header))
        return -1;
    return frame_copy (&call->payload, slice_of (run->payload, run->size));
}

static void unref_keeping_errno (zfabric_call_t *call)
{
    int problem = errno;

    call_unref (&call);
    errno = problem;
}

static zfabric_call_t *make_run (zfabric_client_t *self, const zfabric_run_t *run)
{
    cookie_t cookie;

    if (check_run (self, run))
        return NULL;
    if (!run->options->cookie)
        make_cookie (&self->random, &cookie);
    else if (cookie_parse (slice_text (run->options->cookie), &cookie))
        return NULL;
    zfabric_call_t *call = call_new (self->hub, &cookie, SESSION_RUN);
    if (!call || fill_run (self, call, run) == 0)
        return call;
    unref_keeping_errno (call);
    return NULL;
}

// Makes calls of the runs, up to the first that can't be made; errno is why, then.
static size_t make_runs (zfabric_client_t *self,
                         const zfabric_run_t *runs,
                         size_t count,
                         zfabric_call_t **calls,
                         list_t *letters)
{
    for (size_t i = 0; i < count; i++) {
        zfabric_run_t run = runs[i];
        run.options = run.options ? run.options : &default_options;
        zfabric_call_t *call = make_run (self, &run);
        if (!call)
            return i;
        if (calls)
            calls[i] = call;
        list_append (letters, &call->letter);
    }
    return count;
}

static void drop_letters (list_t *letters)
{
    list_node_t *node;

    while ((node = list_first (letters))) {
        zfabric_call_t *call = container_of (node, zfabric_call_t, letter);
        list_remove (node);
        unref_keeping_errno (call);
    }
}

size_t zfabric_client_start_many (zfabric_client_t *self,
                                  const zfabric_run_t *runs,
                                  size_t count,
                                  zfabric_call_t **calls)
{
    list_t letters;

    if (!self || (!runs && count)) {
        errno = EINVAL;
        return 0;
    }
    list_init (&letters);
    size_t made = make_runs (self, runs, count, calls, &letters);
    int problem = errno;
    size_t started = call_post_all (self->hub, &letters, self->max_open, !calls);
    if (started == made)
        errno = problem;
    drop_letters (&letters);
    for (size_t i = started; calls && i < count; i++)
        calls[i] = NULL;
    return started;
}

zfabric_call_t *zfabric_client_start (zfabric_client_t *self,
                                      const char *pipeline,
                                      const void *payload,
                                      size_t size,
                                      const zfabric_run_options_t *options)
{
    const zfabric_run_t run = {pipeline, payload, size, options};
    zfabric_call_t *call = NULL;

    (void)zfabric_client_start_many (self, &run, 1, &call); // NULL says it as well
    return call;
}

zfabric_call_t *zfabric_client_cancel (zfabric_client_t *self, const char *text)
{
    cookie_t cookie;
    list_t letters;

    if (!self || !text) {
        errno = EINVAL;
        return NULL;
    }
    if (cookie_parse (slice_text (text), &cookie))
        return NULL;
    zfabric_call_t *call = call_new (self->hub, &cookie, SESSION_CANCEL);
    if (!call)
        return NULL;
    list_init (&letters);
    list_append (&letters, &call->letter);
    if (client_cancel_header (self->codec, &cookie, &call->header) == 0
        && call_post_all (self->hub, &letters, self->max_open, false) == 1)
        return call;
    unref_keeping_errno (call);
    return NULL;
}

// Runs a call that has no callbacks. NULL as zfabric_client_start ().
static zfabric_call_t *run_alone (zfabric_client_t *self, const zfabric_run_t *run)
{
    bool has_baton = false;
    zfabric_call_t *call = make_run (self, run);

    if (!call)
        return NULL;
    if (call_post_alone (self->hub, call, self->max_open, &has_baton)) {
        unref_keeping_errno (call);
        return NULL;
    }
    client_wait_alone (self->loop, call, has_baton);
    return call;
}

static zfabric_call_t *run_with_callbacks (zfabric_client_t *self, const zfabric_run_t *run)
{
    zfabric_call_t *call = NULL;

    if (zfabric_client_start_many (self, run, 1, &call) == 1)
        (void)zfabric_call_wait (call, -1);
    return call;
}

zfabric_result_t *zfabric_client_run (zfabric_client_t *self,
                                      const char *pipeline,
                                      const void *payload,
                                      size_t size,
                                      const zfabric_run_options_t *options)
{
    const zfabric_run_t run = {pipeline, payload, size, options ? options : &default_options};

    if (!self) {
        errno = EINVAL;
        return NULL;
    }
    // Before the task runs, not after.
    if (hub_is_own_thread (self->hub)) {
        errno = EDEADLK;
        return NULL;
    }
    bool silent = !run.options->on_result && !run.options->on_partial && !run.options->notify;
    zfabric_call_t *call = silent ? run_alone (self, &run) : run_with_callbacks (self, &run);
    if (!call)
        return NULL;
    zfabric_result_t *result = call_take_result (call);
    int problem = errno;
    zfabric_call_destroy (&call);
    errno = problem;
    return result;
}
