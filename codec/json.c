/*  The reader is a recursive descent, which the depth limit of a header bounds. The keys of its own
 *  level are known ones, told apart by a bit each, or go on the stack of keys (codec/keys.h) like
 *  those of the maps inside.
 */
#include "codec/json.h"

#include <errno.h>

#include "codec/digits.h"
#include "codec/fields.h"
#include "codec/json_token.h"
#include "codec/keys.h"
#include "fabric/utf8.h"

typedef struct {
    json_cursor_t in;
    fields_t fields;
    slice_t header;
    slice_t key; // of the member of the header that is being read
    keys_t keys; // left as it is: 64 KiB
} reader_t;

static int read_value (reader_t *self, unsigned depth, value_t *value);

static int malformed (reader_t *self, const char *why)
{
    fields_malformed (&self->fields, self->key, "JSON", (size_t)(self->in.at - self->header.ptr),
                      why);
    return -1;
}

static inline bool take_octet (reader_t *self, uint8_t octet)
{
    if (self->in.at == self->in.end || *self->in.at != octet)
        return false;
    self->in.at++;
    return true;
}

// 0, or 1 if it is not Unicode (remembered), or -1.
static inline int read_string (reader_t *self, text_t *text)
{
    int result = json_token_string (&self->in, text);

    if (result < 0)
        return malformed (self, self->in.why);
    if (result > 0)
        fields_refuse (&self->fields, self->key, self->in.why);
    return result;
}

// A key and its colon. 0, 1 or -1 as above.
static inline int read_key (reader_t *self, text_t *key)
{
    json_token_space (&self->in);
    if (self->in.at == self->in.end || *self->in.at != '"')
        return malformed (self, "no key where one must be");
    int result = read_string (self, key);
    if (result < 0)
        return -1;
    json_token_space (&self->in);
    if (!take_octet (self, ':'))
        return malformed (self, "no colon after a key");
    json_token_space (&self->in);
    return result;
}

// Whether another member or element follows: 1, or 0 after the `end` of the map or array, or -1.
static inline int read_comma (reader_t *self, uint8_t end)
{
    json_token_space (&self->in);
    if (take_octet (self, ','))
        return 1;
    if (take_octet (self, end))
        return 0;
    return malformed (self, "neither a comma nor an end after a value");
}

static int compare (slice_t header, uint16_t a, uint16_t b)
{
    return json_token_compare (header.ptr + a, header.ptr + b);
}

static int push_key (reader_t *self, text_t key)
{
    if (keys_push (&self->keys, (size_t)(key.raw.ptr - self->header.ptr)))
        return 0;
    return malformed (self, "too many keys");
}

// Drops the keys of a map that has ended.
static void drop_keys (reader_t *self, uint32_t base)
{
    uint16_t twice;

    if (self->keys.count == base || !keys_twice (&self->keys, base, self->header, compare, &twice))
        return;
    json_cursor_t at = {self->header.ptr + twice - 1, self->in.end, NULL};
    text_t key = {0};
    (void)json_token_string (&at, &key); // it was read before
    fields_twice (&self->fields, self->key, key.raw);
}

static int read_map (reader_t *self, unsigned depth)
{
    uint32_t base = self->keys.count;
    value_t value;
    text_t key;
    int more;

    self->in.at++;
    json_token_space (&self->in);
    if (take_octet (self, '}'))
        return 0;
    do {
        if (read_key (self, &key) < 0 || push_key (self, key) || read_value (self, depth, &value))
            return -1;
        more = read_comma (self, '}');
    } while (more > 0);
    drop_keys (self, base);
    return more;
}

static int read_array (reader_t *self, unsigned depth, value_t *value)
{
    const uint8_t *from = self->in.at;
    value_kind_t kind = VALUE_TEXTS;
    uint32_t count = 0;
    int more = 0;

    self->in.at++;
    json_token_space (&self->in);
    if (!take_octet (self, ']')) {
        do {
            json_token_space (&self->in);
            if (read_value (self, depth, value))
                return -1;
            if (value->kind != VALUE_TEXT)
                kind = VALUE_OTHER;
            count++;
            more = read_comma (self, ']');
        } while (more > 0);
    }
    value->kind = kind;
    value->count = count;
    value->text = text_plain (slice_of (from, (size_t)(self->in.at - from)));
    return more;
}

static int read_container (reader_t *self, unsigned depth, value_t *value)
{
    if (depth == LIMIT_HEADER_DEPTH)
        return malformed (self, "nested more than 16 deep");
    if (*self->in.at == '[')
        return read_array (self, depth + 1, value);
    value->kind = VALUE_OTHER;
    return read_map (self, depth + 1);
}

