#include "codec/msgpack_token.h"

static uint64_t load (const uint8_t *at, unsigned len)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < len; i++)
        number = number << 8 | at[i];
    return number;
}

static const char *unsigned_token (msgpack_token_t *token, uint64_t number)
{
    token->kind = MSGPACK_UNSIGNED;
    token->number = number;
    return NULL;
}

// A number that was encoded as a signed one.
static const char *signed_token (msgpack_token_t *token, int64_t number)
{
    if (number >= 0)
        return unsigned_token (token, (uint64_t)number);
    token->kind = MSGPACK_NEGATIVE;
    token->negative = number;
    return NULL;
}

static const char *boolean_token (msgpack_token_t *token, bool flag)
{
    token->kind = MSGPACK_BOOLEAN;
    token->flag = flag;
    return NULL;
}

static const char *float_token (msgpack_token_t *token, const uint8_t *at, unsigned len)
{
    uint64_t bits = load (at, len);

    token->kind = MSGPACK_FLOAT;
    if (len == 4) {
        uint32_t bits32 = (uint32_t)bits;
        float real;
        memcpy (&real, &bits32, sizeof real);
        token->real = (double)real;
    } else {
        memcpy (&token->real, &bits, sizeof token->real);
    }
    return NULL;
}

// `len` octets of content behind the head, whose last octet is before *at.
static const char *octets_token (
    msgpack_token_t *token, msgpack_kind_t kind, const uint8_t **at, const uint8_t *end, size_t len)
{
    if (len > (size_t)(end - *at))
        return "longer than what is there";
    token->kind = kind;
    token->octets = slice_of (*at, len);
    *at += len;
    return NULL;
}

static const char *
count_token (msgpack_token_t *token, msgpack_kind_t kind, size_t left, uint64_t count)
{
    if (count > left / (kind == MSGPACK_MAP ? 2 : 1))
        return "claims more elements than there are octets";
    token->kind = kind;
    token->count = (uint32_t)count;
    return NULL;
}

// What the head is followed by: an argument of so many octets. Heads below 0xc0 have none.
static unsigned argument_len (uint8_t head)
{
    static const uint8_t lens[32] = {
        0, 0, 0, 0,    // c0 nil, c1, c2 false, c3 true
        1, 2, 4,       // c4 bin
        1, 2, 4,       // c7 ext: its length; its type counts as content
        4, 8,          // ca float
        1, 2, 4, 8,    // cc uint
        1, 2, 4, 8,    // d0 int
        0, 0, 0, 0, 0, // d4 fixext
        1, 2, 4,       // d9 str
        2, 4,          // dc array
        2, 4,          // de map
    };

    return head >= 0xc0 && head < 0xe0 ? lens[head - 0xc0] : 0;
}

static const char *
long_token (uint8_t head, const uint8_t **at, const uint8_t *end, msgpack_token_t *token)
{
    unsigned len = argument_len (head);

    if (len > (size_t)(end - *at))
        return "cut short";
    const uint8_t *argument = *at;
    uint64_t number = load (argument, len);
    *at += len;
    size_t left = (size_t)(end - *at);

    switch (head) {
    case 0xc0:
        token->kind = MSGPACK_NIL;
        return NULL;
    case 0xc2:
    case 0xc3:
        return boolean_token (token, head == 0xc3);
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return octets_token (token, MSGPACK_BIN, at, end, number);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return octets_token (token, MSGPACK_EXT, at, end, number + 1);
    case 0xca:
    case 0xcb:
        return float_token (token, argument, len);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return unsigned_token (token, number);
    case 0xd0:
        return signed_token (token, (int8_t)number);
    case 0xd1:
        return signed_token (token, (int16_t)number);
    case 0xd2:
        return signed_token (token, (int32_t)number);
    case 0xd3:
        return signed_token (token, (int64_t)number);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return octets_token (token, MSGPACK_EXT, at, end, 1 + ((size_t)1 << (head - 0xd4)));
    case 0xd9:
    case 0xda:
    case 0xdb:
        return octets_token (token, MSGPACK_STR, at, end, number);
    case 0xdc:
    case 0xdd:
        return count_token (token, MSGPACK_ARRAY, left, number);
    case 0xde:
    case 0xdf:
        return count_token (token, MSGPACK_MAP, left, number);
    default: // 0xc1
        return "not an object";
    }
}

