/*  One table of rules by key: the kind of value it takes, the range of an integer, and the words
 * for a value that is something else. What a table can't say is in fields_take ()'s switch.
 */
#include "codec/fields.h"

#include <stdio.h>

#include "codec/codec.h"
#include "codec/json_token.h"

#define KEY_SHOWN 64 // octets of a key in a fault

static const struct {
    value_kind_t kind;
    bool octets_too; // msgpack bin is as good as a string
    uint64_t min;
    uint64_t max;
    const char *why;
} rules[PACKET_KEY_COUNT] = {
    [PACKET_KEY_PACKET_TYPE] = {VALUE_TEXT, false, 0, 0, "not a string"},
    [PACKET_KEY_COOKIE] = {VALUE_TEXT, true, 0, 0, "not a UUID"},
    [PACKET_KEY_PIPELINE] = {VALUE_TEXT, false, 0, 0,
                             "not a string of 1 to 255 octets without control characters"},
    [PACKET_KEY_VARIABLES] = {VALUE_TEXT, true, 0, 0, "not a string or bin"},
    [PACKET_KEY_ENCODING] = {VALUE_TEXT, false, 0, 0, "not \"json\", \"msgpack\" or \"raw\""},
    [PACKET_KEY_DETACH] = {VALUE_BOOLEAN, false, 0, 0, "not a boolean"},
    [PACKET_KEY_STREAM] = {VALUE_BOOLEAN, false, 0, 0, "not a boolean"},
    [PACKET_KEY_TIMEOUT] = {VALUE_INTEGER, false, 1, UINT64_MAX, "not an integer >= 1"},
    [PACKET_KEY_WAIT] = {VALUE_INTEGER, false, 0, UINT64_MAX, "not an integer >= 0"},
    [PACKET_KEY_PRIORITY] = {VALUE_INTEGER, false, 0, LIMIT_PRIORITY, "not an integer from 0 to 9"},
    [PACKET_KEY_RETRIES] = {VALUE_INTEGER, false, 0, LIMIT_RETRIES, "not an integer from 0 to 100"},
    [PACKET_KEY_ORPHAN] = {VALUE_TEXT, false, 0, 0, "not \"finish\" or \"cancel\""},
    [PACKET_KEY_CAPACITY] = {VALUE_INTEGER, false, 0, LIMIT_CAPACITY,
                             "not an integer from 0 to 65535"},
    [PACKET_KEY_PIPELINES] = {VALUE_TEXTS, false, 1, LIMIT_PATTERNS,
                              "not an array of 1 to 1024 pipelines or prefixes"},
    [PACKET_KEY_NAME] = {VALUE_TEXT, false, 0, 0, "not a string"},
    [PACKET_KEY_HEARTBEAT] = {VALUE_INTEGER, false, LIMIT_HEARTBEAT_MIN_MS, UINT64_MAX,
                              "not an integer >= 100"},
    [PACKET_KEY_RC] = {VALUE_TEXT, false, 0, 0, "not a result code"},
    [PACKET_KEY_ERROR] = {VALUE_TEXT, false, 0, 0, "not a string"},
    [PACKET_KEY_STACKTRACE] = {VALUE_TEXTS, false, 0, UINT32_MAX, "not an array of strings"},
    [PACKET_KEY_RESULT] = {VALUE_TEXT, true, 0, 0, "not a string or bin"},
    [PACKET_KEY_SEQ] = {VALUE_INTEGER, false, 0, UINT64_MAX, "not an integer >= 0"},
};

