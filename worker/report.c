/*  Words are counted at what they cost at worst, as JSON: six octets for a control character, three
 *  for one that is not ASCII (its replacement). So one pass decides what fits.
 */
#include "worker/report.h"

#include "codec/codec.h"
#include "fabric/limits.h"

#define ERROR_COST 16384u // octets of a header that the error may take
#define LINES_COST 40960u // and the stack trace; the rest of a RESULT is less than 300
#define LINES_MAX  256u
#define LINE_FRAME 5u // quotes and comma, or a msgpack head

void report_register (encoding_t codec,
                      const report_self_t *worker,
                      unsigned capacity,
                      buffer_t *out)
{
    packet_t packet;

    packet_init (&packet, codec);
    packet.type = PACKET_REGISTER;
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (CAPACITY) | PACKET_BIT (PIPELINES)
                  | PACKET_BIT (HEARTBEAT);
    packet.capacity = (uint16_t)capacity;
    packet.pipelines.items = worker->patterns;
    packet.pipelines.count = (uint32_t)worker->pattern_count;
    packet.heartbeat_ms = worker->heartbeat_ms;
    if (worker->name) {
        packet.keys |= PACKET_BIT (NAME);
        packet.name = text_plain (slice_text (worker->name));
    }
    codec_write (&packet, out);
}

void report_shutdown (encoding_t codec, buffer_t *out)
{
    packet_t packet;

    packet_init (&packet, codec);
    packet.type = PACKET_SHUTDOWN;
    packet.keys = PACKET_BIT (PACKET_TYPE);
    codec_write (&packet, out);
}

static void set_encoding (packet_t *packet, encoding_t encoding)
{
    packet->encoding = encoding;
    if (encoding != packet->codec)
        packet->keys |= PACKET_BIT (ENCODING);
}

void report_partial (
    encoding_t codec, const cookie_t *cookie, uint64_t seq, encoding_t encoding, buffer_t *out)
{
    packet_t packet;

    packet_init (&packet, codec);
    packet.type = PACKET_PARTIAL;
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE) | PACKET_BIT (SEQ);
    packet.cookie = *cookie;
    packet.seq = seq;
    set_encoding (&packet, encoding);
    codec_write (&packet, out);
}

static size_t cost (uint8_t octet)
{
    if (octet < 0x20 || octet == 0x7f)
        return 6;
    if (octet >= 0x80)
        return 3;
    return octet == '"' || octet == '\\' ? 2 : 1;
}

// The beginning of a text that costs at most `budget`; `*spent` is what it costs.
static slice_t affordable (slice_t text, size_t budget, size_t *spent)
{
    size_t len = 0;

    *spent = 0;
    while (len < text.len && *spent + cost (text.ptr[len]) <= budget)
        *spent += cost (text.ptr[len++]);
    if (len < text.len) { // not in the midst of a character
        while (len > 0 && (text.ptr[len] & 0xc0) == 0x80)
            len--;
    }
    return slice_of (text.ptr, len);
}

// Cuts `lines` into at most LINES_MAX that can be afforded. Returns how many.
static uint32_t choose_lines (slice_t lines, slice_t chosen[static LINES_MAX])
{
    static const char more[] = "... (more lines than a header has room for)";
    size_t budget = LINES_COST - sizeof more - LINE_FRAME;
    uint32_t count = 0;

    while (lines.len) {
        const uint8_t *end = (const uint8_t *)memchr (lines.ptr, '\0', lines.len);
        slice_t line = slice_of (lines.ptr, end ? (size_t)(end - lines.ptr) : lines.len);
        size_t spent;
        slice_t kept = affordable (line, budget, &spent);
        bool whole = kept.len == line.len && spent + LINE_FRAME <= budget;
        if (!whole || count == LINES_MAX - 1) {
            // A first line that is too long by itself is better cut than not there.
            if (count == 0)
                chosen[count++] = kept;
            chosen[count++] = slice_of (more, sizeof more - 1);
            return count;
        }
        chosen[count++] = line;
        budget -= spent + LINE_FRAME;
        size_t taken = line.len + (end != NULL);
        lines = slice_of (lines.ptr + taken, lines.len - taken);
    }
    return count;
}

void report_result (encoding_t codec,
                    const cookie_t *cookie,
                    zfabric_rc_t rc,
                    encoding_t encoding,
                    const report_words_t *words,
                    buffer_t *out)
{
    packet_t packet;
    slice_t lines[LINES_MAX];
    size_t spent;

    packet_init (&packet, codec);
    packet.type = PACKET_RESULT;
    packet.keys = PACKET_BIT (PACKET_TYPE) | PACKET_BIT (COOKIE) | PACKET_BIT (RC);
    packet.cookie = *cookie;
    packet.rc = rc;
    set_encoding (&packet, encoding);
    if (words && words->error.len) {
        packet.keys |= PACKET_BIT (ERROR);
        packet.error = text_plain (affordable (words->error, ERROR_COST, &spent));
    }
    if (words && words->lines.len) {
        packet.keys |= PACKET_BIT (STACKTRACE);
        packet.stacktrace.items = lines;
        packet.stacktrace.count = choose_lines (words->lines, lines);
    }
    codec_write (&packet, out);
}
