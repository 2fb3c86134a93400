/*  The options are those that experiments taught: DESIGN 4, points 1 to 6 and 9.
 */
#define _GNU_SOURCE

#include "broker/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fabric/endpoint.h"
#include "fabric/limits.h"

/*  A silent host is noticed within 5 s (PROTOCOL 5.8), by heartbeats (the sum of both after its
 * last word), and over tcp by the kernel as well. At every PONG libzmq walks along the timers of
 * all connections of an I/O thread that are due before the time-out: for n connections that is n *
 * n * TIMEOUT / INTERVAL^2 steps a second. Workers are few. Clients may be ten thousand: of their
 * hosts the kernel tells, at a fraction of the cost, and the heartbeats are left with who stopped
 * while his host goes on. The time-out must be long enough for a host that is very busy, or a
 * virtual machine that collects garbage.
 */
#define HEARTBEAT_TIMEOUT_MS 2600
#define KEEPALIVE_IDLE_S     2
#define KEEPALIVE_INTERVAL_S 1
#define KEEPALIVE_COUNT      2
#define UNACKNOWLEDGED_MS    3900 // of what was sent, probes among it

static const int heartbeat_interval_ms[] = {[SB_CLIENT_SIDE] = 10000, [SB_WORKER_SIDE] = 2000};

#define HANDSHAKE_MS 5000    // for a connection that says nothing
#define BACKLOG      4096    // connections that wait to be accepted
#define FRAME_SLACK  1048576 // octets: see set_options ()

static int set_int (void *socket, int option, int value)
{
    return zmq_setsockopt (socket, option, &value, sizeof value);
}

static int set_liveness (void *socket, sb_side_t side)
{
    return set_int (socket, ZMQ_HEARTBEAT_IVL, heartbeat_interval_ms[side])
           || set_int (socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
           || set_int (socket, ZMQ_TCP_KEEPALIVE, 1)
           || set_int (socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S)
           || set_int (socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_INTERVAL_S)
           || set_int (socket, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT)
           || set_int (socket, ZMQ_TCP_MAXRT, UNACKNOWLEDGED_MS);
}

static int set_options (void *socket, const zfabric_broker_options_t *options)
{
    /*  A frame above this closes its connection without a word, so it lies well above what is
     *  refused with a BAD_PACKET that says why.
     */
    int64_t largest = options->max_payload > (INT64_MAX - FRAME_SLACK) / 2
                          ? INT64_MAX
                          : (int64_t)options->max_payload * 2 + FRAME_SLACK;

    return set_int (socket, ZMQ_ROUTER_MANDATORY, 1) || set_int (socket, ZMQ_LINGER, LINGER_MS)
           || set_int (socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS)
           || set_int (socket, ZMQ_BACKLOG, BACKLOG)
           || zmq_setsockopt (socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
}

/*  A CURVE server. The domain says to the ZAP handler which side it is. Older and newer versions of
 *  libzmq know option 93, ZMQ_ZAP_ENFORCE_DOMAIN, which makes a missing handler refuse; where it is
 *  not taken, the handler stands before the bind, and messages without a key are dropped.
 */
static int set_keys (void *socket, const key_pair_t *keys, const char *domain)
{
    (void)set_int (socket, 93, 1);
    return set_int (socket, ZMQ_CURVE_SERVER, 1)
           || zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, KEY_TEXT + 1)
           || zmq_setsockopt (socket, ZMQ_ZAP_DOMAIN, domain, strlen (domain));
}

#define MONITOR_EVENTS (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED)
#define MONITOR_HANDSHAKES                                                                         \
    (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL                    \
     | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

// A monitor that is not read would stop the I/O thread at its high-water mark: none.
static void *open_monitor (void *context, void *router, bool keys)
{
    static atomic_uint monitors;
    char endpoint[64];

    snprintf (endpoint, sizeof endpoint, "inproc://zfabric-broker-monitor-%u",
              atomic_fetch_add (&monitors, 1u));
    void *monitor = zmq_socket (context, ZMQ_PAIR);
    if (!monitor)
        return NULL;
    if (set_int (monitor, ZMQ_RCVHWM, 0) || set_int (monitor, ZMQ_LINGER, 0)
        || zmq_socket_monitor (router, endpoint, MONITOR_EVENTS | (keys ? MONITOR_HANDSHAKES : 0))
        || zmq_connect (monitor, endpoint)) {
        zmq_close (monitor);
        return NULL;
    }
    return monitor;
}

// libzmq replaces the file of an ipc endpoint, even if somebody serves it.
static bool ipc_is_served (const endpoint_t *endpoint)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    bool served = false;

    if (endpoint->kind != ENDPOINT_IPC || endpoint->path.len >= sizeof address.sun_path)
        return false;
    memcpy (address.sun_path, endpoint->path.ptr, endpoint->path.len);
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    int probe = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe >= 0) {
        socklen_t len = (socklen_t)(offsetof (struct sockaddr_un, sun_path) + endpoint->path.len);
        served = connect (probe, (struct sockaddr *)&address, len) == 0;
        close (probe);
    }
    return served;
}

