/*  An epoch is one dealer_t: opened when redial says so, closed when its news say that it is over,
 *  or redial that it takes too long or is silent. Then the next one is opened after a pause.
 *
 *  A descriptor of a ZeroMQ socket is edge-triggered, and using the socket can eat the edge. So
 * each socket has a flag, "perhaps there is something": set when its descriptor fired and whenever
 * the socket was used, cleared only by a receive that found nothing. While one is set the deadline
 * is 0. This way an idle socket is never asked (that costs two system calls), and no wake-up is
 * lost.
 *
 *  When the dealer is over, what the broker sent before can still be read: `over` keeps the news
 *  back until a receive finds nothing.
 */
#define _DEFAULT_SOURCE // strdup

#include "fabric/link.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "fabric/dealer.h"
#include "fabric/endpoint.h"
#include "fabric/redial.h"

#define KEY_TEXT 41 // a Z85 key and its NUL

struct link {
    void *context; // not ours
    char **endpoints;
    size_t endpoint_count;
    encoding_t codec;
    char server_key[KEY_TEXT];
    char public_key[KEY_TEXT];
    char secret_key[KEY_TEXT];
    dealer_options_t options;

    redial_t redial;
    dealer_t dealer;  // open while DIALLING or UP
    bool ask_dealer;  // perhaps there is a message
    bool ask_monitor; // perhaps there are news
    bool over;        // the dealer is: tell it when everything was read
    bool spoke;       // the broker said something in this epoch
    bool blocked;     // a send said EAGAIN, and LINK_WRITABLE has not followed yet
    uint64_t beats;   // HEARTBEATs sent in this epoch
    fault_t reason;   // of the last loss or failure
};

static const char *const heartbeats[] = {
    [ENCODING_JSON] = "{\"packet_type\":\"HEARTBEAT\"}",
    [ENCODING_MSGPACK] = "\x81\xabpacket_type\xa9HEARTBEAT",
};

static int copy_key (char to[static KEY_TEXT], const char *key, const char *which, fault_t *fault)
{
    if (strlen (key) != KEY_TEXT - 1) {
        fault_set (fault, "the %s key is not 40 characters of Z85", which);
        errno = EINVAL;
        return -1;
    }
    memcpy (to, key, KEY_TEXT);
    return 0;
}

static int take_keys (link_t *self, const link_options_t *options, fault_t *fault)
{
    if (!options->server_key)
        return 0;
    if (!options->public_key != !options->secret_key) {
        fault_set (fault, "a public and a secret key belong together");
        errno = EINVAL;
        return -1;
    }
    if (copy_key (self->server_key, options->server_key, "server's", fault))
        return -1;
    (void)sodium_mlock (self->secret_key, sizeof self->secret_key); // where the system has room
    if (options->public_key) {
        if (copy_key (self->public_key, options->public_key, "public", fault)
            || copy_key (self->secret_key, options->secret_key, "secret", fault))
            return -1;
    } else if (dealer_make_keys (self->public_key, self->secret_key)) {
        fault_set (fault, "this libzmq was built without CURVE");
        return -1;
    }
    self->options.server_key = self->server_key;
    self->options.public_key = self->public_key;
    self->options.secret_key = self->secret_key;
    return 0;
}

static int take_endpoints (link_t *self, const link_options_t *options, fault_t *fault)
{
    endpoint_t endpoint;

    if (options->endpoint_count == 0) {
        fault_set (fault, "no endpoint");
        errno = EINVAL;
        return -1;
    }
    self->endpoints = (char **)calloc (options->endpoint_count, sizeof *self->endpoints);
    if (!self->endpoints)
        return -1;
    for (size_t i = 0; i < options->endpoint_count; i++) {
        const char *text = options->endpoints[i];
        if (endpoint_parse (text, &endpoint, fault))
            return -1;
        if (endpoint.kind == ENDPOINT_TCP
            && (slice_equal (endpoint.port, slice_text ("*"))
                || slice_equal (endpoint.port, slice_text ("0")))) {
            fault_set (fault, "%s: a port to connect to is needed", text);
            errno = EINVAL;
            return -1;
        }
        self->endpoints[i] = strdup (text);
        if (!self->endpoints[i])
            return -1;
        self->endpoint_count++;
    }
    return 0;
}

link_t *link_new (void *context, const link_options_t *options, fault_t *fault)
{
    link_t *self = (link_t *)calloc (1, sizeof *self);

    if (!self)
        goto error;
    dealer_init (&self->dealer);
    self->context = context;
    self->codec = options->codec;
    if (take_endpoints (self, options, fault) || take_keys (self, options, fault))
        goto error;
    if (options->max_payload) {
        // A header may be longer than the payload; CURVE's boxes are 33 octets longer.
        uint64_t octets =
            options->max_payload > LIMIT_HEADER_OCTETS ? options->max_payload : LIMIT_HEADER_OCTETS;
        self->options.max_frame = octets > UINT64_MAX - 64 ? UINT64_MAX : octets + 64;
    }
    redial_init (&self->redial, self->endpoint_count, options->seed);
    return self;
error:
    if (errno == ENOMEM)
        fault_set (fault, "out of memory");
    link_destroy (&self);
    return NULL;
}

void link_destroy (link_t **self_p)
{
    link_t *self = *self_p;
    int saved = errno;

    *self_p = NULL;
    if (!self)
        return;
    dealer_close (&self->dealer, 0);
    for (size_t i = 0; i < self->endpoint_count; i++)
        free (self->endpoints[i]);
    free (self->endpoints);
    (void)sodium_munlock (self->secret_key, sizeof self->secret_key); // which wipes it
    free (self);
    errno = saved;
}