static int read_number (reader_t *self, value_t *value)
{
    json_number_t number;

    if (json_token_number (&self->in, &number))
        return malformed (self, self->in.why);
    value->kind = number.integer ? VALUE_INTEGER : VALUE_OTHER;
    value->flag = number.negative;
    value->number = number.number;
    return 0;
}

static int read_word (reader_t *self, const char *word, value_t *value)
{
    if (json_token_word (&self->in, word))
        return malformed (self, self->in.why);
    value->kind = *word == 'n' ? VALUE_NULL : VALUE_BOOLEAN;
    value->flag = *word == 't';
    return 0;
}

// The value that the cursor is at, inside of `depth` maps and arrays.
static int read_value (reader_t *self, unsigned depth, value_t *value)
{
    if (self->in.at == self->in.end)
        return malformed (self, "the end where a value must be");
    switch (*self->in.at) {
    case '"': {
        int result = read_string (self, &value->text);
        value->kind = result == 0 ? VALUE_TEXT : VALUE_OTHER;
        return result < 0 ? -1 : 0;
    }
    case '{':
    case '[':
        return read_container (self, depth, value);
    case 't':
        return read_word (self, "true", value);
    case 'f':
        return read_word (self, "false", value);
    case 'n':
        return read_word (self, "null", value);
    default:
        return read_number (self, value);
    }
}

// One member of the header itself.
static int read_member (reader_t *self)
{
    value_t value;
    text_t key;

    self->key = slice_of (NULL, 0);
    int result = read_key (self, &key);
    if (result < 0)
        return -1;
    self->key = key.raw;
    packet_key_t known = result > 0 ? PACKET_KEY_COUNT : fields_key_spelt (&key);
    if (read_value (self, 1, &value))
        return -1;
    if (known == PACKET_KEY_COUNT)
        return push_key (self, key);
    const uint8_t *from = key.raw.ptr - 1;
    fields_take (&self->fields, known, &value, slice_of (from, (size_t)(self->in.at - from)));
    return 0;
}

static int read_header (reader_t *self)
{
    int more = 0;

    if (!take_octet (self, '{'))
        return malformed (self, "not an object");
    json_token_space (&self->in);
    if (!take_octet (self, '}')) {
        do {
            if (read_member (self))
                return -1;
            more = read_comma (self, '}');
        } while (more > 0);
    }
    if (more < 0)
        return -1;
    self->key = slice_of (NULL, 0);
    drop_keys (self, 0);
    json_token_space (&self->in);
    return self->in.at == self->in.end ? 0 : malformed (self, "octets after the end");
}

int json_read (slice_t header, packet_t *packet, fault_t *fault)
{
    reader_t self;

    self.in = (json_cursor_t){header.ptr, header.ptr + header.len, NULL};
    self.fields = (fields_t){packet, fault, 0, false};
    self.header = header;
    self.key = slice_of (NULL, 0);
    self.keys.count = 0;
    packet_init (packet, ENCODING_JSON);
    if (read_header (&self) == 0 && !self.fields.failed)
        return 0;
    errno = EPROTO;
    return -1;
}

bool json_strings_next (slice_t *rest, text_t *text)
{
    json_cursor_t in = {rest->ptr, rest->ptr + rest->len, NULL};

    json_token_space (&in);
    if (in.at == in.end || *in.at == ']')
        return false;
    in.at++; // the bracket or a comma
    json_token_space (&in);
    if (in.at == in.end || *in.at != '"' || json_token_string (&in, text))
        return false;
    *rest = slice_of (in.at, (size_t)(in.end - in.at));
    return true;
}

static bool is_space (uint8_t octet)
{
    return octet == ' ' || octet == '\n' || octet == '\r' || octet == '\t';
}

static void append (const uint8_t *from, const uint8_t *to, buffer_t *out)
{
    buffer_append (out, from, (size_t)(to - from));
}

void json_cut (slice_t header, slice_t member, buffer_t *out)
{
    const uint8_t *end = header.ptr + header.len;
    const uint8_t *member_end = member.ptr + member.len;
    const uint8_t *comma = member_end;

    while (comma < end && is_space (*comma))
        comma++;
    if (comma < end && *comma == ',') {
        append (header.ptr, member.ptr, out);
        append (member_end, comma, out);
        append (comma + 1, end, out);
        return;
    }
    comma = member.ptr - 1; // the brace is before the member
    while (is_space (*comma))
        comma--;
    if (*comma == ',') {
        append (header.ptr, comma, out);
        append (comma + 1, member.ptr, out);
    } else {
        append (header.ptr, member.ptr, out);
    }
    append (member_end, end, out);
}

