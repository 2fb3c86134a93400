/*  The reader is a recursive descent, which the depth limit of a header bounds, with its keys kept
 *  as the JSON reader keeps them. Keys inside of unknown values may be of any type: strings, bins
 *  and integers are compared by what they mean, whatever the width of their encoding, others octet
 *  for octet.
 */
#include "codec/msgpack.h"

#include <errno.h>

#include "codec/fields.h"
#include "codec/keys.h"
#include "codec/msgpack_token.h"
#include "fabric/utf8.h"

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    fields_t fields;
    slice_t header;
    slice_t key; // of the member of the header that is being read
    keys_t keys; // left as it is: 64 KiB
} reader_t;

static int read_rest (reader_t *self, unsigned depth, const msgpack_token_t *token);

static int malformed (reader_t *self, const char *why)
{
    fields_malformed (&self->fields, self->key, "msgpack", (size_t)(self->at - self->header.ptr),
                      why);
    return -1;
}

static inline int read_token (reader_t *self, msgpack_token_t *token)
{
    const char *why = msgpack_token_next (&self->at, self->end, token);

    return why ? malformed (self, why) : 0;
}

static inline bool check_text (reader_t *self, slice_t text)
{
    if (utf8_valid (text))
        return true;
    fields_refuse (&self->fields, self->key, "not UTF-8");
    return false;
}

// An object that no known key wants, inside of `depth` maps and arrays.
static int skip_object (reader_t *self, unsigned depth)
{
    msgpack_token_t token;

    return read_token (self, &token) || read_rest (self, depth, &token) ? -1 : 0;
}

static int compare_octets (slice_t a, slice_t b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp (a.ptr, b.ptr, len) : 0;

    return order ? order : a.len < b.len ? -1 : a.len > b.len;
}

static int compare (slice_t header, uint16_t a, uint16_t b)
{
    const uint8_t *end = header.ptr + header.len;
    const uint8_t *left = header.ptr + a;
    const uint8_t *right = header.ptr + b;
    msgpack_token_t x;
    msgpack_token_t y;

    (void)msgpack_token_next (&left, end, &x); // they were read before
    (void)msgpack_token_next (&right, end, &y);
    if (x.kind != y.kind)
        return x.kind < y.kind ? -1 : 1;
    if (x.kind == MSGPACK_STR || x.kind == MSGPACK_BIN)
        return compare_octets (x.octets, y.octets);
    if (x.kind == MSGPACK_UNSIGNED)
        return x.number < y.number ? -1 : x.number > y.number;
    if (x.kind == MSGPACK_NEGATIVE)
        return x.negative < y.negative ? -1 : x.negative > y.negative;

    left = header.ptr + a;
    right = header.ptr + b;
    msgpack_token_skip (&left, end);
    msgpack_token_skip (&right, end);
    return compare_octets (slice_of (header.ptr + a, (size_t)(left - (header.ptr + a))),
                           slice_of (header.ptr + b, (size_t)(right - (header.ptr + b))));
}

static int push_key (reader_t *self, const uint8_t *at)
{
    if (keys_push (&self->keys, (size_t)(at - self->header.ptr)))
        return 0;
    return malformed (self, "too many keys");
}

// Drops the keys of a map that has ended.
static void drop_keys (reader_t *self, uint32_t base)
{
    msgpack_token_t token;
    uint16_t twice;

    if (self->keys.count == base || !keys_twice (&self->keys, base, self->header, compare, &twice))
        return;
    const uint8_t *at = self->header.ptr + twice;
    (void)msgpack_token_next (&at, self->end, &token); // it was read before
    slice_t key = token.kind == MSGPACK_STR ? token.octets : slice_text ("that is no string");
    fields_twice (&self->fields, self->key, key);
}

static int read_map (reader_t *self, unsigned depth, uint32_t count)
{
    uint32_t base = self->keys.count;

    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *key = self->at;
        if (skip_object (self, depth) || push_key (self, key) || skip_object (self, depth))
            return -1;
    }
    drop_keys (self, base);
    return 0;
}

static int read_array (reader_t *self, unsigned depth, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (skip_object (self, depth))
            return -1;
    }
    return 0;
}

