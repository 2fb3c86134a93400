/*  The door for HTTP (PROTOCOL 9): one request of a connection at a time, from octets to what is
 *  asked of the desk.
 *
 *  Times: a head has house->http.timeout_ms from its first octet; a body the same, and a second
 * more for each 256 KiB of it that have come, so that it can be as long as it likes but not as
 * slow. A connection between two requests has IDLE_MS.
 */
#include "transports/door_http_inner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fabric/container.h"
#include "transports/http_origin.h"
#include "transports/http_token.h"
#include "transports/page.h"

#define IDLE_MS     75000u
#define OCTETS_A_MS 256u // that a body comes with at the least, beyond its first time-out
#define NOTHING     ((slice_t){NULL, 0})

// ---- times

void http_ring_in (http_conn_t *self, span_t wait)
{
    struct timeval time = {(time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000)};

    (void)evtimer_add (self->clock, &time); // its memory is there
}

static void set_clock (http_conn_t *self)
{
    span_t limit = self->house->http.timeout_ms;
    moment_t now = moment_now ();

    if (!http_request_begun (&self->request)) {
        self->since = 0;
        http_ring_in (self, IDLE_MS);
        return;
    }
    if (self->since == 0)
        self->since = now;
    if (!http_request_in_head (&self->request))
        limit += self->body.len / OCTETS_A_MS;
    moment_t due = moment_after (self->since, limit);
    http_ring_in (self, due > now ? moment_until (now, due) : 0);
}

static void end (http_conn_t *self)
{
    self->state = HTTP_OVER;
    (void)evtimer_del (self->clock);
    peer_end (self->peer);
}

void http_done (http_conn_t *self)
{
    (void)evtimer_del (self->clock);
    self->house->budget.held -= self->body_counted;
    self->body_counted = 0;
    buffer_finish (&self->body);
    buffer_init (&self->body, self->house->max_frame);
    if (!self->keep_alive) {
        end (self);
        return;
    }
    self->state = HTTP_READS;
    self->since = 0;
    http_ring_in (self, IDLE_MS);
    peer_resume (self->peer); // the next request may be there
}

// ---- dealing with it

static void deal (http_conn_t *self)
{
    self->state = HTTP_WAITS;
    (void)evtimer_del (self->clock);
    if (desk_takes (self->house->desk, &self->hold))
        http_ask (self);
}

static void on_resume (hold_t *hold)
{
    http_ring_in (container_of (hold, http_conn_t, hold), 0);
}

static void on_clock (evutil_socket_t fd, short what, void *arg)
{
    http_conn_t *self = (http_conn_t *)arg;

    (void)fd;
    (void)what;
    switch (self->state) {
    case HTTP_READS:
        self->keep_alive = self->only_head = self->cross = false;
        if (http_request_begun (&self->request))
            http_refuse (self, 408, ZFABRIC_BAD_PACKET, "the request took too long", NULL);
        else
            end (self);
        break;
    case HTTP_WAITS:
        deal (self);
        break;
    case HTTP_RUNS:
        if (self->route->action == HTTP_WATCH)
            http_watch_turn (self);
        else if (self->form != HTTP_PLAIN)
            http_start_lines (self, 200);
        break;
    case HTTP_OVER:
        break;
    }
}

// ---- heads

// Whether a page of another place asks, which its browser says, or may ask under a name that it
// made this place's: who has a token, or must, is beyond doubt, and so is what a certificate names.
static bool is_foreign (const http_conn_t *self)
{
    const http_house_t *http = &self->house->http;
    slice_t host = http_request_field (&self->request, "Host");

    if (http_origin_is_foreign (http_request_field (&self->request, "Origin"), host))
        return true;
    return !http->token && !http->any_host && !(self->route && self->route->open)
           && peer_by_any_name (self->peer) && http_host_is_doubtful (host, http->origin);
}

static bool is_allowed (const http_conn_t *self)
{
    const char *allowed = self->house->http.origin;
    slice_t origin = http_request_field (&self->request, "Origin");

    return allowed && origin.ptr
           && (strcmp (allowed, "*") == 0 || slice_equal (origin, slice_text (allowed)));
}

