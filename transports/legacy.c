/*  A frame may be as long as a payload, a header not. So a frame is first taken apart at its top
 *  level, members that hold a payload aside, and the rest is put together as a header, which the
 *  codec then reads in its strict way: what this pass lets through between two members' quotes,
 *  brackets and commas, it sees again.
 */
#include "transports/legacy.h"

#include <errno.h>

#include "codec/json.h"
#include "codec/json_token.h"
#include "transports/framing.h"
#include "transports/legacy_words.h"

#define KEY_MAX 16 // octets of a key that is looked for

typedef enum { ASIDE_VARIABLES, ASIDE_RESULT, ASIDE_STACKTRACE, ASIDE_ERROR, ASIDE_COUNT } aside_t;

static const char *const aside_names[] = {
    [ASIDE_VARIABLES] = "variables",
    [ASIDE_RESULT] = "result",
    [ASIDE_STACKTRACE] = "stacktrace",
    [ASIDE_ERROR] = "error",
};

typedef struct {
    json_cursor_t in;
    slice_t frame;
    buffer_t *header;
    text_t payloads[2];         // of VARIABLES and RESULT
    slice_t spans[ASIDE_COUNT]; // of STACKTRACE and ERROR: the whole members
    bool seen[ASIDE_COUNT];
    bool has[ASIDE_COUNT]; // and not null
    fault_t *fault;
} reader_t;

static int malformed (reader_t *self, const char *why)
{
    fault_set (self->fault, "packet: malformed JSON at octet %zu: %s",
               (size_t)(self->in.at - self->frame.ptr), why);
    errno = EPROTO;
    return -1;
}

static bool at_end (const reader_t *self)
{
    return self->in.at == self->in.end;
}

static aside_t aside_of (const text_t *key)
{
    uint8_t store[KEY_MAX];
    slice_t plain;

    if (!json_token_short (key, store, sizeof store, &plain))
        return ASIDE_COUNT;
    for (aside_t i = 0; i < ASIDE_COUNT; i++) {
        if (slice_equal (plain, slice_text (aside_names[i])))
            return i;
    }
    return ASIDE_COUNT;
}

// To the end of the value: a comma or bracket that is not inside of it.
static int skip_value (reader_t *self)
{
    size_t depth = 0;
    text_t text;

    for (; !at_end (self); self->in.at++) {
        switch (*self->in.at) {
        case '"':
            if (json_token_string (&self->in, &text))
                return malformed (self, "not a string");
            self->in.at--; // the loop goes on behind the closing quote
            break;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (depth == 0)
                return 0;
            depth--;
            break;
        case ',':
            if (depth == 0)
                return 0;
            break;
        default:
            break;
        }
    }
    return malformed (self, "it ends too soon");
}

static bool take_word (reader_t *self, const char *word)
{
    size_t len = strlen (word);

    if ((size_t)(self->in.end - self->in.at) < len || memcmp (self->in.at, word, len) != 0)
        return false;
    self->in.at += len;
    return true;
}

static void keep (reader_t *self, slice_t member)
{
    if (self->header->len > 1)
        buffer_octet (self->header, ',');
    buffer_slice (self->header, member);
}

static int take_payload (reader_t *self, aside_t which)
{
    if (take_word (self, "null"))
        return 0;
    if (at_end (self) || *self->in.at != '"'
        || json_token_string (&self->in, &self->payloads[which])) {
        fault_set (self->fault, "%s: not a string", aside_names[which]);
        errno = EPROTO;
        return -1;
    }
    self->has[which] = true;
    return 0;
}

static int take_member (reader_t *self)
{
    text_t key;

    json_token_space (&self->in);
    const uint8_t *from = self->in.at;
    if (at_end (self) || *from != '"' || json_token_string (&self->in, &key))
        return malformed (self, "no key where one must be");
    aside_t which = aside_of (&key);
    json_token_space (&self->in);
    if (at_end (self) || *self->in.at != ':')
        return malformed (self, "no colon after a key");
    self->in.at++;
    json_token_space (&self->in);
    if (which != ASIDE_COUNT && self->seen[which]) {
        fault_set (self->fault, "%s: appears twice", aside_names[which]);
        errno = EPROTO;
        return -1;
    }
    if (which != ASIDE_COUNT)
        self->seen[which] = true;
    if (which == ASIDE_VARIABLES || which == ASIDE_RESULT)
        return take_payload (self, which);
    if (skip_value (self))
        return -1;
    slice_t member = slice_of (from, (size_t)(self->in.at - from));
    if (which == ASIDE_COUNT)
        keep (self, member);
    else
        self->spans[which] = member;
    return 0;
}

