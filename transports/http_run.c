/*  The parameters are put into a header as they are, as far as JSON has it; what is wrong with them
 *  the codec's own reader says then, so there is one place that knows what a RUN may say.
 */
#include "transports/http_run.h"

#include <errno.h>

#include "codec/json.h"
#include "transports/http_query.h"

#define DIGITS_MAX 19u  // of a number: beyond, every limit has been passed
#define PASSED_ON  512u // octets of a value that is passed on

typedef enum { NUMBER, FLAG, WORD } kind_t;

static const struct {
    const char *name;
    kind_t kind;
} parameters[] = {
    {"timeout", NUMBER}, {"wait", NUMBER}, {"priority", NUMBER}, {"retries", NUMBER},
    {"detach", FLAG},    {"stream", FLAG}, {"orphan", WORD},
};

#define PARAMETERS (sizeof parameters / sizeof *parameters)

static int wrong (fault_t *fault, const char *name, const char *words)
{
    fault_set (fault, "%s: %s", name, words);
    errno = EPROTO;
    return -1;
}

static int put_number (slice_t value, buffer_t *header)
{
    size_t zeros = 0;

    if (value.len == 0 || value.len > DIGITS_MAX)
        return -1;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return -1;
    }
    while (zeros + 1 < value.len && value.ptr[zeros] == '0')
        zeros++; // JSON has none in front
    buffer_append (header, value.ptr + zeros, value.len - zeros);
    return 0;
}

// `?detach`, `?detach=true`, `?detach=1`.
static int read_flag (slice_t value, bool *flag)
{
    *flag = !value.ptr || http_is (value, "true") || http_is (value, "1");
    return *flag || http_is (value, "false") || http_is (value, "0") ? 0 : -1;
}

static int
put_parameter (size_t which, slice_t value, bool *stream, buffer_t *header, fault_t *fault)
{
    const char *name = parameters[which].name;
    bool flag;

    if (strcmp (name, "stream") == 0)
        return read_flag (value, stream) ? wrong (fault, name, "not true or false") : 0;
    buffer_text (header, ",\"");
    buffer_text (header, name);
    buffer_text (header, "\":");
    switch (parameters[which].kind) {
    case NUMBER:
        return put_number (value, header) ? wrong (fault, name, "not a number") : 0;
    case FLAG:
        if (read_flag (value, &flag))
            return wrong (fault, name, "not true or false");
        buffer_text (header, flag ? "true" : "false");
        return 0;
    case WORD:
        json_put_string (value, header);
        return 0;
    }
    return 0;
}

static int put_query (slice_t query, bool *stream, buffer_t *header, fault_t *fault)
{
    slice_t name, value;
    unsigned seen = 0;

    while (http_query_next (&query, &name, &value)) {
        size_t which = 0;
        while (which < PARAMETERS && !slice_equal (name, slice_text (parameters[which].name)))
            which++;
        if (which == PARAMETERS) {
            fault_set (fault,
                       "%.*s: not a parameter; there are timeout, wait, priority, retries, detach, "
                       "stream, orphan",
                       (int)(name.len < 40 ? name.len : 40), (const char *)name.ptr);
            errno = EPROTO;
            return -1;
        }
        if (seen & 1u << which)
            return wrong (fault, parameters[which].name, "appears twice");
        seen |= 1u << which;
        if (put_parameter (which, value, stream, header, fault))
            return -1;
    }
    return 0;
}

static int put_pipeline (slice_t escaped, buffer_t *header, fault_t *fault)
{
    buffer_t name;

    buffer_init (&name, LIMIT_PIPELINE_OCTETS);
    int rc = http_unescape (escaped, &name);
    if (rc == 0) {
        buffer_text (header, ",\"pipeline\":");
        json_put_string (buffer_as_slice (&name), header);
    }
    buffer_finish (&name);
    return rc ? wrong (fault, "pipeline", "too long, or a % without two hex digits") : 0;
}

// What the payload is, by its type.
static void put_encoding (const http_request_t *request, buffer_t *header)
{
    if (http_request_lists (request, "Content-Type", "application/msgpack")
        || http_request_lists (request, "Content-Type", "application/vnd.msgpack")
        || http_request_lists (request, "Content-Type", "application/x-msgpack"))
        buffer_text (header, ",\"encoding\":\"msgpack\"");
    else if (http_request_lists (request, "Content-Type", "application/octet-stream"))
        buffer_text (header, ",\"encoding\":\"raw\"");
}

// A trace goes on in the task.
static void put_trace (const http_request_t *request, buffer_t *header)
{
    static const char *const names[] = {"traceparent", "tracestate"};

    for (size_t i = 0; i < 2; i++) {
        slice_t value = http_request_field (request, names[i]);
        if (value.len == 0 || value.len > PASSED_ON)
            continue;
        buffer_text (header, ",\"");
        buffer_text (header, names[i]);
        buffer_text (header, "\":");
        json_put_string (value, header);
    }
}

int http_run_header (const http_request_t *request,
                     slice_t pipeline,
                     const cookie_t *cookie,
                     bool stream,
                     buffer_t *header,
                     packet_t *packet,
                     fault_t *fault)
{
    char text[COOKIE_TEXT + 1];

    buffer_reset (header);
    cookie_print (cookie, text);
    buffer_text (header, "{\"packet_type\":\"RUN\",\"cookie\":\"");
    buffer_text (header, text);
    buffer_octet (header, '"');
    if (put_pipeline (pipeline, header, fault)
        || put_query (request->query, &stream, header, fault))
        return -1;
    if (stream)
        buffer_text (header, ",\"stream\":true");
    put_encoding (request, header);
    put_trace (request, header);
    buffer_octet (header, '}');
    if (header->failed) {
        fault_set (fault, "out of memory");
        errno = ENOMEM;
        return -1;
    }
    if (codec_read (buffer_as_slice (header), packet, fault))
        return -1;
    return packet_check (packet, fault);
}