// Answers OPTIONS: what there is, and to a browser whether its page may.
static void answer_options (http_conn_t *self, const char *allowed)
{
    char more[512];

    snprintf (more, sizeof more, "Allow: %s\r\n%s%s%s",
              *allowed ? allowed : "GET, HEAD, POST, DELETE, OPTIONS",
              self->cross ? "Access-Control-Allow-Methods: GET, HEAD, POST, DELETE\r\n" : "",
              self->cross ? "Access-Control-Allow-Headers: Authorization, Content-Type, "
                            "Fabric-Cookie, traceparent, tracestate\r\n"
                          : "",
              self->cross ? "Access-Control-Max-Age: 600\r\n" : "");
    http_respond (self, 204, NULL, NOTHING, more);
}

// A text of ours, whether or not the body, which means nothing, is still to come.
static void show (http_conn_t *self, unsigned status, const char *field)
{
    char more[PAGE_POLICY_MAX + 128], policy[PAGE_POLICY_MAX] = "";
    const http_route_t *route = self->route;

    if (route->page)
        page_policy (route->text (), policy);
    snprintf (more, sizeof more, "%s%s%s%s", field, *policy ? "Content-Security-Policy: " : "",
              policy, *policy ? "\r\nReferrer-Policy: no-referrer\r\n" : "");
    http_respond (self, status, route->type, route->text (), more);
}

static void ask_for_token (http_conn_t *self)
{
    static const char field[] = "WWW-Authenticate: Bearer\r\n";

    if (self->route && self->route->asks)
        show (self, 401, field);
    else
        http_refuse (self, 401, ZFABRIC_FORBIDDEN, "a token is wanted: Authorization: Bearer",
                     field);
}

static uint64_t most_of_body (const http_conn_t *self)
{
    return self->route->action == HTTP_STREAM ? self->house->max_frame : self->house->max_payload;
}

// What can be said of the head alone. Whether it was, and the request is answered.
static bool answer_head (http_conn_t *self)
{
    http_request_t *request = &self->request;
    http_house_t *http = &self->house->http;
    char allowed[HTTP_ALLOWED_MAX], more[HTTP_ALLOWED_MAX + 16];

    self->route = http_route_of (request->method, request->path, &self->rest, allowed);
    self->cross = is_allowed (self);
    if (is_foreign (self) && !self->cross)
        http_refuse (self, 403, ZFABRIC_FORBIDDEN,
                     "pages of another origin, or under another name, may not: --http-origin",
                     NULL);
    else if (slice_equal (request->method, slice_text ("OPTIONS")))
        answer_options (self, allowed);
    else if (http->token && !(self->route && self->route->open)
             && !http_token_fits (http->token, http_request_field (request, "Authorization")))
        ask_for_token (self);
    else if (!self->route && !*allowed)
        http_refuse (self, 404, ZFABRIC_BAD_PACKET, "there is nothing here", NULL);
    else if (!self->route) {
        snprintf (more, sizeof more, "Allow: %s\r\n", allowed);
        http_refuse (self, 405, ZFABRIC_BAD_PACKET, "not a method for this", more);
    } else if (request->length != HTTP_CHUNKED && request->length > most_of_body (self))
        http_refuse (self, 413, ZFABRIC_BAD_PACKET, "the body is too long", NULL);
    else if (self->route->action == HTTP_SHOW)
        show (self, 200, "");
    else
        return false;
    return true;
}

static void take_head (http_conn_t *self, bool body_is_here)
{
    http_request_t *request = &self->request;
    slice_t expect = http_request_field (request, "Expect");
    bool whole = request->length == 0;

    self->since = moment_now ();
    self->only_head = slice_equal (request->method, slice_text ("HEAD"));
    self->keep_alive = request->keep_alive && whole;
    self->answered = true;
    bool wrong = expect.ptr && !http_is (expect, "100-continue");
    if (!wrong && answer_head (self))
        return;
    if (wrong) {
        http_refuse (self, 417, ZFABRIC_BAD_PACKET, "Expect: 100-continue is all there is", NULL);
        return;
    }
    self->answered = false;
    self->keep_alive = request->keep_alive;
    self->body.limit = (size_t)most_of_body (self);
    if (expect.ptr && !whole && !body_is_here && !request->old) {
        buffer_text (&self->house->out, "HTTP/1.1 100 Continue\r\n\r\n");
        peer_send (self->peer, &self->house->out);
    }
}

// ---- bodies

static int refuse_body (http_conn_t *self, unsigned status, const char *words)
{
    self->request.status = status;
    fault_set (&self->request.fault, "%s", words);
    return -1;
}

