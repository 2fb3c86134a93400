#include "broker/switchboard_state.h"

#include <stdarg.h>
#include <stdio.h>

#include "codec/codec.h"

void switchboard_note (switchboard_t *self, sb_level_t level, const char *format, ...)
{
    char text[FAULT_TEXT_MAX];
    va_list args;

    if (!self->sink.note)
        return;
    va_start (args, format);
    (void)vsnprintf (text, sizeof text, format, args);
    va_end (args);
    self->sink.note (self->sink.arg, level, text);
}

void answer_pass (
    switchboard_t *self, sb_peer_t peer, frame_t *header, frame_t *payload, bool droppable)
{
    self->stats.packets_out++;
    self->stats.octets_out += frame_size (header) + (payload ? frame_size (payload) : 0);
    self->sink.send (self->sink.arg, peer, header, payload, droppable);
}

// Writes the packet and sends it, with a payload (taken) or, NULL, as one frame.
static void say (switchboard_t *self, sb_peer_t peer, const packet_t *packet, frame_t *payload)
{
    buffer_t out;
    frame_t header;

    buffer_init (&out, LIMIT_HEADER_OCTETS);
    codec_write (packet, &out);
    if (frame_take (&header, &out))
        switchboard_note (self, SB_WARNING, "out of memory: an answer to a peer was lost");
    else
        answer_pass (self, peer, &header, payload, false);
    frame_close (&header);
    buffer_finish (&out);
}

static void start_packet (packet_t *packet, encoding_t codec, packet_type_t type)
{
    packet_init (packet, codec);
    packet->type = type;
    packet->keys = PACKET_BIT (PACKET_TYPE);
}

static void name_task (packet_t *packet, const cookie_t *cookie)
{
    if (!cookie)
        return;
    packet->cookie = *cookie;
    packet->keys |= PACKET_BIT (COOKIE);
}

static void say_result (switchboard_t *self,
                        sb_peer_t peer,
                        encoding_t codec,
                        const cookie_t *cookie,
                        zfabric_rc_t rc,
                        const char *error,
                        frame_t *payload)
{
    packet_t packet;

    start_packet (&packet, codec, PACKET_RESULT);
    name_task (&packet, cookie);
    packet.rc = rc;
    packet.keys |= PACKET_BIT (RC);
    if (error && *error) {
        packet.error = text_plain (slice_text (error));
        packet.keys |= PACKET_BIT (ERROR);
    }
    say (self, peer, &packet, payload);
}

void answer_result (switchboard_t *self,
                    sb_peer_t peer,
                    encoding_t codec,
                    const cookie_t *cookie,
                    zfabric_rc_t rc,
                    const char *error)
{
    frame_t nothing;

    frame_init (&nothing);
    say_result (self, peer, codec, cookie, rc, error, &nothing);
    frame_close (&nothing);
}

void answer_document (
    switchboard_t *self, sb_peer_t peer, encoding_t codec, const cookie_t *cookie, frame_t *payload)
{
    say_result (self, peer, codec, cookie, ZFABRIC_OK, NULL, payload);
}

void answer_refusal (
    switchboard_t *self, sb_peer_t peer, const packet_t *packet, zfabric_rc_t rc, const char *error)
{
    if (packet->type == PACKET_RUN)
        self->stats.refused[rc]++;
    answer_result (self, peer, packet->codec,
                   packet_has (packet, PACKET_BIT (COOKIE)) ? &packet->cookie : NULL, rc, error);
}

void answer_forbidden (switchboard_t *self,
                       sb_peer_t peer,
                       const holder_t *holder,
                       const packet_t *packet,
                       const char *words,
                       const char *what)
{
    switchboard_note (self, SB_REFUSED, "%s (peer %u) %s", holder->name[0] ? holder->name : "a key",
                      peer, what);
    answer_refusal (self, peer, packet, ZFABRIC_FORBIDDEN, words);
}

void answer_register (switchboard_t *self, sb_peer_t peer, encoding_t codec, int capacity)
{
    packet_t packet;

    start_packet (&packet, codec, PACKET_REGISTER);
    if (capacity >= 0) {
        packet.capacity = (uint16_t)capacity;
        packet.keys |= PACKET_BIT (CAPACITY);
    }
    say (self, peer, &packet, NULL);
}

void answer_cancel (switchboard_t *self, const worker_t *worker, const cookie_t *cookie)
{
    packet_t packet;

    start_packet (&packet, worker->codec, PACKET_CANCEL);
    name_task (&packet, cookie);
    say (self, worker->peer, &packet, NULL);
}

void answer_bare (switchboard_t *self, sb_peer_t peer, encoding_t codec, packet_type_t type)
{
    packet_t packet;

    start_packet (&packet, codec, type);
    say (self, peer, &packet, NULL);
}
