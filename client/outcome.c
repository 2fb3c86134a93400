#include "client/outcome.h"

#include <stdlib.h>

#include "codec/codec.h"
#include "fabric/container.h"

typedef struct {
    zfabric_result_t result;
    frame_t payload;
    uint8_t *texts;     // the error and the lines, each with a NUL behind it
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

// The texts one behind the other; the lines' places follow once the buffer moves no more.
static void write_texts (const packet_t *packet, const char *words, buffer_t *texts)
{
    slice_t rest = packet ? packet->stacktrace.raw : slice_of (NULL, 0);
    text_t line;

    if (packet && packet_has (packet, PACKET_BIT (ERROR)))
        codec_text (packet->error, texts);
    else if (words)
        buffer_text (texts, words);
    buffer_octet (texts, '\0');
    while (packet && packet_has (packet, PACKET_BIT (STACKTRACE))
           && strings_next (packet->codec, &rest, &line)) {
        codec_text (line, texts);
        buffer_octet (texts, '\0');
    }
}

static int keep_texts (full_result_t *self, const packet_t *packet, const char *words)
{
    size_t count =
        packet && packet_has (packet, PACKET_BIT (STACKTRACE)) ? packet->stacktrace.count : 0;
    buffer_t texts;
    size_t len;

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
        // A NUL inside of a text ends it for a C reader; the next one starts behind it, at worst.
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
        frame_move (&self->payload, payload);
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
    frame_move (&self->payload, payload);
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
