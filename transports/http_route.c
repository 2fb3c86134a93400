#include "transports/http_route.h"

#include <jansson.h>
#include <stdio.h>

#include "transports/openapi.h"
#include "transports/page.h"
#include "transports/prometheus.h"

// ---- answers

// Whether the broker is there: that it answered says so.
static unsigned shape_health (slice_t answer, buffer_t *out)
{
    (void)answer;
    buffer_text (out, "ok\n");
    return 200;
}

// Whether a task that came now would be taken: by the numbers of $status.
static unsigned shape_ready (slice_t answer, buffer_t *out)
{
    json_t *status = json_loadb ((const char *)answer.ptr, answer.len, 0, NULL);
    bool draining = json_is_true (json_object_get (status, "draining"));
    json_int_t workers = json_integer_value (json_object_get (status, "workers"));

    json_decref (status);
    if (!draining && workers > 0) {
        buffer_text (out, "ready\n");
        return 200;
    }
    buffer_text (out, draining ? "draining\n" : "no workers\n");
    return 503;
}

// What Prometheus reads.
static unsigned shape_metrics (slice_t answer, buffer_t *out)
{
    fault_t fault;

    if (prometheus_write (answer, out, &fault) == 0)
        return 200;
    buffer_reset (out);
    buffer_text (out, fault.text);
    return 500;
}

// ---- the table

#define TEXT "text/plain; charset=utf-8"

static const http_route_t routes[] = {
    {.method = "POST", .path = "/v1/run/*", .action = HTTP_RUN},
    {.method = "DELETE", .path = "/v1/run/*", .action = HTTP_CANCEL},
    {.method = "POST", .path = "/v1/stream/stream", .action = HTTP_STREAM},
    {.method = "GET", .path = "/v1/status", .action = HTTP_ASK, .pipeline = "$status"},
    {.method = "GET", .path = "/v1/workers", .action = HTTP_ASK, .pipeline = "$workers"},
    {.method = "GET", .path = "/v1/tasks", .action = HTTP_ASK, .pipeline = "$tasks"},
    {.method = "GET",
     .path = "/v1/explain/*",
     .action = HTTP_ASK,
     .pipeline = "$explain",
     .cookie = true},
    {.method = "GET",
     .path = "/healthz",
     .action = HTTP_ASK,
     .open = true,
     .pipeline = "$ping",
     .shape = shape_health,
     .type = TEXT},
    {.method = "GET",
     .path = "/metrics",
     .action = HTTP_ASK,
     .pipeline = "$metrics",
     .shape = shape_metrics,
     .type = PROMETHEUS_MEDIA},
    {.method = "GET", .path = "/v1/metrics", .action = HTTP_ASK, .pipeline = "$metrics"},
    {.method = "GET", .path = "/v1/events", .action = HTTP_WATCH},
    {.method = "GET",
     .path = "/",
     .action = HTTP_SHOW,
     .type = PAGE_MEDIA,
     .text = page_text,
     .asks = true,
     .page = true},
    {.method = "GET",
     .path = "/openapi.json",
     .action = HTTP_SHOW,
     .type = "application/json",
     .text = openapi_text},
    {.method = "GET",
     .path = "/readyz",
     .action = HTTP_ASK,
     .pipeline = "$status",
     .shape = shape_ready,
     .type = TEXT},
};

static bool leads_to (const http_route_t *route, slice_t path, slice_t *rest)
{
    size_t len = strlen (route->path);
    bool star = route->path[len - 1] == '*';

    len -= star;
    if (star ? path.len <= len : path.len != len)
        return false;
    *rest = slice_of (path.ptr + len, path.len - len);
    return memcmp (path.ptr, route->path, len) == 0;
}

static void allow (const char *method, char allowed[HTTP_ALLOWED_MAX])
{
    size_t len = strlen (allowed);

    snprintf (allowed + len, HTTP_ALLOWED_MAX - len, "%s%s", len ? ", " : "", method);
}

const http_route_t *
http_route_of (slice_t method, slice_t path, slice_t *rest, char allowed[HTTP_ALLOWED_MAX])
{
    bool head = slice_equal (method, slice_text ("HEAD"));

    allowed[0] = '\0';
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!leads_to (&routes[i], path, rest))
            continue;
        if (slice_equal (head ? slice_text ("GET") : method, slice_text (routes[i].method)))
            return &routes[i];
        allow (strcmp (routes[i].method, "GET") == 0 ? "GET, HEAD" : routes[i].method, allowed);
    }
    if (*allowed)
        allow ("OPTIONS", allowed);
    return NULL;
}
