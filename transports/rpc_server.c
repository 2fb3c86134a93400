#define _POSIX_C_SOURCE 200809L

#include "transports/rpc_server.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "fabric/container.h"
#include "fabric/mailbox.h"
#include "transports/rpc_call.h"
#include "transports/rpc_health.h"
#include "transports/rpc_stream.h"
#include "transports/rpc_tag.h"

#define METADATA_MAX        16384 // octets of a call's metadata
#define KEEPALIVE_MS        2000  // as for native peers: who does not answer is given up in time
#define KEEPALIVE_ANSWER_MS 2600
#define PINGS_EVERY_MS      1000 // more often a peer need not ask

struct rpc_server {
    rpc_hall_t hall;
    rpc_call_owner_t owner;
    const rpc_library_t *lib;
    grpc_server *server;
    grpc_completion_queue *queue;
    grpc_server_credentials *credentials;
    mailbox_t *mail;
    struct event *bell;
    pthread_t thread;
    bool started;
    size_t calls;
    // The next call:
    rpc_tag_t came;
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
    rpc_tag_t shut;
    bool shutting;
    bool over;
};

// ---- the queue's thread

static void *wait_for_tags (void *arg)
{
    rpc_server_t *self = (rpc_server_t *)arg;
    const rpc_library_t *lib = self->lib;

    for (;;) {
        grpc_event event = lib->grpc_completion_queue_next (
            self->queue, lib->gpr_inf_future (GPR_CLOCK_REALTIME), NULL);
        if (event.type != GRPC_OP_COMPLETE)
            return NULL; // it was shut down
        rpc_tag_t *tag = (rpc_tag_t *)event.tag;
        rpc_tag_take (tag, event.success != 0);
        mailbox_put (self->mail, &tag->place);
    }
}

static void take_mail (rpc_server_t *self)
{
    list_node_t *node;
    list_t letters;

    list_init (&letters);
    mailbox_take (self->mail, &letters);
    while ((node = list_first (&letters))) {
        rpc_tag_t *tag = container_of (node, rpc_tag_t, place);
        list_remove (node);
        tag->done (tag, tag->ok);
    }
}

static void on_bell (evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    take_mail ((rpc_server_t *)arg);
}

// ---- calls

static bool is (const grpc_slice *method, const char *path)
{
    return slice_equal (slice_of (GRPC_SLICE_START_PTR (*method), GRPC_SLICE_LENGTH (*method)),
                        slice_text (path));
}

static void route (rpc_server_t *self, rpc_call_t *call)
{
    const grpc_slice *method = &self->details.method;

    if (self->calls > RPC_CALLS_MAX)
        rpc_call_refuse (call, GRPC_STATUS_RESOURCE_EXHAUSTED, "too many streams");
    else if (is (method, RPC_STREAM_PATH))
        rpc_stream_open (&self->hall, call);
    else if (is (method, RPC_HEALTH_CHECK_PATH) || is (method, RPC_HEALTH_WATCH_PATH))
        rpc_health_open (&self->hall, call, is (method, RPC_HEALTH_WATCH_PATH));
    else
        rpc_call_refuse (call, GRPC_STATUS_UNIMPLEMENTED, "no such method");
}

static void on_freed (rpc_call_owner_t *owner)
{
    container_of (owner, rpc_server_t, owner)->calls--;
}

static void on_came (rpc_tag_t *tag, bool ok);

static void ask_for_call (rpc_server_t *self)
{
    self->lib->grpc_call_details_init (&self->details);
    self->lib->grpc_metadata_array_init (&self->metadata);
    rpc_tag_arm (&self->came, on_came);
    grpc_call_error error = self->lib->grpc_server_request_call (
        self->server, &self->call, &self->details, &self->metadata, self->queue, self->queue,
        &self->came);
    assert (error == GRPC_CALL_OK); // it fails for what breaks its rules only
    (void)error;
}

static void on_came (rpc_tag_t *tag, bool ok)
{
    rpc_server_t *self = container_of (tag, rpc_server_t, came);
    rpc_call_t *call = NULL;

    if (ok)
        call = rpc_call_new (&self->owner, self->call, self->details.deadline);
    if (call) {
        self->calls++;
        route (self, call);
    }
    self->lib->grpc_call_details_destroy (&self->details);
    self->lib->grpc_metadata_array_destroy (&self->metadata);
    if (ok)
        ask_for_call (self);
}

// ---- start

static grpc_arg number_arg (const char *key, uint64_t number)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER,
                      .key = (char *)key,
                      .value.integer = number < INT32_MAX ? (int)number : INT32_MAX};
}