static int take_apart (reader_t *self)
{
    json_token_space (&self->in);
    if (at_end (self) || *self->in.at != '{')
        return malformed (self, "not an object");
    self->in.at++;
    json_token_space (&self->in);
    buffer_octet (self->header, '{');
    if (!at_end (self) && *self->in.at == '}')
        goto end;
    for (;;) {
        if (take_member (self))
            return -1;
        json_token_space (&self->in);
        if (at_end (self) || (*self->in.at != ',' && *self->in.at != '}'))
            return malformed (self, "neither a comma nor an end after a value");
        if (*self->in.at == '}')
            break;
        self->in.at++;
    }
end:
    self->in.at++;
    json_token_space (&self->in);
    if (!at_end (self))
        return malformed (self, "something follows the packet");
    // What may be left out comes last: as long as it fits, and one octet for the end.
    for (aside_t i = ASIDE_ERROR; i >= ASIDE_STACKTRACE; i--) {
        if (self->spans[i].len && self->header->len + self->spans[i].len + 2 <= LIMIT_HEADER_OCTETS)
            keep (self, self->spans[i]);
    }
    buffer_octet (self->header, '}');
    return 0;
}

int legacy_read (slice_t frame, buffer_t *header, legacy_t *legacy, fault_t *fault)
{
    reader_t reader = {.in = {frame.ptr, frame.ptr + frame.len, NULL},
                       .frame = frame,
                       .header = header,
                       .fault = fault};

    buffer_reset (header);
    legacy->has_payload = false;
    packet_init (&legacy->packet, ENCODING_JSON);
    if (frame.len == 0) {
        fault_set (fault, "packet: empty");
        errno = EPROTO;
        return -1;
    }
    int apart = take_apart (&reader);
    if (apart) {
        // As much of it as can be read: an answer should carry the cookie.
        fault_t ignored;
        if (!header->failed)
            (void)codec_read (buffer_as_slice (header), &legacy->packet, &ignored);
        errno = EPROTO;
        return -1;
    }
    if (header->failed) {
        fault_set (fault, header->failed == ENOMEM ? "out of memory"
                                                   : "packet: too much beside its payload");
        errno = header->failed == ENOMEM ? ENOMEM : EPROTO;
        return -1;
    }
    if (codec_read (buffer_as_slice (header), &legacy->packet, fault))
        return -1;
    aside_t which = legacy->packet.type == PACKET_RUN ? ASIDE_VARIABLES : ASIDE_RESULT;
    legacy->has_payload = reader.has[which];
    legacy->payload = reader.payloads[which];
    return 0;
}

// ---- the other way

static void start_frame (buffer_t *out)
{
    static const uint8_t nothing[FRAMING_PREFIX];

    buffer_append (out, nothing, sizeof nothing);
}

// Puts the length before a frame that starts at `from`.
static void end_frame (buffer_t *out, size_t from)
{
    if (!out->failed)
        framing_prefix (out->data + from, (uint32_t)(out->len - from - FRAMING_PREFIX));
}

static int put_payload (const packet_t *packet, slice_t payload, buffer_t *out, fault_t *fault)
{
    buffer_t text;

    buffer_text (out, packet->type == PACKET_RUN ? ",\"variables\":" : ",\"result\":");
    if (packet->encoding == ENCODING_JSON) {
        json_put_string (payload, out);
        return 0;
    }
    buffer_init (&text, LEGACY_TEXT_MAX);
    int rc = legacy_text (packet, payload, &text, fault);
    int problem = errno;
    if (rc == 0)
        json_put_string (buffer_as_slice (&text), out);
    buffer_finish (&text);
    errno = problem;
    return rc;
}

// The members of a header that was read before, but those named in `without` (up to a NULL).
static void put_members (slice_t header, const char *const *without, buffer_t *out)
{
    json_cursor_t in = {header.ptr, header.ptr + header.len, NULL};
    uint8_t store[KEY_MAX];
    slice_t plain;
    text_t key;
    bool first = true;

    json_token_space (&in);
    buffer_octet (out, '{');
    do {
        in.at++;
        json_token_space (&in);
        const uint8_t *from = in.at;
        if (in.at == in.end || *in.at != '"' || json_token_string (&in, &key))
            return; // an empty object
        json_token_space (&in);
        in.at++;
        json_token_space (&in);
        json_token_skip (&in);
        bool drop = false;
        if (json_token_short (&key, store, sizeof store, &plain)) {
            for (const char *const *name = without; *name && !drop; name++)
                drop = slice_equal (plain, slice_text (*name));
        }
        if (!drop) {
            if (!first)
                buffer_octet (out, ',');
            first = false;
            buffer_append (out, from, (size_t)(in.at - from));
        }
        json_token_space (&in);
    } while (in.at < in.end && *in.at == ',');
}

