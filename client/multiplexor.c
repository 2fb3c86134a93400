/*  A cookie may have a RUN and, sent before it, a CANCEL of somebody else's task; the broker
 * answers in order, so the first RESULT is the CANCEL's. Once a RUN of ours is open, cancelling its
 * cookie is cancelling it, and no second CANCEL is needed.
 */
#include "client/multiplexor.h"

#include <assert.h>

#include "fabric/container.h"

static bool session_equal (const table_node_t *node, slice_t key)
{
    const session_t *session = container_of (node, const session_t, by_cookie);

    return slice_equal (slice_of (session->cookie.octets, COOKIE_OCTETS), key);
}

int multiplexor_init (multiplexor_t *self,
                      const uint8_t secret[static TABLE_KEY_OCTETS],
                      const multiplexor_sink_t *sink,
                      void *arg)
{
    *self = (multiplexor_t){.sink = sink, .arg = arg};
    list_init (&self->unsent);
    list_init (&self->sent);
    list_init (&self->to_cancel);
    memcpy (self->secret, secret, TABLE_KEY_OCTETS);
    if (table_init (&self->runs, session_equal) || table_init (&self->cancels, session_equal)) {
        multiplexor_finish (self);
        return -1;
    }
    return 0;
}

void multiplexor_finish (multiplexor_t *self)
{
    assert (self->runs.count == 0 && self->cancels.count == 0);
    table_finish (&self->runs);
    table_finish (&self->cancels);
}

static table_t *table_of (multiplexor_t *self, session_kind_t kind)
{
    return kind == SESSION_RUN ? &self->runs : &self->cancels;
}

static session_t *find (multiplexor_t *self, session_kind_t kind, const cookie_t *cookie)
{
    slice_t key = slice_of (cookie->octets, COOKIE_OCTETS);
    table_node_t *node = table_find (table_of (self, kind), table_hash (self->secret, key), key);

    return node ? container_of (node, session_t, by_cookie) : NULL;
}

static session_t *first_of (const list_t *list)
{
    list_node_t *node = list_first (list);

    return node ? container_of (node, session_t, place) : NULL;
}

static void end (multiplexor_t *self,
                 session_t *session,
                 const packet_t *packet,
                 frame_t *payload,
                 zfabric_rc_t rc,
                 const char *words)
{
    list_remove (&session->place);
    list_remove (&session->in_cancels);
    table_remove (table_of (self, session->kind), &session->by_cookie);
    self->sink->ended (self->arg, session, packet, payload, rc, words);
}

static void end_all (multiplexor_t *self, list_t *list, const char *words)
{
    session_t *session;

    while ((session = first_of (list)))
        end (self, session, NULL, NULL, ZFABRIC_BROKER_WENT_AWAY, words);
}

// ---- sending

void multiplexor_cancel (multiplexor_t *self, session_t *session)
{
    if (!list_holds (&session->place) || session->kind != SESSION_RUN)
        return;
    if (!session->sent) {
        end (self, session, NULL, NULL, ZFABRIC_CANCELLED, "cancelled before it was sent");
    } else if (!list_holds (&session->in_cancels)) {
        list_append (&self->to_cancel, &session->in_cancels);
        multiplexor_flush (self);
    }
}

void multiplexor_add (multiplexor_t *self, session_t *session, moment_t give_up)
{
    slice_t key = slice_of (session->cookie.octets, COOKIE_OCTETS);
    session_t *own = find (self, SESSION_RUN, &session->cookie);

    if (session->kind == SESSION_CANCEL && own) {
        multiplexor_cancel (self, own);
        self->sink->ended (self->arg, session, NULL, NULL, ZFABRIC_OK, "");
        return;
    }
    if (own || find (self, session->kind, &session->cookie)) {
        self->sink->ended (self->arg, session, NULL, NULL, ZFABRIC_COOKIE_COLLISION,
                           "this client has a call with this cookie open");
        return;
    }
    session->give_up = give_up;
    table_insert (table_of (self, session->kind), &session->by_cookie,
                  table_hash (self->secret, key));
    list_append (&self->unsent, &session->place);
    multiplexor_flush (self);
}

