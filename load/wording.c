#include "load/wording.h"

#include <errno.h>
#include <stdlib.h>

#include "codec/codec.h"

#define NUMBER_OCTETS  6        // of a task's number in a cookie
#define FEW_OCTETS     16384    // larger payloads have fewer variants
#define FEW_VARIANTS   5        // lest they are too much memory
#define WAIT_MS        3600000u // a task that is to wait does
#define WAITING_SUFFIX ".waiting"

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char digits[] = "0123456789abcdef";

// ---- payloads

// The head of a msgpack string so that all of it has `size` octets; its length.
static size_t write_msgpack_head (uint8_t *out, size_t size)
{
    size_t heads[] = {1, 2, 3, 5};
    unsigned kind = size <= 32 ? 0 : size <= 257 ? 1 : size <= 65538 ? 2 : 3;
    size_t len = size - heads[kind];

    out[0] = kind == 0 ? (uint8_t)(0xa0 + len) : (uint8_t)(0xd8 + kind);
    for (size_t i = 1; i < heads[kind]; i++)
        out[i] = (uint8_t)(len >> 8 * (heads[kind] - 1 - i));
    return heads[kind];
}

// A string, in either codec; a lone digit if there is no room for its quotes.
static void write_payload (encoding_t codec, uint8_t *out, size_t size, unsigned variant)
{
    size_t from = 0, to = size;

    if (codec == ENCODING_MSGPACK && size > 0) {
        from = write_msgpack_head (out, size);
    } else if (size == 1) {
        out[0] = (uint8_t)('0' + variant % 10);
        return;
    } else if (size > 1) {
        out[from++] = '"';
        out[--to] = '"';
    }
    for (size_t i = from; i < to; i++)
        out[i] = (uint8_t)alphabet[(i + variant) % (sizeof alphabet - 1)];
}

static int make_payloads (wording_t *self)
{
    if (self->size == 0)
        return 0;
    self->payloads = (uint8_t *)calloc (self->variants, self->size);
    if (!self->payloads)
        return -1;
    for (unsigned i = 0; i < self->variants; i++)
        write_payload (self->codec, self->payloads + i * self->size, self->size, i);
    return 0;
}

slice_t wording_payload (const wording_t *self, uint64_t number)
{
    if (self->size == 0)
        return slice_of (NULL, 0);
    return slice_of (self->payloads + number % self->variants * self->size, self->size);
}

// ---- headers

static void put (uint8_t *out, size_t *len, const char *text, size_t count)
{
    memcpy (out + *len, text, count);
    *len += count;
}

#define PUT(out, len, text) put (out, len, text, sizeof (text) - 1)

static void put_cookie (wording_t *self, uint8_t *out, size_t *len, uint64_t token)
{
    char text[COOKIE_TEXT + 1] = "00000000-0000-4000-8000-000000000000";

    self->cookie_at = *len;
    self->cookie_len = self->codec == ENCODING_JSON ? COOKIE_TEXT : COOKIE_OCTETS;
    self->number_at = self->codec == ENCODING_JSON ? 24 : 10;
    for (unsigned i = 0; i < 12; i++)
        text[i + (i >= 8)] = digits[token >> 4 * (11 - i) & 15];
    if (self->codec == ENCODING_JSON) {
        put (out, len, text, COOKIE_TEXT);
    } else {
        cookie_t cookie;
        (void)cookie_parse (slice_of (text, COOKIE_TEXT), &cookie); // is one
        put (out, len, (const char *)cookie.octets, COOKIE_OCTETS);
    }
}

static void make_json (wording_t *self, uint64_t token)
{
    PUT (self->run, &self->run_len, "{\"cookie\":\"");
    put_cookie (self, self->run, &self->run_len, token);
    PUT (self->run, &self->run_len,
         "\",\"packet_type\":\"RUN\",\"pipeline\":\"" WORDING_PIPELINE "\"}");
    PUT (self->result, &self->result_len, "{\"cookie\":\"");
    put_cookie (self, self->result, &self->result_len, token);
    PUT (self->result, &self->result_len, "\",\"packet_type\":\"RESULT\",\"rc\":\"OK\"}");
}

