/*  A TCP connection of a benchmark's peer: what comes is gathered until it makes sense, what goes
 *  is gathered until it is flushed. Any failure ends the program: it is a benchmark.
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include <stdint.h>

#include "fabric/buffer.h"

typedef struct {
    int socket;
    uint8_t *in;
    size_t from, to, size; // of `in`: what is there and not yet taken; how much there is room for
    buffer_t out;
} stream_t;

void stream_open (stream_t *self, uint16_t port);

// Whether somebody listens on that port of 127.0.0.1.
bool stream_answers (uint16_t port);

// Sends what is in `out`.
void stream_flush (stream_t *self);

// Reads what there is; `wait`: until there is something. False if there was nothing.
bool stream_fill (stream_t *self, bool wait);

// What is there; what was understood is taken away.
slice_t stream_peek (const stream_t *self);
void stream_take (stream_t *self, size_t octets);

// A line up to its \r\n, not counted; its length + 2 is to be taken. False if it is not all there.
bool stream_line (slice_t octets, slice_t *line);

// The decimal number at the end of a text.
size_t stream_number (slice_t text);

#endif
