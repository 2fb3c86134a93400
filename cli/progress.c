#include "cli/progress.h"
#include "cli/columns.h"

#include <inttypes.h>
#include <stdio.h>

#define BAR_LONGEST  40 // columns between the brackets
#define BAR_SHORTEST 10 // less is no bar: it is left out

void progress_init (progress_t *self, moment_t now)
{
    *self = (progress_t){.start = now, .now_at = now, .now = {0, 0, -1}};
    self->marks[0] = (progress_mark_t){now, 0, 0};
    self->count = 1;
}

static const progress_mark_t *mark (const progress_t *self, size_t place)
{
    return &self->marks[(self->first + place) % PROGRESS_MARKS];
}

void progress_update (progress_t *self, moment_t now, progress_now_t what)
{
    self->now = what;
    self->now_at = now;
    if (now < mark (self, self->count - 1)->at + PROGRESS_MARK_MS)
        return;
    if (self->count == PROGRESS_MARKS) {
        self->first = (self->first + 1) % PROGRESS_MARKS;
        self->count--;
    }
    self->marks[(self->first + self->count++) % PROGRESS_MARKS] =
        (progress_mark_t){now, what.done, what.part > 0 ? what.part : 0};
}

static double elapsed_s (const progress_t *self)
{
    return (double)moment_until (mark (self, 0)->at, self->now_at) / 1000;
}

double progress_rate (const progress_t *self)
{
    double elapsed = elapsed_s (self);

    return elapsed > 0 ? (double)(self->now.done - mark (self, 0)->done) / elapsed : 0;
}

span_t progress_left (const progress_t *self)
{
    double elapsed = elapsed_s (self);

    if (self->now.part < 0 || elapsed <= 0)
        return MOMENT_NEVER;
    double speed = (self->now.part - mark (self, 0)->part) / elapsed;
    double left = (1 - self->now.part) / (speed > 0 ? speed : 1e-12);
    return left < 1e9 ? (span_t)(left * 1000) : MOMENT_NEVER;
}

void progress_put_span (span_t span, buffer_t *out)
{
    char text[48];
    uint64_t seconds = (span + 999) / 1000;

    if (seconds >= 3600)
        snprintf (text, sizeof text, "%" PRIu64 ":%02u:%02u", seconds / 3600,
                  (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
    else
        snprintf (text, sizeof text, "%u:%02u", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
    buffer_text (out, text);
}

void progress_put_rate (double rate, buffer_t *out)
{
    char text[32];

    if (rate >= 100) {
        columns_put_number ((uint64_t)(rate + 0.5), out);
        return;
    }
    snprintf (text, sizeof text, rate >= 10 ? "%.1f" : "%.2f", rate);
    buffer_text (out, rate > 0 ? text : "0");
}

// What stands to the right of the bar.
static void put_words (const progress_t *self, buffer_t *out)
{
    char percent[16];
    span_t left = progress_left (self);

    if (self->now.part >= 0) {
        snprintf (percent, sizeof percent, "%3d%%  ", (int)(self->now.part * 100));
        buffer_text (out, percent);
    }
    columns_put_number (self->now.done, out);
    buffer_text (out, " done");
    if (self->now.failed) {
        buffer_text (out, "  ");
        columns_put_number (self->now.failed, out);
        buffer_text (out, " failed");
    }
    buffer_text (out, "  ");
    progress_put_rate (progress_rate (self), out);
    buffer_text (out, "/s  ");
    bool known = left != MOMENT_NEVER;
    progress_put_span (known ? left : moment_until (self->start, self->now_at), out);
    buffer_text (out, known ? " left" : " so far");
}

static void put_bar (double part, size_t width, buffer_t *out)
{
    size_t full = (size_t)(part * (double)width);

    buffer_octet (out, '[');
    for (size_t i = 0; i < width; i++)
        buffer_octet (out, i < full ? '=' : i == full ? '>' : ' ');
    buffer_text (out, "] ");
}

void progress_write (const progress_t *self, size_t width, buffer_t *out)
{
    buffer_t words;

    buffer_init (&words, SIZE_MAX);
    put_words (self, &words);
    size_t around = words.len + 4; // brackets, space, and a free last column
    if (self->now.part >= 0 && width >= around + BAR_SHORTEST) {
        size_t room = width - around;
        put_bar (self->now.part, room < BAR_LONGEST ? room : BAR_LONGEST, out);
    }
    slice_t text = buffer_as_slice (&words);
    if (text.len >= width)
        text.len = width ? width - 1 : 0;
    buffer_slice (out, text);
    buffer_finish (&words);
}
