/*  The parts of the door for HTTP: what its connections keep, what comes in, what goes out.
 */
#ifndef TRANSPORTS_DOOR_HTTP_INNER_H
#define TRANSPORTS_DOOR_HTTP_INNER_H

#include "transports/door.h"
#include "transports/http_request.h"
#include "transports/http_route.h"
#include "transports/peer.h"

typedef enum {
    HTTP_READS, // a request, or waits for one
    HTTP_WAITS, // it is to be dealt with as soon as the desk takes it
    HTTP_RUNS,  // the broker has it
    HTTP_OVER   // the connection is being closed
} http_state_t;

typedef enum {
    HTTP_PLAIN, // the result alone
    HTTP_LINES, // packets, one JSON object a line
    HTTP_EVENTS // packets, as Server-Sent Events
} http_form_t;

typedef struct {
    house_t *house;
    peer_t *peer;
    struct event *clock;
    http_state_t state;
    bool counted; // among the connections that there may be
    http_request_t request;
    buffer_t body;
    size_t body_counted; // octets of it that are in the house's budget
    moment_t since;      // when the head, or the body, began
    // The request that is being dealt with.
    const http_route_t *route;
    slice_t rest;    // of the path, behind the route's
    bool only_head;  // HEAD: the body is not sent
    bool keep_alive; // the connection goes on afterwards
    bool cross;      // it comes from a page that may
    bool answered;   // while its body was not wanted
    http_form_t form;
    bool detach;
    bool head_sent; // of lines or events
    size_t watched; // which document is asked for now
    cookie_t cookie;
    caller_t caller;
    hold_t hold;
} http_conn_t;

// ---- door_http_answer.c: what goes out

// A whole response, and the request is over. `more`: further fields, each with CR LF, or NULL.
void http_respond (
    http_conn_t *self, unsigned status, const char *type, slice_t body, const char *more);

// The same with the object of a failure; `cookie` says whether to name it.
void http_fail (http_conn_t *self, zfabric_rc_t rc, bool cookie, const char *words);

// The same with another status than the code's.
void http_refuse (
    http_conn_t *self, unsigned status, zfabric_rc_t rc, const char *words, const char *more);

// The head of lines or events, if it was not sent.
void http_start_lines (http_conn_t *self, unsigned status);

// A legacy packet of the desk's own or ours, as the last line.
void http_end_lines (http_conn_t *self, const cookie_t *cookie, zfabric_rc_t rc, const char *words);

// What the desk has for it: makes the caller's functions.
void http_answers_join (http_conn_t *self);

// Octets of a body whose length nobody knows.
void http_send_piece (http_conn_t *self, slice_t octets);

// ---- door_http_ask.c: what is asked of the desk

// One of the broker's own pipelines; `variables` are taken and may be empty.
void http_ask_pipeline (http_conn_t *self, const char *pipeline, buffer_t *variables);

// ---- door_http_watch.c: documents as events

void http_watch_begin (http_conn_t *self);
void http_watch_turn (http_conn_t *self); // the clock has rung
void http_watch_end (http_conn_t *self);  // the bridge is leaving

// What came of the document that was asked for: `packet` NULL, and words.
void http_watch_answer (http_conn_t *self,
                        zfabric_rc_t rc,
                        const packet_t *packet,
                        const char *words,
                        slice_t document);

// The request is there, and the desk takes it.
void http_ask (http_conn_t *self);

// ---- door_http.c

// The request was answered: the connection goes on, or ends.
void http_done (http_conn_t *self);

// Rings the connection's clock.
void http_ring_in (http_conn_t *self, span_t wait);

#endif