// Writes the escape of an octet that has to be escaped.
static void put_escape (uint8_t octet, buffer_t *out)
{
    static const char hex[] = "0123456789abcdef";
    const char *shorts = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (; *shorts; shorts += 2) {
        if ((uint8_t)*shorts == octet) {
            buffer_append (out, (char[]){'\\', shorts[1]}, 2);
            return;
        }
    }
    buffer_append (out, (char[]){'\\', 'u', '0', '0', hex[octet >> 4], hex[octet & 15]}, 6);
}

// A text with octets that have to be escaped or are not ASCII.
static void put_string_rest (slice_t text, buffer_t *out)
{
    const uint8_t *at = text.ptr;
    const uint8_t *end = text.ptr + text.len;
    const uint8_t *run = at; // not written yet

    buffer_octet (out, '"');
    while (at < end) {
        at = json_token_plain (at, end);
        size_t len = 0;
        while (at < end && *at >= 0x80 && (len = utf8_character (at, end)))
            at += len;
        if (len)
            continue;
        append (run, at, out);
        if (at < end) {
            if (*at < 0x80)
                put_escape (*at, out);
            else
                buffer_append (out, "\xef\xbf\xbd", 3); // U+FFFD
            at++;
        }
        run = at;
    }
    append (run, at, out);
    buffer_octet (out, '"');
}

void json_put_string (slice_t text, buffer_t *out)
{
    if (text.len == 0) { // perhaps without a pointer
        buffer_text (out, "\"\"");
        return;
    }
    if (json_token_plain (text.ptr, text.ptr + text.len) != text.ptr + text.len) {
        put_string_rest (text, out);
        return;
    }
    uint8_t *room = buffer_reserve (out, text.len + 2);
    if (!room)
        return;
    room[0] = '"';
    memcpy (room + 1, text.ptr, text.len);
    room[text.len + 1] = '"';
    out->len += text.len + 2;
}

void json_put_unsigned (uint64_t number, buffer_t *out)
{
    char text[DIGITS_MAX];

    if (number < 10) { // as most are; and octets by a constant count are no call
        buffer_octet (out, (uint8_t)('0' + number));
        return;
    }
    if (number < 100) {
        buffer_append (out, digits_pairs + number * 2, 2);
        return;
    }
    const char *digits = digits_put (number, text);
    buffer_append (out, digits, (size_t)(text + DIGITS_MAX - digits));
}

static void put_strings (const strings_t *strings, buffer_t *out)
{
    buffer_octet (out, '[');
    for (uint32_t i = 0; i < strings->count; i++) {
        if (i)
            buffer_octet (out, ',');
        json_put_string (strings->items[i], out);
    }
    buffer_octet (out, ']');
}

static void put_cookie (const cookie_t *cookie, buffer_t *out)
{
    char text[COOKIE_TEXT + 3];

    cookie_print (cookie, text + 1);
    text[0] = text[COOKIE_TEXT + 1] = '"';
    buffer_append (out, text, COOKIE_TEXT + 2);
}

static void put_value (const packet_t *packet, packet_key_t key, buffer_t *out)
{
    value_t value = fields_give (packet, key);

    switch (value.kind) {
    case VALUE_BOOLEAN:
        buffer_text (out, value.flag ? "true" : "false");
        break;
    case VALUE_INTEGER:
        json_put_unsigned (value.number, out);
        break;
    case VALUE_TEXT:
    case VALUE_OCTETS:
        json_put_string (value.text.raw, out);
        break;
    case VALUE_TEXTS:
        put_strings (fields_strings (packet, key), out);
        break;
    case VALUE_COOKIE:
        put_cookie (&packet->cookie, out);
        break;
    case VALUE_NULL:
    case VALUE_OTHER:
        break;
    }
}

// What comes before the value of a known key, none of which needs an escape.
static void put_key (uint8_t before, packet_key_t key, buffer_t *out)
{
    const char *name = packet_key_name (key);
    uint8_t octets[FIELDS_KEY_MAX + 4] = {before, '"'};
    size_t len = strlen (name);

    memcpy (octets + 2, name, len);
    octets[len + 2] = '"';
    octets[len + 3] = ':';
    buffer_append (out, octets, len + 4);
}

void json_write (const packet_t *packet, buffer_t *out)
{
    // The type goes first, the cookie second: the order of the keys.
    packet_keys_t left = packet->keys | PACKET_BIT (PACKET_TYPE);

    for (uint8_t before = '{'; left; before = ',') {
        packet_key_t key = (packet_key_t)__builtin_ctz (left);
        left &= left - 1;
        put_key (before, key, out);
        put_value (packet, key, out);
    }
    buffer_octet (out, '}');
}
