/*  The client's thread: letters in, packets out; packets in, ends of calls out.
 *
 *  A turn: wait for the mailbox, the link or a deadline; read the letters; let the link step, up to
 *  a number of packets; give up on what has waited too long.
 */
#define _POSIX_C_SOURCE 200809L

#include "client/client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <sodium.h>

#include "client/outcome.h"
#include "codec/codec.h"
#include "fabric/container.h"
#include "fabric/context.h"

#define LINGER_LOOKS   60u  // some 25 us
#define LINGER_REST    255u // most ends that are not lingered after
#define PACKETS_A_TURN 512u // before letters are looked at again

static zfabric_call_t *call_of (session_t *session)
{
    return container_of (session, zfabric_call_t, session);
}

static void tell (client_loop_t *self, zfabric_client_event_t event, const char *text)
{
    if (self->options.on_event)
        self->options.on_event (event, text, self->options.event_arg);
}

// ---- the multiplexor's sink

// What may be sent again stays with its call.
static bool send_keeping (client_loop_t *self, zfabric_call_t *call)
{
    frame_t header, payload;

    if (call->session.again)
        client_again_header (&call->header, &call->session, moment_now ());
    frame_share (&header, &call->header);
    frame_share (&payload, &call->payload);
    bool sent = link_send (self->link, &header, &payload) == 0;
    frame_close (&header);
    frame_close (&payload);
    return sent;
}

static bool sink_send (void *arg, session_t *session)
{
    client_loop_t *self = (client_loop_t *)arg;
    zfabric_call_t *call = call_of (session);
    bool run = session->kind == SESSION_RUN;

    if (session->retries || session->again)
        return send_keeping (self, call);
    return link_send (self->link, &call->header, run ? &call->payload : NULL) == 0;
}

static bool sink_send_cancel (void *arg, session_t *session)
{
    client_loop_t *self = (client_loop_t *)arg;
    frame_t header;

    if (client_cancel_header (self->codec, &session->cookie, &header))
        return true; // no memory: the wish is lost, the task goes on
    bool sent = link_send (self->link, &header, NULL) == 0;
    frame_close (&header);
    return sent;
}

static bool sink_send_fence (void *arg, uint64_t *number)
{
    client_loop_t *self = (client_loop_t *)arg;

    if (link_beat (self->link))
        return false;
    *number = link_beats (self->link);
    return true;
}

static void sink_ended (void *arg,
                        session_t *session,
                        const packet_t *packet,
                        frame_t *payload,
                        zfabric_rc_t rc,
                        const char *words)
{
    client_loop_t *self = (client_loop_t *)arg;
    zfabric_call_t *call = call_of (session);

    self->ended = true;
    call_end (call, packet, payload, rc, words);
    call_unref (&call);
}

static void sink_partial (void *arg, session_t *session, const packet_t *packet, frame_t *payload)
{
    (void)arg;
    call_partial (call_of (session), packet, payload);
}

static void sink_stray (void *arg, const packet_t *packet, const char *problem)
{
    client_loop_t *self = (client_loop_t *)arg;
    buffer_t words;
    fault_t text;

    if (problem) {
        fault_set (&text, "the broker sent what breaks the protocol: %s", problem);
        tell (self, ZFABRIC_CLIENT_EVENT_REFUSED, text.text);
        return;
    }
    // A task that was given up here, or a packet of ours that the broker could not read.
    buffer_init (&words, LIMIT_HEADER_OCTETS);
    if (packet_has (packet, PACKET_BIT (ERROR)))
        codec_text (packet->error, &words);
    fault_set (&text, "%s: %.*s", zfabric_rc_name (packet->rc), (int)words.len,
               words.len ? (const char *)words.data : "");
    buffer_finish (&words);
    tell (self, ZFABRIC_CLIENT_EVENT_REFUSED, text.text);
}

static const multiplexor_sink_t client_sink = {
    .send = sink_send,
    .send_cancel = sink_send_cancel,
    .send_fence = sink_send_fence,
    .ended = sink_ended,
    .partial = sink_partial,
    .stray = sink_stray,
};

// ---- letters

static void do_as_they_say (client_loop_t *self, list_t *letters, moment_t now)
{
    list_node_t *node;

    while ((node = list_first (letters))) {
        zfabric_call_t *call = container_of (node, zfabric_call_t, opened);
        list_remove (node);
        if (call->starts)
            multiplexor_add (&self->multiplexor, &call->session, now);
        if (call->cancels)
            multiplexor_cancel (&self->multiplexor, &call->session);
        call_unref (&call);
    }
    multiplexor_flush (&self->multiplexor);
}

