/*  One pass over the text, with a stack of the maps and arrays that are open. msgpack wants their
 *  counts at the front, where they are not known yet: one octet is left for each head, which is
 *  enough for counts up to 15. The places and counts of longer ones are noted when they end, and
 *  one pass from the back makes room for their heads.
 *
 *  Memory: a note is 16 octets for at least 33 of input.
 */
#include <errno.h>
#include <stdio.h>

#include "codec/decimal.h"
#include "codec/fields.h"
#include "codec/json_token.h"
#include "codec/msgpack_token.h"
#include "codec/place.h"
#include "codec/transcode_to.h"

#define FIX_COUNT 15 // elements that a head of one octet can tell

// A map or array: on the stack while it is open, among the notes afterwards.
typedef struct {
    size_t head; // where in the output its head is
    uint32_t count;
    bool map;
} level_t;

typedef struct {
    json_cursor_t in;
    const uint8_t *start;
    buffer_t *out;
    buffer_t notes; // level_t's, in the order in which they ended
    fault_t *fault;
    slice_t root; // the document's name in faults
    uint32_t depth;
    slice_t keys[PLACE_STEPS]; // of the members that the outer levels are at
    level_t levels[LIMIT_DOCUMENT_DEPTH];
} writer_t;

static void start (writer_t *self, slice_t in, slice_t root, buffer_t *out, fault_t *fault)
{
    self->in = (json_cursor_t){in.ptr, in.ptr + in.len, NULL};
    self->start = in.ptr;
    self->out = out;
    buffer_init (&self->notes, SIZE_MAX);
    self->fault = fault;
    self->root = root;
    self->depth = 0;
}

// About the value that the first `depth` levels are at.
static int refuse (writer_t *self, uint32_t depth, const char *why)
{
    place_t place;

    place_init (&place, self->root);
    for (uint32_t i = 0; i < depth && i < PLACE_STEPS; i++) {
        if (self->levels[i].map)
            place_key (&place, self->keys[i]);
        else
            place_index (&place, self->levels[i].count);
    }
    fault_set (self->fault, "%s: %s", place.text, why);
    errno = EPROTO;
    return -1;
}

static int malformed (writer_t *self, uint32_t depth, const char *why)
{
    char text[96];

    snprintf (text, sizeof text, "malformed JSON at octet %zu: %s",
              (size_t)(self->in.at - self->start), why);
    return refuse (self, depth, text);
}

static bool take_octet (writer_t *self, uint8_t octet)
{
    if (self->in.at == self->in.end || *self->in.at != octet)
        return false;
    self->in.at++;
    return true;
}

// `depth`: as for refuse (). The text is also what the caller may want to know.
static int put_string (writer_t *self, uint32_t depth, text_t *text)
{
    int result = json_token_string (&self->in, text);

    if (result < 0)
        return malformed (self, depth, self->in.why);
    if (result > 0)
        return refuse (self, depth, self->in.why);
    size_t len = text->escaped ? json_token_len (text->raw) : text->raw.len;
    if (len > UINT32_MAX)
        return refuse (self, depth, "a string is too long for msgpack");
    if (!text->escaped) {
        msgpack_put_str (text->raw, self->out);
        return 0;
    }
    msgpack_put_str_head (len, self->out);
    uint8_t *room = buffer_reserve (self->out, len);
    if (room) {
        json_token_resolve (text->raw, room);
        self->out->len += len;
    }
    return 0;
}

// The key of the member that the innermost level, a map, is at, and its colon.
static int put_key (writer_t *self)
{
    uint32_t outer = self->depth - 1;
    text_t key;

    json_token_space (&self->in);
    if (self->in.at == self->in.end || *self->in.at != '"')
        return malformed (self, outer, "no key where one must be");
    if (put_string (self, outer, &key))
        return -1;
    if (outer < PLACE_STEPS)
        self->keys[outer] = key.raw;
    json_token_space (&self->in);
    if (!take_octet (self, ':'))
        return malformed (self, self->depth, "no colon after a key");
    return 0;
}

