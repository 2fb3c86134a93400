/*  The options are those that experiments taught: DESIGN 4, points 1 to 6 and 9.
 */
#define _GNU_SOURCE

#include "broker/sockets.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fabric/endpoint.h"
#include "fabric/limits.h"

#define HEARTBEAT_INTERVAL_MS 1000
#define HEARTBEAT_TIMEOUT_MS  3000    // a silent host is noticed 3 to 4 s after its last word
#define HANDSHAKE_MS          5000    // for a connection that says nothing
#define BACKLOG               4096    // connections that wait to be accepted
#define FRAME_SLACK           1048576 // octets: see set_options ()

static int set_int (void *socket, int option, int value)
{
    return zmq_setsockopt (socket, option, &value, sizeof value);
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
           || set_int (socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_INTERVAL_MS)
           || set_int (socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
           || set_int (socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS)
           || set_int (socket, ZMQ_BACKLOG, BACKLOG)
           || zmq_setsockopt (socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
}

// A monitor that is not read would stop the I/O thread at its high-water mark: none.
static void *open_monitor (zsock_t *router)
{
    static atomic_uint monitors;
    char endpoint[64];
    void *context = zsys_init ();

    snprintf (endpoint, sizeof endpoint, "inproc://zfabric-broker-monitor-%u",
              atomic_fetch_add (&monitors, 1u));
    void *monitor = zmq_socket (context, ZMQ_PAIR);
    if (!monitor)
        return NULL;
    if (set_int (monitor, ZMQ_RCVHWM, 0) || set_int (monitor, ZMQ_LINGER, 0)
        || zmq_socket_monitor (zsock_resolve (router), endpoint,
                               ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED)
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
    if (!self->bound[side]
        || zmq_getsockopt (zsock_resolve (self->routers[side]), ZMQ_LAST_ENDPOINT, bound, &size))
        return -1;
    char *copy = strdup (bound);
    if (!copy)
        return -1;
    self->bound[side][self->bound_count[side]++] = copy;
    return 0;
}

static int bind_one (sockets_t *self,
                     sb_side_t side,
                     const char *text,
                     const zfabric_broker_options_t *options,
                     fault_t *fault)
{
    void *router = zsock_resolve (self->routers[side]);
    endpoint_t endpoint;

    if (endpoint_parse (text, &endpoint, fault))
        return -1;
    if (endpoint_beyond_host (&endpoint) && !options->insecure) {
        fault_set (fault, "%s: other hosts could reach it without keys; --insecure allows it",
                   text);
        errno = EPERM;
        return -1;
    }
    if (ipc_is_served (&endpoint))
        errno = EADDRINUSE;
    // On an IPv6 socket 127.0.0.1 would be called ::ffff:127.0.0.1, and its peers likewise.
    else if (set_int (router, ZMQ_IPV6, !endpoint_is_ipv4 (&endpoint)) == 0
             && zmq_bind (router, text) == 0)
        return 0;
    fault_set (fault, "%s: %s", text, zmq_strerror (errno));
    return -1;
}

static int open_side (sockets_t *self,
                      sb_side_t side,
                      const char *const *endpoints,
                      size_t count,
                      const zfabric_broker_options_t *options,
                      fault_t *fault)
{
    fault_set (fault, "out of memory or descriptors");
    self->routers[side] = zsock_new (ZMQ_ROUTER);
    if (!self->routers[side] || set_options (zsock_resolve (self->routers[side]), options))
        return -1;
    self->monitors[side] = open_monitor (self->routers[side]);
    if (!self->monitors[side])
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (bind_one (self, side, endpoints[i], options, fault) || keep_bound (self, side, count))
            return -1;
    }
    return 0;
}

int sockets_init (sockets_t *self, const zfabric_broker_options_t *options, fault_t *fault)
{
    static const char *const serve[] = {DEFAULT_SERVE};
    static const char *const listen[] = {DEFAULT_LISTEN};
    bool serves = options->serve != NULL, listens = options->listen != NULL;

    *self = (sockets_t){0};
    if (open_side (self, SB_CLIENT_SIDE, serves ? options->serve : serve,
                   serves ? options->serve_count : 1, options, fault)
        || open_side (self, SB_WORKER_SIDE, listens ? options->listen : listen,
                      listens ? options->listen_count : 1, options, fault)) {
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
            zmq_socket_monitor (zsock_resolve (self->routers[side]), NULL, 0);
        if (self->monitors[side])
            zmq_close (self->monitors[side]);
        zsock_destroy (&self->routers[side]);
        for (size_t i = 0; i < self->bound_count[side]; i++)
            free (self->bound[side][i]);
        free (self->bound[side]);
    }
    *self = (sockets_t){0};
}

// An event is two frames: number and value (the descriptor), then the endpoint.
sockets_event_t sockets_event (sockets_t *self, sb_side_t side, int *descriptor)
{
    sockets_event_t event = SOCKETS_NOTHING;
    zmq_msg_t frame;

    zmq_msg_init (&frame);
    if (zmq_msg_recv (&frame, self->monitors[side], ZMQ_DONTWAIT) >= 6) {
        uint16_t number;
        int32_t value;
        memcpy (&number, zmq_msg_data (&frame), sizeof number);
        memcpy (&value, (char *)zmq_msg_data (&frame) + sizeof number, sizeof value);
        event = number == ZMQ_EVENT_ACCEPTED ? SOCKETS_ACCEPTED : SOCKETS_DISCONNECTED;
        *descriptor = value;
        while (zmq_msg_more (&frame)
               && zmq_msg_recv (&frame, self->monitors[side], ZMQ_DONTWAIT) >= 0)
            ;
    }
    zmq_msg_close (&frame);
    return event;
}
