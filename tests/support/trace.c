#include "tests/support/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/testing.h"

#include "codec/codec.h"

#define PEERS    64
#define TOLD_MAX 65536

struct trace {
    switchboard_t *switchboard;
    moment_t now;
    char names[PEERS][16]; // by peer number; "" if there is none
    char told[TOLD_MAX];   // actions of the last event that nobody asked for yet, a line each
};

const sb_limits_t trace_limits = {.queue = 100,
                                  .client_tasks = 100,
                                  .max_payload = 1000,
                                  .queue_wait_ms = 30000,
                                  .cancel_grace_ms = 5000,
                                  .drain_ms = 30000};

static void cookie_text (unsigned number, char *text)
{
    snprintf (text, COOKIE_TEXT + 1, "00000000-0000-4000-8000-%012u", number);
}

// ---- actions as text

static void tell (trace_t *self, const char *text)
{
    size_t len = strlen (self->told);

    assert_true (len + strlen (text) + 1 < TOLD_MAX);
    strcpy (self->told + len, text);
}

static void tell_packet (trace_t *self, const packet_t *packet)
{
    char text[128];

    tell (self, " ");
    tell (self, packet_type_name (packet->type));
    if (packet_has (packet, PACKET_BIT (COOKIE))) {
        unsigned number = 0;
        for (int i = 10; i < COOKIE_OCTETS; i++)
            number = number * 100 + (packet->cookie.octets[i] >> 4) * 10u
                     + (packet->cookie.octets[i] & 15);
        snprintf (text, sizeof text, " k%u", number);
        tell (self, text);
    }
    if (packet_has (packet, PACKET_BIT (RC))) {
        tell (self, " ");
        tell (self, zfabric_rc_name (packet->rc));
    }
    if (packet_has (packet, PACKET_BIT (CAPACITY))) {
        snprintf (text, sizeof text, " capacity=%u", packet->capacity);
        tell (self, text);
    }
    if (packet_has (packet, PACKET_BIT (SEQ))) {
        snprintf (text, sizeof text, " seq=%llu", (unsigned long long)packet->seq);
        tell (self, text);
    }
}

static void sink_send (void *arg, sb_peer_t peer, frame_t *header, frame_t *payload, bool droppable)
{
    trace_t *self = (trace_t *)arg;
    packet_t packet;
    fault_t fault;

    assert_true (peer < PEERS && self->names[peer][0]);
    tell (self, "> ");
    tell (self, self->names[peer]);
    if (codec_read (frame_slice (header), &packet, &fault))
        fail_msg ("the switchboard sent a bad packet: %s", fault.text);
    assert_int_equal (packet.codec,
                      strchr (self->names[peer], 'm') ? ENCODING_MSGPACK : ENCODING_JSON);
    assert_int_equal (droppable, packet.type == PACKET_PARTIAL);
    bool two =
        packet.type == PACKET_RUN || packet.type == PACKET_RESULT || packet.type == PACKET_PARTIAL;
    assert_int_equal (two, payload != NULL);
    tell_packet (self, &packet);
    if (payload && frame_size (payload)) {
        char text[256];
        slice_t octets = frame_slice (payload);
        snprintf (text, sizeof text, " : %.*s", (int)octets.len, (const char *)octets.ptr);
        tell (self, text);
    }
    tell (self, "\n");
}

// ---- events from text

static sb_peer_t peer_named (trace_t *self, const char *name, bool make)
{
    for (sb_peer_t peer = 0; peer < PEERS; peer++) {
        if (strcmp (self->names[peer], name) == 0)
            return peer;
    }
    for (sb_peer_t peer = 0; make && peer < PEERS; peer++) {
        if (!self->names[peer][0]) {
            strcpy (self->names[peer], name);
            return peer;
        }
    }
    fail_msg ("no peer %s", name);
    return 0;
}

static void step (trace_t *self, sb_event_t *event)
{
    event->now = self->now;
    switchboard_step (self->switchboard, event);
    const char *broken = switchboard_check (self->switchboard);
    if (broken)
        fail_msg ("invariant: %s", broken);
}

// A header in JSON becomes one in msgpack, its known keys at least.
static void to_msgpack (const char *json, frame_t *frame)
{
    packet_t packet;
    buffer_t out;
    fault_t fault;
    slice_t patterns[16];

    if (codec_read (slice_text (json), &packet, &fault))
        fail_msg ("%s: %s", json, fault.text);
    packet.codec = ENCODING_MSGPACK;
    if (packet_has (&packet, PACKET_BIT (PIPELINES))) {
        slice_t rest = packet.pipelines.raw;
        text_t text;
        for (unsigned i = 0; strings_next (ENCODING_JSON, &rest, &text); i++)
            patterns[i] = text.raw;
        packet.pipelines.items = patterns;
    }
    buffer_init (&out, LIMIT_HEADER_OCTETS);
    codec_write (&packet, &out);
    assert_int_equal (frame_take (frame, &out), 0);
    buffer_finish (&out);
}

static void send_packet (trace_t *self, const char *name, const char *json, const char *payload)
{
    frame_t header, body;
    sb_event_t event = {.kind = SB_PACKET,
                        .peer = peer_named (self, name, true),
                        .side = strchr (name, 'w') ? SB_WORKER_SIDE : SB_CLIENT_SIDE,
                        .key = strchr (name, '@') ? (sb_key_t)atoi (strchr (name, '@') + 1) : 0,
                        .frames = payload ? 2 : 1,
                        .header = &header,
                        .payload = &body};

    if (name[0] == 'm')
        to_msgpack (json, &header);
    else
        assert_int_equal (frame_copy (&header, slice_text (json)), 0);
    assert_int_equal (frame_copy (&body, slice_text (payload ? payload : "")), 0);
    step (self, &event);
    frame_close (&header);
    frame_close (&body);
}

