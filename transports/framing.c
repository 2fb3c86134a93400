/*  A frame that lies whole in what came is given out where it lies. Else its octets are gathered in
 *  `part`; the budget counts what is gathered, not what the allocator reserved for it, which is at
 *  most twice that.
 */
#include "transports/framing.h"

#include <errno.h>

void framing_init (framing_t *self, uint32_t limit, framing_budget_t *budget)
{
    *self = (framing_t){.budget = budget, .limit = limit};
    buffer_init (&self->part, limit);
}

static void drop_part (framing_t *self)
{
    self->budget->held -= self->part.len;
    buffer_finish (&self->part);
    buffer_init (&self->part, self->limit);
    self->given = false;
}

void framing_finish (framing_t *self)
{
    drop_part (self);
}

static slice_t take (slice_t *in, size_t len)
{
    slice_t taken = slice_of (in->ptr, len < in->len ? len : in->len);

    if (taken.len) {
        in->ptr += taken.len;
        in->len -= taken.len;
    }
    return taken;
}

static framing_news_t begin (framing_t *self)
{
    const uint8_t *prefix = self->prefix;

    self->want = (uint32_t)prefix[0] << 24 | (uint32_t)prefix[1] << 16 | (uint32_t)prefix[2] << 8
                 | prefix[3];
    if (self->want <= self->limit)
        return FRAMING_MORE;
    if (self->want > FRAMING_SKIP_MAX)
        return FRAMING_LOST;
    self->skip = self->want;
    self->prefix_len = 0;
    return FRAMING_TOO_LONG;
}

static framing_news_t gather (framing_t *self, slice_t *in)
{
    size_t len = self->want - self->part.len;

    if (len > in->len)
        len = in->len;
    if (len > self->budget->limit - self->budget->held)
        return FRAMING_BUDGET;
    buffer_append (&self->part, in->ptr, len);
    if (self->part.failed) {
        self->part.failed = 0;
        return FRAMING_MEMORY;
    }
    self->budget->held += len;
    (void)take (in, len);
    return FRAMING_MORE;
}

framing_news_t framing_next (framing_t *self, slice_t *in, slice_t *frame)
{
    if (self->given)
        drop_part (self);
    self->skip -= (uint32_t)take (in, self->skip).len;
    if (self->prefix_len < FRAMING_PREFIX) {
        slice_t octets = take (in, FRAMING_PREFIX - self->prefix_len);
        if (octets.len)
            memcpy (self->prefix + self->prefix_len, octets.ptr, octets.len);
        self->prefix_len += (unsigned)octets.len;
        if (self->prefix_len < FRAMING_PREFIX)
            return FRAMING_MORE;
    }
    framing_news_t news = begin (self);
    if (news != FRAMING_MORE)
        return news;
    if (self->part.len == 0 && in->len >= self->want) {
        *frame = take (in, self->want);
        self->prefix_len = 0;
        return FRAMING_FRAME;
    }
    news = gather (self, in);
    if (news != FRAMING_MORE || self->part.len < self->want)
        return news;
    *frame = buffer_as_slice (&self->part);
    self->prefix_len = 0;
    self->given = true;
    return FRAMING_FRAME;
}

bool framing_half (const framing_t *self)
{
    return self->prefix_len > 0 || self->skip > 0;
}

size_t framing_held (const framing_t *self)
{
    return self->part.len;
}
