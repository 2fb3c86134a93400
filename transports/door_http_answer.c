// What an HTTP client is told.

#include "transports/door_http_inner.h"

#include <time.h>

#include "fabric/container.h"
#include "transports/framing.h"
#include "transports/http_response.h"
#include "transports/legacy.h"

#define JSON    "application/json"
#define LINES   "application/x-ndjson"
#define EVENTS  "text/event-stream"
#define OCTETS  "application/octet-stream"
#define MSGPACK "application/msgpack"

static http_head_t head_of (const http_conn_t *self, unsigned status)
{
    return (http_head_t){
        .status = status,
        .old = self->request.old,
        .keep_alive = self->keep_alive,
        .origin = self->cross ? self->house->http.origin : NULL,
        .now = time (NULL),
    };
}

static void respond_with (http_conn_t *self, http_head_t *head, slice_t body)
{
    buffer_t *out = &self->house->out;

    head->length = body.len;
    http_put_head (head, out);
    if (!self->only_head)
        buffer_slice (out, body);
    peer_send (self->peer, out);
    http_done (self);
}

void http_respond (
    http_conn_t *self, unsigned status, const char *type, slice_t body, const char *more)
{
    http_head_t head = head_of (self, status);

    head.type = type;
    head.more = more;
    respond_with (self, &head, body);
}

static void fail_with (http_conn_t *self,
                       unsigned status,
                       zfabric_rc_t rc,
                       const packet_t *packet,
                       const char *words,
                       const cookie_t *cookie,
                       const char *more)
{
    http_head_t head = head_of (self, status);
    buffer_t body;

    buffer_init (&body, SIZE_MAX);
    http_put_failure (rc, packet, words, cookie, &body);
    head.type = JSON;
    head.cookie = cookie;
    head.more = more;
    respond_with (self, &head, buffer_as_slice (&body));
    buffer_finish (&body);
}

void http_fail (http_conn_t *self, zfabric_rc_t rc, bool cookie, const char *words)
{
    fail_with (self, http_status_of (rc), rc, NULL, words, cookie ? &self->cookie : NULL, NULL);
}

void http_refuse (
    http_conn_t *self, unsigned status, zfabric_rc_t rc, const char *words, const char *more)
{
    fail_with (self, status, rc, NULL, words, NULL, more);
}

// ---- lines and events

void http_start_lines (http_conn_t *self, unsigned status)
{
    if (self->head_sent)
        return;
    self->head_sent = true;
    if (self->request.old)
        self->keep_alive = false; // its end is the body's
    http_head_t head = head_of (self, status);
    head.type = self->form == HTTP_EVENTS ? EVENTS : LINES;
    head.length = HTTP_NO_LENGTH;
    head.cookie = self->route->action == HTTP_WATCH ? NULL : &self->cookie;
    http_put_head (&head, &self->house->out);
    peer_send (self->peer, &self->house->out);
}

void http_send_piece (http_conn_t *self, slice_t octets)
{
    if (self->request.old)
        buffer_slice (&self->house->out, octets);
    else
        http_put_chunk (octets, &self->house->out);
    peer_send (self->peer, &self->house->out);
}

// `frame` is a legacy frame with its prefix.
static void send_line (http_conn_t *self, packet_type_t type, const buffer_t *frame)
{
    slice_t json = slice_of (frame->data + FRAMING_PREFIX, frame->len - FRAMING_PREFIX);
    buffer_t line;

    buffer_init (&line, SIZE_MAX);
    if (self->form == HTTP_EVENTS)
        http_put_event (type == PACKET_PARTIAL ? "partial" : "result", json, &line);
    else
        http_put_line (json, &line);
    if (self->request.old)
        buffer_slice (&self->house->out, buffer_as_slice (&line));
    else
        http_put_chunk (buffer_as_slice (&line), &self->house->out);
    if (line.failed)
        self->house->out.failed = line.failed; // the connection ends: a line is missing
    if (type == PACKET_RESULT && !self->request.old)
        http_put_last_chunk (&self->house->out);
    buffer_finish (&line);
    peer_send (self->peer, &self->house->out);
    if (type == PACKET_RESULT)
        http_done (self);
}

// Legacy packets have their own codes for errors; only a request that is no packet has another.
static unsigned status_of_lines (const http_conn_t *self, zfabric_rc_t rc)
{
    if (self->route->action == HTTP_STREAM && rc != ZFABRIC_BAD_PACKET)
        return 200;
    return http_status_of (rc);
}