static grpc_server *make_server (const rpc_library_t *lib, const rpc_server_options_t *options)
{
    grpc_resource_quota *quota = lib->grpc_resource_quota_create ("zfabric");
    grpc_arg args[] = {
        number_arg (GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, options->max_message),
        number_arg (GRPC_ARG_MAX_METADATA_SIZE, METADATA_MAX),
        number_arg (GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        number_arg (GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_ANSWER_MS),
        number_arg (GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        number_arg (GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0), // ours: as many as it takes
        number_arg (GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, PINGS_EVERY_MS),
        // Windows would grow with what a peer can send, and memory with them.
        number_arg (GRPC_ARG_HTTP2_BDP_PROBE, 0),
        number_arg (GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        number_arg (GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1u << GRPC_COMPRESS_NONE),
        number_arg (GRPC_ARG_ENABLE_CHANNELZ, 0),
        {.type = GRPC_ARG_POINTER,
         .key = (char *)GRPC_ARG_RESOURCE_QUOTA,
         .value.pointer = {.p = quota, .vtable = lib->grpc_resource_quota_arg_vtable ()}},
    };
    grpc_channel_args all = {.num_args = sizeof args / sizeof *args, .args = args};

    lib->grpc_resource_quota_resize (quota, options->memory < SIZE_MAX ? (size_t)options->memory
                                                                       : SIZE_MAX);
    grpc_server *server = lib->grpc_server_create (&all, NULL);
    lib->grpc_resource_quota_unref (quota);
    return server;
}

// gRPC's threads are made here and by each other: none of them is to get a signal.
static int start (rpc_server_t *self, const rpc_server_options_t *options, fault_t *fault)
{
    sigset_t all, before;

    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    self->lib->grpc_init ();
    self->queue = self->lib->grpc_completion_queue_create_for_next (NULL);
    self->credentials = self->lib->grpc_insecure_server_credentials_create ();
    int rc = pthread_create (&self->thread, NULL, wait_for_tags, self);
    self->started = rc == 0;
    if (self->started) {
        self->server = make_server (self->lib, options);
        self->lib->grpc_server_register_completion_queue (self->server, self->queue, NULL);
        self->lib->grpc_server_start (self->server);
        ask_for_call (self);
    } else {
        fault_set (fault, "no thread to be had for gRPC");
        errno = rc;
    }
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    return rc ? -1 : 0;
}

rpc_server_t *rpc_server_new (house_t *house, const rpc_server_options_t *options, fault_t *fault)
{
    const rpc_library_t *lib = rpc_library (fault);
    rpc_server_t *self = lib ? (rpc_server_t *)calloc (1, sizeof *self) : NULL;

    if (!lib)
        return NULL;
    fault_set (fault, "out of memory or descriptors");
    if (!self)
        return NULL;
    self->lib = lib;
    self->owner = (rpc_call_owner_t){
        .lib = lib, .base = house->base, .outbox = options->outbox, .freed = on_freed};
    self->hall.house = house;
    self->hall.held_max = options->memory < SIZE_MAX ? (size_t)options->memory : SIZE_MAX;
    list_init (&self->hall.streams);
    list_init (&self->hall.watchers);
    self->mail = mailbox_new ();
    self->bell = self->mail ? event_new (house->base, mailbox_descriptor (self->mail),
                                         EV_READ | EV_PERSIST, on_bell, self)
                            : NULL;
    if (!self->bell || event_add (self->bell, NULL) || start (self, options, fault)) {
        rpc_server_destroy (&self);
        return NULL;
    }
    return self;
}

void rpc_server_adopt (rpc_server_t *self, int fd)
{
    if (self->shutting)
        (void)close (fd);
    else
        self->lib->grpc_server_add_channel_from_fd (self->server, fd, self->credentials);
}

// ---- end

static void on_shut (rpc_tag_t *tag, bool ok)
{
    (void)ok;
    container_of (tag, rpc_server_t, shut)->over = true;
}

void rpc_server_changed (rpc_server_t *self)
{
    rpc_health_changed (&self->hall);
}

void rpc_server_retire (rpc_server_t *self)
{
    self->hall.retiring = true;
    rpc_health_changed (&self->hall);
}

void rpc_server_leave (rpc_server_t *self)
{
    rpc_server_retire (self);
    self->hall.draining = true;
    rpc_streams_leave (&self->hall);
}

size_t rpc_server_busy (const rpc_server_t *self)
{
    return rpc_streams_busy (&self->hall);
}

void rpc_server_end (rpc_server_t *self)
{
    self->hall.retiring = self->hall.draining = true;
    rpc_streams_end (&self->hall);
    rpc_health_end (&self->hall);
    if (self->shutting)
        return;
    self->shutting = true;
    rpc_tag_arm (&self->shut, on_shut);
    self->lib->grpc_server_shutdown_and_notify (self->server, self->queue, &self->shut);
}

bool rpc_server_over (const rpc_server_t *self)
{
    return self->over && self->calls == 0;
}

// The loop does not turn any more: its mail is taken here.
static void cancel_all (rpc_server_t *self)
{
    struct pollfd item = {.fd = mailbox_descriptor (self->mail), .events = POLLIN};

    rpc_server_end (self);
    self->lib->grpc_server_cancel_all_calls (self->server);
    while (!rpc_server_over (self)) {
        (void)poll (&item, 1, -1);
        take_mail (self);
    }
}

void rpc_server_destroy (rpc_server_t **self_p)
{
    rpc_server_t *self = *self_p;
    int problem = errno;

    if (!self)
        return;
    if (self->started)
        cancel_all (self);
    if (self->server)
        self->lib->grpc_server_destroy (self->server);
    if (self->queue) {
        self->lib->grpc_completion_queue_shutdown (self->queue);
        if (self->started)
            (void)pthread_join (self->thread, NULL);
        take_mail (self); // the call that did not come
        self->lib->grpc_completion_queue_destroy (self->queue);
        self->lib->grpc_server_credentials_release (self->credentials);
        self->lib->grpc_shutdown_blocking ();
    }
    if (self->bell)
        event_free (self->bell);
    mailbox_destroy (&self->mail);
    free (self);
    *self_p = NULL;
    errno = problem;
}