static void close_dealer (link_t *self, int linger_ms)
{
    dealer_close (&self->dealer, linger_ms);
    self->ask_dealer = self->ask_monitor = false;
    self->over = self->spoke = self->blocked = false;
}

void link_stop (link_t *self)
{
    close_dealer (self, LINGER_MS);
    redial_stop (&self->redial, 0);
}

size_t link_descriptors (const link_t *self, int fds[static LINK_DESCRIPTORS])
{
    size_t count = 0;

    if (self->dealer.fd >= 0)
        fds[count++] = self->dealer.fd;
    if (self->dealer.monitor_fd >= 0)
        fds[count++] = self->dealer.monitor_fd;
    return count;
}

void link_fired (link_t *self, int fd)
{
    if (!self->dealer.socket)
        return;
    if (fd == -1 || fd == self->dealer.fd)
        self->ask_dealer = true;
    if (fd == -1 || fd == self->dealer.monitor_fd)
        self->ask_monitor = true;
}

moment_t link_deadline (const link_t *self)
{
    if (self->ask_dealer || self->ask_monitor || self->over)
        return 0;
    return redial_deadline (&self->redial);
}

bool link_is_up (const link_t *self)
{
    return self->redial.state == REDIAL_UP;
}

const char *link_endpoint (const link_t *self)
{
    return self->endpoints[self->redial.endpoint];
}

const char *link_reason (const link_t *self)
{
    return self->reason.text;
}

uint64_t link_beats (const link_t *self)
{
    return self->beats;
}

int link_send (link_t *self, frame_t *header, frame_t *payload)
{
    if (!link_is_up (self) || self->over) {
        errno = ENOTCONN;
        return -1;
    }
    if (wire_send (self->dealer.socket, NULL, false, header, payload) == 0) {
        self->ask_dealer = true;
        return 0;
    }
    if (errno != EAGAIN)
        errno = ENOTCONN; // ETERM: no epoch will follow, and the owner learns it from its context
    else if (!self->blocked)
        self->blocked = self->ask_dealer =
            true; // room may have come before anybody listened for it
    return -1;
}

int link_beat (link_t *self)
{
    frame_t header;

    if (frame_copy (&header, slice_text (heartbeats[self->codec]))) {
        errno = EAGAIN;
        return -1;
    }
    if (link_send (self, &header, NULL)) {
        frame_close (&header);
        return -1;
    }
    self->beats++;
    return 0;
}

// The attempt or the connection is over: back to waiting.
static link_event_t fall (link_t *self, moment_t now)
{
    link_event_t event = link_is_up (self) ? LINK_LOST : LINK_FAILED;
    // Of who says nothing at all the attempt itself took its time.
    bool turned_away = self->over && self->dealer.carried && !self->spoke;

    close_dealer (self, 0);
    redial_failed (&self->redial, now, turned_away);
    return event;
}

static link_event_t dial (link_t *self, moment_t now)
{
    int failed = dealer_open (&self->dealer, self->context, link_endpoint (self), &self->options,
                              &self->reason);

    redial_dialled (&self->redial, now);
    if (failed)
        return fall (self, now);
    self->ask_monitor = true; // over inproc it is up already
    return LINK_NOTHING;
}

static link_event_t hear_news (link_t *self, moment_t now)
{
    switch (dealer_news (&self->dealer, &self->reason)) {
    case DEALER_NOTHING:
        self->ask_monitor = false;
        if (self->dealer.carried && self->redial.state == REDIAL_DIALLING)
            redial_reached (&self->redial);
        break;
    case DEALER_UP:
        redial_connected (&self->redial, now);
        self->beats = 0;
        self->ask_dealer = true;
        return LINK_UP;
    case DEALER_OVER:
        self->over = true;
        self->ask_dealer = true;
        self->ask_monitor = false;
        break;
    }
    return LINK_NOTHING;
}

// Whether a message was read. If there is none, the dealer need not be asked again for now.
static bool hear_broker (link_t *self, moment_t now, wire_message_t *message)
{
    if (wire_receive (self->dealer.socket, false, message)) {
        self->ask_dealer = false;
        return false;
    }
    self->spoke = true;
    if (link_is_up (self))
        redial_heard (&self->redial, now);
    return true;
}

static link_event_t do_what_is_due (link_t *self, moment_t now)
{
    switch (redial_due (&self->redial, now)) {
    case REDIAL_NOTHING:
        break;
    case REDIAL_DIAL:
        return dial (self, now);
    case REDIAL_BEAT:
        (void)link_beat (self); // a full pipe: silence will tell
        redial_beaten (&self->redial, now);
        break;
    case REDIAL_TOO_LONG:
        fault_set (&self->reason, "no answer from %s", link_endpoint (self));
        return fall (self, now);
    case REDIAL_SILENT:
        fault_set (&self->reason, "%s said nothing for %d s", link_endpoint (self),
                   PEER_SILENCE_MS / 1000);
        return fall (self, now);
    }
    return LINK_NOTHING;
}

link_event_t link_step (link_t *self, moment_t now, wire_message_t *message)
{
    for (;;) {
        link_event_t event = LINK_NOTHING;
        if (self->ask_monitor)
            event = hear_news (self, now);
        if (event != LINK_NOTHING)
            return event;
        if (self->ask_dealer && hear_broker (self, now, message))
            return LINK_PACKET;
        if (self->over)
            return fall (self, now);
        if (self->blocked && dealer_writable (&self->dealer)) {
            self->blocked = false;
            return LINK_WRITABLE;
        }
        event = do_what_is_due (self, now);
        if (event != LINK_NOTHING)
            return event;
        if (!self->ask_monitor && !self->ask_dealer)
            return LINK_NOTHING;
    }
}
