#include "codec/json_token.h"

#include "fabric/utf8.h"

#define ESCAPE_LEN  6 // \uXXXX
#define REPLACEMENT 0xfffdu

// The octets of an escape, decoded. A text that was read is known to hold no other.
typedef struct {
    size_t len; // octets of the escape; 0: there is no such escape
    uint32_t code;
    bool lone; // a surrogate without its other half; `code` is it
} escape_t;

static int hex_value (uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The code unit of \uXXXX at `at`, or -1.
static int32_t unit (const uint8_t *at, const uint8_t *end)
{
    int32_t code = 0;

    if (end - at < ESCAPE_LEN || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < ESCAPE_LEN; i++) {
        int value = hex_value (at[i]);
        if (value < 0)
            return -1;
        code = code << 4 | value;
    }
    return code;
}

static escape_t long_escape (const uint8_t *at, const uint8_t *end)
{
    int32_t high = unit (at, end);

    if (high < 0)
        return (escape_t){0};
    escape_t escape = {ESCAPE_LEN, (uint32_t)high, false};
    if (high < 0xd800 || high > 0xdfff)
        return escape;
    int32_t low = high < 0xdc00 ? unit (at + ESCAPE_LEN, end) : -1;
    if (low < 0xdc00 || low > 0xdfff) {
        escape.lone = true;
        return escape;
    }
    escape.len = 2 * ESCAPE_LEN;
    escape.code = 0x10000u + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
    return escape;
}

// The escape whose backslash is at `at`.
static escape_t escape_at (const uint8_t *at, const uint8_t *end)
{
    if (end - at < 2)
        return (escape_t){0};
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
        return (escape_t){2, at[1], false};
    case 'b':
        return (escape_t){2, '\b', false};
    case 'f':
        return (escape_t){2, '\f', false};
    case 'n':
        return (escape_t){2, '\n', false};
    case 'r':
        return (escape_t){2, '\r', false};
    case 't':
        return (escape_t){2, '\t', false};
    case 'u':
        return long_escape (at, end);
    default:
        return (escape_t){0};
    }
}

static int stop (json_cursor_t *in, const uint8_t *at, const char *why)
{
    in->at = at;
    in->why = why;
    return -1;
}

int json_token_string_rest (json_cursor_t *in, const uint8_t *at, text_t *text)
{
    const uint8_t *from = in->at + 1;
    const uint8_t *end = in->end;
    const char *broken = NULL;
    bool escaped = false;

    for (;;) {
        at = json_token_plain (at, end);
        if (at == end)
            return stop (in, at, "a string without its end");
        if (*at == '"')
            break;
        if (*at < 0x20)
            return stop (in, at, "a control character in a string");
        if (*at == '\\') {
            escape_t escape = escape_at (at, end);
            if (escape.len == 0)
                return stop (in, at, "not an escape");
            if (escape.lone)
                broken = "not Unicode: a lone surrogate";
            escaped = true;
            at += escape.len;
        }
        while (at < end && *at >= 0x80) {
            size_t len = utf8_character (at, end);
            if (len == 0)
                broken = "not UTF-8";
            at += len ? len : 1;
        }
    }
    *text = (text_t){slice_of (from, (size_t)(at - from)), escaped};
    in->at = at + 1;
    if (broken)
        in->why = broken;
    return broken ? 1 : 0;
}

static const uint8_t *skip_digits (const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

// The magnitude of an integer's digits; `beyond` if it is more than 2^64-1.
static uint64_t magnitude (const uint8_t *at, const uint8_t *end, bool *beyond)
{
    uint64_t number = 0;

    *beyond = false;
    for (; at < end; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            *beyond = true;
            return UINT64_MAX;
        }
        number = number * 10 + digit;
    }
    return number;
}

