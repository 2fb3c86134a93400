/*  A ZAP question is answered at once, on the loop's thread: it takes a look into a table. libzmq
 *  asks for each handshake that has proved to hold its key, and holds the connection until then.
 */
#define _GNU_SOURCE

#include "broker/gate.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>

#include "broker/callers.h"
#include "broker/key_folder.h"
#include "broker/throttle.h"
#include "fabric/context.h"
#include "fabric/rights.h"

#define BATCH          64 // questions answered in one turn
#define REQUEST_FRAMES 8  // that are kept; version, id, domain, address, identity, mechanism, key
#define FRAME_OCTETS   256
#define LINE_OCTETS    512

// What is told, each within its own bound.
enum { ABOUT_KEYS, ABOUT_HANDSHAKES, ABOUT_SILENT, ABOUT_PACKETS, ABOUT_COUNT };

static const char *const about[ABOUT_COUNT] = {[ABOUT_KEYS] = "keys that were refused",
                                               [ABOUT_HANDSHAKES] = "handshakes that failed",
                                               [ABOUT_SILENT] = "connections without a packet",
                                               [ABOUT_PACKETS] = "packets that were refused"};

struct gate {
    gate_hooks_t hooks;
    moment_t now;
    key_pair_t *keys; // the broker's own, while it starts
    void *context;
    keyring_t ring;
    key_folder_t *folder;
    key_reading_t *first; // until it is told of
    bool opened;
    void *zap;
    callers_t callers[2];
    const char *reasons[2];               // why the last handshake of the side failed
    throttle_t throttles[2][ABOUT_COUNT]; // each side's own
    fault_t told;                         // the last complaint about the folder
    size_t told_count;
};

static const char *const sides[] = {[SB_CLIENT_SIDE] = "client", [SB_WORKER_SIDE] = "worker"};

static void say (const gate_t *self, zfabric_log_level_t level, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

static void say (const gate_t *self, zfabric_log_level_t level, const char *format, ...)
{
    char line[LINE_OCTETS];
    va_list args;

    va_start (args, format);
    (void)vsnprintf (line, sizeof line, format, args);
    va_end (args);
    self->hooks.log (self->hooks.arg, level, line);
}

static void say_more (gate_t *self, sb_side_t side, int what)
{
    uint64_t more = throttle_more (&self->throttles[side][what], self->now);

    if (more)
        say (self, ZFABRIC_LOG_WARNING, "... and %llu more %s on the %s side",
             (unsigned long long)more, about[what], sides[side]);
}

// A warning that others can cause.
static void warn (gate_t *self, sb_side_t side, int what, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));

static void warn (gate_t *self, sb_side_t side, int what, const char *format, ...)
{
    char line[LINE_OCTETS];
    va_list args;

    say_more (self, side, what);
    if (!throttle_pass (&self->throttles[side][what], self->now))
        return;
    va_start (args, format);
    (void)vsnprintf (line, sizeof line, format, args);
    va_end (args);
    self->hooks.log (self->hooks.arg, ZFABRIC_LOG_WARNING, line);
}

void gate_refused (gate_t *self, sb_side_t side, const char *line)
{
    warn (self, side, ABOUT_PACKETS, "%s", line);
}

// ---- ZAP

typedef struct {
    slice_t frames[REQUEST_FRAMES];
    uint8_t octets[REQUEST_FRAMES][FRAME_OCTETS];
    size_t count; // of all frames; those that are too long are empty here
} request_t;

enum {
    FRAME_VERSION,
    FRAME_ID,
    FRAME_DOMAIN,
    FRAME_ADDRESS,
    FRAME_IDENTITY,
    FRAME_MECHANISM,
    FRAME_KEY
};

// 0, or -1 if there is none.
static int receive_request (void *zap, request_t *request)
{
    zmq_msg_t frame;
    bool more = true;

    request->count = 0;
    zmq_msg_init (&frame);
    while (more && zmq_msg_recv (&frame, zap, ZMQ_DONTWAIT) >= 0) {
        if (request->count < REQUEST_FRAMES) {
            size_t len = zmq_msg_size (&frame) <= FRAME_OCTETS ? zmq_msg_size (&frame) : 0;
            uint8_t *octets = request->octets[request->count];
            memcpy (octets, zmq_msg_data (&frame), len);
            request->frames[request->count] = slice_of (octets, len);
        }
        request->count++;
        more = zmq_msg_more (&frame);
    }
    zmq_msg_close (&frame);
    return request->count ? 0 : -1;
}

