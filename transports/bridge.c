/*  The loop turns once at a time, and between two turns, when nobody has a peer in hand, those that
 *  ended are freed, and it is seen whether the bridge's own end has come:
 *
 *      SERVES -> RETIRES (as before, but it says that it will) -> DRAINS (no new connections and
 *      tasks) -> FLUSHES (peers are closed) -> over
 */
#define _POSIX_C_SOURCE 200809L

#include "transports/bridge.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "fabric/container.h"
#include "fabric/mailbox.h"
#include "transports/entrance.h"
#include "transports/http_token.h"
#include "transports/peer.h"
#include "transports/rpc_server.h"

#define FRAME_EXTRA   LIMIT_HEADER_OCTETS // of a legacy packet, besides its payload
#define FRAME_ESCAPES 2u                  // a payload inside of JSON: quotes have a backslash

typedef enum { SERVES, RETIRES, DRAINS, FLUSHES } phase_t;

struct bridge {
    house_t house;
    peer_owner_t owner;
    patience_pool_t outbox; // of all doors
    link_options_t links[SIDE_COUNT];
    carrier_options_t carrying;
    entrance_t *entrances;
    size_t entrance_count;
    list_t peers;
    list_t ended; // to be freed
    phase_t phase;
    moment_t until; // of DRAINS and FLUSHES
    span_t drain_ms;
    struct event *bell;
    struct event *tick;
    mailbox_t *mail; // its bell only
    atomic_int wish; // phase_t
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;
};

void bridge_options_init (bridge_options_t *options)
{
    *options = (bridge_options_t){
        .socket_mode = 0600,
        .max_payload = DEFAULT_MAX_PAYLOAD,
        .outbox = DEFAULT_OUTBOX,
        .half_frames = BRIDGE_HALF_FRAMES,
        .idle_ms = PEER_IDLE_MS,
        .drain_ms = DEFAULT_DRAIN_MS,
        .http_timeout_ms = BRIDGE_HTTP_TIMEOUT_MS,
        .http_connections = BRIDGE_HTTP_CONNECTIONS,
    };
}

// ---- peers

static bridge_t *bridge_of (peer_owner_t *owner)
{
    return container_of (owner, bridge_t, owner);
}

static void on_ended (peer_owner_t *owner, peer_t *peer)
{
    list_remove (peer_place (peer));
    list_append (&bridge_of (owner)->ended, peer_place (peer));
}

static void free_peers (list_t *list)
{
    list_node_t *node;

    while ((node = list_first (list))) {
        peer_t *peer = peer_at (node);
        peer_destroy (&peer);
    }
}

static void on_connection (entrance_t *entrance, int fd)
{
    bridge_t *self = (bridge_t *)entrance->arg;

    if (entrance->door->adopt && !entrance->carrier->handshake) {
        if (entrance->carrier->tune)
            entrance->carrier->tune (fd);
        entrance->door->adopt (&self->house, fd);
        return;
    }
    peer_t *peer = peer_new (&self->owner, entrance->carrier, &entrance->options, entrance->door,
                             entrance->side, fd);

    if (peer)
        list_append (&self->peers, peer_place (peer));
}

/*  Of half-sent frames the largest goes: who sends small ones is not put out by who sends large
 *  ones. O(n), once for at least a share of the budget.
 */
static bool make_room (house_t *house)
{
    bridge_t *self = container_of (house, bridge_t, house);
    peer_t *largest = NULL;
    size_t most = 0;

    for (list_node_t *node = list_first (&self->peers); node;
         node = list_next (&self->peers, node)) {
        peer_t *peer = peer_at (node);
        size_t held = peer_door (peer)->held (peer_conn (peer));
        if (held > most) {
            most = held;
            largest = peer;
        }
    }
    if (!largest)
        return false;
    peer_drop (largest);
    peer_door (largest)->spill (peer_conn (largest));
    return true;
}

// ---- phases