packet_key_t fields_key (slice_t name)
{
#define IS(text) (memcmp (name.ptr, text, sizeof text - 1) == 0)
    switch (name.len) {
    case 2:
        return IS ("rc") ? PACKET_KEY_RC : PACKET_KEY_COUNT;
    case 3:
        return IS ("seq") ? PACKET_KEY_SEQ : PACKET_KEY_COUNT;
    case 4:
        return IS ("wait") ? PACKET_KEY_WAIT : IS ("name") ? PACKET_KEY_NAME : PACKET_KEY_COUNT;
    case 5:
        return IS ("error") ? PACKET_KEY_ERROR : PACKET_KEY_COUNT;
    case 6:
        return IS ("cookie")   ? PACKET_KEY_COOKIE
               : IS ("result") ? PACKET_KEY_RESULT
               : IS ("stream") ? PACKET_KEY_STREAM
               : IS ("detach") ? PACKET_KEY_DETACH
               : IS ("orphan") ? PACKET_KEY_ORPHAN
                               : PACKET_KEY_COUNT;
    case 7:
        return IS ("timeout")   ? PACKET_KEY_TIMEOUT
               : IS ("retries") ? PACKET_KEY_RETRIES
                                : PACKET_KEY_COUNT;
    case 8:
        return IS ("pipeline")   ? PACKET_KEY_PIPELINE
               : IS ("priority") ? PACKET_KEY_PRIORITY
               : IS ("encoding") ? PACKET_KEY_ENCODING
               : IS ("capacity") ? PACKET_KEY_CAPACITY
                                 : PACKET_KEY_COUNT;
    case 9:
        return IS ("variables")   ? PACKET_KEY_VARIABLES
               : IS ("pipelines") ? PACKET_KEY_PIPELINES
               : IS ("heartbeat") ? PACKET_KEY_HEARTBEAT
                                  : PACKET_KEY_COUNT;
    case 10:
        return IS ("stacktrace") ? PACKET_KEY_STACKTRACE : PACKET_KEY_COUNT;
    case 11:
        return IS ("packet_type") ? PACKET_KEY_PACKET_TYPE : PACKET_KEY_COUNT;
    default:
        return PACKET_KEY_COUNT;
    }
#undef IS
}

packet_key_t fields_key_spelt (const text_t *key)
{
    uint8_t store[FIELDS_KEY_MAX];
    slice_t plain;

    return json_token_short (key, store, sizeof store, &plain) ? fields_key (plain)
                                                               : PACKET_KEY_COUNT;
}

// The usual ones without a walk through the table.
static packet_type_t type_of (slice_t name)
{
    if (name.len == 3 && memcmp (name.ptr, "RUN", 3) == 0)
        return PACKET_RUN;
    if (name.len == 6 && memcmp (name.ptr, "RESULT", 6) == 0)
        return PACKET_RESULT;
    return packet_type_of (name);
}

static int take_cookie (packet_t *packet, const value_t *value)
{
    uint8_t store[COOKIE_TEXT];
    slice_t plain;

    if (value->kind == VALUE_OCTETS)
        return cookie_from_octets (value->text.raw, &packet->cookie);
    if (!json_token_short (&value->text, store, sizeof store, &plain))
        return -1;
    return cookie_parse (plain, &packet->cookie);
}

static int take_pipeline (packet_t *packet, const value_t *value)
{
    slice_t plain;

    if (!json_token_short (&value->text, packet->pipeline_store, sizeof packet->pipeline_store,
                           &plain)
        || !pipeline_valid (plain))
        return -1;
    packet->pipeline = plain;
    return 0;
}

static int take_patterns (packet_t *packet, const value_t *value)
{
    uint8_t store[LIMIT_PIPELINE_OCTETS];
    slice_t rest = value->text.raw;
    slice_t plain;
    text_t text;

    while (strings_next (packet->codec, &rest, &text)) {
        if (!json_token_short (&text, store, sizeof store, &plain) || !pattern_valid (plain))
            return -1;
    }
    packet->pipelines = (strings_t){value->text.raw, NULL, value->count};
    return 0;
}

// `encoding`, `orphan` and `rc`: one word of a few.
static int take_word (packet_t *packet, packet_key_t key, const value_t *value)
{
    uint8_t store[32];
    slice_t plain;

    if (!json_token_short (&value->text, store, sizeof store, &plain))
        return -1;
    if (key == PACKET_KEY_RC)
        return result_parse (plain, &packet->rc);
    if (key == PACKET_KEY_ENCODING) {
        encoding_t encoding = encoding_of (plain);
        if (encoding == ENCODING_COUNT)
            return -1;
        packet->encoding = encoding;
        return 0;
    }
    packet->orphan_cancel = slice_equal (plain, slice_text ("cancel"));
    return packet->orphan_cancel || slice_equal (plain, slice_text ("finish")) ? 0 : -1;
}