// What belongs to a token beyond it, and what is to be checked of it.
static int read_rest (reader_t *self, unsigned depth, const msgpack_token_t *token)
{
    if (token->kind == MSGPACK_STR)
        (void)check_text (self, token->octets);
    if (token->kind != MSGPACK_ARRAY && token->kind != MSGPACK_MAP)
        return 0;
    if (depth == LIMIT_HEADER_DEPTH)
        return malformed (self, "nested more than 16 deep");
    return token->kind == MSGPACK_ARRAY ? read_array (self, depth + 1, token->count)
                                        : read_map (self, depth + 1, token->count);
}

// The array whose head the token is, of nothing but strings. `from` is where its head stands.
static int
read_texts (reader_t *self, const uint8_t *from, const msgpack_token_t *array, value_t *value)
{
    value->kind = VALUE_TEXTS;
    value->count = array->count;
    for (uint32_t i = 0; i < array->count; i++) {
        msgpack_token_t token;
        if (read_token (self, &token) || read_rest (self, 2, &token))
            return -1;
        if (token.kind != MSGPACK_STR)
            value->kind = VALUE_OTHER;
    }
    value->text = text_plain (slice_of (from, (size_t)(self->at - from)));
    return 0;
}

// The value of a known key.
static int read_value (reader_t *self, value_t *value)
{
    const uint8_t *from = self->at;
    msgpack_token_t token;
    slice_t text;

    if (msgpack_token_short (&self->at, self->end, &text)) {
        value->kind = check_text (self, text) ? VALUE_TEXT : VALUE_OTHER;
        value->text = text_plain (text);
        return 0;
    }
    if (read_token (self, &token))
        return -1;
    switch (token.kind) {
    case MSGPACK_NIL:
        value->kind = VALUE_NULL;
        return 0;
    case MSGPACK_BOOLEAN:
        value->kind = VALUE_BOOLEAN;
        value->flag = token.flag;
        return 0;
    case MSGPACK_UNSIGNED:
        value->kind = VALUE_INTEGER;
        value->flag = false;
        value->number = token.number;
        return 0;
    case MSGPACK_STR:
        value->kind = check_text (self, token.octets) ? VALUE_TEXT : VALUE_OTHER;
        value->text = text_plain (token.octets);
        return 0;
    case MSGPACK_BIN:
        value->kind = VALUE_OCTETS;
        value->text = text_plain (token.octets);
        return 0;
    case MSGPACK_ARRAY:
        return read_texts (self, from, &token, value);
    case MSGPACK_NEGATIVE: // no key wants these
    case MSGPACK_FLOAT:
    case MSGPACK_EXT:
    case MSGPACK_MAP:
        break;
    }
    value->kind = VALUE_OTHER;
    return read_rest (self, 1, &token);
}

// A member whose key, not a string, is at `from`; the token is its head.
static int read_odd_member (reader_t *self, const msgpack_token_t *token)
{
    fields_refuse (&self->fields, self->key, "a key is not a string");
    return read_rest (self, 1, token) || skip_object (self, 1) ? -1 : 0;
}

// One member of the header itself.
static int read_member (reader_t *self)
{
    const uint8_t *from = self->at;
    value_t value;
    slice_t key;

    self->key = slice_of (NULL, 0);
    if (!msgpack_token_short (&self->at, self->end, &key)) {
        msgpack_token_t token;
        if (read_token (self, &token))
            return -1;
        if (token.kind != MSGPACK_STR)
            return read_odd_member (self, &token);
        key = token.octets;
    }
    self->key = key;
    packet_key_t known = fields_key (key);
    if (known == PACKET_KEY_COUNT) {
        (void)check_text (self, key);
        return push_key (self, from) || skip_object (self, 1) ? -1 : 0;
    }
    if (read_value (self, &value))
        return -1;
    fields_take (&self->fields, known, &value, slice_of (from, (size_t)(self->at - from)));
    return 0;
}

