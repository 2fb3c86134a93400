/*  GET /v1/events: what the broker knows of itself, document after document, each as an event of
 * its name, all of them again every second. One that may not be seen is an event `problem` instead,
 *  which says of what.
 */
#include "transports/door_http_inner.h"

#include "transports/http_response.h"

#define EVERY_MS 1000u

static const struct {
    const char *name;
    const char *pipeline;
} documents[] = {
    {"status", "$status"},
    {"metrics", "$metrics"},
    {"workers", "$workers"},
    {"tasks", "$tasks"},
};

#define COUNT (sizeof documents / sizeof *documents)

void http_watch_begin (http_conn_t *self)
{
    self->state = HTTP_RUNS;
    self->form = HTTP_EVENTS;
    self->watched = 0;
    if (self->only_head) {
        http_respond (self, 200, "text/event-stream", slice_of (NULL, 0), NULL);
        return;
    }
    http_start_lines (self, 200);
    http_watch_turn (self);
}

void http_watch_turn (http_conn_t *self)
{
    buffer_t nothing;

    // Who does not read gets the next ones when it does.
    if (peer_choked (self->peer)) {
        http_ring_in (self, EVERY_MS);
        return;
    }
    if (!desk_takes (self->house->desk, &self->hold))
        return; // the clock rings when it does
    buffer_init (&nothing, 1);
    http_ask_pipeline (self, documents[self->watched].pipeline, &nothing);
    buffer_finish (&nothing);
}

static void put_problem (const http_conn_t *self,
                         zfabric_rc_t rc,
                         const packet_t *packet,
                         const char *words,
                         buffer_t *json)
{
    buffer_text (json, "{\"of\":\"");
    buffer_text (json, documents[self->watched].name);
    buffer_text (json, "\",\"failure\":");
    http_put_failure (rc, packet, words, NULL, json);
    buffer_octet (json, '}');
}

void http_watch_answer (
    http_conn_t *self, zfabric_rc_t rc, const packet_t *packet, const char *words, slice_t document)
{
    buffer_t json, event;

    buffer_init (&json, SIZE_MAX);
    buffer_init (&event, SIZE_MAX);
    if (rc == ZFABRIC_OK) {
        http_put_event (documents[self->watched].name, document, &event);
    } else {
        put_problem (self, rc, packet, words, &json);
        http_put_event ("problem", buffer_as_slice (&json), &event);
    }
    http_send_piece (self, buffer_as_slice (&event));
    buffer_finish (&json);
    buffer_finish (&event);
    // Not at once: the exchange that says this must not be asked meanwhile.
    self->watched = (self->watched + 1) % COUNT;
    http_ring_in (self, self->watched ? 0 : EVERY_MS);
}

void http_watch_end (http_conn_t *self)
{
    if (!self->request.old)
        http_put_last_chunk (&self->house->out);
    peer_send (self->peer, &self->house->out);
    http_done (self);
}
