// The headers that a client writes.

#include <errno.h>

#include "client/client.h"
#include "codec/codec.h"
#include "fabric/utf8.h"

static int write_header (const packet_t *packet, frame_t *header)
{
    buffer_t out;

    buffer_init (&out, LIMIT_HEADER_OCTETS);
    codec_write (packet, &out);
    int rc = frame_take (header, &out);
    buffer_finish (&out);
    return rc;
}

static void
start_packet (packet_t *packet, encoding_t codec, packet_type_t type, const cookie_t *cookie)
{
    packet_init (packet, codec);
    packet->type = type;
    packet->cookie = *cookie;
    packet->keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE);
}

int client_cancel_header (encoding_t codec, const cookie_t *cookie, frame_t *header)
{
    packet_t packet;

    start_packet (&packet, codec, PACKET_CANCEL, cookie);
    return write_header (&packet, header);
}

static void set_encoding (packet_t *packet, zfabric_encoding_t encoding)
{
    static const encoding_t encodings[] = {
        [ZFABRIC_ENCODING_JSON] = ENCODING_JSON,
        [ZFABRIC_ENCODING_MSGPACK] = ENCODING_MSGPACK,
        [ZFABRIC_ENCODING_RAW] = ENCODING_RAW,
    };

    if (encoding == ZFABRIC_ENCODING_DEFAULT || encodings[encoding] == packet->codec)
        return;
    packet->encoding = encodings[encoding];
    packet->keys |= PACKET_BIT (ENCODING);
}

static void set_options (packet_t *packet, const zfabric_run_options_t *options)
{
    bool stream = options->stream || options->on_partial;

    set_encoding (packet, options->encoding);
    packet->timeout_ms = options->timeout_ms;
    packet->wait_ms = options->wait_ms;
    packet->priority = options->priority;
    packet->retries = options->retries;
    packet->orphan_cancel = options->orphan_cancel;
    packet->stream = stream;
    packet->detach = options->detach;
    packet->keys |= (options->timeout_ms ? PACKET_BIT (TIMEOUT) : 0)
                    | (options->has_wait ? PACKET_BIT (WAIT) : 0)
                    | (options->has_priority ? PACKET_BIT (PRIORITY) : 0)
                    | (options->retries ? PACKET_BIT (RETRIES) : 0)
                    | (options->orphan_cancel ? PACKET_BIT (ORPHAN) : 0)
                    | (stream ? PACKET_BIT (STREAM) : 0)
                    | (options->detach ? PACKET_BIT (DETACH) : 0);
}

int client_run_header (encoding_t codec,
                       const cookie_t *cookie,
                       const char *pipeline,
                       const zfabric_run_options_t *options,
                       frame_t *header)
{
    packet_t packet;
    slice_t name = slice_text (pipeline);

    frame_init (header);
    if (!pipeline_valid (name) || !utf8_valid (name) || options->retries > LIMIT_RETRIES
        || (options->has_priority && options->priority > LIMIT_PRIORITY)
        || (unsigned)options->encoding > ZFABRIC_ENCODING_RAW) {
        errno = EINVAL;
        return -1;
    }
    start_packet (&packet, codec, PACKET_RUN, cookie);
    packet.pipeline = name;
    packet.keys |= PACKET_BIT (PIPELINE);
    set_options (&packet, options);
    return write_header (&packet, header);
}

void client_again_header (frame_t *header, const session_t *session, moment_t now)
{
    packet_t packet;
    fault_t fault;
    frame_t again;
    span_t left = moment_until (now, session->deadline);

    if (codec_read (frame_slice (header), &packet, &fault))
        return; // can't be: it is ours
    packet.retries = session->retries;
    packet.timeout_ms = left ? left : 1; // 0 can't be said
    if (write_header (&packet, &again))
        return;
    frame_close (header);
    frame_move (header, &again);
}
