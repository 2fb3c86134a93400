/*  Redis lists: tasks are pushed to one list and results to another. Who waits for a list can say
 *  nothing else on its connection, so each peer has two: one that pops, with as many BRPOPs ahead
 *  as it takes tasks at once, and one that pushes.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/rival.h"

typedef struct {
    stream_t pop;
    stream_t push;
    const char *ask;  // the BRPOP
    const char *give; // the LPUSH up to the octets' count
} peer_t;

#define POP_TASK    "*3\r\n$5\r\nBRPOP\r\n$5\r\ntasks\r\n$1\r\n0\r\n"
#define POP_RESULT  "*3\r\n$5\r\nBRPOP\r\n$7\r\nresults\r\n$1\r\n0\r\n"
#define PUSH_TASK   "*3\r\n$5\r\nLPUSH\r\n$5\r\ntasks\r\n$"
#define PUSH_RESULT "*3\r\n$5\r\nLPUSH\r\n$7\r\nresults\r\n$"

static void become (uint16_t port)
{
    char text[16];

    snprintf (text, sizeof text, "%u", port);
    execlp ("redis-server", "redis-server", "--bind", "127.0.0.1", "--port", text, "--save", "",
            "--appendonly", "no", (char *)NULL);
}

static void open_peer (rival_t *self, const char *ask, const char *give, uint32_t ahead)
{
    peer_t *peer = (peer_t *)malloc (sizeof *peer);

    if (!peer)
        rival_fail ("out of memory");
    *peer = (peer_t){.ask = ask, .give = give};
    stream_open (&peer->pop, self->port);
    stream_open (&peer->push, self->port);
    self->own = peer;
    for (uint32_t i = 0; i < ahead; i++)
        buffer_text (&peer->pop.out, ask);
    stream_flush (&peer->pop);
}

static void open_worker (rival_t *self)
{
    open_peer (self, POP_TASK, PUSH_RESULT, self->plan->capacity);
}

static void open_client (rival_t *self)
{
    open_peer (self, POP_RESULT, PUSH_TASK, self->plan->window);
}

// The lines of a reply up to its last one: "*2", "$5", "tasks", "$72", what is carried.
static bool next_pop (stream_t *stream, slice_t *carried)
{
    slice_t octets = stream_peek (stream), rest = octets, line;

    for (unsigned i = 0; i < 4; i++) {
        if (!stream_line (rest, &line))
            return false;
        rest = slice_of (line.ptr + line.len + 2, rest.len - line.len - 2);
    }
    size_t size = stream_number (line);
    if (rest.len < size + 2)
        return false;
    *carried = slice_of (rest.ptr, size);
    stream_take (stream, octets.len - rest.len + size + 2);
    return true;
}

static void put_count (peer_t *peer, size_t octets)
{
    char size[32];
    int len = snprintf (size, sizeof size, "%zu\r\n", octets);

    buffer_text (&peer->push.out, peer->give);
    buffer_append (&peer->push.out, size, (size_t)len);
}

// What a push is answered with says nothing of interest.
static void forget_answers (peer_t *peer)
{
    while (stream_fill (&peer->push, false)) {
        slice_t octets = stream_peek (&peer->push);
        if (memchr (octets.ptr, '-', octets.len))
            rival_fail ("redis-server said -ERR");
        stream_take (&peer->push, octets.len);
    }
}

static void flush (rival_t *self)
{
    stream_flush (&((peer_t *)self->own)->push);
}

static void work (rival_t *self)
{
    peer_t *peer = (peer_t *)self->own;
    slice_t carried;

    (void)stream_fill (&peer->pop, true);
    while (next_pop (&peer->pop, &carried)) {
        put_count (peer, carried.len);
        buffer_slice (&peer->push.out, carried);
        buffer_text (&peer->push.out, "\r\n");
        buffer_text (&peer->pop.out, peer->ask);
        if (self->each)
            flush (self);
    }
    stream_flush (&peer->push);
    stream_flush (&peer->pop);
    forget_answers (peer);
}

static void put (rival_t *self, uint64_t number)
{
    peer_t *peer = (peer_t *)self->own;

    put_count (peer, RIVAL_NUMBER + self->wording.size);
    rival_append (self, number, &peer->push.out);
    buffer_text (&peer->push.out, "\r\n");
}

static void go (rival_t *self)
{
    peer_t *peer = (peer_t *)self->own;
    slice_t carried;

    (void)stream_fill (&peer->pop, true);
    while (next_pop (&peer->pop, &carried)) {
        rival_result (self, carried);
        buffer_text (&peer->pop.out, peer->ask);
    }
    stream_flush (&peer->pop);
    forget_answers (peer);
}

int main (int argc, char **argv)
{
    static const rival_kind_t kind = {.name = "redis",
                                      .become = become,
                                      .open_worker = open_worker,
                                      .open_client = open_client,
                                      .work = work,
                                      .put = put,
                                      .flush = flush,
                                      .go = go};

    return rival_main (&kind, argc, argv);
}
