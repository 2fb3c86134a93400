/*  protobuf-c is given the texts as `bytes` (see CMakeLists.txt), which are the same on the wire:
 * as `string` it would hand out C strings, which end at their first NUL.
 *
 *  What a message says is written as a JSON header, which the codec then reads in its strict way.
 */
#include "transports/rpc_packet.h"

#include <errno.h>
#include <stdlib.h>

#include "codec/json.h"
#include "fabric/utf8.h"
#include "transports/legacy_words.h"
#include "transports/reasonchip.pb-c.h"

// A message of n octets may take so much memory: it can claim to have a field for every two.
#define MEMORY_BASE  65536u
#define MEMORY_TIMES 3u

typedef Reasonchip__ReasonChipPacket message_t;

// ---- memory

static void *take_memory (void *budget, size_t size)
{
    size_t *left = (size_t *)budget;

    if (size > *left)
        return NULL;
    *left -= size;
    return malloc (size);
}

static void give_memory (void *budget, void *memory)
{
    (void)budget; // what is freed between is not much
    free (memory);
}

static message_t *unpack (slice_t octets)
{
    size_t budget = MEMORY_BASE + octets.len * MEMORY_TIMES;
    ProtobufCAllocator allocator = {
        .alloc = take_memory, .free = give_memory, .allocator_data = &budget};

    return reasonchip__reason_chip_packet__unpack (&allocator, octets.len, octets.ptr);
}

void rpc_packet_finish (rpc_packet_t *self)
{
    size_t budget = 0;
    ProtobufCAllocator allocator = {
        .alloc = take_memory, .free = give_memory, .allocator_data = &budget};

    if (self->message)
        reasonchip__reason_chip_packet__free_unpacked ((message_t *)self->message, &allocator);
    self->message = NULL;
}

// ---- in

static slice_t slice_of_field (const ProtobufCBinaryData *field)
{
    return slice_of (field->data, field->len);
}

static void put_key (const char *name, buffer_t *out)
{
    if (out->len > 1)
        buffer_octet (out, ',');
    json_put_string (slice_text (name), out);
    buffer_octet (out, ':');
}

static void put_field (const char *name, const ProtobufCBinaryData *field, buffer_t *out)
{
    if (field->len == 0)
        return; // proto3: what is empty is not there
    put_key (name, out);
    json_put_string (slice_of_field (field), out);
}

static void put_number (const char *name, uint64_t number, buffer_t *out)
{
    put_key (name, out);
    json_put_unsigned (number, out);
}

static void put_flag (const char *name, bool flag, buffer_t *out)
{
    if (!flag)
        return;
    put_key (name, out);
    buffer_text (out, "true");
}

static void put_stacktrace (const message_t *message, buffer_t *out)
{
    if (message->n_stacktrace == 0)
        return;
    put_key ("stacktrace", out);
    for (size_t i = 0; i < message->n_stacktrace; i++) {
        buffer_octet (out, i ? ',' : '[');
        json_put_string (slice_of_field (&message->stacktrace[i]), out);
    }
    buffer_octet (out, ']');
}

// What may be left out: where it makes the header too long, it is as if it had not been said.
static void put_if_it_fits (const message_t *message, buffer_t *out)
{
    size_t before = out->len;
    int failed = out->failed;

    put_field ("error", &message->error, out);
    if (!failed && out->failed == EMSGSIZE) {
        out->failed = 0;
        out->len = before;
    }
    before = out->len;
    failed = out->failed;
    put_stacktrace (message, out);
    // One octet is for the header's end.
    if (!failed && (out->failed == EMSGSIZE || out->len + 1 > LIMIT_HEADER_OCTETS)) {
        out->failed = 0;
        out->len = before;
    }
}

static bool is (const ProtobufCBinaryData *field, packet_type_t type)
{
    return packet_type_of (slice_of_field (field)) == type;
}

static void put_message (const message_t *message, uint64_t timeout_ms, buffer_t *out)
{
    buffer_octet (out, '{');
    put_field ("packet_type", &message->packet_type, out);
    if (message->cookie)
        put_field ("cookie", &message->cookie->value, out);
    put_field ("pipeline", &message->pipeline, out);
    put_flag ("detach", message->detach, out);
    put_flag ("stream", message->stream, out);
    put_field ("rc", &message->rc, out);
    if (message->capacity || is (&message->packet_type, PACKET_REGISTER))
        put_number ("capacity", message->capacity, out);
    if (timeout_ms && is (&message->packet_type, PACKET_RUN))
        put_number ("timeout", timeout_ms, out);
    put_if_it_fits (message, out);
    buffer_octet (out, '}');
}

