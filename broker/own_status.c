/*  `$ping`, `$status`, and `$metrics`, which is `$status` and more.
 */
#include "broker/own_inner.h"

#include "zfabric_version.h"

json_t *own_number (uint64_t value)
{
    return json_integer ((json_int_t)(value > INT64_MAX ? INT64_MAX : value));
}

static json_t *codes (const uint64_t counts[static ZFABRIC_RESULT_COUNT])
{
    json_t *object = json_object ();

    for (unsigned rc = 0; rc < ZFABRIC_RESULT_COUNT; rc++)
        json_object_set_new (object, zfabric_rc_name ((zfabric_rc_t)rc), own_number (counts[rc]));
    return object;
}

json_t *own_ping (const switchboard_t *self)
{
    (void)self;
    return json_pack ("{s:s, s:i}", "version", ZFABRIC_VERSION, "protocol", ZFABRIC_PROTOCOL);
}

// ---- $status

static json_t *rates (const switchboard_t *self)
{
    static const struct {
        unsigned seconds;
        const char *name;
    } spans[] = {{1, "1s"}, {10, "10s"}, {60, "60s"}};
    json_t *object = json_object ();

    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        stats_rate_t rate = stats_rate (&self->stats, self->now, spans[i].seconds);
        json_t *one = json_pack ("{s:f, s:f}", "accepted", rate.accepted, "ended", rate.ended);
        json_object_set_new (object, spans[i].name, one);
    }
    return object;
}

static json_t *drops (const switchboard_t *self)
{
    json_t *object = json_object ();

    for (unsigned drop = 0; drop < STATS_DROP_COUNT; drop++)
        json_object_set_new (object, stats_drop_name ((stats_drop_t)drop),
                             own_number (self->stats.dropped[drop]));
    return object;
}

static json_t *task_counts (const switchboard_t *self)
{
    const stats_t *stats = &self->stats;
    uint64_t waiting = self->waiting.count + self->parked;

    return json_pack ("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "accepted",
                      own_number (stats->accepted), "open", own_number (self->open), "queued",
                      own_number (waiting), "running", own_number (self->open - waiting),
                      "lingering", own_number (self->lingering), "requeued",
                      own_number (stats->requeued), "partials", own_number (stats->partials),
                      "outcomes", codes (stats->ended), "refused", codes (stats->refused));
}

json_t *own_status (const switchboard_t *self)
{
    const stats_t *stats = &self->stats;
    json_t *object = own_ping (self);

    json_object_set_new (object, "uptime", json_real ((double)(self->now - self->started) / 1000));
    json_object_set_new (object, "draining", json_boolean (self->draining));
    json_object_set_new (object, "clients", own_number (self->clients_count));
    json_object_set_new (object, "workers", own_number (self->roster.count));
    json_object_set_new (object, "slots",
                         json_pack ("{s:o, s:o}", "total", own_number (self->roster.slots), "busy",
                                    own_number (self->roster.busy)));
    json_object_set_new (object, "queue",
                         json_pack ("{s:o, s:o}", "length",
                                    own_number (self->waiting.count + self->parked), "limit",
                                    own_number (self->limits.queue)));
    json_object_set_new (object, "tasks", task_counts (self));
    json_object_set_new (object, "dropped", drops (self));
    json_object_set_new (object, "packets",
                         json_pack ("{s:o, s:o}", "in", own_number (stats->packets_in), "out",
                                    own_number (stats->packets_out)));
    json_object_set_new (object, "octets",
                         json_pack ("{s:o, s:o}", "in", own_number (stats->octets_in), "out",
                                    own_number (stats->octets_out)));
    json_object_set_new (object, "rates", rates (self));
    return object;
}

// ---- $metrics

static json_t *histogram (const metrics_histogram_t *histogram)
{
    json_t *counts = json_array ();

    for (size_t i = 0; i <= METRICS_BOUND_COUNT; i++)
        json_array_append_new (counts, own_number (histogram->counts[i]));
    return json_pack ("{s:o, s:o}", "counts", counts, "sum", own_number (histogram->sum_ms));
}

static json_t *pipeline_row (const metrics_pipeline_t *row, bool other)
{
    json_t *name = other ? json_null () : json_stringn ((const char *)row->name, row->name_len);

    return json_pack ("{s:o, s:o, s:o, s:o, s:o, s:o}", "pipeline", name, "queued",
                      own_number (row->waiting), "running", own_number (row->running), "outcomes",
                      codes (row->ended), "waited", histogram (&row->waited), "ran",
                      histogram (&row->ran));
}

static json_t *pipelines (const metrics_t *metrics)
{
    json_t *array = json_array ();

    for (size_t row = 0; row < metrics->count; row++)
        json_array_append_new (array,
                               pipeline_row (&metrics->pipelines[row], row == METRICS_OTHER));
    return array;
}

static json_t *bounds (void)
{
    json_t *array = json_array ();

    for (size_t i = 0; i < METRICS_BOUND_COUNT; i++)
        json_array_append_new (array, own_number (metrics_bounds[i]));
    return array;
}

static json_t *connections (const sb_survey_t *survey, sb_side_t side)
{
    return json_pack ("{s:o, s:o}", "accepted", own_number (survey->accepted[side]), "closed",
                      own_number (survey->closed[side]));
}

static json_t *process (const sb_survey_t *survey)
{
    return json_pack (
        "{s:o, s:o, s:o, s:o, s:o, s:o}", "resident", own_number (survey->resident), "virtual",
        own_number (survey->virtual), "descriptors", own_number (survey->descriptors),
        "descriptors_max", own_number (survey->descriptors_max), "processor",
        own_number (survey->processor_ms), "started", own_number (survey->started_ms));
}

json_t *own_metrics (const switchboard_t *self)
{
    json_t *object = own_status (self);
    sb_survey_t survey = {0};

    if (self->sink.survey)
        self->sink.survey (self->sink.arg, &survey);
    json_object_set_new (object, "bounds", bounds ());
    json_object_set_new (object, "pipelines", pipelines (&self->metrics));
    json_object_set_new (object, "connections",
                         json_pack ("{s:o, s:o}", "clients", connections (&survey, SB_CLIENT_SIDE),
                                    "workers", connections (&survey, SB_WORKER_SIDE)));
    json_object_set_new (object, "process", process (&survey));
    return object;
}
