/*  NATS: request and reply, workers in a queue group. It knows no capacity: a worker gets what is
 *  its turn, however much it has.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/rival.h"

typedef struct {
    slice_t reply; // where an answer goes
    slice_t payload;
} message_t;

static void become (uint16_t port)
{
    char text[16];

    snprintf (text, sizeof text, "%u", port);
    execlp ("nats-server", "nats-server", "-a", "127.0.0.1", "-p", text, (char *)NULL);
}

// The next message; what else the server says is taken on the way. False if there is none.
static bool next_message (stream_t *stream, message_t *message, bool *pong)
{
    slice_t line;

    while (stream_line (stream_peek (stream), &line)) {
        if (line.len > 4 && memcmp (line.ptr, "MSG ", 4) == 0) {
            size_t size = stream_number (line), all = line.len + 2 + size + 2;
            if (stream_peek (stream).len < all)
                return false;
            // MSG subject sid [reply] size
            const uint8_t *end = line.ptr + line.len;
            while (*--end != ' ')
                ;
            const uint8_t *start = end;
            while (start[-1] != ' ')
                start--;
            message->reply = slice_of (start, (size_t)(end - start));
            message->payload = slice_of (line.ptr + line.len + 2, size);
            stream_take (stream, all); // it stays where it is until more is read
            return true;
        }
        if (line.len == 4 && memcmp (line.ptr, "PING", 4) == 0)
            buffer_text (&stream->out, "PONG\r\n");
        else if (line.len > 0 && line.ptr[0] == '-')
            rival_fail ("nats-server said -ERR");
        else if (line.len == 4 && pong)
            *pong = true;
        stream_take (stream, line.len + 2);
    }
    return false;
}

static void open_stream (rival_t *self, const char *subscription)
{
    stream_t *stream = (stream_t *)malloc (sizeof *stream);
    message_t message;
    bool pong = false;

    if (!stream)
        rival_fail ("out of memory");
    stream_open (stream, self->port);
    self->own = stream;
    buffer_text (&stream->out, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
    buffer_text (&stream->out, subscription);
    buffer_text (&stream->out, "PING\r\n");
    stream_flush (stream);
    while (!pong) {
        (void)stream_fill (stream, true);
        (void)next_message (stream, &message, &pong);
    }
}

static void open_worker (rival_t *self)
{
    open_stream (self, "SUB bench workers 1\r\n");
}

static void open_client (rival_t *self)
{
    open_stream (self, "SUB _INBOX.1 1\r\n");
}

static void put_message (stream_t *stream, const char *head, slice_t subject, slice_t payload)
{
    char size[32];
    int len = snprintf (size, sizeof size, " %zu\r\n", payload.len);

    buffer_text (&stream->out, head);
    buffer_slice (&stream->out, subject);
    buffer_append (&stream->out, size, (size_t)len);
    buffer_slice (&stream->out, payload);
    buffer_text (&stream->out, "\r\n");
}

static void work (rival_t *self)
{
    stream_t *stream = (stream_t *)self->own;
    message_t message;

    (void)stream_fill (stream, true);
    while (next_message (stream, &message, NULL)) {
        put_message (stream, "PUB ", message.reply, message.payload);
        if (self->each)
            stream_flush (stream);
    }
    stream_flush (stream);
}

static void put (rival_t *self, uint64_t number)
{
    stream_t *stream = (stream_t *)self->own;
    char size[64];
    int len = snprintf (size, sizeof size, "PUB bench _INBOX.1 %zu\r\n",
                        RIVAL_NUMBER + self->wording.size);

    buffer_append (&stream->out, size, (size_t)len);
    rival_append (self, number, &stream->out);
    buffer_text (&stream->out, "\r\n");
}

static void flush (rival_t *self)
{
    stream_flush ((stream_t *)self->own);
}

static void go (rival_t *self)
{
    stream_t *stream = (stream_t *)self->own;
    message_t message;

    (void)stream_fill (stream, true);
    while (next_message (stream, &message, NULL))
        rival_result (self, message.payload);
}

int main (int argc, char **argv)
{
    static const rival_kind_t kind = {.name = "nats",
                                      .become = become,
                                      .open_worker = open_worker,
                                      .open_client = open_client,
                                      .work = work,
                                      .put = put,
                                      .flush = flush,
                                      .go = go};

    return rival_main (&kind, argc, argv);
}