static void read_letters (client_loop_t *self)
{
    list_t letters;

    list_init (&letters);
    call_open_letters (self->hub, &letters);
    do_as_they_say (self, &letters, moment_now ());
}

// The borrower of the baton. Whether it is still alone.
static bool read_own_letters (client_loop_t *self)
{
    list_t letters;

    list_init (&letters);
    if (!call_open_letters_alone (self->hub, &letters))
        return false;
    do_as_they_say (self, &letters, moment_now ());
    return true;
}

// ---- the link

static void note_link (client_loop_t *self, bool up, const char *reason)
{
    pthread_mutex_lock (&self->hub->lock);
    self->hub->up = up;
    snprintf (self->hub->reason, sizeof self->hub->reason, "%s", reason);
    pthread_mutex_unlock (&self->hub->lock);
}

static void take_packet (client_loop_t *self, wire_message_t *message)
{
    packet_t packet;
    fault_t fault;

    if (codec_read (frame_slice (&message->header), &packet, &fault))
        multiplexor_broken (&self->multiplexor, &packet, fault.text);
    else
        multiplexor_packet (&self->multiplexor, &packet, &message->payload, moment_now ());
}

static void handle_event (client_loop_t *self, link_event_t event, wire_message_t *message)
{
    switch (event) {
    case LINK_PACKET:
        take_packet (self, message);
        break;
    case LINK_UP:
        note_link (self, true, "");
        tell (self, ZFABRIC_CLIENT_EVENT_UP, link_endpoint (self->link));
        multiplexor_up (&self->multiplexor);
        break;
    case LINK_WRITABLE:
        multiplexor_writable (&self->multiplexor);
        break;
    case LINK_LOST:
    case LINK_FAILED:
        note_link (self, false, link_reason (self->link));
        tell (self, event == LINK_LOST ? ZFABRIC_CLIENT_EVENT_LOST : ZFABRIC_CLIENT_EVENT_FAILED,
              link_reason (self->link));
        multiplexor_lost (&self->multiplexor, moment_now (), link_reason (self->link));
        break;
    case LINK_NOTHING:
        break;
    }
}

static void step_link (client_loop_t *self)
{
    link_event_t event = LINK_PACKET;

    for (unsigned i = 0; i < PACKETS_A_TURN && event != LINK_NOTHING; i++) {
        event = link_step (self->link, moment_now (), &self->message);
        handle_event (self, event, &self->message);
    }
}

static void give_up (client_loop_t *self)
{
    fault_t words;
    const char *reason = link_reason (self->link);
    moment_t now = moment_now ();

    if (multiplexor_deadline (&self->multiplexor) > now)
        return;
    fault_set (&words, "no connection to %s within %llu ms%s%s", link_endpoint (self->link),
               (unsigned long long)self->connect_timeout_ms, *reason ? ": " : "", reason);
    multiplexor_expire (&self->multiplexor, now, words.text);
}

// ---- the loop

static int poll_timeout (client_loop_t *self)
{
    moment_t next = link_deadline (self->link);
    moment_t expires = multiplexor_deadline (&self->multiplexor);

    if (expires < next)
        next = expires;
    if (next == MOMENT_NEVER)
        return -1;
    span_t wait = moment_until (moment_now (), next);
    return wait < INT_MAX ? (int)wait : INT_MAX;
}

/*  Who runs one task after the other comes back with the next as soon as it has the last one's end:
 *  to look out for that a moment longer saves it the wait for this thread's waking up, a tenth of
 *  the time that the task takes. Only where nothing else is under way, so that nothing is missed;
 *  and the more seldom, the more often it was in vain. Whether there is mail.
 */
static bool linger (client_loop_t *self)
{
    bool idle = self->ended && multiplexor_idle (&self->multiplexor);

    self->ended = false;
    if (!idle || (self->lingers_in > 0 && --self->lingers_in > 0))
        return false;
    for (unsigned i = 0; i < LINGER_LOOKS; i++) {
        if (!mailbox_empty (self->hub->mail)) {
            self->lingers_after = 0;
            return true;
        }
        sched_yield ();
    }
    self->lingers_after =
        self->lingers_after < LINGER_REST ? 2 * self->lingers_after + 1 : LINGER_REST;
    self->lingers_in = self->lingers_after;
    return false;
}