const char *msgpack_token_next (const uint8_t **at, const uint8_t *end, msgpack_token_t *token)
{
    const uint8_t *from = *at;
    const char *why;

    if (from == end)
        return "the end where an object must be";
    uint8_t head = *(*at)++;
    if (head < 0x80)
        return unsigned_token (token, head);
    if (head < 0x90)
        why = count_token (token, MSGPACK_MAP, (size_t)(end - *at), head & 0x0f);
    else if (head < 0xa0)
        why = count_token (token, MSGPACK_ARRAY, (size_t)(end - *at), head & 0x0f);
    else if (head < 0xc0)
        why = octets_token (token, MSGPACK_STR, at, end, head & 0x1f);
    else if (head < 0xe0)
        why = long_token (head, at, end, token);
    else
        return signed_token (token, (int8_t)head);
    if (why)
        *at = from;
    return why;
}

void msgpack_token_skip (const uint8_t **at, const uint8_t *end)
{
    uint64_t left = 1; // objects; each has an octet at least, so it can't overflow
    msgpack_token_t token;

    for (; left > 0 && !msgpack_token_next (at, end, &token); left--) {
        if (token.kind == MSGPACK_ARRAY)
            left += token.count;
        else if (token.kind == MSGPACK_MAP)
            left += 2 * (uint64_t)token.count;
    }
}

// A head and an argument of `len` octets, big endian.
static void put (uint8_t head, uint64_t argument, unsigned len, buffer_t *out)
{
    uint8_t octets[9] = {head};

    for (unsigned i = len; i > 0; i--) {
        octets[i] = (uint8_t)argument;
        argument >>= 8;
    }
    buffer_append (out, octets, len + 1);
}

void msgpack_put_nil (buffer_t *out)
{
    buffer_octet (out, 0xc0);
}

void msgpack_put_boolean (bool value, buffer_t *out)
{
    buffer_octet (out, value ? 0xc3 : 0xc2);
}

void msgpack_put_unsigned (uint64_t number, buffer_t *out)
{
    if (number < 0x80)
        buffer_octet (out, (uint8_t)number);
    else if (number <= UINT8_MAX)
        put (0xcc, number, 1, out);
    else if (number <= UINT16_MAX)
        put (0xcd, number, 2, out);
    else if (number <= UINT32_MAX)
        put (0xce, number, 4, out);
    else
        put (0xcf, number, 8, out);
}

void msgpack_put_negative (int64_t number, buffer_t *out)
{
    if (number >= -32)
        buffer_octet (out, (uint8_t)number);
    else if (number >= INT8_MIN)
        put (0xd0, (uint64_t)number, 1, out);
    else if (number >= INT16_MIN)
        put (0xd1, (uint64_t)number, 2, out);
    else if (number >= INT32_MIN)
        put (0xd2, (uint64_t)number, 4, out);
    else
        put (0xd3, (uint64_t)number, 8, out);
}

void msgpack_put_float (double real, buffer_t *out)
{
    uint64_t bits;

    memcpy (&bits, &real, sizeof bits);
    put (0xcb, bits, 8, out);
}

void msgpack_put_bin (slice_t octets, buffer_t *out)
{
    if (octets.len <= UINT8_MAX)
        put (0xc4, octets.len, 1, out);
    else if (octets.len <= UINT16_MAX)
        put (0xc5, octets.len, 2, out);
    else
        put (0xc6, octets.len, 4, out);
    buffer_slice (out, octets);
}

void msgpack_put_str_head (size_t len, buffer_t *out)
{
    if (len < 32)
        buffer_octet (out, (uint8_t)(0xa0 | len));
    else if (len <= UINT8_MAX)
        put (0xd9, len, 1, out);
    else if (len <= UINT16_MAX)
        put (0xda, len, 2, out);
    else
        put (0xdb, len, 4, out);
}

void msgpack_put_str (slice_t text, buffer_t *out)
{
    bool is_short = text.len > 0 && text.len < 32;
    uint8_t *room = is_short ? buffer_reserve (out, text.len + 1) : NULL;

    if (!room) { // which ignores what comes if it is full
        msgpack_put_str_head (text.len, out);
        buffer_slice (out, text);
        return;
    }
    room[0] = (uint8_t)(0xa0 | text.len);
    memcpy (room + 1, text.ptr, text.len);
    out->len += text.len + 1;
}

static void put_count (uint8_t fix, uint8_t head16, uint32_t count, buffer_t *out)
{
    if (count < 16)
        buffer_octet (out, (uint8_t)(fix | count));
    else if (count <= UINT16_MAX)
        put (head16, count, 2, out);
    else
        put ((uint8_t)(head16 + 1), count, 4, out);
}

void msgpack_put_array (uint32_t count, buffer_t *out)
{
    put_count (0x90, 0xdc, count, out);
}

void msgpack_put_map (uint32_t count, buffer_t *out)
{
    put_count (0x80, 0xde, count, out);
}
