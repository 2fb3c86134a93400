// What an HTTP client asks for becomes a RUN or CANCEL.

#include "transports/door_http_inner.h"

#include <errno.h>

#include "transports/http_query.h"
#include "transports/http_run.h"
#include "transports/legacy_frames.h"

#define HEAD_WAIT_MS 100u // for a refusal, which has a status of its own, before lines begin

// ---- cookies

static int parse_cookie (slice_t escaped, cookie_t *cookie)
{
    buffer_t text;

    buffer_init (&text, COOKIE_TEXT);
    int rc = http_unescape (escaped, &text);
    if (rc == 0)
        rc = cookie_parse (buffer_as_slice (&text), cookie);
    buffer_finish (&text);
    return rc;
}

// The client's own, if it names one.
static int choose_cookie (http_conn_t *self)
{
    slice_t text = http_request_field (&self->request, "Fabric-Cookie");

    if (!text.ptr) {
        cookie_make (&self->cookie);
        return 0;
    }
    if (http_request_count (&self->request, "Fabric-Cookie") == 1
        && cookie_parse (text, &self->cookie) == 0)
        return 0;
    http_fail (self, ZFABRIC_BAD_PACKET, false, "Fabric-Cookie: not a cookie");
    return -1;
}

// ---- runs

static http_form_t form_of (const http_request_t *request)
{
    if (http_request_lists (request, "Accept", "text/event-stream"))
        return HTTP_EVENTS;
    if (http_request_lists (request, "Accept", "application/x-ndjson"))
        return HTTP_LINES;
    return HTTP_PLAIN;
}

static void forget_body (http_conn_t *self)
{
    self->house->budget.held -= self->body_counted;
    self->body_counted = 0;
}

// Both frames, of which the payload takes the request's body.
static int
make_frames (http_conn_t *self, const buffer_t *octets, frame_t *header, frame_t *payload)
{
    frame_init (payload);
    if (frame_copy (header, buffer_as_slice (octets)))
        return -1;
    forget_body (self);
    if (self->body.len == 0 || frame_take (payload, &self->body) == 0)
        return 0;
    frame_close (header);
    return -1;
}

static void start (http_conn_t *self, const packet_t *packet, const buffer_t *octets)
{
    frame_t header, payload;

    self->detach = packet->detach;
    if (packet->stream && self->form == HTTP_PLAIN)
        self->form = HTTP_LINES;
    if (make_frames (self, octets, &header, &payload)) {
        http_fail (self, ZFABRIC_EXCEPTION, true, "out of memory");
        return;
    }
    if (self->form != HTTP_PLAIN)
        http_ring_in (self, HEAD_WAIT_MS);
    self->state = HTTP_RUNS;
    desk_run (self->house->desk, &self->caller, packet, &header, &payload);
}

static void run (http_conn_t *self)
{
    buffer_t *octets = &self->house->header;
    packet_t packet;
    fault_t fault;

    if (choose_cookie (self))
        return;
    self->form = form_of (&self->request);
    int rc = http_run_header (&self->request, self->rest, &self->cookie, self->form != HTTP_PLAIN,
                              octets, &packet, &fault);
    if (rc) {
        self->form = HTTP_PLAIN;
        http_fail (self, errno == ENOMEM ? ZFABRIC_EXCEPTION : ZFABRIC_BAD_PACKET, true,
                   fault.text);
    } else {
        start (self, &packet, octets);
    }
    buffer_reset (octets);
}

// ---- legacy packets

static void run_legacy (http_conn_t *self, const legacy_t *legacy)
{
    frame_t header, payload;
    zfabric_rc_t rc;
    fault_t fault;

    if (legacy_frames (legacy, buffer_as_slice (&self->house->header), self->house->max_payload,
                       &header, &payload, &rc, &fault)) {
        http_end_lines (self, &self->cookie, rc, fault.text);
        return;
    }
    self->detach = legacy->packet.detach;
    desk_run (self->house->desk, &self->caller, &legacy->packet, &header, &payload);
}