static void make_msgpack (wording_t *self, uint64_t token)
{
    PUT (self->run, &self->run_len,
         "\x83\xa6"
         "cookie\xc4\x10");
    put_cookie (self, self->run, &self->run_len, token);
    PUT (self->run, &self->run_len, "\xabpacket_type\xa3RUN\xa8pipeline\xad" WORDING_PIPELINE);
    PUT (self->result, &self->result_len,
         "\x83\xa6"
         "cookie\xc4\x10");
    put_cookie (self, self->result, &self->result_len, token);
    PUT (self->result, &self->result_len, "\xabpacket_type\xa6RESULT\xa2rc\xa2OK");
}

_Static_assert(sizeof WORDING_PIPELINE == 13 + 1, "the msgpack header says 0xad: 13 octets");

int wording_init (wording_t *self, encoding_t codec, uint64_t token, size_t size)
{
    *self = (wording_t){.codec = codec,
                        .size = size,
                        .variants = size > FEW_OCTETS ? FEW_VARIANTS : WORDING_VARIANTS};
    if (codec != ENCODING_JSON && codec != ENCODING_MSGPACK) {
        errno = EINVAL;
        return -1;
    }
    if (codec == ENCODING_JSON)
        make_json (self, token);
    else
        make_msgpack (self, token);
    return make_payloads (self);
}

void wording_finish (wording_t *self)
{
    free (self->payloads);
    self->payloads = NULL;
}

// Writes a task's number to where it stands in a cookie.
static void put_number (const wording_t *self, uint8_t *cookie, uint64_t number)
{
    uint8_t *at = cookie + self->number_at;

    if (self->codec == ENCODING_JSON) {
        for (unsigned i = 2 * NUMBER_OCTETS; i-- > 0; number >>= 4)
            at[i] = (uint8_t)digits[number & 15];
    } else {
        for (unsigned i = NUMBER_OCTETS; i-- > 0; number >>= 8)
            at[i] = (uint8_t)number;
    }
}

size_t wording_run (const wording_t *self, uint64_t number, uint8_t out[static WORDING_HEADER])
{
    memcpy (out, self->run, self->run_len);
    put_number (self, out + self->cookie_at, number);
    return self->run_len;
}

// ---- answers

// Whether the header is laid out like `like`, whatever its cookie.
static bool is_like (const wording_t *self, slice_t header, const uint8_t *like, size_t len)
{
    size_t behind = self->cookie_at + self->cookie_len;

    return header.len == len && memcmp (header.ptr, like, self->cookie_at) == 0
           && memcmp (header.ptr + behind, like + behind, len - behind) == 0;
}

// The cookie as it stands in a wording's headers.
static void spell (const wording_t *self, const cookie_t *cookie, uint8_t *out)
{
    char text[COOKIE_TEXT + 1];

    if (self->codec == ENCODING_JSON) {
        cookie_print (cookie, text);
        memcpy (out, text, COOKIE_TEXT);
    } else {
        memcpy (out, cookie->octets, COOKIE_OCTETS);
    }
}

size_t wording_answer (const wording_t *self, slice_t run, uint8_t out[static WORDING_HEADER])
{
    packet_t packet;

    memcpy (out, self->result, self->result_len);
    if (is_like (self, run, self->run, self->run_len)) {
        memcpy (out + self->cookie_at, run.ptr + self->cookie_at, self->cookie_len);
        return self->result_len;
    }
    if (codec_read (run, &packet, NULL) || packet.type != PACKET_RUN
        || !packet_has (&packet, PACKET_BIT (COOKIE)))
        return 0;
    spell (self, &packet.cookie, out + self->cookie_at);
    return self->result_len;
}

