#include "tests/client/multiplexor_story.h"

#include <stdio.h>

#include "fabric/container.h"
#include "tests/support/testing.h"

#define TOLD_MAX 8192

multiplexor_t mux;
moment_t now;
static char told[TOLD_MAX]; // what the sink heard since the last look
unsigned room;
uint64_t beats;

static named_t pool[8]; // a story's; they are open until its end
static unsigned made;

static const char *name_of (const session_t *session)
{
    return container_of (session, const named_t, session)->name;
}

static void say (const char *format, ...)
{
    va_list args;
    size_t len = strlen (told);

    va_start (args, format);
    vsnprintf (told + len, sizeof told - len, format, args);
    va_end (args);
}

static bool take_send (void)
{
    if (room == 0)
        return false;
    room--;
    return true;
}

static bool on_send (void *arg, session_t *session)
{
    (void)arg;
    if (!take_send ())
        return false;
    say ("%s %s; ", session->kind == SESSION_RUN ? "RUN" : "CANCEL", name_of (session));
    return true;
}

static bool on_send_cancel (void *arg, session_t *session)
{
    (void)arg;
    if (!take_send ())
        return false;
    say ("CANCEL own %s; ", name_of (session));
    return true;
}

static bool on_send_fence (void *arg, uint64_t *number)
{
    (void)arg;
    if (!take_send ())
        return false;
    *number = ++beats;
    say ("HEARTBEAT; ");
    return true;
}

static void on_ended (void *arg,
                      session_t *session,
                      const packet_t *packet,
                      frame_t *payload,
                      zfabric_rc_t rc,
                      const char *words)
{
    (void)arg;
    assert_true (!packet == !payload);
    say ("%s ends %s%s%s; ", name_of (session), zfabric_rc_name (rc), words ? ": " : "",
         words ? words : "");
    memset (&session->by_cookie, 0x5a, sizeof session->by_cookie); // it may be freed now
    session->place = (list_node_t){0};
}

static void on_partial (void *arg, session_t *session, const packet_t *packet, frame_t *payload)
{
    (void)arg;
    assert_non_null (payload);
    say ("%s gets %u; ", name_of (session), (unsigned)packet->seq);
}

static void on_stray (void *arg, const packet_t *packet, const char *words)
{
    (void)arg;
    say ("stray %s%s%s; ", packet_type_name (packet->type), words ? ": " : "", words ? words : "");
}

const multiplexor_sink_t story_sink = {
    .send = on_send,
    .send_cancel = on_send_cancel,
    .send_fence = on_send_fence,
    .ended = on_ended,
    .partial = on_partial,
    .stray = on_stray,
};

int story_begin (void **state)
{
    static const uint8_t secret[TABLE_KEY_OCTETS] = {1, 2, 3};

    (void)state;
    now = 1000000;
    room = 1000000;
    beats = 0;
    made = 0;
    told[0] = '\0';
    return multiplexor_init (&mux, secret, CONNECT_MS, &story_sink, NULL);
}

int story_end (void **state)
{
    (void)state;
    multiplexor_stop (&mux, "the test is over");
    multiplexor_finish (&mux);
    return 0;
}

void hears (const char *expected)
{
    assert_string_equal (told, expected);
    told[0] = '\0';
    assert_true (multiplexor_check (&mux));
}

void forget (void)
{
    told[0] = '\0';
}

// ---- what happens

// Named for its cookie: the first letter.
void init (named_t *self, const char *name, session_kind_t kind)
{
    *self = (named_t){.session = {.kind = kind}};
    snprintf (self->name, sizeof self->name, "%s", name);
    memset (self->session.cookie.octets, name[0], COOKIE_OCTETS);
}

named_t *make (const char *name, session_kind_t kind)
{
    assert_true (made < sizeof pool / sizeof *pool);
    init (&pool[made], name, kind);
    return &pool[made++];
}

void add (named_t *named)
{
    multiplexor_add (&mux, &named->session, now);
    multiplexor_flush (&mux);
}

void connection (void)
{
    beats = 0;
    multiplexor_up (&mux);
}

void comes (packet_type_t type, const char *cookie, zfabric_rc_t rc, unsigned seq)
{
    packet_t packet;
    frame_t payload;

    packet_init (&packet, ENCODING_JSON);
    frame_init (&payload);
    packet.type = type;
    packet.keys = PACKET_BIT (PACKET_TYPE);
    packet.rc = rc;
    packet.seq = seq;
    if (type == PACKET_RESULT)
        packet.keys |= PACKET_BIT (RC);
    if (type == PACKET_PARTIAL)
        packet.keys |= PACKET_BIT (SEQ);
    if (cookie) {
        memset (packet.cookie.octets, cookie[0], COOKIE_OCTETS);
        packet.cookie.upper = 0xffff; // the spelling does not matter
        packet.keys |= PACKET_BIT (COOKIE);
    }
    multiplexor_packet (&mux, &packet, &payload, now);
    frame_close (&payload);
}

void result (const char *cookie, zfabric_rc_t rc)
{
    comes (PACKET_RESULT, cookie, rc, 0);
}

void answer (void)
{
    comes (PACKET_HEARTBEAT, NULL, ZFABRIC_OK, 0);
}

void pass (span_t ms)
{
    moment_t end = now + ms;

    while (multiplexor_deadline (&mux) <= end) {
        now = multiplexor_deadline (&mux) > now ? multiplexor_deadline (&mux) : now;
        say ("(%u) ", (unsigned)(now - 1000000));
        multiplexor_expire (&mux, now, "nobody there");
    }
    now = end;
}
