/*  Any octets as a header. What is accepted must be sound; a header without one of its members, one
 *  that went to the other codec and back, and one that was written anew must read the same.
 */
#include <stdlib.h>

#include "codec/codec.h"
#include "codec/transcode.h"
#include "fabric/utf8.h"

#define PAYLOADS (PACKET_BIT (VARIABLES) | PACKET_BIT (RESULT))
#define ARRAYS   (PACKET_BIT (PIPELINES) | PACKET_BIT (STACKTRACE))

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

// A broken promise. It aborts in every build, which is what a fuzzer looks for.
static void check (bool kept)
{
    if (!kept)
        abort ();
}

static bool same_text (text_t a, text_t b)
{
    buffer_t left;
    buffer_t right;

    buffer_init (&left, LIMIT_HEADER_OCTETS);
    buffer_init (&right, LIMIT_HEADER_OCTETS);
    codec_text (a, &left);
    codec_text (b, &right);
    bool same = slice_equal (buffer_as_slice (&left), buffer_as_slice (&right));
    buffer_finish (&left);
    buffer_finish (&right);
    return same;
}

static void check_strings (const packet_t *packet, const strings_t *strings)
{
    slice_t rest = strings->raw;
    uint32_t count = 0;
    text_t text;

    while (strings_next (packet->codec, &rest, &text))
        count++;
    check (count == strings->count);
}

static void check_sound (const packet_t *packet)
{
    if (packet_has (packet, PACKET_BIT (PIPELINE)))
        check (pipeline_valid (packet->pipeline) && utf8_valid (packet->pipeline));
    if (packet_has (packet, PACKET_BIT (PIPELINES)))
        check_strings (packet, &packet->pipelines);
    if (packet_has (packet, PACKET_BIT (STACKTRACE)))
        check_strings (packet, &packet->stacktrace);
    check (packet->priority <= LIMIT_PRIORITY && packet->retries <= LIMIT_RETRIES);
    check (!packet_has (packet, PACKET_BIT (TIMEOUT)) || packet->timeout_ms >= 1);
    check (!packet_has (packet, PACKET_BIT (HEARTBEAT))
           || packet->heartbeat_ms >= LIMIT_HEARTBEAT_MIN_MS);
    check (packet->encoding < ENCODING_COUNT && packet->rc < ZFABRIC_RESULT_COUNT);
}

static void check_same_strings (const packet_t *a,
                                const strings_t *left,
                                const packet_t *b,
                                const strings_t *right)
{
    slice_t left_rest = left->raw;
    slice_t right_rest = right->raw;
    text_t x;
    text_t y;

    check (left->count == right->count);
    while (strings_next (a->codec, &left_rest, &x)) {
        check (strings_next (b->codec, &right_rest, &y));
        check (same_text (x, y));
    }
}

// `b` must say what `a` does of the keys in `keys`, and nothing else.
static void check_same (const packet_t *a, const packet_t *b, packet_keys_t keys)
{
    check (b->keys == (a->keys & keys));
#define BOTH(id) packet_has (b, PACKET_BIT (id))
    check (!BOTH (PACKET_TYPE) || a->type == b->type);
    check (!BOTH (COOKIE) || cookie_equal (&a->cookie, &b->cookie));
    check (!BOTH (COOKIE) || a->cookie.upper == b->cookie.upper);
    check (!BOTH (PIPELINE) || slice_equal (a->pipeline, b->pipeline));
    check (!BOTH (VARIABLES) || same_text (a->variables.text, b->variables.text));
    check (!BOTH (RESULT) || same_text (a->result.text, b->result.text));
    check (!BOTH (ENCODING) || a->encoding == b->encoding);
    check (!BOTH (DETACH) || a->detach == b->detach);
    check (!BOTH (STREAM) || a->stream == b->stream);
    check (!BOTH (TIMEOUT) || a->timeout_ms == b->timeout_ms);
    check (!BOTH (WAIT) || a->wait_ms == b->wait_ms);
    check (!BOTH (PRIORITY) || a->priority == b->priority);
    check (!BOTH (RETRIES) || a->retries == b->retries);
    check (!BOTH (ORPHAN) || a->orphan_cancel == b->orphan_cancel);
    check (!BOTH (CAPACITY) || a->capacity == b->capacity);
    check (!BOTH (NAME) || same_text (a->name, b->name));
    check (!BOTH (HEARTBEAT) || a->heartbeat_ms == b->heartbeat_ms);
    check (!BOTH (RC) || a->rc == b->rc);
    check (!BOTH (ERROR) || same_text (a->error, b->error));
    check (!BOTH (SEQ) || a->seq == b->seq);
    if (BOTH (PIPELINES))
        check_same_strings (a, &a->pipelines, b, &b->pipelines);
    if (BOTH (STACKTRACE))
        check_same_strings (a, &a->stacktrace, b, &b->stacktrace);
#undef BOTH
}

