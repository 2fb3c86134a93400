/*  The legacy framing (PROTOCOL 9): a count of octets, unsigned, 32 bits, big-endian, then so many
 *  octets of packet. What comes in pieces is put together here, what comes whole is not copied.
 *
 *      slice_t in = what came, frame;
 *      while ((what = framing_next (&framing, &in, &frame)) != FRAMING_MORE)
 *          switch (what) ...
 *
 *  Pure. Owns: the octets of the frame that is not whole yet. They grow with what came, whatever
 *  was claimed, and are counted in a budget that all framings of a house share.
 */
#ifndef TRANSPORTS_FRAMING_H
#define TRANSPORTS_FRAMING_H

#include "fabric/buffer.h"

#define FRAMING_PREFIX 4u // octets

/*  The longest frame that is skipped because it is over the limit. A longer one is no frame: it is
 *  how other protocols begin ("GET " is 1.2 GiB, a TLS handshake 352 MiB).
 */
#define FRAMING_SKIP_MAX (256u * 1024 * 1024)

typedef struct {
    size_t held;  // octets, by all framings that share it
    size_t limit; // octets
} framing_budget_t;

typedef struct {
    framing_budget_t *budget;
    uint32_t limit; // octets of a frame
    uint32_t want;  // octets of the frame that has begun
    uint32_t skip;  // octets of one that is too long which are still to come
    uint8_t prefix[FRAMING_PREFIX];
    unsigned prefix_len; // octets of it that came; all: a frame has begun
    buffer_t part;
    bool given; // `part` was given out, and is to be emptied
} framing_t;

typedef enum {
    FRAMING_MORE,     // `in` is empty: come again with more
    FRAMING_FRAME,    // a whole frame: good until the next call, or as long as `in`'s octets
    FRAMING_TOO_LONG, // one is over the limit: its octets are skipped
    FRAMING_LOST,     // no frame starts here: nothing after it can be read
    FRAMING_BUDGET,   // no room for what came of a frame: make some and call again, or give it up
    FRAMING_MEMORY    // as above, by the allocator
} framing_news_t;

void framing_init (framing_t *self, uint32_t limit, framing_budget_t *budget);
void framing_finish (framing_t *self);

// Takes octets off the front of *in up to the next news.
framing_news_t framing_next (framing_t *self, slice_t *in, slice_t *frame);

// Whether a frame has begun that has not ended.
bool framing_half (const framing_t *self);

// Octets that it holds of a frame that has not ended.
size_t framing_held (const framing_t *self);

static inline void framing_prefix (uint8_t prefix[static FRAMING_PREFIX], uint32_t len)
{
    for (unsigned i = 0; i < FRAMING_PREFIX; i++)
        prefix[i] = (uint8_t)(len >> (8 * (FRAMING_PREFIX - 1 - i)));
}

#endif
