/*  A session is in `unsent`, then in `sent`, each in the order of arrival, and in the table of its
 *  kind; between two attempts it may be in `refused` or `collided`, each in the order of `until`;
 * those with a timeout are in the heap of deadlines as well. Every step is O(1), or O(log n) in the
 * sessions with a timeout.
 *
 *  A cookie may have a RUN and, sent before it, a CANCEL of somebody else's task; the broker
 * answers in order, so the first RESULT is the CANCEL's. Once a RUN of ours is open, cancelling its
 * cookie is cancelling it, and no second CANCEL is needed.
 *
 *  A detached RUN has a RESULT only if it is refused at once. A HEARTBEAT goes behind it: the
 * broker answers in order, so when that answer is here the RUN was taken.
 */
#include "client/multiplexor.h"

#include <assert.h>

#include "fabric/container.h"
#include "fabric/limits.h"

static bool session_equal (const table_node_t *node, slice_t key)
{
    const session_t *session = container_of (node, const session_t, by_cookie);

    return slice_equal (slice_of (session->cookie.octets, COOKIE_OCTETS), key);
}

static session_t *session_at (heap_node_t *node)
{
    return container_of (node, session_t, by_deadline);
}

// What was sent is the broker's to end in time; here it has longer, for the way there and back.
static moment_t ends_at (const session_t *session)
{
    return session->sent ? moment_after (session->deadline, PEER_SILENCE_MS) : session->deadline;
}

static bool ends_before (const heap_node_t *a, const heap_node_t *b)
{
    return ends_at (container_of (a, const session_t, by_deadline))
           < ends_at (container_of (b, const session_t, by_deadline));
}

int multiplexor_init (multiplexor_t *self,
                      const uint8_t secret[static TABLE_KEY_OCTETS],
                      span_t connect_ms,
                      const multiplexor_sink_t *sink,
                      void *arg)
{
    *self = (multiplexor_t){.connect_ms = connect_ms, .sink = sink, .arg = arg};
    list_init (&self->unsent);
    list_init (&self->sent);
    list_init (&self->refused);
    list_init (&self->collided);
    list_init (&self->to_cancel);
    list_init (&self->detached);
    heap_init (&self->deadlines, ends_before);
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
    heap_finish (&self->deadlines);
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
    list_remove (&session->in_detached);
    heap_remove (&self->deadlines, &session->by_deadline);
    table_remove (table_of (self, session->kind), &session->by_cookie);
    while (session) {
        session_t *next = session->next;
        self->sink->ended (self->arg, session, packet, payload, rc, words);
        session = next;
    }
}

static void end_all (multiplexor_t *self, list_t *list, const char *words)
{
    session_t *session;

    while ((session = first_of (list)))
        end (self, session, NULL, NULL, ZFABRIC_BROKER_WENT_AWAY, words);
}

// ---- from the callers

void multiplexor_cancel (multiplexor_t *self, session_t *session)
{
    if (!list_holds (&session->place) || session->kind != SESSION_RUN)
        return;
    if (!session->sent) {
        end (self, session, NULL, NULL, ZFABRIC_CANCELLED, "cancelled before it was sent");
    } else if (!list_holds (&session->in_cancels)) {
        session->unwanted = true;
        list_append (&self->to_cancel, &session->in_cancels);
    }
}

static void watch_deadline (multiplexor_t *self, session_t *session, moment_t now)
{
    if (!session->timeout_ms)
        return;
    session->deadline = moment_after (now, session->timeout_ms);
    // Without memory the broker watches alone.
    if (heap_reserve (&self->deadlines, self->deadlines.count + 1) == 0)
        heap_push (&self->deadlines, &session->by_deadline);
}

void multiplexor_add (multiplexor_t *self, session_t *session, moment_t now)
{
    slice_t key = slice_of (session->cookie.octets, COOKIE_OCTETS);
    session_t *own = find (self, SESSION_RUN, &session->cookie);
    session_t *same = find (self, session->kind, &session->cookie);

    if (session->kind == SESSION_CANCEL && own) {
        multiplexor_cancel (self, own);
        self->sink->ended (self->arg, session, NULL, NULL, ZFABRIC_OK, NULL);
        return;
    }
    if (own) {
        self->sink->ended (self->arg, session, NULL, NULL, ZFABRIC_COOKIE_COLLISION,
                           "this client has a call with this cookie open");
        return;
    }
    if (same) {
        session->next = same->next;
        same->next = session;
        return;
    }
    session->since = now;
    table_insert (table_of (self, session->kind), &session->by_cookie,
                  table_hash (self->secret, key));
    list_append (&self->unsent, &session->place);
    watch_deadline (self, session, now);
}

// ---- sending

static void was_sent (multiplexor_t *self, session_t *session)
{
    session->sent = true;
    list_remove (&session->place);
    list_append (&self->sent, &session->place);
    if (session->detach)
        list_append (&self->detached, &session->in_detached);
    if (heap_holds (&session->by_deadline))
        heap_update (&self->deadlines, &session->by_deadline);
}

