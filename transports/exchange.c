/*  Answers and their questions. The broker answers what comes by one connection in order, so a
 *  RESULT for a cookie belongs to the first thing that was sent for it and is not answered yet.
 * What makes this hard is that some things may be answered or not: a CANCEL of an own task (it has
 * no answer of its own if the task was still there, and COOKIE_NOT_FOUND if its RESULT crossed the
 *  CANCEL), a detached RUN (only if it was refused). Behind each of these goes a HEARTBEAT, which
 *  is always answered: that closes the question. A `mark` is one such question; marks have numbers
 *  in the order of sending.
 *
 *  So a RESULT for a cookie belongs
 *  - to the open RUN, if every mark of the session that was made before the RUN is closed;
 *  - else to the session's first open mark.
 *
 *  A session lives while its RUN or one of its marks is open. Messages that can't be sent wait in
 *  order in `waiting`; as long as there are some, exchange_full () tells callers to hold theirs.
 */
#include "transports/exchange.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "codec/codec.h"
#include "fabric/container.h"
#include "transports/backlog.h"

typedef struct {
    table_node_t by_cookie;
    list_node_t in_caller;
    list_node_t in_all;
    caller_t *caller; // NULL: it has gone, or no RUN is open
    cookie_t cookie;
    bool running; // a RUN is open
    bool detach;
    bool stream;
    bool orphan_cancel;
    uint64_t deaf; // marks up to this one come before the RUN
    list_t marks;  // open ones, in order
} session_t;

typedef struct {
    list_node_t in_session;
    list_node_t in_all;
    list_node_t in_caller;
    session_t *session;
    caller_t *caller; // who is to be told; NULL: nobody
    bool ends;        // the session's detached RUN
    bool answered;
    uint64_t number; // from 1
    uint64_t beat;   // the HEARTBEAT behind it; 0: not sent yet
} mark_t;

struct exchange {
    table_t cookies;
    uint8_t secret[TABLE_KEY_OCTETS];
    list_t sessions;
    list_t marks;   // all open ones, in order
    list_t waiting; // backlog; a tag is the mark whose HEARTBEAT it is
    size_t open;
    uint64_t last_mark;
    uint64_t beats; // answered, on this connection
    bool up;
    const exchange_sink_t *sink;
    void *arg;
};

static bool session_equal (const table_node_t *node, slice_t key)
{
    const session_t *session = container_of (node, const session_t, by_cookie);

    return slice_equal (slice_of (session->cookie.octets, COOKIE_OCTETS), key);
}

// ---- sessions and marks

static uint64_t hash_of (const exchange_t *self, const cookie_t *cookie)
{
    return table_hash (self->secret, slice_of (cookie->octets, COOKIE_OCTETS));
}

static session_t *find_hashed (const exchange_t *self, const cookie_t *cookie, uint64_t hash)
{
    table_node_t *node =
        table_find (&self->cookies, hash, slice_of (cookie->octets, COOKIE_OCTETS));

    return node ? container_of (node, session_t, by_cookie) : NULL;
}

static session_t *find (const exchange_t *self, const cookie_t *cookie)
{
    return find_hashed (self, cookie, hash_of (self, cookie));
}

// The session of a cookie, new if there is none; NULL: ENOMEM.
static session_t *session_of (exchange_t *self, const cookie_t *cookie)
{
    uint64_t hash = hash_of (self, cookie);
    session_t *session = find_hashed (self, cookie, hash);

    if (session)
        return session;
    session = (session_t *)calloc (1, sizeof *session);
    if (!session)
        return NULL;
    session->cookie = *cookie;
    list_init (&session->marks);
    list_append (&self->sessions, &session->in_all);
    table_insert (&self->cookies, &session->by_cookie, hash);
    return session;
}

static void release (exchange_t *self, session_t *session)
{
    if (session->running || !list_empty (&session->marks))
        return;
    table_remove (&self->cookies, &session->by_cookie);
    list_remove (&session->in_all);
    free (session);
}