static void send_reply (
    void *zap, const request_t *request, const char *status, const char *words, const char *user)
{
    const slice_t frames[] = {
        slice_text ("1.0"),
        request->count > FRAME_ID ? request->frames[FRAME_ID] : slice_text (""),
        slice_text (status),
        slice_text (words),
        slice_text (user),
        slice_text ("")};
    size_t count = sizeof frames / sizeof *frames;

    for (size_t i = 0; i < count; i++)
        (void)zmq_send (zap, frames[i].ptr, frames[i].len,
                        ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0)); // who asked may be gone
}

// The side that is asked for; -1 if the question is none of ours.
static int side_asked (const request_t *request)
{
    if (request->count != FRAME_KEY + 1
        || !slice_equal (request->frames[FRAME_VERSION], slice_text ("1.0"))
        || !slice_equal (request->frames[FRAME_MECHANISM], slice_text ("CURVE"))
        || request->frames[FRAME_KEY].len != KEY_OCTETS)
        return -1;
    if (slice_equal (request->frames[FRAME_DOMAIN], slice_text (SOCKETS_DOMAIN_CLIENTS)))
        return SB_CLIENT_SIDE;
    if (slice_equal (request->frames[FRAME_DOMAIN], slice_text (SOCKETS_DOMAIN_WORKERS)))
        return SB_WORKER_SIDE;
    return -1;
}

bool gate_opens (const card_t *card, sb_side_t side)
{
    return (card->entry.roles & rights_of_side (side == SB_WORKER_SIDE)) != 0;
}

static void answer (gate_t *self, const request_t *request)
{
    int side = side_asked (request);
    fabric_key_t key;
    char text[KEY_TEXT + 1];
    fault_t address; // without control characters

    if (side < 0) {
        send_reply (self->zap, request, "400", "no key", "");
        return;
    }
    memcpy (key.octets, request->frames[FRAME_KEY].ptr, KEY_OCTETS);
    const card_t *card = keyring_find (&self->ring, &key);
    if (card && gate_opens (card, (sb_side_t)side)) {
        send_reply (self->zap, request, "200", "OK", card->text);
        return;
    }
    // Both are the same to whoever asks.
    send_reply (self->zap, request, "400", "not authorized", "");
    key_print (&key, text);
    slice_t from = request->frames[FRAME_ADDRESS];
    fault_set (&address, "%.*s", (int)from.len, from.len ? (const char *)from.ptr : "");
    if (card)
        warn (self, (sb_side_t)side, ABOUT_KEYS,
              "refused %s (%.8s...) from %s: its role is not for the %s side", card->entry.name,
              text, address.text, sides[side]);
    else
        warn (self, (sb_side_t)side, ABOUT_KEYS,
              "refused the key %.8s... from %s on the %s side: nobody knows it", text, address.text,
              sides[side]);
}

// True if there may be more of them.
static bool answer_all (gate_t *self)
{
    request_t request;

    for (unsigned i = 0; i < BATCH; i++) {
        if (receive_request (self->zap, &request))
            return false;
        answer (self, &request);
    }
    return true;
}

static void *open_zap (void *context)
{
    int none = 0;
    void *zap = zmq_socket (context, ZMQ_REP);

    if (!zap)
        return NULL;
    if (zmq_setsockopt (zap, ZMQ_LINGER, &none, sizeof none)
        || zmq_setsockopt (zap, ZMQ_RCVHWM, &none, sizeof none)
        || zmq_setsockopt (zap, ZMQ_SNDHWM, &none, sizeof none)
        || zmq_bind (zap, "inproc://zeromq.zap.01")) {
        int saved = errno;
        zmq_close (zap);
        errno = saved;
        return NULL;
    }
    return zap;
}

// ---- the folder