static int keep_bound (sockets_t *self, sb_side_t side, size_t count)
{
    char bound[ENDPOINT_MAX];
    size_t size = sizeof bound;

    if (!self->bound[side])
        self->bound[side] = (char **)calloc (count, sizeof (char *));
    if (!self->bound[side] || zmq_getsockopt (self->routers[side], ZMQ_LAST_ENDPOINT, bound, &size))
        return -1;
    char *copy = strdup (bound);
    if (!copy)
        return -1;
    self->bound[side][self->bound_count[side]++] = copy;
    return 0;
}

// Whether an endpoint may be bound at all: errno and a fault if not.
static int check_endpoint (const char *text,
                           const endpoint_t *endpoint,
                           const zfabric_broker_options_t *options,
                           fault_t *fault)
{
    if (options->curve && endpoint->kind == ENDPOINT_INPROC) {
        fault_set (fault, "%s: inproc has no keys, and they are in force", text);
        errno = EINVAL;
        return -1;
    }
    if (endpoint_beyond_host (endpoint) && !options->insecure && !options->curve) {
        fault_set (fault, "%s: other hosts could reach it without keys; --insecure allows it",
                   text);
        errno = EPERM;
        return -1;
    }
    return 0;
}

// A name may stand for more than it says: an interface `lo` may have other addresses, too.
static int check_bound (sockets_t *self,
                        sb_side_t side,
                        const char *text,
                        const zfabric_broker_options_t *options,
                        fault_t *fault)
{
    char bound[ENDPOINT_MAX];
    size_t size = sizeof bound;
    endpoint_t endpoint;

    if (zmq_getsockopt (self->routers[side], ZMQ_LAST_ENDPOINT, bound, &size)
        || endpoint_parse (bound, &endpoint, fault)
        || check_endpoint (bound, &endpoint, options, fault)) {
        int saved = errno;
        (void)zmq_unbind (self->routers[side], bound); // all of it is closed soon
        fault_t why = *fault;
        fault_set (fault, "%s: %s", text, why.text);
        errno = saved;
        return -1;
    }
    return 0;
}

static int bind_one (sockets_t *self,
                     sb_side_t side,
                     const char *text,
                     const zfabric_broker_options_t *options,
                     fault_t *fault)
{
    void *router = self->routers[side];
    endpoint_t endpoint;

    if (endpoint_parse (text, &endpoint, fault) || check_endpoint (text, &endpoint, options, fault))
        return -1;
    if (ipc_is_served (&endpoint))
        errno = EADDRINUSE;
    // On an IPv6 socket 127.0.0.1 would be called ::ffff:127.0.0.1, and its peers likewise.
    else if (set_int (router, ZMQ_IPV6, !endpoint_is_ipv4 (&endpoint)) == 0
             && zmq_bind (router, text) == 0)
        return check_bound (self, side, text, options, fault);
    fault_set (fault, "%s: %s", text, zmq_strerror (errno));
    return -1;
}

typedef struct {
    const char *const *endpoints;
    size_t count;
    const char *domain;
} side_options_t;

static int open_side (sockets_t *self,
                      sb_side_t side,
                      void *context,
                      const side_options_t *given,
                      const zfabric_broker_options_t *options,
                      const key_pair_t *keys,
                      fault_t *fault)
{
    fault_set (fault, "out of memory or descriptors");
    self->routers[side] = zmq_socket (context, ZMQ_ROUTER);
    if (!self->routers[side] || set_options (self->routers[side], options)
        || set_liveness (self->routers[side], side)
        || (keys && set_keys (self->routers[side], keys, given->domain)))
        return -1;
    self->monitors[side] = open_monitor (context, self->routers[side], keys != NULL);
    if (!self->monitors[side])
        return -1;
    for (size_t i = 0; i < given->count; i++) {
        if (bind_one (self, side, given->endpoints[i], options, fault)
            || keep_bound (self, side, given->count))
            return -1;
    }
    return 0;
}