// json_put_string () would repair what is not UTF-8; here nobody is to guess.
static const char *not_text (const message_t *message)
{
    const struct {
        const char *name;
        const ProtobufCBinaryData *field;
    } fields[] = {
        {"packet_type", &message->packet_type},
        {"pipeline", &message->pipeline},
        {"variables", &message->variables},
        {"rc", &message->rc},
        {"error", &message->error},
        {"result", &message->result},
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!utf8_valid (slice_of_field (fields[i].field)))
            return fields[i].name;
    }
    if (message->cookie && !utf8_valid (slice_of_field (&message->cookie->value)))
        return "cookie";
    for (size_t i = 0; i < message->n_stacktrace; i++) {
        if (!utf8_valid (slice_of_field (&message->stacktrace[i])))
            return "stacktrace";
    }
    return NULL;
}

int rpc_packet_read (
    rpc_packet_t *self, slice_t octets, uint64_t timeout_ms, buffer_t *header, fault_t *fault)
{
    legacy_t *legacy = &self->legacy;
    message_t *message = unpack (octets);

    self->message = message;
    buffer_reset (header);
    legacy->has_payload = false;
    packet_init (&legacy->packet, ENCODING_JSON);
    if (!message) {
        fault_set (fault, "packet: not a ReasonChipPacket");
        errno = EPROTO;
        return -1;
    }
    put_message (message, timeout_ms, header);
    if (header->failed) {
        fault_set (fault, header->failed == ENOMEM ? "out of memory"
                                                   : "packet: too much beside its payload");
        errno = header->failed == ENOMEM ? ENOMEM : EPROTO;
        return -1;
    }
    int rc = codec_read (buffer_as_slice (header), &legacy->packet, fault);
    const char *bad = not_text (message);
    if (rc == 0 && bad) {
        fault_set (fault, "%s: not UTF-8", bad);
        errno = EPROTO;
        rc = -1;
    }
    const ProtobufCBinaryData *payload =
        legacy->packet.type == PACKET_RUN ? &message->variables : &message->result;
    legacy->has_payload = payload->len > 0;
    legacy->payload = text_plain (slice_of_field (payload));
    return rc;
}

// ---- out

// A field that borrows from a slice; protobuf-c only reads what it packs.
static ProtobufCBinaryData field_of (slice_t slice)
{
    return (ProtobufCBinaryData){.len = slice.len, .data = (uint8_t *)slice.ptr};
}

static void pack (const message_t *message, buffer_t *out)
{
    size_t size = reasonchip__reason_chip_packet__get_packed_size (message);
    uint8_t *room = buffer_reserve (out, size);

    if (room)
        out->len += reasonchip__reason_chip_packet__pack (message, room);
}

// The spelling of a cookie, and the message that holds it.
typedef struct {
    Reasonchip__UUID uuid;
    char text[COOKIE_TEXT + 1];
} uuid_t;

static void set_cookie (message_t *message, uuid_t *uuid, const cookie_t *cookie)
{
    reasonchip__uuid__init (&uuid->uuid);
    cookie_print (cookie, uuid->text);
    uuid->uuid.value = field_of (slice_text (uuid->text));
    message->cookie = &uuid->uuid;
}

// Where each line of the stack trace ends up, one behind the other in `texts`. NULL: none, or
// ENOMEM, as texts->failed says.
static ProtobufCBinaryData *take_lines (const packet_t *packet, buffer_t *texts)
{
    uint32_t count = packet_has (packet, PACKET_BIT (STACKTRACE)) ? packet->stacktrace.count : 0;
    ProtobufCBinaryData *lines =
        count ? (ProtobufCBinaryData *)calloc (count, sizeof *lines) : NULL;
    slice_t rest = packet->stacktrace.raw;
    text_t line;

    if (!lines) {
        texts->failed = count ? ENOMEM : texts->failed;
        return NULL;
    }
    for (uint32_t i = 0; i < count && strings_next (packet->codec, &rest, &line); i++) {
        size_t before = texts->len;
        codec_text (line, texts);
        lines[i].len = texts->len - before;
    }
    // Now that they don't move any more.
    uint8_t *at = texts->data;
    for (uint32_t i = 0; i < count; i++) {
        lines[i].data = at;
        if (lines[i].len)
            at += lines[i].len; // there may be no text at all
    }
    return lines;
}