static void take_type (packet_t *packet, const value_t *value)
{
    uint8_t store[32]; // longer than any type's name
    slice_t plain;

    packet->type = json_token_short (&value->text, store, sizeof store, &plain) ? type_of (plain)
                                                                                : PACKET_UNKNOWN;
}

static bool right_kind (packet_key_t key, const value_t *value)
{
    if (value->kind != rules[key].kind)
        return rules[key].octets_too && value->kind == VALUE_OCTETS;
    if (value->kind == VALUE_INTEGER)
        return !value->flag && value->number >= rules[key].min && value->number <= rules[key].max;
    if (value->kind == VALUE_TEXTS)
        return value->count >= rules[key].min && value->count <= rules[key].max;
    return true;
}

// 0, or -1 if the value's text is not what the key wants.
static int store (packet_t *packet, packet_key_t key, const value_t *value, slice_t member)
{
    switch (key) {
    case PACKET_KEY_PACKET_TYPE:
        take_type (packet, value);
        return 0;
    case PACKET_KEY_COOKIE:
        return take_cookie (packet, value);
    case PACKET_KEY_PIPELINE:
        return take_pipeline (packet, value);
    case PACKET_KEY_VARIABLES:
        packet->variables = (inline_payload_t){value->text, member};
        return 0;
    case PACKET_KEY_ENCODING:
    case PACKET_KEY_ORPHAN:
    case PACKET_KEY_RC:
        return take_word (packet, key, value);
    case PACKET_KEY_DETACH:
        packet->detach = value->flag;
        return 0;
    case PACKET_KEY_STREAM:
        packet->stream = value->flag;
        return 0;
    case PACKET_KEY_TIMEOUT:
        packet->timeout_ms = value->number;
        return 0;
    case PACKET_KEY_WAIT:
        packet->wait_ms = value->number;
        return 0;
    case PACKET_KEY_PRIORITY:
        packet->priority = (uint8_t)value->number;
        return 0;
    case PACKET_KEY_RETRIES:
        packet->retries = (uint8_t)value->number;
        return 0;
    case PACKET_KEY_CAPACITY:
        packet->capacity = (uint16_t)value->number;
        return 0;
    case PACKET_KEY_PIPELINES:
        return take_patterns (packet, value);
    case PACKET_KEY_NAME:
        packet->name = value->text;
        return 0;
    case PACKET_KEY_HEARTBEAT:
        packet->heartbeat_ms = value->number;
        return 0;
    case PACKET_KEY_ERROR:
        packet->error = value->text;
        return 0;
    case PACKET_KEY_STACKTRACE:
        packet->stacktrace = (strings_t){value->text.raw, NULL, value->count};
        return 0;
    case PACKET_KEY_RESULT:
        packet->result = (inline_payload_t){value->text, member};
        return 0;
    case PACKET_KEY_SEQ:
        packet->seq = value->number;
        return 0;
    case PACKET_KEY_COUNT:
        break;
    }
    return -1;
}

void fields_take (fields_t *self, packet_key_t key, const value_t *value, slice_t member)
{
    packet_keys_t bit = UINT32_C (1) << key;

    if (self->seen & bit) {
        fields_refuse (self, slice_text (packet_key_name (key)), "appears twice");
        // Which of two tasks the packet is about nobody can say; of other keys the first stays.
        self->packet->keys &= ~(bit & PACKET_BIT (COOKIE));
        return;
    }
    self->seen |= bit;
    if (value->kind == VALUE_NULL) {
        self->packet->nulls |= bit;
        return;
    }
    if (right_kind (key, value) && store (self->packet, key, value, member) == 0)
        self->packet->keys |= bit;
    else
        fields_refuse (self, slice_text (packet_key_name (key)), rules[key].why);
}