static bool send_unsent (multiplexor_t *self)
{
    session_t *session;

    while ((session = first_of (&self->unsent))) {
        if (!self->sink->send (self->arg, session))
            return false;
        session->sent = true;
        list_remove (&session->place);
        list_append (&self->sent, &session->place);
    }
    return true;
}

static bool send_cancels (multiplexor_t *self)
{
    list_node_t *node;

    while ((node = list_first (&self->to_cancel))) {
        if (!self->sink->send_cancel (self->arg, container_of (node, session_t, in_cancels)))
            return false;
        list_remove (node);
    }
    return true;
}

// One HEARTBEAT behind all detached RUNs that have none yet: they are the last of `sent`.
static void send_fence (multiplexor_t *self)
{
    list_node_t *last = self->sent.head.prev;
    uint64_t number;

    if (last == &self->sent.head)
        return;
    session_t *session = container_of (last, session_t, place);
    if (!session->detach || session->fenced || !self->sink->send_fence (self->arg, &number))
        return;
    for (; last != &self->sent.head; last = last->prev) {
        session = container_of (last, session_t, place);
        if (session->fenced)
            break;
        session->fenced = true;
        session->fence = number;
    }
}

void multiplexor_flush (multiplexor_t *self)
{
    if (self->up && send_unsent (self) && send_cancels (self))
        send_fence (self);
}

void multiplexor_up (multiplexor_t *self)
{
    self->up = true;
    self->answers = 0;
    multiplexor_flush (self);
}

// ---- what comes

static void take_result (multiplexor_t *self, const packet_t *packet, frame_t *payload)
{
    session_t *session = NULL;

    if (packet_has (packet, PACKET_BIT (COOKIE))) {
        session = find (self, SESSION_CANCEL, &packet->cookie);
        if (!session || !session->sent)
            session = find (self, SESSION_RUN, &packet->cookie);
    }
    if (!session || !session->sent)
        self->sink->stray (self->arg, packet);
    else
        end (self, session, packet, payload, packet->rc, NULL);
}

static void take_partial (multiplexor_t *self, const packet_t *packet, frame_t *payload)
{
    session_t *session = find (self, SESSION_RUN, &packet->cookie);

    if (session && session->sent)
        self->sink->partial (self->arg, session, packet, payload);
}

/*  The broker has answered a HEARTBEAT: what was sent before it has been dealt with. A detached RUN
 *  that was refused has had its RESULT by now.
 */
static void take_answer (multiplexor_t *self)
{
    self->answers++;
    for (list_node_t *node = list_first (&self->sent), *next; node; node = next) {
        session_t *session = container_of (node, session_t, place);
        next = list_next (&self->sent, node);
        if (!session->fenced)
            continue;
        if (session->fence > self->answers)
            return;
        if (session->detach)
            end (self, session, NULL, NULL, ZFABRIC_OK, "");
    }
}

void multiplexor_packet (multiplexor_t *self, const packet_t *packet, frame_t *payload)
{
    if (packet->type == PACKET_RESULT && packet_has (packet, PACKET_BIT (RC)))
        take_result (self, packet, payload);
    else if (packet->type == PACKET_PARTIAL && packet_has (packet, PACKET_BIT (COOKIE)))
        take_partial (self, packet, payload);
    else if (packet->type == PACKET_HEARTBEAT && !packet_has (packet, PACKET_BIT (NAME)))
        take_answer (self); // one with a name is no answer: the broker looks whether we are there
}

void multiplexor_lost (multiplexor_t *self, const char *words)
{
    self->up = false;
    end_all (self, &self->sent, words);
}

// ---- time

moment_t multiplexor_deadline (const multiplexor_t *self)
{
    const session_t *session = first_of (&self->unsent);

    return session && !self->up ? session->give_up : MOMENT_NEVER;
}

void multiplexor_expire (multiplexor_t *self, moment_t now, const char *words)
{
    while (multiplexor_deadline (self) <= now)
        end (self, first_of (&self->unsent), NULL, NULL, ZFABRIC_BROKER_WENT_AWAY, words);
}

void multiplexor_stop (multiplexor_t *self, const char *words)
{
    self->up = false;
    end_all (self, &self->sent, words);
    end_all (self, &self->unsent, words);
}
