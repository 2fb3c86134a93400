#include "cli/each_report.h"
#include "cli/complain.h"
#include "cli/safe_text.h"
#include "cli/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

void each_report_init (each_report_t *self, bool quiet, moment_t now)
{
    *self = (each_report_t){.quiet = quiet,
                            .bar = !quiet && terminal_is (STDERR_FILENO),
                            .shared = isatty (STDOUT_FILENO),
                            .start = now};
    progress_init (&self->progress, now);
}

static void hide_bar (each_report_t *self)
{
    if (!self->drawn)
        return;
    fputs (TERMINAL_CLEAR_LINE, stderr);
    self->drawn = false;
}

void each_report_result (each_report_t *self, slice_t text)
{
    if (self->shared)
        hide_bar (self);
    if (text.len)
        fwrite (text.ptr, 1, text.len, stdout);
    putchar ('\n');
}

void each_report_failure (each_report_t *self, uint64_t line, const char *code, slice_t words)
{
    buffer_t text;

    buffer_init (&text, SIZE_MAX);
    safe_text_append (words, &text);
    hide_bar (self);
    fprintf (stderr, "line %" PRIu64 ": %s: ", line, code);
    fwrite (text.data, 1, text.len, stderr);
    fputc ('\n', stderr);
    buffer_finish (&text);
    each_report_result (self, slice_text ("null"));
}

void each_report_note (each_report_t *self, const char *text)
{
    hide_bar (self);
    complain ("%s", text);
}

void each_report_draw (each_report_t *self, moment_t now, double part)
{
    buffer_t text;
    size_t width;

    progress_update (
        &self->progress, now,
        (progress_now_t){tally_total (&self->tally), tally_failed (&self->tally), part});
    // One that is not standing there was hidden by a line: not worth a drawing for each of those.
    if (!self->bar || now < self->drawn_at + EACH_BAR_MS)
        return;
    self->drawn_at = now;
    terminal_size (STDERR_FILENO, &width, NULL);
    buffer_init (&text, SIZE_MAX);
    buffer_text (&text, TERMINAL_CLEAR_LINE);
    progress_write (&self->progress, width, &text);
    fwrite (text.data, 1, text.len, stderr);
    (void)fflush (stderr); // a bar that can't be drawn is no failure
    buffer_finish (&text);
    self->drawn = true;
}

void each_report_finish (each_report_t *self, moment_t now)
{
    buffer_t text;

    hide_bar (self);
    if (self->quiet)
        return;
    buffer_init (&text, SIZE_MAX);
    tally_write (&self->tally, moment_until (self->start, now), &text);
    buffer_octet (&text, '\n');
    fwrite (text.data, 1, text.len, stderr);
    buffer_finish (&text);
}