static int put_number (writer_t *self)
{
    const uint64_t lowest = UINT64_C (1) << 63; // magnitude of the lowest int64_t
    json_number_t number;
    double real;

    if (json_token_number (&self->in, &number))
        return malformed (self, self->depth, self->in.why);
    if (number.integer && !number.beyond && !number.negative) {
        msgpack_put_unsigned (number.number, self->out);
    } else if (number.integer && !number.beyond && number.number <= lowest) {
        msgpack_put_negative (-(int64_t)(number.number - 1) - 1, self->out);
    } else {
        if (decimal_read (number.token, &real))
            return refuse (self, self->depth, "a number is too large for a float");
        msgpack_put_float (real, self->out);
    }
    return 0;
}

static int take_word (writer_t *self, const char *word)
{
    if (json_token_word (&self->in, word))
        return malformed (self, self->depth, self->in.why);
    return 0;
}

static uint8_t fix_head (const level_t *level)
{
    return (uint8_t)((level->map ? 0x80 : 0x90) | (level->count <= FIX_COUNT ? level->count : 0));
}

// Takes the innermost level off the stack, its head written or its note taken.
static void close_level (writer_t *self)
{
    level_t *level = &self->levels[--self->depth];

    if (level->count > FIX_COUNT)
        buffer_append (&self->notes, level, sizeof *level);
    else if (!self->out->failed)
        self->out->data[level->head] = fix_head (level);
}

// 1 if a value is to come, 0 if the map or array is empty, or -1.
static int open_level (writer_t *self)
{
    bool map = *self->in.at++ == '{';

    if (self->depth == LIMIT_DOCUMENT_DEPTH)
        return refuse (self, self->depth, "nested too deep");
    self->levels[self->depth++] = (level_t){self->out->len, 0, map};
    buffer_octet (self->out, 0);
    json_token_space (&self->in);
    if (take_octet (self, map ? '}' : ']')) {
        close_level (self);
        return 0;
    }
    return map && put_key (self) ? -1 : 1;
}

// A value, or the start of a map or array. 0, 1 if it opened one that isn't empty, or -1.
static int put_start (writer_t *self)
{
    text_t text;

    json_token_space (&self->in);
    if (self->in.at == self->in.end)
        return malformed (self, self->depth, "the end where a value must be");
    switch (*self->in.at) {
    case '"':
        return put_string (self, self->depth, &text);
    case '{':
    case '[':
        return open_level (self);
    case 't':
        msgpack_put_boolean (true, self->out);
        return take_word (self, "true");
    case 'f':
        msgpack_put_boolean (false, self->out);
        return take_word (self, "false");
    case 'n':
        msgpack_put_nil (self->out);
        return take_word (self, "null");
    default:
        return put_number (self);
    }
}

// After a value: closes what ends with it. 1 if there is another value to come, 0 or -1.
static int next (writer_t *self)
{
    while (self->depth > 0) {
        level_t *level = &self->levels[self->depth - 1];
        json_token_space (&self->in);
        if (level->count == UINT32_MAX)
            return refuse (self, self->depth - 1, "more elements than msgpack can count");
        level->count++;
        if (take_octet (self, ','))
            return level->map && put_key (self) ? -1 : 1;
        if (!take_octet (self, level->map ? '}' : ']')) {
            level->count--; // the fault is about this value
            return malformed (self, self->depth, "neither a comma nor an end after a value");
        }
        close_level (self);
    }
    return 0;
}

// One whole value. 0 or -1; stops early if the output has failed.
static int put_value (writer_t *self)
{
    int more = 1;

    while (more > 0 && !self->out->failed) {
        more = put_start (self);
        if (more == 0)
            more = next (self);
    }
    return more < 0 ? -1 : 0;
}

// Octets that the head of a noted level has beyond the one that was left for it.
static size_t widening (const level_t *note)
{
    return note->count <= UINT16_MAX ? 2 : 4;
}

// Moves what is behind the head by `shift` and writes the head. Returns the shift before it.
static size_t widen_one (buffer_t *out, const level_t *note, size_t end, size_t shift)
{
    uint8_t *behind = out->data + note->head + 1;
    size_t wide = widening (note);

    memmove (behind + shift, behind, end - (note->head + 1));
    shift -= wide;
    uint8_t *head = out->data + note->head + shift;
    head[0] = (uint8_t)((note->map ? 0xde : 0xdc) + (wide == 4));
    for (size_t i = wide; i > 0; i--)
        head[i] = (uint8_t)(note->count >> 8 * (wide - i));
    return shift;
}