void http_end_lines (http_conn_t *self, const cookie_t *cookie, zfabric_rc_t rc, const char *words)
{
    buffer_t frame;

    buffer_init (&frame, SIZE_MAX);
    legacy_result (cookie, rc, words, &frame);
    http_start_lines (self, status_of_lines (self, rc));
    if (frame.failed)
        peer_drop (self->peer);
    else
        send_line (self, PACKET_RESULT, &frame);
    buffer_finish (&frame);
}

static void take_line (http_conn_t *self, slice_t header, const packet_t *packet, slice_t payload)
{
    bool end = packet->type == PACKET_RESULT;
    buffer_t frame;
    fault_t fault;

    buffer_init (&frame, UINT32_MAX);
    if (legacy_write (header, packet, payload, &frame, &fault) == 0) {
        http_start_lines (self, end ? status_of_lines (self, packet->rc) : 200);
        send_line (self, packet->type, &frame);
    } else if (end) {
        http_end_lines (self, &self->cookie, ZFABRIC_EXCEPTION, fault.text);
    }
    buffer_finish (&frame);
}

// ---- plain answers

static void take_result (http_conn_t *self, const packet_t *packet, slice_t payload)
{
    http_head_t head = head_of (self, 200);

    if (packet->rc != ZFABRIC_OK) {
        fail_with (self, http_status_of (packet->rc), packet->rc, packet, NULL, &self->cookie,
                   NULL);
        return;
    }
    head.cookie = &self->cookie;
    head.type = packet->encoding == ENCODING_RAW       ? OCTETS
                : packet->encoding == ENCODING_MSGPACK ? MSGPACK
                                                       : JSON;
    if (payload.len == 0 && packet->encoding == ENCODING_JSON)
        payload = slice_text ("null"); // what a result that is not there means
    respond_with (self, &head, payload);
}

static void take_answer (http_conn_t *self, const packet_t *packet, slice_t payload)
{
    const http_route_t *route = self->route;
    buffer_t body;

    if (packet->rc != ZFABRIC_OK) {
        fail_with (self, http_status_of (packet->rc), packet->rc, packet, NULL, NULL, NULL);
    } else if (!route->shape) {
        http_respond (self, 200, JSON, payload, NULL);
    } else {
        buffer_init (&body, SIZE_MAX);
        unsigned status = route->shape (payload, &body);
        if (body.failed)
            http_fail (self, ZFABRIC_EXCEPTION, false, "out of memory");
        else
            http_respond (self, status, route->type, buffer_as_slice (&body), NULL);
        buffer_finish (&body);
    }
}

// ---- the caller

static void on_packet (caller_t *caller, slice_t header, const packet_t *packet, slice_t payload)
{
    http_conn_t *self = container_of (caller, http_conn_t, caller);

    if (self->state != HTTP_RUNS || (self->form == HTTP_PLAIN && packet->type != PACKET_RESULT))
        return;
    if (self->route->action == HTTP_WATCH)
        http_watch_answer (self, packet->rc, packet, NULL, payload);
    else if (self->form != HTTP_PLAIN)
        take_line (self, header, packet, payload);
    else if (self->route->action == HTTP_ASK)
        take_answer (self, packet, payload);
    else if (self->route->action == HTTP_CANCEL)
        fail_with (self, http_status_of (packet->rc), packet->rc, packet, NULL, &self->cookie,
                   NULL);
    else
        take_result (self, packet, payload);
}

static void on_result (caller_t *caller, const cookie_t *cookie, zfabric_rc_t rc, const char *words)
{
    http_conn_t *self = container_of (caller, http_conn_t, caller);

    if (self->state != HTTP_RUNS)
        return;
    if (self->route->action == HTTP_WATCH)
        http_watch_answer (self, rc, NULL, words, slice_of (NULL, 0));
    else if (self->form == HTTP_PLAIN)
        http_fail (self, rc, self->route->action != HTTP_ASK, words);
    else
        http_end_lines (self, cookie, rc, words);
}

// 202: the broker has it, and will not say any more of it.
static void on_taken (caller_t *caller, const cookie_t *cookie)
{
    http_conn_t *self = container_of (caller, http_conn_t, caller);

    (void)cookie;
    if (self->state != HTTP_RUNS)
        return;
    if (self->form == HTTP_PLAIN) {
        fail_with (self, 202, ZFABRIC_OK, NULL, NULL, &self->cookie, NULL);
        return;
    }
    // As lines there is nothing to be said.
    http_start_lines (self, 202);
    if (!self->request.old) {
        http_put_last_chunk (&self->house->out);
        peer_send (self->peer, &self->house->out);
    }
    http_done (self);
}

void http_answers_join (http_conn_t *self)
{
    exchange_join (&self->caller);
    self->caller.packet = on_packet;
    self->caller.result = on_result;
    self->caller.taken = on_taken;
}