static void add_word (char *json, size_t size, const char *word, bool run)
{
    size_t len = strlen (json);
    char cookie[COOKIE_TEXT + 1];
    const char *equals = strchr (word, '=');

    if (equals)
        snprintf (json + len, size - len, ",\"%.*s\":%s", (int)(equals - word), word, equals + 1);
    else if (word[0] == 'k' && strspn (word + 1, "0123456789") == strlen (word + 1)) {
        cookie_text ((unsigned)atoi (word + 1), cookie);
        snprintf (json + len, size - len, ",\"cookie\":\"%s\"", cookie);
    } else
        snprintf (json + len, size - len, ",\"%s\":\"%s\"", run ? "pipeline" : "rc", word);
}

static void play_packet (trace_t *self, char *line)
{
    char json[4096];
    char *payload = strstr (line, " : ");
    char *name = strtok (line, " "), *type, *word;

    if (payload) {
        *payload = '\0';
        payload += 3;
    }
    type = strtok (NULL, " ");
    assert_non_null (type);
    if (strcmp (type, "gone") == 0) {
        sb_event_t event = {.kind = SB_PEER_GONE, .peer = peer_named (self, name, false)};
        step (self, &event);
        self->names[event.peer][0] = '\0';
        return;
    }
    snprintf (json, sizeof json, "{\"packet_type\":\"%s\"", type);
    while ((word = strtok (NULL, " ")))
        add_word (json, sizeof json, word, strcmp (type, "RUN") == 0);
    strcat (json, "}");
    send_packet (self, name, json, payload);
}

// "7 client a*,b", or "7"
static void play_key (trace_t *self, const char *line)
{
    frame_t header;
    const char *words = strchr (line, ' ');
    char text[1024] = "";

    if (words)
        snprintf (text, sizeof text, "%s", words + 1);
    if (strchr (text, ' '))
        *strchr (text, ' ') = '\n';
    assert_int_equal (frame_copy (&header, slice_text (text)), 0);
    sb_event_t event = {.kind = SB_KEY, .key = (sb_key_t)atoi (line), .header = &header};
    step (self, &event);
    frame_close (&header);
}

static void play_line (trace_t *self, const char *text)
{
    char line[4096];
    sb_event_t event = {.kind = SB_TICK};

    assert_true (strlen (text) < sizeof line);
    strcpy (line, text);
    for (char *at = line; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    if (line[0] == '+') {
        self->now += (moment_t)atoll (line + 1);
        step (self, &event);
    } else if (strcmp (line, "drain") == 0 || strcmp (line, "halt") == 0) {
        event.kind = line[0] == 'd' ? SB_DRAIN : SB_HALT;
        step (self, &event);
    } else if (strncmp (line, "key ", 4) == 0) {
        play_key (self, line + 4);
    } else if (strncmp (line, "raw ", 4) == 0) {
        char *header = strchr (line + 4, ' ');
        *header = '\0';
        send_packet (self, line + 4, header + 1, NULL);
    } else {
        play_packet (self, line);
    }
}

// The next action that was told must be this one.
static void expect (trace_t *self, const char *line, const char *event)
{
    char wanted[4096];
    size_t len = strcspn (self->told, "\n");

    snprintf (wanted, sizeof wanted, "%s", line);
    for (char *at = wanted; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    if (strlen (wanted) != len || strncmp (self->told, wanted, len))
        fail_msg ("after \"%s\": expected \"%s\", came \"%.*s\"", event, wanted, (int)len,
                  self->told);
    memmove (self->told, self->told + len + 1, strlen (self->told + len + 1) + 1);
}

void trace_play (trace_t *self, ...)
{
    va_list lines;
    const char *line, *event = "the start";

    va_start (lines, self);
    while ((line = va_arg (lines, const char *))) {
        if (line[0] == '#')
            continue;
        if (line[0] == '>') {
            if (!self->told[0])
                fail_msg ("after \"%s\": expected \"%s\", nothing came", event, line);
            expect (self, line, event);
            continue;
        }
        if (self->told[0])
            fail_msg ("after \"%s\" came, unasked: %s", event, self->told);
        event = line;
        play_line (self, line);
    }
    va_end (lines);
    if (self->told[0])
        fail_msg ("after \"%s\" came, unasked: %s", event, self->told);
}

trace_t *trace_new (const sb_limits_t *limits)
{
    static const uint8_t seed[16] = {7};
    trace_t *self = (trace_t *)calloc (1, sizeof *self);
    sb_sink_t sink = {.send = sink_send, .arg = self};

    assert_non_null (self);
    self->now = 1000000;
    self->switchboard = switchboard_new (limits ? limits : &trace_limits, &sink, seed, self->now);
    assert_non_null (self->switchboard);
    return self;
}

void trace_destroy (trace_t **self_p)
{
    switchboard_destroy (&(*self_p)->switchboard);
    free (*self_p);
    *self_p = NULL;
}

switchboard_t *trace_switchboard (trace_t *self)
{
    return self->switchboard;
}
