#include "cli/bench_plot.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/bench_report.h"

#define WIDTH       900
#define HEIGHT      480
#define LEFT        80
#define RIGHT       30
#define TOP         50
#define BOTTOM      60
#define STEPS       24 // points of the curve in each decade
#define LINE_OCTETS 512

typedef struct {
    const histogram_t *latency;
    unsigned nines; // decades across: the last one has a task left over
    int low, high;  // decades of ns upwards
    buffer_t *out;
} plot_t;

static void put (buffer_t *out, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

static void put (buffer_t *out, const char *format, ...)
{
    char line[LINE_OCTETS];
    va_list args;

    va_start (args, format);
    (void)vsnprintf (line, sizeof line, format, args);
    va_end (args);
    buffer_text (out, line);
}

// Where so many nines are, and so many ns.
static double across (const plot_t *self, double nines)
{
    return LEFT + nines / self->nines * (WIDTH - LEFT - RIGHT);
}

static double upwards (const plot_t *self, double ns)
{
    double decades = log10 (ns < 1 ? 1 : ns) - self->low;

    return HEIGHT - BOTTOM - decades / (self->high - self->low) * (HEIGHT - TOP - BOTTOM);
}

static void measure (plot_t *self)
{
    double count = (double)(self->latency->count > 1 ? self->latency->count : 2);
    double least = self->latency->count ? (double)self->latency->least : 1;
    double most = self->latency->count ? (double)self->latency->most : 1;

    self->nines = (unsigned)ceil (log10 (count));
    self->low = (int)floor (log10 (least < 1 ? 1 : least));
    self->high = (int)ceil (log10 (most < 1 ? 1 : most));
    if (self->high <= self->low)
        self->high = self->low + 1;
}

static void draw_line (const plot_t *self, double x1, double y1, double x2, double y2)
{
    put (self->out, "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"#ddd\"/>\n", x1, y1, x2, y2);
}

static void draw_shares (const plot_t *self)
{
    static const char *const names[] = {"0", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"};

    for (unsigned i = 0; i <= self->nines; i++) {
        double x = across (self, i);
        draw_line (self, x, TOP, x, HEIGHT - BOTTOM);
        if (i < sizeof names / sizeof *names)
            put (self->out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x,
                 HEIGHT - BOTTOM + 20, names[i]);
    }
    put (self->out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">of all tasks</text>\n",
         (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 15);
}

static void draw_latencies (const plot_t *self)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};

    for (int i = self->low; i <= self->high; i++) {
        double y = upwards (self, pow (10, i));
        unsigned unit = i / 3 < 3 ? (unsigned)i / 3 : 3;
        draw_line (self, LEFT, y, WIDTH - RIGHT, y);
        put (self->out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.0f %s</text>\n", LEFT - 8,
             y + 4, pow (10, i - 3 * (int)unit), units[unit]);
    }
}

static void draw_curve (const plot_t *self)
{
    put (self->out, "<path fill=\"none\" stroke=\"#06c\" stroke-width=\"2\" d=\"");
    for (unsigned i = 0; i <= self->nines * STEPS; i++) {
        double nines = (double)i / STEPS;
        double latency = (double)histogram_at (self->latency, 1 - pow (10, -nines));
        put (self->out, "%c%.1f %.1f", i ? 'L' : 'M', across (self, nines),
             upwards (self, latency));
    }
    put (self->out, "\"/>\n");
}

// The title has an endpoint in it, that came from outside.
static void put_escaped (buffer_t *out, const buffer_t *text)
{
    for (size_t i = 0; i < text->len; i++) {
        uint8_t c = text->data[i];
        if (c == '<' || c == '>' || c == '&')
            put (out, "&#%u;", c);
        else if (c >= 0x20)
            buffer_octet (out, c);
    }
}

void bench_plot (const load_plan_t *plan, const load_report_t *report, buffer_t *out)
{
    plot_t self = {.latency = &report->latency, .out = out};
    buffer_t title;

    buffer_init (&title, SIZE_MAX);
    bench_report_title (plan, &title);
    measure (&self);
    put (
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\""
        " font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        WIDTH, HEIGHT);
    put (out, "<text x=\"%d\" y=\"28\">", LEFT);
    put_escaped (out, &title);
    put (out, "</text>\n");
    draw_shares (&self);
    draw_latencies (&self);
    draw_curve (&self);
    put (out, "</svg>\n");
    if (title.failed)
        out->failed = title.failed;
    buffer_finish (&title);
}