static void set_payload (message_t *message, packet_type_t type, slice_t text)
{
    if (type == PACKET_RUN)
        message->variables = field_of (text);
    else
        message->result = field_of (text);
}

static void set_fields (message_t *message, const packet_t *packet)
{
    message->packet_type = field_of (slice_text (packet_type_name (packet->type)));
    message->pipeline = field_of (packet->pipeline);
    message->detach = packet->detach;
    message->stream = packet->stream;
    if (packet_has (packet, PACKET_BIT (RC)))
        message->rc = field_of (slice_text (
            zfabric_rc_name (legacy_knows (packet->rc) ? packet->rc : ZFABRIC_EXCEPTION)));
}

static int failure (const buffer_t *buffer, fault_t *fault)
{
    fault_set (fault, buffer->failed == ENOMEM ? "out of memory" : "too long for a legacy packet");
    errno = buffer->failed;
    return -1;
}

int rpc_packet_write (const packet_t *packet, slice_t payload, buffer_t *out, fault_t *fault)
{
    message_t message = REASONCHIP__REASON_CHIP_PACKET__INIT;
    buffer_t error, lines, text;
    uuid_t uuid;
    int rc = -1;

    if (!packet_has (packet, PACKET_BIT (PACKET_TYPE))) {
        fault_set (fault, "packet_type: missing");
        errno = EPROTO;
        return -1;
    }
    buffer_init (&error, 2 * LIMIT_HEADER_OCTETS);
    buffer_init (&lines, 2 * LIMIT_HEADER_OCTETS);
    buffer_init (&text, LEGACY_TEXT_MAX);
    set_fields (&message, packet);
    if (packet_has (packet, PACKET_BIT (COOKIE)))
        set_cookie (&message, &uuid, &packet->cookie);
    legacy_error (packet, &error);
    message.error = field_of (buffer_as_slice (&error));
    message.stacktrace = take_lines (packet, &lines);
    message.n_stacktrace = message.stacktrace ? packet->stacktrace.count : 0;
    if (payload.len && packet->encoding != ENCODING_JSON
        && legacy_text (packet, payload, &text, fault))
        goto end;
    set_payload (&message, packet->type, text.len ? buffer_as_slice (&text) : payload);
    if (error.failed || lines.failed) {
        rc = failure (error.failed ? &error : &lines, fault);
        goto end;
    }
    size_t before = out->len;
    pack (&message, out);
    rc = out->failed ? failure (out, fault) : 0;
    if (rc) {
        out->failed = 0;
        out->len = before;
    }
end:;
    int problem = errno;
    free (message.stacktrace);
    buffer_finish (&error);
    buffer_finish (&lines);
    buffer_finish (&text);
    errno = problem;
    return rc;
}

void rpc_packet_result (const cookie_t *cookie, zfabric_rc_t rc, const char *words, buffer_t *out)
{
    message_t message = REASONCHIP__REASON_CHIP_PACKET__INIT;
    buffer_t error;
    uuid_t uuid;

    buffer_init (&error, LIMIT_HEADER_OCTETS);
    legacy_own_error (rc, words, &error);
    message.packet_type = field_of (slice_text (packet_type_name (PACKET_RESULT)));
    message.rc =
        field_of (slice_text (zfabric_rc_name (legacy_knows (rc) ? rc : ZFABRIC_EXCEPTION)));
    message.error = field_of (buffer_as_slice (&error));
    if (cookie)
        set_cookie (&message, &uuid, cookie);
    pack (&message, out);
    buffer_finish (&error);
}

void rpc_packet_order (packet_type_t type, const cookie_t *cookie, buffer_t *out)
{
    message_t message = REASONCHIP__REASON_CHIP_PACKET__INIT;
    uuid_t uuid;

    message.packet_type = field_of (slice_text (packet_type_name (type)));
    if (cookie)
        set_cookie (&message, &uuid, cookie);
    pack (&message, out);
}