/*  Makes room for the heads that were noted, the last one in the output first. The notes are in the
 *  order in which the levels ended, so read from the back each comes before what is inside of it;
 *  it waits on a stack until all of that is done. The levels' own stack is free by now, and as deep
 *  as the document was.
 */
static void widen (writer_t *self)
{
    const level_t *notes = (const level_t *)(const void *)self->notes.data;
    size_t count = self->notes.len / sizeof *notes;
    buffer_t *out = self->out;
    size_t end = out->len;
    size_t shift = 0;
    uint32_t waiting = 0;

    for (size_t i = 0; i < count; i++)
        shift += widening (&notes[i]);
    if (shift == 0 || !buffer_reserve (out, shift))
        return;
    out->len += shift;
    for (size_t i = count; i-- > 0;) {
        while (waiting > 0 && self->levels[waiting - 1].head > notes[i].head) {
            const level_t *note = &self->levels[--waiting];
            shift = widen_one (out, note, end, shift);
            end = note->head;
        }
        self->levels[waiting++] = notes[i];
    }
    while (waiting > 0) {
        const level_t *note = &self->levels[--waiting];
        shift = widen_one (out, note, end, shift);
        end = note->head;
    }
}

// The last step, whatever the result so far was.
static int finish (writer_t *self, int result)
{
    if (result == 0 && self->notes.failed && !self->out->failed)
        self->out->failed = self->notes.failed;
    if (result == 0 && !self->out->failed)
        widen (self);
    buffer_finish (&self->notes);
    return result;
}

int to_msgpack_document (slice_t in, const char *root, buffer_t *out, fault_t *fault)
{
    writer_t self;

    start (&self, in, slice_text (root), out, fault);
    int result = put_value (&self);
    if (result == 0 && !out->failed) {
        json_token_space (&self.in);
        if (self.in.at != self.in.end)
            result = malformed (&self, 0, "octets after the end");
    }
    return finish (&self, result);
}

// Integers of known keys: those beyond 2^64-1 were read as 2^64-1, and so they are written.
static bool put_integer (const packet_t *packet, packet_key_t key, buffer_t *out)
{
    value_t value = fields_give (packet, key);

    if (value.kind != VALUE_INTEGER)
        return false;
    msgpack_put_unsigned (value.number, out);
    return true;
}

// One member of a header, which was read before. 1, 0 if it is left out, or -1.
static int put_member (writer_t *self, const packet_t *packet, packet_keys_t leave_out)
{
    json_cursor_t ahead = self->in;
    text_t text;

    (void)json_token_string (&ahead, &text);
    packet_key_t known = fields_key_spelt (&text);
    packet_keys_t bit = known < PACKET_KEY_COUNT ? UINT32_C (1) << known : 0;
    if (bit & leave_out) {
        self->in = ahead;
        json_token_space (&self->in);
        self->in.at++; // the colon
        json_token_skip (&self->in);
        return 0;
    }
    self->root = text.raw;
    if (put_string (self, 0, &text))
        return -1;
    json_token_space (&self->in);
    self->in.at++;
    if (bit && packet_has (packet, bit) && put_integer (packet, known, self->out)) {
        json_token_skip (&self->in);
        return 1;
    }
    return put_value (self) ? -1 : 1;
}

int to_msgpack_header (
    slice_t header, const packet_t *packet, packet_keys_t leave_out, buffer_t *out, fault_t *fault)
{
    level_t map = {out->len, 0, true};
    writer_t self;
    int result = 0;

    start (&self, header, slice_text ("header"), out, fault);
    self.in.at++; // the brace
    buffer_octet (out, 0);
    for (json_token_space (&self.in); *self.in.at != '}'; json_token_space (&self.in)) {
        if (*self.in.at == ',')
            self.in.at++;
        json_token_space (&self.in);
        result = put_member (&self, packet, leave_out);
        if (result < 0 || out->failed)
            break;
        map.count += (uint32_t)result;
    }
    if (map.count > FIX_COUNT)
        buffer_append (&self.notes, &map, sizeof map);
    else if (!out->failed)
        out->data[map.head] = fix_head (&map);
    return finish (&self, result < 0 ? -1 : 0);
}