static size_t busy (bridge_t *self)
{
    size_t count = self->house.desk ? desk_open (self->house.desk) : 0;

    for (list_node_t *node = list_first (&self->peers); node; node = list_next (&self->peers, node))
        count += peer_door (peer_at (node))->busy (peer_conn (peer_at (node)));
    return count + (self->house.rpc ? rpc_server_busy (self->house.rpc) : 0);
}

static void close_entrances (bridge_t *self)
{
    for (size_t i = 0; i < self->entrance_count; i++)
        entrance_close (&self->entrances[i]);
}

static void start_drain (bridge_t *self)
{
    self->phase = DRAINS;
    self->until = moment_after (moment_now (), self->drain_ms);
    close_entrances (self);
    if (self->house.desk)
        desk_close (self->house.desk);
    if (self->house.rpc)
        rpc_server_leave (self->house.rpc);
    for (list_node_t *node = list_first (&self->peers), *next; node; node = next) {
        next = list_next (&self->peers, node); // it may end
        peer_door (peer_at (node))->leave (peer_conn (peer_at (node)));
    }
}

static void start_flush (bridge_t *self)
{
    self->phase = FLUSHES;
    self->until = moment_after (moment_now (), PEER_LINGER_MS);
    close_entrances (self);
    if (self->house.rpc)
        rpc_server_end (self->house.rpc);
    for (list_node_t *node = list_first (&self->peers), *next; node; node = next) {
        next = list_next (&self->peers, node);
        if (!peer_door (peer_at (node))->rpc)
            peer_end (peer_at (node));
    }
}

static void move_on (bridge_t *self)
{
    phase_t wish = (phase_t)atomic_load (&self->wish);
    moment_t now = moment_now ();

    if (self->phase == SERVES && wish == RETIRES) {
        self->phase = RETIRES;
        if (self->house.rpc)
            rpc_server_retire (self->house.rpc);
    }
    if (self->phase < DRAINS && wish == DRAINS)
        start_drain (self);
    if (self->phase != FLUSHES
        && (wish == FLUSHES || (self->phase == DRAINS && (busy (self) == 0 || now >= self->until))))
        start_flush (self);
    bool over =
        list_empty (&self->peers) && (!self->house.rpc || rpc_server_over (self->house.rpc));
    if (self->phase == FLUSHES && (over || now >= self->until))
        (void)event_base_loopbreak (self->house.base);
}

static void on_bell (evutil_socket_t fd, short what, void *arg)
{
    bridge_t *self = (bridge_t *)arg;
    list_t letters;

    (void)fd;
    (void)what;
    list_init (&letters);
    mailbox_take (self->mail, &letters);
}

