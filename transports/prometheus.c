/*  What is a number in the document is a row of a table here; only what has a series for each
 *  pipeline or side has a function. A buffer that could not grow is asked for once, at the end.
 */
#include "transports/prometheus.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEPTH 2 // of what is read in the document by a path

typedef struct {
    const char *name;
    const char *type;
    const char *help;
    const char *path[DEPTH]; // to a number; where there is a label, to an object of numbers
    const char *label;       // what the object's keys are
    bool ms;                 // the document has ms, Prometheus wants seconds
} family_t;

#define GAUGE(name, help, ...)                                                                     \
    {                                                                                              \
        name, "gauge", help, {__VA_ARGS__}, NULL, false                                            \
    }
#define COUNTER(name, help, ...)                                                                   \
    {                                                                                              \
        name "_total", "counter", help, {__VA_ARGS__}, NULL, false                                 \
    }
#define COUNTERS(name, label, help, ...)                                                           \
    {                                                                                              \
        name "_total", "counter", help, {__VA_ARGS__}, label, false                                \
    }

static const family_t families[] = {
    GAUGE ("zfabric_uptime_seconds", "Since the broker started.", "uptime"),
    GAUGE ("zfabric_clients", "Clients that are there.", "clients"),
    GAUGE ("zfabric_workers", "Workers that are registered.", "workers"),
    GAUGE ("zfabric_slots", "Tasks that the workers can run at once.", "slots", "total"),
    GAUGE ("zfabric_slots_busy", "Slots that are taken.", "slots", "busy"),
    GAUGE ("zfabric_queue_length", "Tasks that wait.", "queue", "length"),
    GAUGE ("zfabric_queue_limit", "Tasks that may wait.", "queue", "limit"),
    COUNTER ("zfabric_tasks_accepted", "Tasks that were taken on.", "tasks", "accepted"),
    COUNTERS ("zfabric_tasks_refused",
              "rc",
              "Tasks that were refused at once, by result code.",
              "tasks",
              "refused"),
    COUNTER ("zfabric_tasks_requeued",
             "Tasks that lost their worker and waited for another.",
             "tasks",
             "requeued"),
    GAUGE ("zfabric_tasks_lingering",
           "Tasks that are over but still hold their worker's slot.",
           "tasks",
           "lingering"),
    COUNTER ("zfabric_partials", "Pieces of results that were passed on.", "tasks", "partials"),
    COUNTERS ("zfabric_packets_dropped",
              "reason",
              "Packets that were dropped, or refused unread.",
              "dropped"),
    COUNTER ("zfabric_packets_received", "Packets that came in.", "packets", "in"),
    COUNTER ("zfabric_packets_sent", "Packets that went out.", "packets", "out"),
    COUNTER ("zfabric_received_bytes", "Headers and payloads that came in.", "octets", "in"),
    COUNTER ("zfabric_sent_bytes", "Headers and payloads that went out.", "octets", "out"),
    GAUGE ("process_resident_memory_bytes", "Memory of the broker.", "process", "resident"),
    GAUGE ("process_virtual_memory_bytes", "Address space of the broker.", "process", "virtual"),
    GAUGE ("process_open_fds", "Descriptors that the broker has open.", "process", "descriptors"),
    GAUGE ("process_max_fds", "Descriptors that it may have open.", "process", "descriptors_max"),
    {"process_cpu_seconds_total",
     "counter",
     "Processor time of the broker.",
     {"process", "processor"},
     NULL,
     true},
    {"process_start_time_seconds",
     "gauge",
     "When the broker started, since 1970.",
     {"process", "started"},
     NULL,
     true},
};

// ---- words

