/*  The switchboard comes first, since opening the gate may already tell it of keys; then the gate,
 *  and the sockets last, so that nobody is there before all is.
 */
#define _GNU_SOURCE

#include "broker/loop_inner.h"

#include <errno.h>
#include <sodium.h>
#include <sys/eventfd.h>

// ---- what the switchboard does

static void
sink_send (void *arg, sb_peer_t number, frame_t *header, frame_t *payload, bool droppable)
{
    loop_t *self = (loop_t *)arg;
    recorder_action (self->recorder, number, header, payload);
    peer_t *peer = peers_number (&self->peers, number);

    if (peer)
        post_send (&self->post, peer, header, payload, droppable, self->now);
    for (; self->post.dropped > 0; self->post.dropped--)
        switchboard_count_dropped (self->switchboard);
}

static void sink_note (void *arg, sb_level_t level, const char *text)
{
    loop_t *self = (loop_t *)arg;
    static const zfabric_log_level_t levels[] = {[SB_WARNING] = ZFABRIC_LOG_WARNING,
                                                 [SB_REFUSED] = ZFABRIC_LOG_WARNING,
                                                 [SB_INFO] = ZFABRIC_LOG_INFO,
                                                 [SB_DEBUG] = ZFABRIC_LOG_DEBUG};

    if (level == SB_REFUSED && self->gate)
        gate_refused (self->gate, self->turn, text);
    else
        loop_log (self, levels[level], "%s", text);
}

// ---- life cycle

static int open_switchboard (loop_t *self)
{
    const zfabric_broker_options_t *options = &self->options;
    uint8_t seed[TABLE_KEY_OCTETS];
    sb_limits_t limits = {.queue = options->queue,
                          .client_tasks = options->client_tasks,
                          .max_payload = options->max_payload,
                          .queue_wait_ms = options->queue_wait_ms,
                          .cancel_grace_ms = options->cancel_grace_ms,
                          .drain_ms = options->drain_ms};
    sb_sink_t sink = {.send = sink_send, .note = sink_note, .survey = loop_survey, .arg = self};

    randombytes_buf (seed, sizeof seed);
    if (peers_init (&self->peers, seed))
        return -1;
    recorder_start (self->recorder, &limits, self->now);
    self->switchboard = switchboard_new (&limits, &sink, seed, self->now);
    return self->switchboard ? 0 : -1;
}

static void log_endpoints (loop_t *self)
{
    static const char *const verbs[] = {
        [SB_CLIENT_SIDE] = "serving clients on", [SB_WORKER_SIDE] = "listening for workers on"};

    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < self->sockets.bound_count[side]; i++)
            loop_log (self, ZFABRIC_LOG_INFO, "%s %s", verbs[side], self->sockets.bound[side][i]);
    }
}

static void gate_log (void *arg, zfabric_log_level_t level, const char *line)
{
    loop_log ((loop_t *)arg, level, "%s", line);
}

// A broker with keys has its gate before anything is bound.
static int open_sockets (loop_t *self, fault_t *fault)
{
    const zfabric_broker_options_t *options = &self->options;
    gate_hooks_t hooks = {.log = gate_log, .changed = loop_key_changed, .arg = self};
    void *context = NULL;
    const key_pair_t *keys = NULL;

    if (!options->curve != !options->authorized) {
        fault_set (fault, "curve and authorized belong together");
        errno = EINVAL;
        return -1;
    }
    if (options->curve) {
        self->gate =
            gate_new (options->curve, options->authorized, &hooks, self->now, &keys, fault);
        if (!self->gate)
            return -1;
        context = gate_context (self->gate);
    } else {
        context = zsys_init ();
    }
    int rc = sockets_init (&self->sockets, context, options, keys, fault);
    if (rc == 0 && self->gate)
        gate_open (self->gate, options->authorized);
    return rc;
}

loop_t *loop_new (const zfabric_broker_options_t *options, recorder_t *recorder, fault_t *fault)
{
    loop_t *self = (loop_t *)calloc (1, sizeof *self);

    fault_set (fault, "out of memory or descriptors");
    if (!self)
        return NULL;
    self->options = *options;
    self->recorder = recorder;
    self->now = moment_now ();
    self->started_ms = loop_calendar_ms ();
    post_init (&self->post, &self->peers, options->outbox, loop_kick, self);
    self->wish_event = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->wish_event < 0 || sodium_init () < 0 || open_switchboard (self)
        || open_sockets (self, fault)) {
        int saved = errno;
        loop_destroy (&self);
        errno = saved;
        return NULL;
    }
    self->post.routers[SB_CLIENT_SIDE] = loop_router (self, SB_CLIENT_SIDE);
    self->post.routers[SB_WORKER_SIDE] = loop_router (self, SB_WORKER_SIDE);
    log_endpoints (self);
    return self;
}

void loop_destroy (loop_t **self_p)
{
    loop_t *self = *self_p;

    if (!self)
        return;
    switchboard_destroy (&self->switchboard);
    peers_finish (&self->peers);
    sockets_finish (&self->sockets);
    gate_destroy (&self->gate);
    if (self->wish_event >= 0)
        close (self->wish_event);
    free (atomic_load (&self->record_path));
    free (self);
    *self_p = NULL;
}