int json_token_number (json_cursor_t *in, json_number_t *number)
{
    const uint8_t *from = in->at;
    const uint8_t *end = in->end;
    const uint8_t *digits = from + (from < end && *from == '-');
    const uint8_t *at = skip_digits (digits, end);

    if (at == digits)
        return stop (in, at, "not a value");
    if (*digits == '0' && at - digits > 1)
        return stop (in, digits, "a number with a leading zero");
    const uint8_t *whole = at;
    if (at < end && *at == '.') {
        const uint8_t *fraction = at + 1;
        at = skip_digits (fraction, end);
        if (at == fraction)
            return stop (in, at, "a number without digits after its point");
    }
    if (at < end && (*at | 0x20) == 'e') {
        const uint8_t *exponent = at + 1;
        exponent += exponent < end && (*exponent == '+' || *exponent == '-');
        at = skip_digits (exponent, end);
        if (at == exponent)
            return stop (in, at, "a number without digits in its exponent");
    }
    *number =
        (json_number_t){.token = slice_of (from, (size_t)(at - from)), .integer = at == whole};
    if (number->integer) {
        number->number = magnitude (digits, whole, &number->beyond);
        number->negative = digits > from && number->number > 0;
    }
    in->at = at;
    return 0;
}

int json_token_word (json_cursor_t *in, const char *word)
{
    size_t len = strlen (word);

    if ((size_t)(in->end - in->at) < len || memcmp (in->at, word, len) != 0)
        return stop (in, in->at, "not a value");
    in->at += len;
    return 0;
}

void json_token_skip (json_cursor_t *in)
{
    size_t depth = 0;

    do {
        json_token_space (in);
        if (in->at == in->end)
            return;
        text_t text;
        switch (*in->at) {
        case '"':
            if (json_token_string (in, &text) < 0)
                in->at = in->end;
            break;
        case '{':
        case '[':
            depth++;
            in->at++;
            break;
        case '}':
        case ']':
            depth--;
            in->at++;
            break;
        case ',':
        case ':':
            in->at++;
            break;
        default:
            while (in->at < in->end && !strchr (",:]} \t\r\n", *in->at))
                in->at++;
        }
        json_token_space (in);
    } while (depth > 0);
}

size_t json_token_len (slice_t raw)
{
    const uint8_t *at = raw.ptr;
    const uint8_t *end = raw.ptr + raw.len;
    size_t len = raw.len;
    uint8_t octets[UTF8_OCTETS_MAX];

    while (at < end && (at = memchr (at, '\\', (size_t)(end - at)))) {
        escape_t escape = escape_at (at, end);
        size_t from = escape.len ? escape.len : (size_t)(end - at);
        uint32_t code = escape.len && !escape.lone ? escape.code : REPLACEMENT;
        len = len - from + utf8_encode (code, octets);
        at += from;
    }
    return len;
}

void json_token_resolve (slice_t raw, uint8_t *to)
{
    const uint8_t *at = raw.ptr;
    const uint8_t *end = raw.ptr + raw.len;

    while (at < end) {
        const uint8_t *slash = memchr (at, '\\', (size_t)(end - at));
        size_t run = (size_t)((slash ? slash : end) - at);
        memcpy (to, at, run);
        to += run;
        if (!slash)
            return;
        escape_t escape = escape_at (slash, end);
        uint8_t octets[UTF8_OCTETS_MAX];
        size_t len = utf8_encode (escape.len && !escape.lone ? escape.code : REPLACEMENT, octets);
        memcpy (to, octets, len);
        to += len;
        at = escape.len ? slash + escape.len : end;
    }
}

// A raw string as a stream of the octets that it stands for.
typedef struct {
    const uint8_t *at;
    uint8_t octets[UTF8_OCTETS_MAX]; // of an escape
    size_t next;
    size_t len;
} stream_t;

// The next octet, or -1 at the closing quote.
static int stream_next (stream_t *self)
{
    if (self->next < self->len)
        return self->octets[self->next++];
    if (*self->at == '"')
        return -1;
    if (*self->at != '\\')
        return *self->at++;
    // The string was read: its escapes are whole, and its quote comes after them.
    escape_t escape = escape_at (self->at, self->at + 2 * ESCAPE_LEN);
    self->at += escape.len ? escape.len : 1;
    self->len = utf8_encode (escape.code, self->octets);
    self->next = 1;
    return self->octets[0];
}

int json_token_compare (const uint8_t *a, const uint8_t *b)
{
    stream_t left = {.at = a};
    stream_t right = {.at = b};

    for (;;) {
        int x = stream_next (&left);
        int y = stream_next (&right);
        if (x != y)
            return x < y ? -1 : 1;
        if (x < 0)
            return 0;
    }
}