static int hex_value (uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

// The number in a cookie as this client spells it. 0, or -1: it is not this client's.
static int get_number (const wording_t *self, const uint8_t *cookie, uint64_t *number)
{
    const uint8_t *at = cookie + self->number_at;
    uint64_t found = 0;

    if (memcmp (cookie, self->run + self->cookie_at, self->number_at) != 0)
        return -1;
    for (unsigned i = 0; i < self->cookie_len - self->number_at; i++) {
        int value = self->codec == ENCODING_JSON ? hex_value (at[i]) : at[i];
        if (value < 0)
            return -1;
        found = (found << (self->codec == ENCODING_JSON ? 4 : 8)) | (unsigned)value;
    }
    *number = found;
    return 0;
}

static void explain (const packet_t *packet, fault_t *fault)
{
    buffer_t words;

    buffer_init (&words, FAULT_TEXT_MAX);
    if (packet_has (packet, PACKET_BIT (ERROR)))
        codec_text (packet->error, &words);
    buffer_octet (&words, '\0');
    fault_set (fault, "a task ended with %s: %s", zfabric_rc_name (packet->rc),
               words.failed ? "" : (const char *)words.data);
    buffer_finish (&words);
}

int wording_number (const wording_t *self, slice_t result, uint64_t *number, fault_t *fault)
{
    uint8_t cookie[COOKIE_TEXT];
    const uint8_t *at = cookie;
    packet_t packet;

    if (is_like (self, result, self->result, self->result_len)) {
        at = result.ptr + self->cookie_at;
    } else if (codec_read (result, &packet, fault)) {
        return -1;
    } else if (packet.type != PACKET_RESULT || packet.rc != ZFABRIC_OK) {
        if (packet.type == PACKET_RESULT)
            explain (&packet, fault);
        else
            fault_set (fault, "instead of a RESULT came a %s", packet_type_name (packet.type));
        errno = EPROTO;
        return -1;
    } else {
        spell (self, &packet.cookie, cookie);
    }
    if (get_number (self, at, number) == 0)
        return 0;
    fault_set (fault, "a RESULT with the cookie of another client");
    errno = EPROTO;
    return -1;
}

// ---- the others

static void write (const wording_t *self, packet_t *packet, buffer_t *out)
{
    packet->codec = self->codec;
    packet->encoding = self->codec;
    packet->keys |= PACKET_BIT (PACKET_TYPE);
    codec_write (packet, out);
}

void wording_register (const wording_t *self, uint16_t capacity, buffer_t *out)
{
    const slice_t pipeline = slice_text (WORDING_PIPELINE);
    packet_t packet;

    packet_init (&packet, self->codec);
    packet.type = PACKET_REGISTER;
    packet.capacity = capacity;
    packet.pipelines = (strings_t){.items = &pipeline, .count = 1};
    packet.name = text_plain (slice_text ("bench"));
    packet.keys = PACKET_BIT (CAPACITY) | PACKET_BIT (PIPELINES) | PACKET_BIT (NAME);
    write (self, &packet, out);
}

void wording_cookie (const wording_t *self, uint64_t number, char text[static COOKIE_TEXT + 1])
{
    uint8_t run[WORDING_HEADER];
    packet_t packet;

    (void)codec_read (slice_of (run, wording_run (self, number, run)), &packet, NULL); // its own
    cookie_print (&packet.cookie, text);
}

void wording_waiting (const wording_t *self, uint64_t number, buffer_t *out)
{
    uint8_t run[WORDING_HEADER];
    size_t len = wording_run (self, number, run);
    packet_t packet, like;

    (void)codec_read (slice_of (run, len), &like, NULL); // its own words
    packet_init (&packet, self->codec);
    packet.type = PACKET_RUN;
    packet.cookie = like.cookie;
    packet.pipeline = slice_text (WORDING_PIPELINE WAITING_SUFFIX);
    packet.wait_ms = WAIT_MS;
    packet.orphan_cancel = true;
    packet.keys =
        PACKET_BIT (COOKIE) | PACKET_BIT (PIPELINE) | PACKET_BIT (WAIT) | PACKET_BIT (ORPHAN);
    write (self, &packet, out);
}

void wording_heartbeat (const wording_t *self, buffer_t *out)
{
    packet_t packet;

    packet_init (&packet, self->codec);
    packet.type = PACKET_HEARTBEAT;
    write (self, &packet, out);
}