static void on_changed (card_t *card, void *arg)
{
    const gate_t *self = (const gate_t *)arg;

    self->hooks.changed (self->hooks.arg, card);
}

// The same complaints again are none.
static void say_complaints (gate_t *self, const key_reading_t *reading)
{
    const fault_t none = {""};
    const fault_t *first = reading->complained ? &reading->complaints[0] : &none;

    if (reading->complained == self->told_count && strcmp (first->text, self->told.text) == 0)
        return;
    self->told = *first;
    self->told_count = reading->complained;
    for (size_t i = 0; i < reading->complained && i < KEY_FOLDER_COMPLAINTS; i++)
        say (self, reading->failed ? ZFABRIC_LOG_ERROR : ZFABRIC_LOG_WARNING, "certificates: %s%s",
             reading->complaints[i].text,
             reading->failed ? "; what was read before still holds" : "");
    if (reading->complained > KEY_FOLDER_COMPLAINTS)
        say (self, ZFABRIC_LOG_WARNING, "... and %zu more certificates",
             reading->complained - KEY_FOLDER_COMPLAINTS);
}

static void say_news (gate_t *self, const key_reading_t *reading, const keyring_news_t *news)
{
    say_complaints (self, reading);
    if (news->added || news->changed || news->removed)
        say (self, ZFABRIC_LOG_INFO, "keys: %zu may come in; %zu added, %zu changed, %zu removed",
             self->ring.count, news->added, news->changed, news->removed);
}

static void read_folder (gate_t *self)
{
    key_reading_t *reading = key_folder_take (self->folder);
    keyring_news_t news = {0};

    if (!reading)
        return;
    if (!reading->failed && keyring_update (&self->ring, &reading->keys, on_changed, self, &news))
        say (self, ZFABRIC_LOG_ERROR, "out of memory: not all keys may come in");
    if (self->opened) {
        say_news (self, reading, &news);
        key_reading_destroy (&reading);
    } else {
        self->first = reading;
    }
}

void gate_open (gate_t *self, const char *folder)
{
    keyring_news_t news = {.added = self->ring.count};

    self->opened = true;
    say (self, ZFABRIC_LOG_INFO, "keys are in force; the broker's own is %s",
         self->keys->public_key);
    say_news (self, self->first, &news);
    if (self->ring.count == 0)
        say (self, ZFABRIC_LOG_WARNING, "keys: none is in %s, so nobody may come in yet", folder);
    key_reading_destroy (&self->first);
    key_pair_destroy (&self->keys);
}

// ---- packets, and connections that brought none

card_t *gate_admit (gate_t *self, sb_side_t side, const wire_message_t *message)
{
    const char *user_id = wire_user (message);
    card_t *card = user_id ? keyring_find_text (&self->ring, user_id) : NULL;

    if (card && gate_opens (card, side))
        return card;
    warn (
        self, side, ABOUT_PACKETS, "dropped a packet from %s on the %s side: %s %.8s",
        wire_address (message), sides[side],
        !user_id ? "it came without a key" : "not for this key any more:", user_id ? user_id : "");
    return NULL;
}