// What legacy peers get instead of a code that they don't know: EXCEPTION, and "CANCELLED: words".
static void put_mapped (const packet_t *packet, buffer_t *out)
{
    buffer_t error;

    buffer_init (&error, LIMIT_HEADER_OCTETS);
    legacy_error (packet, &error);
    buffer_text (out, ",\"rc\":\"EXCEPTION\",\"error\":");
    json_put_string (buffer_as_slice (&error), out);
    buffer_finish (&error);
}

// The header up to its last brace, which follows its payload: every other key is passed on.
static void put_header (slice_t header, const packet_t *packet, buffer_t *out)
{
    static const char *const ours[] = {"variables", "result", "encoding", NULL};
    static const char *const ours_and_code[] = {"variables", "result", "encoding",
                                                "rc",        "error",  NULL};
    packet_keys_t payloads = PACKET_BIT (VARIABLES) | PACKET_BIT (RESULT);

    if (packet_has (packet, PACKET_BIT (RC)) && !legacy_knows (packet->rc)) {
        put_members (header, ours_and_code, out);
        put_mapped (packet, out);
    } else if (packet_has (packet, PACKET_BIT (ENCODING))
               || (packet->keys | packet->nulls) & payloads) {
        put_members (header, ours, out); // those are null, or would say what is no more so
    } else {
        while (header.len && header.ptr[header.len - 1] != '}')
            header.len--;
        header.len -= header.len > 0;
        buffer_slice (out, header);
    }
}

int legacy_write (
    slice_t header, const packet_t *packet, slice_t payload, buffer_t *out, fault_t *fault)
{
    size_t from = out->len;

    // Its members are put behind that one; and legacy readers die of a packet without a type.
    if (!packet_has (packet, PACKET_BIT (PACKET_TYPE))) {
        fault_set (fault, "packet_type: missing");
        errno = EPROTO;
        return -1;
    }
    start_frame (out);
    put_header (header, packet, out);
    if (payload.len && put_payload (packet, payload, out, fault))
        goto error;
    buffer_octet (out, '}');
    end_frame (out, from);
    if (!out->failed)
        return 0;
    fault_set (fault, out->failed == ENOMEM ? "out of memory" : "too long for a legacy packet");
    errno = out->failed;
error:
    out->failed = 0;
    out->len = from;
    return -1;
}

void legacy_result (const cookie_t *cookie, zfabric_rc_t rc, const char *words, buffer_t *out)
{
    packet_t packet;
    buffer_t error;
    size_t from = out->len;

    buffer_init (&error, LIMIT_HEADER_OCTETS);
    packet_init (&packet, ENCODING_JSON);
    packet.type = PACKET_RESULT;
    packet.rc = legacy_knows (rc) ? rc : ZFABRIC_EXCEPTION;
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (RC);
    legacy_own_error (rc, words, &error);
    if (cookie) {
        packet.cookie = *cookie;
        packet.keys |= PACKET_BIT (COOKIE);
    }
    if (error.len) {
        packet.error = text_plain (buffer_as_slice (&error));
        packet.keys |= PACKET_BIT (ERROR);
    }
    start_frame (out);
    codec_write (&packet, out);
    end_frame (out, from);
    buffer_finish (&error);
}

void legacy_order (packet_type_t type, const cookie_t *cookie, buffer_t *out)
{
    packet_t packet;
    size_t from = out->len;

    packet_init (&packet, ENCODING_JSON);
    packet.type = type;
    packet.keys = PACKET_BIT (PACKET_TYPE);
    if (cookie) {
        packet.cookie = *cookie;
        packet.keys |= PACKET_BIT (COOKIE);
    }
    start_frame (out);
    codec_write (&packet, out);
    end_frame (out, from);
}

void legacy_register (slice_t header, unsigned capacity, buffer_t *out)
{
    static const char *const ours[] = {"capacity", "heartbeat", NULL};

    put_members (header, ours, out);
    buffer_text (out, ",\"capacity\":");
    json_put_unsigned (capacity, out);
    buffer_octet (out, '}');
}