static value_t given_text (slice_t text)
{
    return (value_t){.kind = VALUE_TEXT, .text = text_plain (text)};
}

static value_t given_octets (slice_t octets)
{
    return (value_t){.kind = VALUE_OCTETS, .text = text_plain (octets)};
}

static value_t given_number (uint64_t number)
{
    return (value_t){.kind = VALUE_INTEGER, .number = number};
}

static value_t given_flag (bool flag)
{
    return (value_t){.kind = VALUE_BOOLEAN, .flag = flag};
}

value_t fields_give (const packet_t *packet, packet_key_t key)
{
    switch (key) {
    case PACKET_KEY_PACKET_TYPE:
        return given_text (slice_text (packet_type_name (packet->type)));
    case PACKET_KEY_COOKIE:
        return (value_t){.kind = VALUE_COOKIE};
    case PACKET_KEY_PIPELINE:
        return given_text (packet->pipeline);
    case PACKET_KEY_VARIABLES:
        return given_octets (packet->variables.text.raw);
    case PACKET_KEY_ENCODING:
        return given_text (slice_text (encoding_name (packet->encoding)));
    case PACKET_KEY_DETACH:
        return given_flag (packet->detach);
    case PACKET_KEY_STREAM:
        return given_flag (packet->stream);
    case PACKET_KEY_TIMEOUT:
        return given_number (packet->timeout_ms);
    case PACKET_KEY_WAIT:
        return given_number (packet->wait_ms);
    case PACKET_KEY_PRIORITY:
        return given_number (packet->priority);
    case PACKET_KEY_RETRIES:
        return given_number (packet->retries);
    case PACKET_KEY_ORPHAN:
        return given_text (slice_text (packet->orphan_cancel ? "cancel" : "finish"));
    case PACKET_KEY_CAPACITY:
        return given_number (packet->capacity);
    case PACKET_KEY_PIPELINES:
    case PACKET_KEY_STACKTRACE:
        return (value_t){.kind = VALUE_TEXTS};
    case PACKET_KEY_NAME:
        return given_text (packet->name.raw);
    case PACKET_KEY_HEARTBEAT:
        return given_number (packet->heartbeat_ms);
    case PACKET_KEY_RC:
        return given_text (slice_text (zfabric_rc_name (packet->rc)));
    case PACKET_KEY_ERROR:
        return given_text (packet->error.raw);
    case PACKET_KEY_RESULT:
        return given_octets (packet->result.text.raw);
    case PACKET_KEY_SEQ:
        return given_number (packet->seq);
    case PACKET_KEY_COUNT:
        break;
    }
    return (value_t){.kind = VALUE_OTHER};
}

const strings_t *fields_strings (const packet_t *packet, packet_key_t key)
{
    return key == PACKET_KEY_PIPELINES ? &packet->pipelines : &packet->stacktrace;
}

// How much of a key is shown, cut between characters.
static int shown (slice_t key)
{
    size_t len = key.len;

    if (len > KEY_SHOWN) {
        len = KEY_SHOWN;
        while (len > 0 && (key.ptr[len] & 0xc0) == 0x80)
            len--;
    }
    return (int)len;
}

static slice_t or_header (slice_t key)
{
    return key.len ? key : slice_text ("header");
}

void fields_refuse (fields_t *self, slice_t key, const char *why)
{
    if (self->failed)
        return;
    self->failed = true;
    key = or_header (key);
    fault_set (self->fault, "%.*s: %s", shown (key), (const char *)key.ptr, why);
}

void fields_malformed (
    fields_t *self, slice_t key, const char *format, size_t octet, const char *why)
{
    char text[128];

    snprintf (text, sizeof text, "malformed %s at octet %zu: %s", format, octet, why);
    fields_refuse (self, key, text);
}

void fields_twice (fields_t *self, slice_t outer, slice_t key)
{
    char text[128];

    if (!outer.ptr) {
        fields_refuse (self, key, "appears twice");
        return;
    }
    snprintf (text, sizeof text, "key %.*s appears twice inside", shown (key),
              (const char *)key.ptr);
    fields_refuse (self, outer, text);
}