// While it ends something may be due at any time.
static void on_tick (evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

static void *run (void *arg)
{
    bridge_t *self = (bridge_t *)arg;

    while (!event_base_got_break (self->house.base)) {
        bool more = !list_empty (&self->owner.unwritten);
        if (event_base_loop (self->house.base, EVLOOP_ONCE | (more ? EVLOOP_NONBLOCK : 0)) < 0)
            break;
        peer_flush (&self->owner);
        free_peers (&self->ended);
        if ((phase_t)atomic_load (&self->wish) != self->phase || self->phase >= DRAINS) {
            static const struct timeval soon = {0, 20000};
            if (!evtimer_pending (self->tick, NULL))
                (void)evtimer_add (self->tick, &soon);
            move_on (self);
        }
    }
    pthread_mutex_lock (&self->lock);
    self->over = true;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

// ---- start

static int open_entrances (bridge_t *self, const bridge_options_t *options, fault_t *fault)
{
    size_t count = options->place_count[SIDE_CLIENTS] + options->place_count[SIDE_WORKERS];
    entrance_rules_t rules = {
        .insecure = options->insecure,
        .client_certs = options->tls.require_client_cert,
        .http_token = options->http_token != NULL,
    };

    self->entrances = (entrance_t *)calloc (count ? count : 1, sizeof *self->entrances);
    if (!self->entrances)
        return -1;
    for (side_t side = 0; side < SIDE_COUNT; side++) {
        for (size_t i = 0; i < options->place_count[side]; i++) {
            entrance_t *entrance = &self->entrances[self->entrance_count];
            entrance->came = on_connection;
            entrance->arg = self;
            if (entrance_open (entrance, self->house.base, &self->carrying, &rules, side,
                               options->places[side][i], fault))
                return -1;
            self->entrance_count++;
        }
    }
    return 0;
}

static void take_options (bridge_t *self, const bridge_options_t *options)
{
    uint64_t frame = options->max_payload < FRAMING_SKIP_MAX
                         ? options->max_payload * FRAME_ESCAPES + FRAME_EXTRA
                         : UINT32_MAX;

    self->drain_ms = options->drain_ms;
    self->carrying.mode = (mode_t)options->socket_mode;
    self->house.max_payload = options->max_payload;
    self->house.max_frame = frame < UINT32_MAX ? (uint32_t)frame : UINT32_MAX;
    self->house.budget.limit = options->half_frames;
    self->house.make_room = make_room;
    self->house.http.origin = options->http_origin;
    self->house.http.any_host = options->insecure;
    self->house.http.timeout_ms = (unsigned)options->http_timeout_ms;
    self->house.http.connections_max = (unsigned)options->http_connections;
    self->owner.house = &self->house;
    self->outbox.bound = options->outbox;
    self->owner.outbox = &self->outbox;
    self->owner.idle_ms = (unsigned)(options->idle_ms < UINT32_MAX ? options->idle_ms : UINT32_MAX);
    self->owner.ended = on_ended;
    list_init (&self->owner.unwritten);
    self->links[SIDE_WORKERS] = options->broker[SIDE_WORKERS];
    self->house.links = &self->links[SIDE_WORKERS];
    self->house.outages[SIDE_CLIENTS] =
        (outage_t){.whom = "clients", .say = options->say, .arg = options->say_arg};
    self->house.outages[SIDE_WORKERS] =
        (outage_t){.whom = "workers", .say = options->say, .arg = options->say_arg};
}

static int open_loop (bridge_t *self, fault_t *fault)
{
    fault_set (fault, "out of memory or descriptors");
    self->mail = mailbox_new ();
    self->house.base = event_base_new ();
    if (!self->mail || !self->house.base)
        return -1;
    self->bell = event_new (self->house.base, mailbox_descriptor (self->mail), EV_READ | EV_PERSIST,
                            on_bell, self);
    self->tick = evtimer_new (self->house.base, on_tick, self);
    return self->bell && self->tick && event_add (self->bell, NULL) == 0 ? 0 : -1;
}

static int start (bridge_t *self, fault_t *fault)
{
    sigset_t all, before;

    // Signals are the program's; and a peer that closed must not end it by a SIGPIPE.
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int rc = pthread_create (&self->thread, NULL, run, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    self->started = rc == 0;
    if (rc) {
        fault_set (fault, "no thread to be had");
        errno = rc;
    }
    return rc ? -1 : 0;
}

// ---- gRPC

// Whether there is a door for gRPC: behind any of them are both sides.
static bool names_rpc (const bridge_options_t *options)
{
    address_t address;
    bool found = false;

    for (side_t side = 0; side < SIDE_COUNT; side++) {
        for (size_t i = 0; i < options->place_count[side] && !found; i++)
            found = address_parse (options->places[side][i], &address, NULL) == 0
                    && door_of (address.door)->rpc;
    }
    return found;
}

static void on_broker_changed (void *arg)
{
    rpc_server_changed (((bridge_t *)arg)->house.rpc);
}

static int open_rpc (bridge_t *self, const bridge_options_t *options, fault_t *fault)
{
    rpc_server_options_t rpc = {
        .max_message = options->max_payload + FRAME_EXTRA * FRAME_ESCAPES,
        .outbox = &self->outbox,
        .memory = options->half_frames,
    };

    self->house.rpc = rpc_server_new (&self->house, &rpc, fault);
    if (!self->house.rpc)
        return -1;
    desk_watch (self->house.desk, on_broker_changed, self);
    return 0;
}

bridge_t *bridge_new (const bridge_options_t *options, fault_t *fault)
{
    bridge_t *self = (bridge_t *)calloc (1, sizeof *self);
    pthread_condattr_t clock;

    fault_set (fault, "out of memory");
    if (!self)
        return NULL;
    list_init (&self->peers);
    list_init (&self->ended);
    buffer_init (&self->house.header, LIMIT_HEADER_OCTETS);
    buffer_init (&self->house.out, UINT32_MAX);
    (void)pthread_mutex_init (&self->lock, NULL); // none of these can fail on Linux
    (void)pthread_condattr_init (&clock);
    (void)pthread_condattr_setclock (&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init (&self->changed, &clock);
    (void)pthread_condattr_destroy (&clock);
    take_options (self, options);
    if (open_loop (self, fault))
        goto error;
    if (options->tls.cert) {
        self->carrying.tls = tls_new (&options->tls, fault);
        if (!self->carrying.tls)
            goto error;
    }
    if (options->http_token) {
        self->house.http.token = http_token_new (options->http_token, fault);
        if (!self->house.http.token)
            goto error;
    }
    bool rpc = names_rpc (options);
    if (options->place_count[SIDE_CLIENTS] || rpc) {
        self->house.desk = desk_new (self->house.base, &options->broker[SIDE_CLIENTS],
                                     &self->house.outages[SIDE_CLIENTS], fault);
        if (!self->house.desk)
            goto error;
    }
    if ((rpc && open_rpc (self, options, fault)) || open_entrances (self, options, fault)
        || start (self, fault))
        goto error;
    return self;
error:
    bridge_destroy (&self);
    return NULL;
}

void bridge_destroy (bridge_t **self_p)
{
    bridge_t *self = *self_p;
    int problem = errno;

    if (!self)
        return;
    if (self->started) {
        bridge_halt (self);
        (void)pthread_join (self->thread, NULL);
    }
    close_entrances (self);
    free_peers (&self->peers);
    free_peers (&self->ended);
    rpc_server_destroy (&self->house.rpc);
    if (self->house.desk)
        desk_watch (self->house.desk, NULL, NULL);
    desk_destroy (&self->house.desk);
    if (self->bell)
        event_free (self->bell);
    if (self->tick)
        event_free (self->tick);
    if (self->house.base)
        event_base_free (self->house.base);
    mailbox_destroy (&self->mail);
    tls_destroy (&self->carrying.tls);
    http_token_destroy (&self->house.http.token);
    buffer_finish (&self->house.header);
    buffer_finish (&self->house.out);
    (void)pthread_mutex_destroy (&self->lock);
    (void)pthread_cond_destroy (&self->changed);
    free (self->entrances);
    free (self);
    *self_p = NULL;
    errno = problem;
}

// ---- from its user

static void want (bridge_t *self, phase_t phase)
{
    int now = atomic_load (&self->wish);

    while (now < (int)phase && !atomic_compare_exchange_weak (&self->wish, &now, (int)phase))
        ;
    mailbox_ring (self->mail);
}

void bridge_retire (bridge_t *self)
{
    want (self, RETIRES);
}

void bridge_drain (bridge_t *self)
{
    want (self, DRAINS);
}

void bridge_halt (bridge_t *self)
{
    want (self, FLUSHES);
}

int bridge_reload (bridge_t *self, fault_t *fault)
{
    if (self->house.http.token && http_token_reload (self->house.http.token, fault))
        return -1;
    return self->carrying.tls ? tls_reload (self->carrying.tls, fault) : 0;
}

bool bridge_wait (bridge_t *self, int timeout_ms)
{
    struct timespec until;

    (void)clock_gettime (CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock (&self->lock);
    while (!self->over) {
        int rc = timeout_ms < 0 ? pthread_cond_wait (&self->changed, &self->lock)
                                : pthread_cond_timedwait (&self->changed, &self->lock, &until);
        if (rc)
            break;
    }
    bool over = self->over;
    pthread_mutex_unlock (&self->lock);
    return over;
}

const char *bridge_place (const bridge_t *self, side_t side, size_t place)
{
    for (size_t i = 0; i < self->entrance_count; i++) {
        if (self->entrances[i].side == side && place-- == 0)
            return self->entrances[i].place.name;
    }
    return NULL;
}
