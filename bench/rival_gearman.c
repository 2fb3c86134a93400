/*  gearmand. A worker asks for a job with GRAB_JOB, several ahead; when it is told that there is
 *  none, and all it asked for has been answered, it sleeps until the server wakes it.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/rival.h"

#define HEAD        12u
#define GRABS_AHEAD 32u // jobs asked for at once; more gained nothing

enum {
    CAN_DO = 1,
    PRE_SLEEP = 4,
    NOOP = 6,
    SUBMIT_JOB = 7,
    JOB_CREATED = 8,
    GRAB_JOB = 9,
    NO_JOB = 10,
    JOB_ASSIGN = 11,
    WORK_COMPLETE = 13,
    ECHO_REQ = 16,
    ECHO_RES = 17
};

typedef struct {
    stream_t stream;
    uint32_t grabs; // asked for, not answered yet
    bool idle;      // told that there is nothing
} peer_t;

typedef struct {
    uint32_t type;
    slice_t data;
} packet_in_t;

static void become (uint16_t port)
{
    char text[16];

    snprintf (text, sizeof text, "%u", port);
    execlp ("gearmand", "gearmand", "--listen", "127.0.0.1", "--port", text, "--log-file", "none",
            "--queue-type", "builtin", (char *)NULL);
}

static void put_head (stream_t *stream, uint32_t type, size_t size)
{
    uint32_t numbers[] = {htonl (type), htonl ((uint32_t)size)};

    buffer_append (&stream->out, "\0REQ", 4);
    buffer_append (&stream->out, numbers, sizeof numbers);
}

static bool next_packet (stream_t *stream, packet_in_t *packet)
{
    slice_t octets = stream_peek (stream);
    uint32_t numbers[2];

    if (octets.len < HEAD)
        return false;
    memcpy (numbers, octets.ptr + 4, sizeof numbers);
    size_t size = ntohl (numbers[1]);
    if (octets.len < HEAD + size)
        return false;
    packet->type = ntohl (numbers[0]);
    packet->data = slice_of (octets.ptr + HEAD, size);
    stream_take (stream, HEAD + size);
    return true;
}

// What stands behind the first `texts` texts that end with a NUL.
static slice_t behind (slice_t data, unsigned texts)
{
    while (texts-- > 0) {
        const uint8_t *end = (const uint8_t *)memchr (data.ptr, '\0', data.len);
        if (!end)
            rival_fail ("gearmand sent something odd");
        size_t len = (size_t)(end - data.ptr) + 1;
        data = slice_of (data.ptr + len, data.len - len);
    }
    return data;
}

static peer_t *open_peer (rival_t *self)
{
    peer_t *peer = (peer_t *)calloc (1, sizeof *peer);

    if (!peer)
        rival_fail ("out of memory");
    stream_open (&peer->stream, self->port);
    self->own = peer;
    return peer;
}

static void grab (peer_t *peer)
{
    for (; peer->grabs < GRABS_AHEAD; peer->grabs++)
        put_head (&peer->stream, GRAB_JOB, 0);
    peer->idle = false;
}

static void open_worker (rival_t *self)
{
    peer_t *peer = open_peer (self);
    packet_in_t packet = {0};

    put_head (&peer->stream, CAN_DO, 5);
    buffer_text (&peer->stream.out, "bench");
    put_head (&peer->stream, ECHO_REQ, 0);
    stream_flush (&peer->stream);
    while (packet.type != ECHO_RES) {
        (void)stream_fill (&peer->stream, true);
        (void)next_packet (&peer->stream, &packet);
    }
    grab (peer);
    stream_flush (&peer->stream);
}

static void open_client (rival_t *self)
{
    (void)open_peer (self);
}

static void flush (rival_t *self)
{
    stream_flush (&((peer_t *)self->own)->stream);
}

static void work (rival_t *self)
{
    peer_t *peer = (peer_t *)self->own;
    packet_in_t packet;

    (void)stream_fill (&peer->stream, true);
    while (next_packet (&peer->stream, &packet)) {
        if (packet.type == JOB_ASSIGN) {
            slice_t carried = behind (packet.data, 2);
            size_t handle = packet.data.len - behind (packet.data, 1).len;
            put_head (&peer->stream, WORK_COMPLETE, handle + carried.len);
            buffer_append (&peer->stream.out, packet.data.ptr, handle);
            buffer_slice (&peer->stream.out, carried);
            peer->grabs--;
            if (self->each)
                flush (self);
        } else if (packet.type == NO_JOB) {
            peer->grabs--;
            peer->idle = true;
        } else if (packet.type == NOOP) {
            peer->idle = false;
        }
    }
    if (!peer->idle)
        grab (peer);
    else if (peer->grabs == 0)
        put_head (&peer->stream, PRE_SLEEP, 0);
    stream_flush (&peer->stream);
}

static void put (rival_t *self, uint64_t number)
{
    peer_t *peer = (peer_t *)self->own;

    put_head (&peer->stream, SUBMIT_JOB, 7 + RIVAL_NUMBER + self->wording.size);
    buffer_append (&peer->stream.out, "bench\0\0", 7); // the function, and no name of its own
    rival_append (self, number, &peer->stream.out);
}

static void go (rival_t *self)
{
    peer_t *peer = (peer_t *)self->own;
    packet_in_t packet;

    (void)stream_fill (&peer->stream, true);
    while (next_packet (&peer->stream, &packet)) {
        if (packet.type == WORK_COMPLETE)
            rival_result (self, behind (packet.data, 1));
        else if (packet.type != JOB_CREATED)
            rival_fail ("gearmand refused a job");
    }
}

int main (int argc, char **argv)
{
    static const rival_kind_t kind = {.name = "gearmand",
                                      .become = become,
                                      .open_worker = open_worker,
                                      .open_client = open_client,
                                      .work = work,
                                      .put = put,
                                      .flush = flush,
                                      .go = go};

    return rival_main (&kind, argc, argv);
}