static int on_body (void *arg, slice_t octets)
{
    http_conn_t *self = (http_conn_t *)arg;
    framing_budget_t *budget = &self->house->budget;

    if (self->answered)
        return 0; // a body that nobody wanted, of a request that has its answer
    while (octets.len > budget->limit - budget->held) {
        if (!self->house->make_room (self->house) || peer_has_ended (self->peer))
            return refuse_body (self, 503, "out of memory");
    }
    buffer_slice (&self->body, octets);
    if (self->body.failed)
        return self->body.failed == EMSGSIZE ? refuse_body (self, 413, "the body is too long")
                                             : refuse_body (self, 503, "out of memory");
    budget->held += octets.len;
    self->body_counted += octets.len;
    return 0;
}

static size_t held (void *conn)
{
    return ((http_conn_t *)conn)->body_counted;
}

static void spill (void *conn)
{
    http_conn_t *self = (http_conn_t *)conn;

    self->house->budget.held -= self->body_counted;
    self->body_counted = 0;
    buffer_finish (&self->body);
    buffer_init (&self->body, self->house->max_frame);
}

// ---- the connection

static void answer_bad (http_conn_t *self)
{
    zfabric_rc_t rc = self->request.status == 503 ? ZFABRIC_EXCEPTION : ZFABRIC_BAD_PACKET;

    if (self->answered)
        end (self);
    else
        http_refuse (self, self->request.status, rc, self->request.fault.text, NULL);
}

static size_t octets (void *conn, slice_t came)
{
    http_conn_t *self = (http_conn_t *)conn;
    slice_t in = came;

    while (self->state == HTTP_READS && !peer_has_ended (self->peer)) {
        switch (http_request_next (&self->request, &in)) {
        case HTTP_MORE:
            set_clock (self);
            return came.len;
        case HTTP_HEAD_DONE:
            take_head (self, in.len > 0);
            break;
        case HTTP_END:
            if (!self->answered)
                deal (self);
            break;
        case HTTP_BAD:
            self->keep_alive = self->only_head = self->cross = false;
            answer_bad (self);
            break;
        }
        if (self->state == HTTP_OVER)
            return came.len;
    }
    return came.len - in.len;
}

static bool eof (void *conn)
{
    http_conn_t *self = (http_conn_t *)conn;
    bool under_way = self->state == HTTP_WAITS || self->state == HTTP_RUNS;

    if (!under_way)
        return self->state == HTTP_OVER;
    // A task goes on or not as it said; questions are answered in no time.
    if (self->route->action == HTTP_RUN || self->route->action == HTTP_STREAM
        || self->route->action == HTTP_WATCH)
        peer_drop (self->peer);
    return true;
}

static void leave (void *conn)
{
    http_conn_t *self = (http_conn_t *)conn;

    self->keep_alive = false;
    if (self->state == HTTP_READS && !http_request_begun (&self->request))
        end (self);
    else if (self->state == HTTP_RUNS && self->route->action == HTTP_WATCH)
        http_watch_end (self);
}

static size_t busy (void *conn)
{
    (void)conn;
    return 0; // the desk knows
}

static void *open_conn (house_t *house, peer_t *peer, side_t side)
{
    http_conn_t *self = (http_conn_t *)calloc (1, sizeof *self);

    (void)side; // clients only
    if (!self)
        return NULL;
    self->clock = evtimer_new (house->base, on_clock, self);
    if (!self->clock) {
        free (self);
        return NULL;
    }
    self->house = house;
    self->peer = peer;
    http_request_init (&self->request, on_body, self);
    buffer_init (&self->body, house->max_frame);
    http_answers_join (self);
    self->hold.resume = on_resume;
    if (house->http.connections < house->http.connections_max) {
        house->http.connections++;
        self->counted = true;
        set_clock (self);
    } else {
        self->keep_alive = false;
        http_refuse (self, 503, ZFABRIC_NO_CAPACITY, "too many connections", NULL);
    }
    return self;
}

static void close_conn (void *conn)
{
    http_conn_t *self = (http_conn_t *)conn;

    desk_let_go (&self->hold);
    desk_leave (self->house->desk, &self->caller);
    self->house->http.connections -= self->counted;
    self->house->budget.held -= self->body_counted;
    http_request_finish (&self->request);
    buffer_finish (&self->body);
    event_free (self->clock);
    free (self);
}

const door_t door_http = {
    .name = "http",
    .tls_scheme = "https",
    .clients_only = true,
    .asks_token = true,
    .open = open_conn,
    .octets = octets,
    .held = held,
    .spill = spill,
    .eof = eof,
    .leave = leave,
    .busy = busy,
    .close = close_conn,
};
