#include "cli/status_text.h"
#include "cli/columns.h"
#include "cli/progress.h"
#include "cli/safe_text.h"

#include <inttypes.h>
#include <stdio.h>

#define LABEL_COLUMNS 10

// A line of `label  piece   piece`, cut at `width`.
typedef struct {
    buffer_t text;
    bool empty;
} line_t;

static void line_init (line_t *line, const char *label)
{
    buffer_init (&line->text, SIZE_MAX);
    buffer_text (&line->text, label);
    for (size_t i = strlen (label); i < LABEL_COLUMNS; i++)
        buffer_octet (&line->text, ' ');
    line->empty = true;
}

static buffer_t *line_piece (line_t *line)
{
    if (!line->empty)
        buffer_text (&line->text, "   ");
    line->empty = false;
    return &line->text;
}

// Ends the line: without pieces it is not written.
static void line_write (line_t *line, size_t width, buffer_t *out)
{
    slice_t text = buffer_as_slice (&line->text);

    if (width && text.len > width)
        text.len = width;
    if (!line->empty) {
        buffer_slice (out, text);
        buffer_octet (out, '\n');
    }
    if (line->text.failed)
        out->failed = line->text.failed;
    buffer_finish (&line->text);
}

static uint64_t integer (const json_t *object, const char *key)
{
    json_int_t value = json_integer_value (json_object_get (object, key));

    return value > 0 ? (uint64_t)value : 0;
}

static void put_text (const json_t *string, buffer_t *out)
{
    safe_text_append (slice_of (json_string_value (string), json_string_length (string)), out);
}

// ---- the summary

static void put_count (line_t *line, uint64_t count, const char *one, const char *many)
{
    buffer_t *out = line_piece (line);

    columns_put_number (count, out);
    buffer_octet (out, ' ');
    buffer_text (out, count == 1 ? one : many);
}

static void put_share (line_t *line, uint64_t part, uint64_t whole, const char *what)
{
    buffer_t *out = line_piece (line);

    columns_put_number (part, out);
    buffer_text (out, " of ");
    columns_put_number (whole, out);
    buffer_text (out, what);
}

static void write_broker (const json_t *status, size_t width, buffer_t *out)
{
    const json_t *slots = json_object_get (status, "slots");
    const json_t *queue = json_object_get (status, "queue");
    double uptime = json_number_value (json_object_get (status, "uptime"));
    line_t line;

    line_init (&line, "broker");
    buffer_text (line_piece (&line), "zfabric ");
    put_text (json_object_get (status, "version"), &line.text);
    buffer_text (line_piece (&line), "up ");
    progress_put_span (uptime > 0 && uptime < 1e15 ? (span_t)(uptime * 1000) : 0, &line.text);
    if (json_is_true (json_object_get (status, "draining")))
        buffer_text (line_piece (&line), "stopping");
    put_count (&line, integer (status, "clients"), "client", "clients");
    put_count (&line, integer (status, "workers"), "worker", "workers");
    line_write (&line, width, out);
    line_init (&line, "load");
    put_share (&line, integer (slots, "busy"), integer (slots, "total"), " slots busy");
    put_share (&line, integer (queue, "length"), integer (queue, "limit"), " waiting");
    line_write (&line, width, out);
}

// The members of an object of numbers that are not 0, each as `NAME 12`.
static void write_counts (const char *label, const json_t *object, size_t width, buffer_t *out)
{
    const char *name;
    json_t *value;
    line_t line;

    line_init (&line, label);
    json_object_foreach ((json_t *)object, name, value)
    {
        if (!json_is_integer (value) || json_integer_value (value) <= 0)
            continue;
        safe_text_append (slice_text (name), line_piece (&line));
        buffer_octet (&line.text, ' ');
        columns_put_number ((uint64_t)json_integer_value (value), &line.text);
    }
    line_write (&line, width, out);
}

static void write_rates (const json_t *rates, size_t width, buffer_t *out)
{
    const char *name;
    json_t *value;
    line_t line;

    line_init (&line, "rates");
    json_object_foreach ((json_t *)rates, name, value)
    {
        double accepted = json_number_value (json_object_get (value, "accepted"));
        double ended = json_number_value (json_object_get (value, "ended"));
        if (accepted <= 0 && ended <= 0)
            continue;
        safe_text_append (slice_text (name), line_piece (&line));
        buffer_text (&line.text, ": ");
        progress_put_rate (accepted, &line.text);
        buffer_text (&line.text, "/s in, ");
        progress_put_rate (ended, &line.text);
        buffer_text (&line.text, "/s out");
    }
    line_write (&line, width, out);
}