static bool send_unsent (multiplexor_t *self)
{
    session_t *session;

    while ((session = first_of (&self->unsent))) {
        if (!self->sink->send (self->arg, session))
            return false;
        was_sent (self, session);
    }
    return true;
}

static bool send_cancels (multiplexor_t *self)
{
    list_node_t *node;

    while ((node = list_first (&self->to_cancel))) {
        session_t *session = container_of (node, session_t, in_cancels);
        if (!self->sink->send_cancel (self->arg, session))
            return false;
        session->clears = !session->sent; // of its former run, which gets an answer of its own
        list_remove (node);
    }
    return true;
}

// One HEARTBEAT behind all detached RUNs that have none yet: the last of `detached`.
static bool send_fence (multiplexor_t *self)
{
    const list_node_t *head = &self->detached.head;
    uint64_t number;

    if (head->prev == head || container_of (head->prev, session_t, in_detached)->fence)
        return true;
    if (!self->sink->send_fence (self->arg, &number))
        return false;
    for (list_node_t *node = head->prev; node != head; node = node->prev) {
        session_t *session = container_of (node, session_t, in_detached);
        if (session->fence)
            break;
        session->fence = number;
    }
    return true;
}

void multiplexor_flush (multiplexor_t *self)
{
    if (self->up && !self->full)
        self->full = !(send_cancels (self) && send_unsent (self) && send_fence (self));
}

void multiplexor_writable (multiplexor_t *self)
{
    self->full = false;
    multiplexor_flush (self);
}

void multiplexor_up (multiplexor_t *self)
{
    self->up = true;
    self->full = false;
    self->answers = 0;
    multiplexor_flush (self);
}

// ---- once more

static bool may_go_again (const session_t *session)
{
    return session->kind == SESSION_RUN && session->retries && !session->unwanted;
}

// From `sent` to `list`.
static void withdraw (multiplexor_t *self, session_t *session, list_t *list)
{
    list_remove (&session->place);
    list_remove (&session->in_cancels);
    list_remove (&session->in_detached);
    list_append (list, &session->place);
    session->sent = false;
    session->again = true;
    session->fence = 0;
    if (heap_holds (&session->by_deadline))
        heap_update (&self->deadlines, &session->by_deadline);
}

// The broker stops, and its connection will be lost: the next one's turn, then.
static void was_refused (multiplexor_t *self, session_t *session, moment_t now)
{
    session->retries--;
    withdraw (self, session, &self->refused);
    session->until = moment_after (now, DEFAULT_DRAIN_MS + self->connect_ms);
}

static void has_collided (multiplexor_t *self, session_t *session, moment_t now)
{
    withdraw (self, session, &self->collided);
    session->until = moment_after (now, RESEND_PAUSE_MS);
    if (session->collides)
        return;
    session->collides = true;
    session->since = now;
    list_append (&self->to_cancel, &session->in_cancels);
    multiplexor_flush (self);
}

// All that may go again, before what was never sent, in order.
static void send_again (multiplexor_t *self)
{
    list_t again;
    list_node_t *next;

    list_init (&again);
    list_append_all (&again, &self->refused);
    list_append_all (&again, &self->collided);
    for (list_node_t *node = list_first (&self->sent); node; node = next) {
        session_t *session = container_of (node, session_t, place);
        next = list_next (&self->sent, node);
        if (may_go_again (session)) {
            session->retries--;
            withdraw (self, session, &again);
        }
    }
    list_append_all (&again, &self->unsent);
    list_append_all (&self->unsent, &again);
    for (list_node_t *node = list_first (&self->unsent); node;
         node = list_next (&self->unsent, node)) {
        session_t *session = container_of (node, session_t, place);
        session->collides = session->clears = false; // by the next broker's word only
        list_remove (&session->in_cancels);
    }
}

static void try_collided (multiplexor_t *self, moment_t now)
{
    session_t *session;

    while ((session = first_of (&self->collided)) && session->until <= now) {
        if (now >= moment_after (session->since, RESEND_LIMIT_MS)) {
            end (self, session, NULL, NULL, ZFABRIC_COOKIE_COLLISION,
                 "the broker has not ended the task's run of before the connection was lost");
        } else {
            list_remove (&session->place);
            list_append (&self->unsent, &session->place);
        }
    }
}

// ---- what comes

// The one that a RESULT with this cookie is for, or NULL.
static session_t *find_sent (multiplexor_t *self, const packet_t *packet)
{
    session_t *session = NULL;

    if (packet_has (packet, PACKET_BIT (COOKIE))) {
        session = find (self, SESSION_CANCEL, &packet->cookie);
        if (!session || !session->sent)
            session = find (self, SESSION_RUN, &packet->cookie);
    }
    return session && session->sent ? session : NULL;
}

// Whether it is the answer to the CANCEL of a former run; the broker answers in order.
static bool take_clearing (multiplexor_t *self, const packet_t *packet)
{
    session_t *session =
        packet_has (packet, PACKET_BIT (COOKIE)) ? find (self, SESSION_RUN, &packet->cookie) : NULL;

    if (!session || !session->clears)
        return false;
    session->clears = false;
    return true;
}