static void wait_for_work (client_loop_t *self)
{
    struct pollfd items[LINK_DESCRIPTORS + 1];
    int fds[LINK_DESCRIPTORS];
    size_t count = link_descriptors (self->link, fds);

    items[0] = (struct pollfd){.fd = mailbox_descriptor (self->hub->mail), .events = POLLIN};
    for (size_t i = 0; i < count; i++)
        items[i + 1] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    int timeout = poll_timeout (self);
    if (timeout != 0 && !mailbox_doze (self->hub->mail))
        timeout = 0;
    (void)poll (items, count + 1, timeout);
    for (size_t i = 0; i < count; i++) {
        if (items[i + 1].revents)
            link_fired (self->link, fds[i]);
    }
}

static void turn (client_loop_t *self)
{
    // Nothing is under way where it lingers, so what the descriptors tell can wait: one turn, or
    // who starts and cancels all the time would keep them unread.
    bool mail = linger (self);
    if (!mail || !self->waited)
        wait_for_work (self);
    self->waited = !mail || !self->waited;
    read_letters (self);
    step_link (self);
    give_up (self);
    hub_tell (self->hub);
}

/*  Lends the baton to a caller who waits for the only task, and has it back after this. Events
 *  are told on the client's thread only, so where somebody listens to them it keeps it.
 */
static void lend_baton (client_loop_t *self)
{
    if (self->options.on_event || !multiplexor_has_one (&self->multiplexor))
        return;
    pthread_mutex_lock (&self->hub->lock);
    if (self->hub->open == 1 && !atomic_load (&self->stop))
        baton_offer (&self->hub->baton);
    baton_await (&self->hub->baton, &self->hub->lock);
    pthread_mutex_unlock (&self->hub->lock);
}

void client_loop_run (client_loop_t *self)
{
    hub_begin (self->hub);
    while (!atomic_load (&self->stop)) {
        lend_baton (self);
        turn (self);
    }
    hub_close (self->hub);
    // What was asked for before may still be sent; nobody waits for its end here.
    read_letters (self);
    multiplexor_stop (&self->multiplexor, "the client was closed");
    hub_tell (self->hub);
    link_stop (self->link);
}

// Whether the call has ended; if not, there are others, or the client is to stop.
static bool turns_until_ended (client_loop_t *self, const zfabric_call_t *call)
{
    while (!atomic_load (&self->stop) && read_own_letters (self)) {
        step_link (self);
        give_up (self);
        hub_tell (self->hub);
        if (atomic_load (&call->ended))
            return true;
        wait_for_work (self);
    }
    return false;
}

void client_loop_borrowed (client_loop_t *self, const zfabric_call_t *call)
{
    bool ended = turns_until_ended (self, call) && link_is_up (self->link); // or it must be dialled
    hub_t *hub = self->hub;

    self->ended = false;
    pthread_mutex_lock (&hub->lock);
    // Looked at with the lock held, for who stops the client recalls the baton afterwards.
    if (ended && hub->open == 0 && !atomic_load (&self->stop))
        baton_leave (&hub->baton);
    else
        baton_give_back (&hub->baton);
    pthread_mutex_unlock (&hub->lock);
}

// ---- life cycle

client_loop_t *client_loop_new (const link_options_t *link,
                                const zfabric_client_options_t *options,
                                fault_t *fault)
{
    uint8_t secret[TABLE_KEY_OCTETS];
    client_loop_t *self = (client_loop_t *)calloc (1, sizeof *self);

    fault_set (fault, "out of memory or descriptors");
    if (!self)
        return NULL;
    wire_message_init (&self->message);
    self->options = *options;
    self->codec = link->codec;
    self->connect_timeout_ms =
        options->connect_timeout_ms ? options->connect_timeout_ms : CLIENT_CONNECT_TIMEOUT_MS;
    randombytes_buf (secret, sizeof secret);
    self->hub = hub_new ();
    if (!self->hub
        || multiplexor_init (&self->multiplexor, secret, self->connect_timeout_ms, &client_sink,
                             self))
        goto error;
    void *context = context_of_process ();
    if (!context)
        goto error;
    self->link = link_new (context, link, fault);
    if (!self->link)
        goto error;
    return self;
error:
    client_loop_destroy (&self);
    return NULL;
}

void client_loop_destroy (client_loop_t **self_p)
{
    client_loop_t *self = *self_p;
    int problem = errno;

    if (!self)
        return;
    link_destroy (&self->link);
    multiplexor_finish (&self->multiplexor);
    wire_message_close (&self->message);
    hub_unref (&self->hub);
    free (self);
    *self_p = NULL;
    errno = problem;
}