static void disown (session_t *session)
{
    if (session->caller)
        session->caller->open--;
    list_remove (&session->in_caller);
    session->caller = NULL;
}

static void end_run (exchange_t *self, session_t *session)
{
    disown (session);
    self->open--;
    session->running = false;
    release (self, session);
}

static void close_mark (exchange_t *self, mark_t *mark)
{
    session_t *session = mark->session;

    list_remove (&mark->in_session);
    list_remove (&mark->in_all);
    list_remove (&mark->in_caller);
    free (mark);
    release (self, session);
}

// ---- sending

// Sends it now or later. 0, or -1 (ENOMEM) and the frames are untouched.
static int post (exchange_t *self, frame_t *header, frame_t *payload)
{
    if (list_empty (&self->waiting) && self->sink->send (self->arg, header, payload) == 0)
        return 0;
    return backlog_add (&self->waiting, header, payload) ? 0 : -1;
}

// Puts a HEARTBEAT behind what was sent last. Without memory for one the mark is closed by a later
// one, or by the connection's end.
static void post_beat (exchange_t *self, mark_t *mark)
{
    if (list_empty (&self->waiting))
        mark->beat = self->sink->beat (self->arg);
    if (mark->beat)
        return;
    backlog_item_t *item = backlog_add (&self->waiting, NULL, NULL);
    if (item)
        item->tag = mark;
}

static mark_t *mark_new (exchange_t *self, session_t *session, caller_t *caller)
{
    mark_t *mark = (mark_t *)calloc (1, sizeof *mark);

    if (!mark)
        return NULL;
    mark->number = ++self->last_mark;
    mark->session = session;
    mark->caller = caller;
    list_append (&session->marks, &mark->in_session);
    list_append (&self->marks, &mark->in_all);
    if (caller)
        list_append (&caller->marks, &mark->in_caller);
    return mark;
}

static int post_cancel (exchange_t *self, const cookie_t *cookie)
{
    packet_t packet;
    frame_t header;
    buffer_t out;

    buffer_init (&out, LIMIT_HEADER_OCTETS);
    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_CANCEL;
    packet.cookie = *cookie;
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE);
    codec_write (&packet, &out);
    int rc = frame_take (&header, &out);
    if (rc == 0)
        rc = post (self, &header, NULL);
    frame_close (&header);
    buffer_finish (&out);
    return rc;
}

// Sends a CANCEL whose answer is for `caller`, or for nobody. -1 (ENOMEM), and a session without
// anything open is gone.
static int cancel (exchange_t *self, session_t *session, caller_t *caller)
{
    mark_t *mark = mark_new (self, session, caller);

    if (!mark) {
        release (self, session);
        return -1;
    }
    if (post_cancel (self, &session->cookie)) {
        close_mark (self, mark);
        return -1;
    }
    post_beat (self, mark);
    return 0;
}

// ---- life cycle

