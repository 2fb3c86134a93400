/*  The door for gRPC. Its connections are HTTP/2, which gRPC speaks itself: those that come plainly
 *  are given to its server as they are. Those inside of TLS are opened here, so that the options of
 *  TLS mean the same for all doors; what they carry goes to the server through a pair of sockets.
 */
#define _GNU_SOURCE // SOCK_CLOEXEC

#include <event2/buffer.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transports/peer.h"
#include "transports/rpc_server.h"

#define PIECE_MAX (256u * 1024) // octets that are on their way to the server

typedef struct {
    house_t *house;
    peer_t *peer;
    struct bufferevent *inner; // to the server; NULL: nothing came yet
} grpc_conn_t;

static void adopt (house_t *house, int fd)
{
    rpc_server_adopt (house->rpc, fd);
}

// ---- from the server

static void pass_out (grpc_conn_t *self)
{
    struct evbuffer *in = bufferevent_get_input (self->inner);
    struct evbuffer_iovec piece;

    while (!peer_choked (self->peer) && evbuffer_get_length (in) > 0
           && evbuffer_peek (in, -1, NULL, &piece, 1) > 0) {
        buffer_append (&self->house->out, piece.iov_base, piece.iov_len);
        peer_send (self->peer, &self->house->out);
        (void)evbuffer_drain (in, piece.iov_len);
    }
    // What it does not read, its server is not to write either.
    if (evbuffer_get_length (in) > 0)
        (void)bufferevent_disable (self->inner, EV_READ);
    else
        (void)bufferevent_enable (self->inner, EV_READ);
}

static void on_read (struct bufferevent *inner, void *arg)
{
    (void)inner;
    pass_out ((grpc_conn_t *)arg);
}

static void on_written (struct bufferevent *inner, void *arg)
{
    (void)inner;
    peer_resume (((grpc_conn_t *)arg)->peer);
}

static void on_event (struct bufferevent *inner, short what, void *arg)
{
    grpc_conn_t *self = (grpc_conn_t *)arg;

    (void)inner;
    if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
        return;
    pass_out (self);
    peer_end (self->peer);
}

// ---- from the peer

static int open_inner (grpc_conn_t *self)
{
    int fds[2];

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds))
        return -1;
    self->inner = bufferevent_socket_new (self->house->base, fds[0], BEV_OPT_CLOSE_ON_FREE);
    if (!self->inner) {
        (void)close (fds[0]);
        (void)close (fds[1]);
        return -1;
    }
    bufferevent_setcb (self->inner, on_read, on_written, on_event, self);
    bufferevent_setwatermark (self->inner, EV_READ, 0, PIECE_MAX);
    bufferevent_setwatermark (self->inner, EV_WRITE, PIECE_MAX / 2, 0);
    (void)bufferevent_enable (self->inner, EV_READ | EV_WRITE);
    rpc_server_adopt (self->house->rpc, fds[1]);
    return 0;
}

static size_t octets (void *conn, slice_t came)
{
    grpc_conn_t *self = (grpc_conn_t *)conn;

    if (!self->inner && open_inner (self)) {
        peer_drop (self->peer);
        return came.len;
    }
    if (evbuffer_get_length (bufferevent_get_output (self->inner)) > PIECE_MAX)
        return 0; // on_written () follows
    if (bufferevent_write (self->inner, came.ptr, came.len))
        peer_drop (self->peer);
    return came.len;
}

static void room (void *conn)
{
    grpc_conn_t *self = (grpc_conn_t *)conn;

    if (self->inner)
        pass_out (self);
}

// Half-sent messages are gRPC's to keep in bounds.
static size_t held (void *conn)
{
    (void)conn;
    return 0;
}

static void nothing (void *conn)
{
    (void)conn; // its streams are told by the server
}

static void *open_conn (house_t *house, peer_t *peer, side_t side)
{
    grpc_conn_t *self = (grpc_conn_t *)calloc (1, sizeof *self);

    (void)side; // each of its streams says so
    if (!self)
        return NULL;
    self->house = house;
    self->peer = peer;
    return self;
}

static void close_conn (void *conn)
{
    grpc_conn_t *self = (grpc_conn_t *)conn;

    if (self->inner)
        bufferevent_free (self->inner);
    free (self);
}

const door_t door_grpc = {
    .name = "grpc",
    .tls_scheme = "grpcs",
    .alpn = "h2",
    .rpc = true,
    .adopt = adopt,
    .open = open_conn,
    .octets = octets,
    .held = held,
    .spill = nothing,
    .room = room,
    .leave = nothing,
    .busy = held,
    .close = close_conn,
};