static void say (buffer_t *out, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

// Names and numbers of this file's; nothing that a peer chose, which may be long.
static void say (buffer_t *out, const char *format, ...)
{
    char text[320];
    va_list args;

    va_start (args, format);
    (void)vsnprintf (text, sizeof text, format, args);
    va_end (args);
    buffer_text (out, text);
}

static void head (buffer_t *out, const char *name, const char *type, const char *help)
{
    say (out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

// A label's value: any UTF-8, but for what ends it.
static void label (buffer_t *out, const char *name, slice_t value)
{
    say (out, "%s=\"", name);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\n') {
            buffer_text (out, "\\n");
            continue;
        }
        if (value.ptr[i] == '"' || value.ptr[i] == '\\')
            buffer_octet (out, '\\');
        buffer_octet (out, value.ptr[i]);
    }
    buffer_octet (out, '"');
}

static void number (buffer_t *out, const json_t *value, bool ms)
{
    if (ms)
        say (out, " %.3f\n", json_number_value (value) / 1000);
    else if (json_is_integer (value))
        say (out, " %" JSON_INTEGER_FORMAT "\n", json_integer_value (value));
    else
        say (out, " %.9g\n", json_number_value (value));
}

// ---- families that are rows

static void write_labelled (buffer_t *out, const family_t *family, json_t *object)
{
    const char *key;
    json_t *value;

    json_object_foreach (object, key, value)
    {
        if (!json_is_number (value))
            continue;
        say (out, "%s{", family->name);
        label (out, family->label, slice_text (key));
        buffer_octet (out, '}');
        number (out, value, family->ms);
    }
}

static void write_family (buffer_t *out, const family_t *family, json_t *document)
{
    json_t *value = document;

    for (size_t i = 0; i < DEPTH && family->path[i]; i++)
        value = json_object_get (value, family->path[i]);
    if (family->label ? !json_is_object (value) : !json_is_number (value))
        return;
    head (out, family->name, family->type, family->help);
    if (family->label) {
        write_labelled (out, family, value);
    } else {
        buffer_text (out, family->name);
        number (out, value, family->ms);
    }
}

static void write_version (buffer_t *out, json_t *document)
{
    const char *version = json_string_value (json_object_get (document, "version"));

    if (!version)
        return;
    head (out, "zfabric_build_info", "gauge", "Always 1; the broker's version is its label.");
    buffer_text (out, "zfabric_build_info{");
    label (out, "version", slice_text (version));
    buffer_text (out, "} 1\n");
}

// ---- connections

static void write_connections (buffer_t *out, json_t *document)
{
    static const struct {
        const char *name, *key, *help;
    } counters[] = {
        {"zfabric_connections_accepted_total", "accepted", "Connections that were accepted."},
        {"zfabric_connections_closed_total", "closed", "Connections that have ended since."},
    };
    json_t *sides = json_object_get (document, "connections"), *counts;
    const char *side;

    for (size_t i = 0; json_is_object (sides) && i < sizeof counters / sizeof *counters; i++) {
        head (out, counters[i].name, "counter", counters[i].help);
        json_object_foreach (sides, side, counts)
        {
            json_t *count = json_object_get (counts, counters[i].key);
            if (!json_is_integer (count))
                continue;
            say (out, "%s{", counters[i].name);
            label (out, "side", slice_text (side));
            buffer_octet (out, '}');
            number (out, count, false);
        }
    }
}

// ---- pipelines

// The series of a pipeline up to its labels, which the caller ends. null: those without a row.
static void series (buffer_t *out, const char *name, const json_t *row)
{
    const json_t *pipeline = json_object_get (row, "pipeline");
    slice_t text = slice_text ("other");

    if (json_is_string (pipeline))
        text = slice_of (json_string_value (pipeline), json_string_length (pipeline));
    say (out, "%s{", name);
    label (out, "pipeline", text);
}

static void write_outcomes (buffer_t *out, json_t *rows)
{
    const char *rc;
    json_t *row, *count;
    size_t i;

    head (out, "zfabric_tasks_total", "counter", "Tasks that have ended, by result code.");
    json_array_foreach (rows, i, row)
    {
        json_object_foreach (json_object_get (row, "outcomes"), rc, count)
        {
            series (out, "zfabric_tasks_total", row);
            buffer_octet (out, ',');
            label (out, "rc", slice_text (rc));
            buffer_octet (out, '}');
            number (out, count, false);
        }
    }
}

static void
write_gauge (buffer_t *out, json_t *rows, const char *key, const char *name, const char *help)
{
    json_t *row;
    size_t i;

    head (out, name, "gauge", help);
    json_array_foreach (rows, i, row)
    {
        const json_t *count = json_object_get (row, key);
        if (!json_is_integer (count))
            continue;
        series (out, name, row);
        buffer_octet (out, '}');
        number (out, count, false);
    }
}

// Prometheus' buckets hold those below as well; the document's hold their own.
static void write_histogram (buffer_t *out,
                             const json_t *row,
                             const json_t *histogram,
                             const json_t *bounds,
                             const char *name)
{
    const json_t *counts = json_object_get (histogram, "counts");
    json_int_t below = 0;
    char part[96];

    if (json_array_size (counts) != json_array_size (bounds) + 1)
        return;
    (void)snprintf (part, sizeof part, "%s_bucket", name);
    for (size_t i = 0; i < json_array_size (counts); i++) {
        below += json_integer_value (json_array_get (counts, i));
        series (out, part, row);
        if (i < json_array_size (bounds))
            say (out, ",le=\"%g\"}", json_number_value (json_array_get (bounds, i)) / 1000);
        else
            buffer_text (out, ",le=\"+Inf\"}");
        say (out, " %" JSON_INTEGER_FORMAT "\n", below);
    }
    (void)snprintf (part, sizeof part, "%s_sum", name);
    series (out, part, row);
    say (out, "} %.3f\n", json_number_value (json_object_get (histogram, "sum")) / 1000);
    (void)snprintf (part, sizeof part, "%s_count", name);
    series (out, part, row);
    say (out, "} %" JSON_INTEGER_FORMAT "\n", below);
}

static void write_histograms (
    buffer_t *out, json_t *document, const char *key, const char *name, const char *help)
{
    const json_t *bounds = json_object_get (document, "bounds");
    json_t *row;
    size_t i;

    head (out, name, "histogram", help);
    json_array_foreach (json_object_get (document, "pipelines"), i, row)
        write_histogram (out, row, json_object_get (row, key), bounds, name);
}

static void write_pipelines (buffer_t *out, json_t *document)
{
    json_t *rows = json_object_get (document, "pipelines");

    if (!json_is_array (rows))
        return;
    write_outcomes (out, rows);
    write_gauge (out, rows, "queued", "zfabric_tasks_queued", "Tasks that wait for a worker.");
    write_gauge (out, rows, "running", "zfabric_tasks_running", "Tasks that a worker has.");
    write_histograms (out, document, "waited", "zfabric_task_waiting_seconds",
                      "From a task's arrival to its first worker, or to its end without one.");
    write_histograms (out, document, "ran", "zfabric_task_running_seconds",
                      "From a worker's being given a task to its end.");
}

// ----

int prometheus_write (slice_t octets, buffer_t *out, fault_t *fault)
{
    json_t *document =
        json_loadb ((const char *)octets.ptr, octets.len, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object (document)) {
        json_decref (document);
        fault_set (fault, "the metrics are not a JSON object");
        errno = EPROTO;
        return -1;
    }
    write_version (out, document);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        write_family (out, &families[i], document);
    write_connections (out, document);
    write_pipelines (out, document);
    json_decref (document);
    if (!out->failed)
        return 0;
    fault_set (fault, "the metrics as text: %s", strerror (out->failed));
    errno = out->failed;
    return -1;
}