exchange_t *exchange_new (const exchange_sink_t *sink, void *arg)
{
    exchange_t *self = (exchange_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    if (table_init (&self->cookies, session_equal)) {
        free (self);
        return NULL;
    }
    randombytes_buf (self->secret, sizeof self->secret);
    list_init (&self->sessions);
    list_init (&self->marks);
    list_init (&self->waiting);
    self->sink = sink;
    self->arg = arg;
    return self;
}

void exchange_destroy (exchange_t **self_p)
{
    exchange_t *self = *self_p;

    if (!self)
        return;
    exchange_down (self, "the door is closed");
    table_finish (&self->cookies);
    free (self);
    *self_p = NULL;
}

void exchange_join (caller_t *caller)
{
    list_init (&caller->sessions);
    list_init (&caller->marks);
    caller->open = 0;
}

void exchange_leave (exchange_t *self, caller_t *caller)
{
    list_node_t *node;

    while ((node = list_first (&caller->marks))) {
        mark_t *mark = container_of (node, mark_t, in_caller);
        list_remove (&mark->in_caller);
        mark->caller = NULL;
    }
    while ((node = list_first (&caller->sessions))) {
        session_t *session = container_of (node, session_t, in_caller);
        disown (session);
        if (session->orphan_cancel)
            (void)cancel (self, session, NULL); // without memory it finishes
    }
}

// ---- from callers

static void start (exchange_t *self, session_t *session, caller_t *caller, const packet_t *run)
{
    mark_t *last = list_empty (&session->marks)
                       ? NULL
                       : container_of (session->marks.head.prev, mark_t, in_session);

    session->running = true;
    session->caller = caller;
    session->detach = run->detach;
    session->stream = run->stream;
    session->orphan_cancel = run->orphan_cancel;
    session->deaf = last ? last->number : 0;
    list_append (&caller->sessions, &session->in_caller);
    caller->open++;
    self->open++;
}

void exchange_run (
    exchange_t *self, caller_t *caller, const packet_t *run, frame_t *header, frame_t *payload)
{
    session_t *session = session_of (self, &run->cookie);
    mark_t *mark = NULL;

    if (!session) {
        caller->result (caller, &run->cookie, ZFABRIC_EXCEPTION, "out of memory");
    } else if (session->running) {
        caller->result (caller, &run->cookie, ZFABRIC_COOKIE_COLLISION,
                        zfabric_rc_meaning (ZFABRIC_COOKIE_COLLISION));
    } else {
        start (self, session, caller, run);
        session->cookie = run->cookie; // its spelling
        if (run->detach)
            mark = mark_new (self, session, NULL);
        if ((run->detach && !mark) || post (self, header, payload)) {
            caller->result (caller, &run->cookie, ZFABRIC_EXCEPTION, "out of memory");
            if (mark)
                close_mark (self, mark);
            end_run (self, session);
        } else if (mark) {
            mark->ends = true;
            post_beat (self, mark);
        }
    }
    frame_close (header);
    frame_close (payload);
}

void exchange_cancel (exchange_t *self, caller_t *caller, const cookie_t *cookie)
{
    session_t *session = session_of (self, cookie);

    if (!session)
        goto error;
    if (!session->running) {
        if (cancel (self, session, caller))
            goto error;
        return;
    }
    if (cancel (self, session, NULL))
        goto error;
    if (session->caller != caller)
        caller->result (caller, cookie, ZFABRIC_OK, NULL);
    return;
error:
    caller->result (caller, cookie, ZFABRIC_EXCEPTION, "out of memory");
}

bool exchange_full (const exchange_t *self)
{
    return !self->up || !list_empty (&self->waiting);
}

// ---- from the broker

// The first open mark that has no answer yet, and whether it comes before the session's RUN.
static mark_t *first_question (session_t *session, bool *before)
{
    for (list_node_t *node = list_first (&session->marks); node;
         node = list_next (&session->marks, node)) {
        mark_t *mark = container_of (node, mark_t, in_session);
        if (mark->answered || mark->ends)
            continue;
        *before = mark->number <= session->deaf;
        return mark;
    }
    return NULL;
}

static bool deaf (const session_t *session)
{
    list_node_t *node = list_first (&session->marks);

    return node && container_of (node, mark_t, in_session)->number <= session->deaf;
}

static void take_result (exchange_t *self, slice_t header, const packet_t *packet, slice_t payload)
{
    session_t *session = find (self, &packet->cookie);
    bool before = false;

    if (!session)
        return;
    if (session->running && !deaf (session)) {
        if (session->caller)
            session->caller->packet (session->caller, header, packet, payload);
        end_run (self, session);
        return;
    }
    mark_t *mark = first_question (session, &before);
    if (!mark || (session->running && !before))
        return;
    mark->answered = true;
    if (mark->caller)
        mark->caller->packet (mark->caller, header, packet, payload);
}

// What was sent before HEARTBEAT number `beats` has been dealt with.
static void take_beat (exchange_t *self)
{
    list_node_t *node;

    self->beats++;
    while ((node = list_first (&self->marks))) {
        mark_t *mark = container_of (node, mark_t, in_all);
        session_t *session = mark->session;
        if (mark->beat == 0 || mark->beat > self->beats)
            return;
        // A task of ours that has no RESULT: a detached one. It is cancelled.
        if (mark->caller && !mark->answered)
            mark->caller->result (mark->caller, &session->cookie, ZFABRIC_OK, NULL);
        bool ends =
            mark->ends && session->running && session->detach && mark->number > session->deaf;
        close_mark (self, mark);
        if (ends && session->caller && session->caller->taken)
            session->caller->taken (session->caller, &session->cookie);
        if (ends)
            end_run (self, session);
    }
}

static void take_partial (exchange_t *self, slice_t header, const packet_t *packet, slice_t payload)
{
    session_t *session = find (self, &packet->cookie);

    if (session && session->running && session->stream && session->caller && !deaf (session))
        session->caller->packet (session->caller, header, packet, payload);
}

void exchange_packet (exchange_t *self, slice_t header, const packet_t *packet, slice_t payload)
{
    bool cookie = packet_has (packet, PACKET_BIT (COOKIE));

    if (packet->type == PACKET_RESULT && cookie)
        take_result (self, header, packet, payload);
    else if (packet->type == PACKET_PARTIAL && cookie)
        take_partial (self, header, packet, payload);
    else if (packet->type == PACKET_HEARTBEAT && !packet_has (packet, PACKET_BIT (NAME)))
        take_beat (self); // one with a name asks whether we are there
}

void exchange_up (exchange_t *self)
{
    self->up = true;
    self->beats = 0;
}

void exchange_down (exchange_t *self, const char *words)
{
    list_node_t *node;

    self->up = false;
    backlog_clear (&self->waiting);
    while ((node = list_first (&self->marks))) {
        mark_t *mark = container_of (node, mark_t, in_all);
        if (mark->caller && !mark->answered)
            mark->caller->result (mark->caller, &mark->session->cookie, ZFABRIC_BROKER_WENT_AWAY,
                                  words);
        close_mark (self, mark);
    }
    while ((node = list_first (&self->sessions))) {
        session_t *session = container_of (node, session_t, in_all);
        if (session->caller)
            session->caller->result (session->caller, &session->cookie, ZFABRIC_BROKER_WENT_AWAY,
                                     words);
        end_run (self, session);
    }
}

void exchange_writable (exchange_t *self)
{
    backlog_item_t *item;

    while ((item = backlog_first (&self->waiting))) {
        mark_t *mark = (mark_t *)item->tag;
        if (mark) {
            mark->beat = self->sink->beat (self->arg);
            if (!mark->beat)
                return;
        } else if (self->sink->send (self->arg, &item->header,
                                     item->has_payload ? &item->payload : NULL)) {
            return;
        }
        backlog_drop (item);
    }
}

size_t exchange_open (const exchange_t *self)
{
    return self->open;
}

bool exchange_check (const exchange_t *self)
{
    size_t open = 0, sessions = 0;
    uint64_t last = 0;

    for (list_node_t *node = list_first (&self->sessions); node;
         node = list_next (&self->sessions, node)) {
        const session_t *session = container_of (node, const session_t, in_all);
        sessions++;
        open += session->running;
        if (!session->running && (session->caller || list_empty (&session->marks)))
            return false;
        if (find (self, &session->cookie) != session)
            return false;
    }
    for (list_node_t *node = list_first (&self->marks); node;
         node = list_next (&self->marks, node)) {
        const mark_t *mark = container_of (node, const mark_t, in_all);
        if (mark->number <= last || (mark->beat && mark->beat <= self->beats))
            return false;
        last = mark->number;
    }
    return open == self->open && sessions == self->cookies.count;
}