int sockets_init (sockets_t *self,
                  void *context,
                  const zfabric_broker_options_t *options,
                  const key_pair_t *keys,
                  fault_t *fault)
{
    static const char *const serve[] = {DEFAULT_SERVE};
    static const char *const listen[] = {DEFAULT_LISTEN};
    side_options_t clients = {serve, 1, SOCKETS_DOMAIN_CLIENTS};
    side_options_t workers = {listen, 1, SOCKETS_DOMAIN_WORKERS};

    if (options->serve)
        clients.endpoints = options->serve, clients.count = options->serve_count;
    if (options->listen)
        workers.endpoints = options->listen, workers.count = options->listen_count;
    *self = (sockets_t){0};
    if (open_side (self, SB_CLIENT_SIDE, context, &clients, options, keys, fault)
        || open_side (self, SB_WORKER_SIDE, context, &workers, options, keys, fault)) {
        int saved = errno;
        sockets_finish (self);
        errno = saved;
        return -1;
    }
    return 0;
}

void sockets_finish (sockets_t *self)
{
    for (int side = 0; side < 2; side++) {
        if (self->routers[side] && self->monitors[side])
            zmq_socket_monitor (self->routers[side], NULL, 0);
        if (self->monitors[side])
            zmq_close (self->monitors[side]);
        if (self->routers[side])
            zmq_close (self->routers[side]);
        for (size_t i = 0; i < self->bound_count[side]; i++)
            free (self->bound[side][i]);
        free (self->bound[side]);
    }
    *self = (sockets_t){0};
}

static sockets_event_t event_of (uint16_t number)
{
    switch (number) {
    case ZMQ_EVENT_ACCEPTED:
        return SOCKETS_ACCEPTED;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        return SOCKETS_BROKEN_OFF;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return SOCKETS_BAD_PROTOCOL;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return SOCKETS_REFUSED;
    default:
        return SOCKETS_DISCONNECTED;
    }
}

// An event is two frames: number and value (the descriptor), then the endpoint.
sockets_news_t sockets_event (sockets_t *self, sb_side_t side)
{
    sockets_news_t news = {SOCKETS_NOTHING, -1};
    zmq_msg_t frame;

    zmq_msg_init (&frame);
    if (zmq_msg_recv (&frame, self->monitors[side], ZMQ_DONTWAIT) >= 6) {
        uint16_t number;
        int32_t value;
        memcpy (&number, zmq_msg_data (&frame), sizeof number);
        memcpy (&value, (char *)zmq_msg_data (&frame) + sizeof number, sizeof value);
        news = (sockets_news_t){event_of (number), value};
        while (zmq_msg_more (&frame)
               && zmq_msg_recv (&frame, self->monitors[side], ZMQ_DONTWAIT) >= 0)
            ;
    }
    zmq_msg_close (&frame);
    return news;
}

void sockets_address (int descriptor, char *text, size_t size)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage all;
    } peer = {.all = {0}};
    socklen_t len = sizeof peer;
    struct ucred who;
    socklen_t who_len = sizeof who;
    char host[INET6_ADDRSTRLEN] = "?";

    (void)snprintf (text, size, "somebody who is gone already");
    if (getpeername (descriptor, &peer.any, &len))
        return;
    if (peer.any.sa_family == AF_INET) {
        (void)inet_ntop (AF_INET, &peer.v4.sin_addr, host, sizeof host);
        (void)snprintf (text, size, "%s:%u", host, ntohs (peer.v4.sin_port));
    } else if (peer.any.sa_family == AF_INET6) {
        (void)inet_ntop (AF_INET6, &peer.v6.sin6_addr, host, sizeof host);
        (void)snprintf (text, size, "[%s]:%u", host, ntohs (peer.v6.sin6_port));
    } else if (getsockopt (descriptor, SOL_SOCKET, SO_PEERCRED, &who, &who_len) == 0) {
        (void)snprintf (text, size, "process %d of user %u", (int)who.pid, (unsigned)who.uid);
    }
}