static void put_octets (uint64_t octets, buffer_t *out)
{
    static const char *const units[] = {"octets", "KiB", "MiB", "GiB", "TiB"};
    char text[32];
    double value = (double)octets;
    unsigned unit = 0;

    for (; value >= 1024 && unit < 4; unit++)
        value /= 1024;
    snprintf (text, sizeof text, "%.*f %s", unit ? 1 : 0, value, units[unit]);
    buffer_text (out, text);
}

static void write_traffic (const json_t *status, size_t width, buffer_t *out)
{
    static const char *const ways[] = {"in", "out"};
    const json_t *packets = json_object_get (status, "packets");
    const json_t *octets = json_object_get (status, "octets");
    line_t line;

    line_init (&line, "traffic");
    for (size_t i = 0; i < 2; i++) {
        buffer_t *text = line_piece (&line);
        buffer_text (text, "packets ");
        buffer_text (text, ways[i]);
        buffer_octet (text, ' ');
        columns_put_number (integer (packets, ways[i]), text);
        buffer_text (text, " (");
        put_octets (integer (octets, ways[i]), text);
        buffer_octet (text, ')');
    }
    line_write (&line, width, out);
}

static void write_summary (const json_t *status, size_t width, buffer_t *out)
{
    const json_t *tasks = json_object_get (status, "tasks");

    write_broker (status, width, out);
    write_counts ("tasks", tasks, width, out);
    write_counts ("ended", json_object_get (tasks, "outcomes"), width, out);
    write_counts ("refused", json_object_get (tasks, "refused"), width, out);
    write_counts ("dropped", json_object_get (status, "dropped"), width, out);
    write_rates (json_object_get (status, "rates"), width, out);
    write_traffic (status, width, out);
}

// ---- the tables

// A cell of whatever type.
static void put_cell (columns_t *table, const json_t *value)
{
    if (json_is_integer (value) && json_integer_value (value) >= 0) {
        columns_number (table, (uint64_t)json_integer_value (value));
        return;
    }
    const char *text = json_string_value (value);
    columns_cell (table, text ? slice_of (text, json_string_length (value)) : slice_text ("-"));
}

static void put_pipelines (columns_t *table, const json_t *pipelines)
{
    size_t place;
    json_t *value;
    buffer_t text;

    buffer_init (&text, SIZE_MAX);
    json_array_foreach (pipelines, place, value)
    {
        if (place)
            buffer_octet (&text, ' ');
        buffer_append (&text, json_string_value (value), json_string_length (value));
    }
    columns_cell (table, buffer_as_slice (&text));
    buffer_finish (&text);
}

static void put_seconds (columns_t *table, double seconds)
{
    char text[32];

    snprintf (text, sizeof text, "%.1f s", seconds);
    columns_cell (table, slice_text (text));
}

static void write_workers (const json_t *workers, size_t width, buffer_t *out)
{
    static const char *const keys[] = {"id",       "name", "address", "codec",
                                       "capacity", "busy", "done",    "failed"};
    size_t place;
    json_t *worker;
    columns_t table;

    columns_init (&table,
                  "id>|name|address|codec|slots>|busy>|done>|failed>|heard>|state|pipelines");
    json_array_foreach (workers, place, worker)
    {
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            put_cell (&table, json_object_get (worker, keys[i]));
        put_seconds (&table, json_number_value (json_object_get (worker, "heard")));
        bool leaves = json_is_true (json_object_get (worker, "draining"));
        columns_cell (&table, slice_text (leaves                         ? "leaving"
                                          : integer (worker, "capacity") ? "serving"
                                                                         : "paused"));
        put_pipelines (&table, json_object_get (worker, "pipelines"));
    }
    columns_write (&table, width, out);
    columns_finish (&table);
}

static void write_tasks (const json_t *tasks, size_t width, buffer_t *out)
{
    size_t place;
    json_t *task;
    columns_t table;

    columns_init (&table, "cookie|state|age>|client>|worker>|attempt>|pipeline");
    json_array_foreach (tasks, place, task)
    {
        put_cell (&table, json_object_get (task, "cookie"));
        put_cell (&table, json_object_get (task, "state"));
        put_seconds (&table, json_number_value (json_object_get (task, "age")) / 1000);
        put_cell (&table, json_object_get (task, "client"));
        put_cell (&table, json_object_get (task, "worker"));
        put_cell (&table, json_object_get (task, "attempt"));
        put_cell (&table, json_object_get (task, "pipeline"));
    }
    columns_write (&table, width, out);
    columns_finish (&table);
}

void status_text_write (const status_documents_t *documents, size_t width, buffer_t *out)
{
    if (documents->status)
        write_summary (documents->status, width, out);
    if (json_array_size (documents->workers)) {
        buffer_octet (out, '\n');
        write_workers (documents->workers, width, out);
    }
    if (json_array_size (documents->tasks)) {
        buffer_octet (out, '\n');
        write_tasks (documents->tasks, width, out);
    }
}