static int read_header (reader_t *self)
{
    msgpack_token_t token;

    if (read_token (self, &token))
        return -1;
    if (token.kind != MSGPACK_MAP)
        return malformed (self, "not a map");
    for (uint32_t i = 0; i < token.count; i++) {
        if (read_member (self))
            return -1;
    }
    self->key = slice_of (NULL, 0);
    drop_keys (self, 0);
    return self->at == self->end ? 0 : malformed (self, "octets after the end");
}

int msgpack_read (slice_t header, packet_t *packet, fault_t *fault)
{
    reader_t self;

    self.at = header.ptr;
    self.end = header.ptr + header.len;
    self.fields = (fields_t){packet, fault, 0, false};
    self.header = header;
    self.key = slice_of (NULL, 0);
    self.keys.count = 0;
    packet_init (packet, ENCODING_MSGPACK);
    if (read_header (&self) == 0 && !self.fields.failed)
        return 0;
    errno = EPROTO;
    return -1;
}

bool msgpack_strings_next (slice_t *rest, text_t *text)
{
    const uint8_t *at = rest->ptr;
    const uint8_t *end = rest->ptr + rest->len;
    msgpack_token_t token;

    if (msgpack_token_next (&at, end, &token))
        return false;
    if (token.kind == MSGPACK_ARRAY && msgpack_token_next (&at, end, &token))
        return false;
    if (token.kind != MSGPACK_STR)
        return false;
    *text = text_plain (token.octets);
    *rest = slice_of (at, (size_t)(end - at));
    return true;
}

void msgpack_cut (slice_t header, slice_t member, buffer_t *out)
{
    uint8_t head = header.ptr[0];
    size_t len = head == 0xdf ? 5 : head == 0xde ? 3 : 1;
    const uint8_t *end = header.ptr + header.len;
    const uint8_t *member_end = member.ptr + member.len;
    uint8_t lowered[5];

    memcpy (lowered, header.ptr, len);
    // One less, with borrows: of the count behind the head, or in a head that holds it. It is not
    // 0.
    size_t digit = len - 1;
    while (lowered[digit]-- == 0 && digit > 1)
        digit--;
    buffer_append (out, lowered, len);
    buffer_append (out, header.ptr + len, (size_t)(member.ptr - (header.ptr + len)));
    buffer_append (out, member_end, (size_t)(end - member_end));
}

static void put_text (slice_t text, buffer_t *out)
{
    if (utf8_ascii (text)) {
        msgpack_put_str (text, out);
        return;
    }
    msgpack_put_str_head (utf8_repaired_len (text), out);
    utf8_repair (text, out);
}

static void put_strings (const strings_t *strings, buffer_t *out)
{
    msgpack_put_array (strings->count, out);
    for (uint32_t i = 0; i < strings->count; i++)
        put_text (strings->items[i], out);
}

static void put_cookie (const cookie_t *cookie, buffer_t *out)
{
    if (cookie->binary) {
        msgpack_put_bin (slice_of (cookie->octets, COOKIE_OCTETS), out);
        return;
    }
    char text[COOKIE_TEXT + 1];
    cookie_print (cookie, text);
    msgpack_put_str (slice_of (text, COOKIE_TEXT), out);
}

static void put_value (const packet_t *packet, packet_key_t key, buffer_t *out)
{
    value_t value = fields_give (packet, key);

    switch (value.kind) {
    case VALUE_BOOLEAN:
        msgpack_put_boolean (value.flag, out);
        break;
    case VALUE_INTEGER:
        msgpack_put_unsigned (value.number, out);
        break;
    case VALUE_TEXT:
        put_text (value.text.raw, out);
        break;
    case VALUE_OCTETS:
        msgpack_put_bin (value.text.raw, out);
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

void msgpack_write (const packet_t *packet, buffer_t *out)
{
    // The type goes first, the cookie second: the order of the keys.
    packet_keys_t left = packet->keys | PACKET_BIT (PACKET_TYPE);

    msgpack_put_map ((uint32_t)__builtin_popcount (left), out);
    for (; left; left &= left - 1) {
        packet_key_t key = (packet_key_t)__builtin_ctz (left);
        msgpack_put_str (slice_text (packet_key_name (key)), out);
        put_value (packet, key, out);
    }
}