static const char *reason_of (const sockets_news_t *news)
{
    if (news->event == SOCKETS_BROKEN_OFF)
        return "it was broken off, or took too long";
    if (news->value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
        return "it uses no keys";
    if (news->value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC)
        return "it has another server key, or another's octets";
    return "it breaks ZMTP or CURVE";
}

static void disconnected (gate_t *self, sb_side_t side, int descriptor)
{
    const char *address = callers_disconnected (&self->callers[side], descriptor, self->now);

    if (address)
        warn (self, side, ABOUT_HANDSHAKES, "no handshake with %s on the %s side: %s", address,
              sides[side], self->reasons[side]);
}

void gate_heard (gate_t *self, sb_side_t side, const sockets_news_t *news)
{
    char address[CALLER_TEXT_MAX];

    switch (news->event) {
    case SOCKETS_ACCEPTED:
        sockets_address (news->value, address, sizeof address);
        callers_accepted (&self->callers[side], news->value, address);
        break;
    case SOCKETS_DISCONNECTED:
        disconnected (self, side, news->value);
        break;
    case SOCKETS_BROKEN_OFF:
    case SOCKETS_BAD_PROTOCOL:
        self->reasons[side] = reason_of (news);
        callers_failed (&self->callers[side]);
        break;
    case SOCKETS_REFUSED:
        callers_refused (&self->callers[side]);
        break;
    case SOCKETS_NOTHING:
        break;
    }
}

void gate_spoke (gate_t *self, sb_side_t side, int descriptor)
{
    callers_spoke (&self->callers[side], descriptor);
}

// ---- turns

static void say_silent (gate_t *self)
{
    char address[CALLER_TEXT_MAX];

    for (int side = 0; side < 2; side++) {
        while (callers_silent (&self->callers[side], self->now, address))
            warn (self, (sb_side_t)side, ABOUT_SILENT,
                  "%s left the %s side without a packet: it may not speak ZMTP", address,
                  sides[side]);
    }
}

bool gate_turn (gate_t *self, moment_t now, bool asked, bool news)
{
    self->now = now;
    bool more = asked && answer_all (self);
    if (news)
        read_folder (self);
    say_silent (self);
    for (int side = 0; side < 2; side++) {
        for (int what = 0; what < ABOUT_COUNT; what++)
            say_more (self, (sb_side_t)side, what);
    }
    return more;
}

moment_t gate_deadline (const gate_t *self)
{
    moment_t next = MOMENT_NEVER;

    for (int side = 0; side < 2; side++) {
        if (callers_due (&self->callers[side]) < next)
            next = callers_due (&self->callers[side]);
        for (int what = 0; what < ABOUT_COUNT; what++) {
            if (throttle_due (&self->throttles[side][what]) < next)
                next = throttle_due (&self->throttles[side][what]);
        }
    }
    return next;
}

void *gate_socket (const gate_t *self)
{
    return self->zap;
}

int gate_descriptor (const gate_t *self)
{
    return key_folder_descriptor (self->folder);
}

static int open_context (gate_t *self, const char *curve, fault_t *fault)
{
    self->keys = key_pair_new ();
    if (!self->keys || key_file_read_pair (curve, self->keys, fault))
        return -1;
    self->context = zmq_ctx_new ();
    if (!self->context)
        return -1;
    // As many as the program chose for the process's own.
    (void)zmq_ctx_set (self->context, ZMQ_IO_THREADS,
                       zmq_ctx_get (context_of_process (), ZMQ_IO_THREADS));
    return 0;
}

gate_t *gate_new (const char *curve,
                  const char *folder,
                  const gate_hooks_t *hooks,
                  moment_t now,
                  const key_pair_t **keys,
                  fault_t *fault)
{
    gate_t *self = (gate_t *)calloc (1, sizeof *self);
    uint8_t secret[TABLE_KEY_OCTETS];

    fault_set (fault, "out of memory or descriptors");
    if (!self)
        return NULL;
    self->hooks = *hooks;
    self->now = now;
    self->reasons[0] = self->reasons[1] = "";
    randombytes_buf (secret, sizeof secret);
    if (keyring_init (&self->ring, secret)) {
        free (self);
        return NULL;
    }
    if (open_context (self, curve, fault) || !(self->folder = key_folder_new (folder, fault))
        || !(self->zap = open_zap (self->context))) {
        int saved = errno;
        gate_destroy (&self);
        errno = saved;
        return NULL;
    }
    (void)gate_turn (self, now, false, true);
    *keys = self->keys;
    return self;
}

void *gate_context (const gate_t *self)
{
    return self->context;
}

void gate_destroy (gate_t **self_p)
{
    gate_t *self = *self_p;

    if (!self)
        return;
    if (self->zap)
        zmq_close (self->zap);
    // Waits for what was sent, and no longer than the sockets linger.
    while (self->context && zmq_ctx_term (self->context) && errno == EINTR)
        ;
    key_pair_destroy (&self->keys);
    key_reading_destroy (&self->first);
    key_folder_destroy (&self->folder);
    keyring_finish (&self->ring);
    callers_finish (&self->callers[0]);
    callers_finish (&self->callers[1]);
    free (self);
    *self_p = NULL;
}