static void
take_result (multiplexor_t *self, const packet_t *packet, frame_t *payload, moment_t now)
{
    if (take_clearing (self, packet))
        return;
    session_t *session = find_sent (self, packet);
    if (!session)
        self->sink->stray (self->arg, packet, NULL);
    else if (packet->rc == ZFABRIC_BROKER_WENT_AWAY && may_go_again (session))
        was_refused (self, session, now);
    else if (packet->rc == ZFABRIC_COOKIE_COLLISION && session->again && !session->unwanted)
        has_collided (self, session, now);
    else
        end (self, session, packet, payload, packet->rc, NULL);
}

static void take_partial (multiplexor_t *self, const packet_t *packet, frame_t *payload)
{
    session_t *session = find (self, SESSION_RUN, &packet->cookie);

    if (session && session->sent)
        self->sink->partial (self->arg, session, packet, payload);
}

static void take_answer (multiplexor_t *self)
{
    list_node_t *node;

    self->answers++;
    while ((node = list_first (&self->detached))) {
        session_t *session = container_of (node, session_t, in_detached);
        if (!session->fence || session->fence > self->answers)
            break;
        end (self, session, NULL, NULL, ZFABRIC_OK, NULL);
    }
}

void multiplexor_packet (multiplexor_t *self,
                         const packet_t *packet,
                         frame_t *payload,
                         moment_t now)
{
    if (packet->type == PACKET_RESULT && !packet_has (packet, PACKET_BIT (RC)))
        multiplexor_broken (self, packet, "rc: missing");
    else if (packet->type == PACKET_RESULT)
        take_result (self, packet, payload, now);
    else if (packet->type == PACKET_PARTIAL && packet_has (packet, PACKET_BIT (COOKIE)))
        take_partial (self, packet, payload);
    else if (packet->type == PACKET_HEARTBEAT && !packet_has (packet, PACKET_BIT (NAME)))
        take_answer (self); // one with a name is no answer: the broker looks whether we are there
}

void multiplexor_broken (multiplexor_t *self, const packet_t *packet, const char *words)
{
    bool end_of_task =
        packet->type == PACKET_RESULT || !packet_has (packet, PACKET_BIT (PACKET_TYPE));
    session_t *session = end_of_task ? find_sent (self, packet) : NULL;

    // It was the one RESULT that the task gets: nothing better will follow.
    if (session)
        end (self, session, NULL, NULL, ZFABRIC_EXCEPTION, words);
    else
        self->sink->stray (self->arg, packet, words);
}

void multiplexor_lost (multiplexor_t *self, moment_t now, const char *words)
{
    if (self->up)
        self->lost = now;
    self->up = false;
    send_again (self);
    end_all (self, &self->sent, words);
}

// ---- time

// When the first of `unsent` has waited long enough for a connection.
static moment_t gives_up_at (const multiplexor_t *self)
{
    const session_t *session = first_of (&self->unsent);

    if (!session || self->up)
        return MOMENT_NEVER;
    return moment_after (session->since > self->lost ? session->since : self->lost,
                         self->connect_ms);
}

// When the next timeout is over.
static moment_t times_out_at (const multiplexor_t *self)
{
    heap_node_t *node = heap_top (&self->deadlines);

    return node ? ends_at (session_at (node)) : MOMENT_NEVER;
}

static moment_t first_until (const list_t *list)
{
    const session_t *session = first_of (list);

    return session ? session->until : MOMENT_NEVER;
}

static moment_t earlier (moment_t a, moment_t b)
{
    return a < b ? a : b;
}

moment_t multiplexor_deadline (const multiplexor_t *self)
{
    moment_t waits = earlier (first_until (&self->refused), first_until (&self->collided));

    return earlier (waits, earlier (gives_up_at (self), times_out_at (self)));
}

void multiplexor_expire (multiplexor_t *self, moment_t now, const char *words)
{
    while (times_out_at (self) <= now) {
        session_t *session = session_at (heap_top (&self->deadlines));
        end (self, session, NULL, NULL, ZFABRIC_TIMED_OUT,
             session->sent ? "the broker did not end it in time" : "it was not sent in time");
    }
    while (gives_up_at (self) <= now)
        end (self, first_of (&self->unsent), NULL, NULL, ZFABRIC_BROKER_WENT_AWAY, words);
    while (first_until (&self->refused) <= now)
        end (self, first_of (&self->refused), NULL, NULL, ZFABRIC_BROKER_WENT_AWAY,
             "the broker said that it stops, but it did not");
    try_collided (self, now);
    multiplexor_flush (self);
}

void multiplexor_stop (multiplexor_t *self, const char *words)
{
    self->up = false;
    end_all (self, &self->sent, words);
    end_all (self, &self->unsent, words);
    end_all (self, &self->refused, words);
    end_all (self, &self->collided, words);
}
