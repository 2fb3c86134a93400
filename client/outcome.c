#include "client/outcome.h"

#include <stdlib.h>

#include "codec/codec.h"
#include "fabric/container.h"

/*  Octets that came over the wire share a buffer of libzmq's with what came beside them. A few that
 *  are kept for long would keep all of that: they are copied.
 */
#define COPIED_OCTETS 2048u

typedef struct {
    zfabric_result_t result;
    frame_t payload;
    uint8_t *texts;     // the error and the lines, each with a NUL behind it; NULL: none
    const char **lines; // into it
} full_result_t;

typedef struct {
    zfabric_partial_t partial;
    list_node_t place;
    frame_t payload;
} full_partial_t;

const zfabric_result_t outcome_no_memory = {
    .rc = ZFABRIC_EXCEPTION,
    .encoding = ZFABRIC_ENCODING_RAW,
    .error = "out of memory: the result was lost",
};

zfabric_encoding_t outcome_encoding (encoding_t encoding)
{
    return encoding == ENCODING_JSON      ? ZFABRIC_ENCODING_JSON
           : encoding == ENCODING_MSGPACK ? ZFABRIC_ENCODING_MSGPACK
                                          : ZFABRIC_ENCODING_RAW;
}

static void keep_payload (frame_t *self, frame_t *payload)
{
    if (frame_size (payload) <= COPIED_OCTETS && frame_copy (self, frame_slice (payload)) == 0)
        return;
    frame_move (self, payload);
}

// For a C reader: its end is the only NUL.
static void write_text (text_t text, buffer_t *texts)
{
    size_t from = texts->len;

    codec_text (text, texts);
    for (size_t i = from; i < texts->len; i++) {
        if (texts->data[i] == '\0')
            texts->data[i] = '?';
    }
    buffer_octet (texts, '\0');
}

// The texts one behind the other; the lines' places follow once the buffer moves no more.
static void write_texts (const packet_t *packet, const char *words, buffer_t *texts)
{
    slice_t rest;
    text_t line;

    if (packet && packet_has (packet, PACKET_BIT (ERROR)))
        write_text (packet->error, texts);
    else
        write_text (text_plain (slice_text (words ? words : "")), texts);
    if (!packet || !packet_has (packet, PACKET_BIT (STACKTRACE)))
        return;
    rest = packet->stacktrace.raw;
    while (strings_next (packet->codec, &rest, &line))
        write_text (line, texts);
}

static int keep_texts (full_result_t *self, const packet_t *packet, const char *words)
{
    size_t count =
        packet && packet_has (packet, PACKET_BIT (STACKTRACE)) ? packet->stacktrace.count : 0;
    buffer_t texts;
    size_t len;

    self->result.error = "";
    if (!words && count == 0 && (!packet || !packet_has (packet, PACKET_BIT (ERROR))))
        return 0;
    buffer_init (&texts, 4 * LIMIT_HEADER_OCTETS);
    write_texts (packet, words, &texts);
    self->texts = buffer_take (&texts, &len);
    buffer_finish (&texts);
    if (!self->texts)
        return -1;
    self->result.error = (const char *)self->texts;
    if (count == 0)
        return 0;
    self->lines = (const char **)calloc (count, sizeof *self->lines);
    if (!self->lines)
        return -1;
    const char *at = self->result.error;
    for (size_t i = 0; i < count; i++) {
        at += strlen (at) + 1;
        self->lines[i] = at;
    }
    self->result.stacktrace = self->lines;
    self->result.stacktrace_count = count;
    return 0;
}

zfabric_result_t *
outcome_result (const packet_t *packet, frame_t *payload, zfabric_rc_t rc, const char *words)
{
    full_result_t *self = (full_result_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    frame_init (&self->payload);
    self->result.rc = rc;
    self->result.encoding = packet ? outcome_encoding (packet->encoding) : ZFABRIC_ENCODING_RAW;
    if (keep_texts (self, packet, words)) {
        zfabric_result_t *result = &self->result;
        zfabric_result_destroy (&result);
        return NULL;
    }
    if (payload)
        keep_payload (&self->payload, payload);
    slice_t octets = frame_slice (&self->payload);
    self->result.payload = octets.len ? octets.ptr : NULL;
    self->result.size = octets.len;
    return &self->result;
}

void zfabric_result_destroy (zfabric_result_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    full_result_t *self = container_of (*self_p, full_result_t, result);
    frame_close (&self->payload);
    free (self->texts);
    free (self->lines);
    free (self);
    *self_p = NULL;
}

zfabric_partial_t *outcome_partial (const packet_t *packet, frame_t *payload)
{
    full_partial_t *self = (full_partial_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    keep_payload (&self->payload, payload);
    slice_t octets = frame_slice (&self->payload);
    self->partial.seq = packet->seq;
    self->partial.encoding = outcome_encoding (packet->encoding);
    self->partial.payload = octets.len ? octets.ptr : NULL;
    self->partial.size = octets.len;
    return &self->partial;
}

list_node_t *outcome_place (zfabric_partial_t *partial)
{
    return &container_of (partial, full_partial_t, partial)->place;
}

zfabric_partial_t *outcome_at (list_node_t *place)
{
    return &container_of (place, full_partial_t, place)->partial;
}

void zfabric_partial_destroy (zfabric_partial_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    full_partial_t *self = container_of (*self_p, full_partial_t, partial);
    frame_close (&self->payload);
    free (self);
    *self_p = NULL;
}