static void stream (http_conn_t *self)
{
    legacy_t legacy;
    const packet_t *packet = &legacy.packet;
    fault_t fault;

    self->form = form_of (&self->request) == HTTP_EVENTS ? HTTP_EVENTS : HTTP_LINES;
    self->state = HTTP_RUNS;
    forget_body (self);
    int rc = legacy_read (buffer_as_slice (&self->body), &self->house->header, &legacy, &fault);
    bool named = packet_has (packet, PACKET_BIT (COOKIE));
    if (named)
        self->cookie = packet->cookie;
    else
        cookie_make (&self->cookie); // for the head
    const cookie_t *cookie = named ? &self->cookie : NULL;
    http_ring_in (self, HEAD_WAIT_MS);
    if (rc)
        http_end_lines (self, cookie, ZFABRIC_BAD_PACKET, fault.text);
    else if (packet_has (packet, PACKET_BIT (PACKET_TYPE)) && packet->type != PACKET_RUN
             && packet->type != PACKET_CANCEL)
        http_end_lines (self, cookie, ZFABRIC_UNSUPPORTED_PACKET_TYPE,
                        "clients send RUN and CANCEL");
    else if (packet_check (packet, &fault))
        http_end_lines (self, cookie, ZFABRIC_BAD_PACKET, fault.text);
    else if (packet->type == PACKET_CANCEL)
        desk_cancel (self->house->desk, &self->caller, &self->cookie);
    else
        run_legacy (self, &legacy);
    buffer_reset (&self->house->header);
}

// ---- the rest

static void cancel (http_conn_t *self)
{
    if (parse_cookie (self->rest, &self->cookie)) {
        http_fail (self, ZFABRIC_BAD_PACKET, false, "not a cookie");
        return;
    }
    self->state = HTTP_RUNS;
    desk_cancel (self->house->desk, &self->caller, &self->cookie);
}

void http_ask_pipeline (http_conn_t *self, const char *pipeline, buffer_t *variables)
{
    buffer_t *octets = &self->house->header;
    frame_t header, payload;
    packet_t packet;

    cookie_make (&self->cookie);
    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_RUN;
    packet.cookie = self->cookie;
    packet.pipeline = slice_text (pipeline);
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE) | PACKET_BIT (PIPELINE);
    codec_write (&packet, octets);
    frame_init (&header);
    self->state = HTTP_RUNS;
    if (frame_take (&payload, variables) == 0
        && frame_copy (&header, buffer_as_slice (octets)) == 0)
        desk_run (self->house->desk, &self->caller, &packet, &header, &payload);
    else
        self->caller.result (&self->caller, &self->cookie, ZFABRIC_EXCEPTION, "out of memory");
    frame_close (&header);
    frame_close (&payload);
    buffer_reset (octets);
}

static void ask (http_conn_t *self)
{
    char text[COOKIE_TEXT + 1];
    buffer_t variables;

    buffer_init (&variables, 100);
    if (!self->route->cookie) {
        http_ask_pipeline (self, self->route->pipeline, &variables);
    } else if (parse_cookie (self->rest, &self->cookie)) {
        http_fail (self, ZFABRIC_BAD_PACKET, false, "not a cookie");
    } else {
        cookie_print (&self->cookie, text);
        buffer_text (&variables, "{\"cookie\":\"");
        buffer_text (&variables, text);
        buffer_text (&variables, "\"}");
        http_ask_pipeline (self, self->route->pipeline, &variables);
    }
    buffer_finish (&variables);
}

void http_ask (http_conn_t *self)
{
    self->form = HTTP_PLAIN;
    self->head_sent = self->detach = false;
    switch (self->route->action) {
    case HTTP_RUN:
        run (self);
        break;
    case HTTP_STREAM:
        stream (self);
        break;
    case HTTP_CANCEL:
        cancel (self);
        break;
    case HTTP_WATCH:
        forget_body (self);
        http_watch_begin (self);
        break;
    case HTTP_SHOW: // has been
        break;
    case HTTP_ASK:
        forget_body (self);
        ask (self);
        break;
    }
}