static void check_cut (slice_t header, const packet_t *packet, slice_t member, packet_keys_t gone)
{
    packet_t again;
    buffer_t out;

    buffer_init (&out, LIMIT_HEADER_OCTETS);
    codec_cut (packet->codec, header, member, &out);
    check (!out.failed);
    check (codec_read (buffer_as_slice (&out), &again, NULL) == 0);
    check_same (packet, &again, ~gone);
    buffer_finish (&out);
}

// Payloads of bin become base64: they are compared only where they stay what they are.
static void check_transcoded (slice_t header, const packet_t *packet, packet_keys_t leave_out)
{
    packet_keys_t keys = ~leave_out & ~(packet->codec == ENCODING_MSGPACK ? PAYLOADS : 0);
    packet_t there;
    packet_t again;
    buffer_t out;
    buffer_t back;
    fault_t fault = {""};

    buffer_init (&out, LIMIT_HEADER_OCTETS);
    buffer_init (&back, LIMIT_HEADER_OCTETS);
    if (transcode_header (header, packet, leave_out, &out, &fault)) {
        check (fault.text[0] != '\0' && out.len == 0);
    } else {
        check (codec_read (buffer_as_slice (&out), &there, &fault) == 0);
        check (there.codec != packet->codec);
        check ((there.keys & ~keys & leave_out) == 0);
        there.keys &= keys;
        check_same (packet, &there, keys);
        slice_t other = buffer_as_slice (&out);
        if (transcode_header (other, &there, leave_out | (~keys & PAYLOADS), &back, &fault) == 0) {
            check (codec_read (buffer_as_slice (&back), &again, &fault) == 0);
            check_same (packet, &again, keys);
        } else {
            check (back.failed); // it came from what can be said
        }
    }
    buffer_finish (&out);
    buffer_finish (&back);
}

static text_t resolve (text_t text, buffer_t *store)
{
    buffer_init (store, LIMIT_HEADER_OCTETS);
    codec_text (text, store);
    return text_plain (buffer_as_slice (store));
}

static void check_written (const packet_t *packet)
{
    packet_t plain = *packet;
    packet_t again;
    buffer_t stores[4];
    buffer_t out;

    plain.keys = (packet->keys & ~ARRAYS) | PACKET_BIT (PACKET_TYPE);
    plain.variables.text = resolve (packet->variables.text, &stores[0]);
    plain.result.text = resolve (packet->result.text, &stores[1]);
    plain.name = resolve (packet->name, &stores[2]);
    plain.error = resolve (packet->error, &stores[3]);
    buffer_init (&out, 8 * LIMIT_HEADER_OCTETS);
    codec_write (&plain, &out);
    check (!out.failed);
    // A payload of JSON is a string, which repairs what a bin may hold; msgpack's is a bin.
    if (out.len <= LIMIT_HEADER_OCTETS && packet->type != PACKET_UNKNOWN) {
        check (codec_read (buffer_as_slice (&out), &again, NULL) == 0);
        check_same (&plain, &again, plain.keys);
    }
    buffer_finish (&out);
    for (unsigned i = 0; i < 4; i++)
        buffer_finish (&stores[i]);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    slice_t header = slice_of (data, size);
    fault_t fault = {""};
    packet_t packet;

    if (codec_read (header, &packet, &fault)) {
        check (fault.text[0] != '\0');
        return 0;
    }
    check_sound (&packet);
    if (packet_has (&packet, PACKET_BIT (VARIABLES)))
        check_cut (header, &packet, packet.variables.member, PACKET_BIT (VARIABLES));
    if (packet_has (&packet, PACKET_BIT (RESULT)))
        check_cut (header, &packet, packet.result.member, PACKET_BIT (RESULT));
    check_transcoded (header, &packet, 0);
    check_transcoded (header, &packet, PAYLOADS | PACKET_BIT (ENCODING));
    check_written (&packet);
    return 0;
}
