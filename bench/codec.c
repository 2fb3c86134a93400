/*  How long the codecs take over one header, beside jansson and msgpack-c in the same run, and over
 *  documents that cross from one codec to the other.
 *
 *      bench_codec [rounds]
 *
 *  Each line is the best of several measurements: other work on the machine only ever adds to it.
 */
#include <jansson.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/codec.h"
#include "codec/decimal.h"
#include "codec/json.h"
#include "codec/transcode.h"
#include "fabric/moment.h"

#define MEASUREMENTS  9
#define DOCUMENT_SIZE (2u * 1024 * 1024) // octets

static const char json_run[] = "{\"packet_type\":\"RUN\",\"cookie\":\"123e4567-e89b-12d3-a456-"
                               "426614174000\",\"pipeline\":\"demo.echo\",\"wait\":10}";

typedef struct {
    slice_t header;
    packet_t packet;
    buffer_t out;
    msgpack_zone zone;
} work_t;

typedef void work_fn (work_t *work);

static void read_own (work_t *work)
{
    if (codec_read (work->header, &work->packet, NULL))
        abort ();
}

static void write_own (work_t *work)
{
    buffer_reset (&work->out);
    codec_write (&work->packet, &work->out);
}

static void read_jansson (work_t *work)
{
    json_t *value =
        json_loadb ((const char *)work->header.ptr, work->header.len, JSON_REJECT_DUPLICATES, NULL);
    if (!value)
        abort ();
    json_decref (value);
}

static void write_jansson (work_t *work)
{
    char text[256];
    json_t *value =
        json_pack ("{ss,ss,ss,si}", "packet_type", "RUN", "cookie",
                   "123e4567-e89b-12d3-a456-426614174000", "pipeline", "demo.echo", "wait", 10);

    if (json_dumpb (value, text, sizeof text, JSON_COMPACT) != work->header.len)
        abort ();
    json_decref (value);
}

static void read_msgpack_c (work_t *work)
{
    msgpack_object object;
    size_t at = 0;

    if (msgpack_unpack ((const char *)work->header.ptr, work->header.len, &at, &work->zone, &object)
        < 0)
        abort ();
    msgpack_zone_clear (&work->zone);
}

static void pack_text (msgpack_packer *packer, const char *text)
{
    msgpack_pack_str_with_body (packer, text, strlen (text));
}

static void write_msgpack_c (work_t *work)
{
    char octets[256];
    msgpack_sbuffer buffer = {0, octets, sizeof octets};
    msgpack_packer packer;

    (void)work;
    msgpack_packer_init (&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_map (&packer, 4);
    pack_text (&packer, "packet_type");
    pack_text (&packer, "RUN");
    pack_text (&packer, "cookie");
    pack_text (&packer, "123e4567-e89b-12d3-a456-426614174000");
    pack_text (&packer, "pipeline");
    pack_text (&packer, "demo.echo");
    pack_text (&packer, "wait");
    msgpack_pack_int (&packer, 10);
}

static double measure (work_fn *fn, work_t *work, unsigned rounds)
{
    uint64_t best = UINT64_MAX;

    for (unsigned i = 0; i < MEASUREMENTS; i++) {
        uint64_t start = moment_now_ns ();
        for (unsigned round = 0; round < rounds; round++)
            fn (work);
        uint64_t took = moment_now_ns () - start;
        best = took < best ? took : best;
    }
    return (double)best / rounds;
}

static void compare (const char *what,
                     work_fn *own,
                     const char *whose,
                     work_fn *other,
                     work_t *work,
                     unsigned rounds)
{
    double ours = measure (own, work, rounds);
    double theirs = measure (other, work, rounds);

    printf ("%-14s %3zu octets %7.1f ns   %-10s %7.1f ns   ratio %5.1f\n", what, work->header.len,
            ours, whose, theirs, theirs / ours);
}

// ---- documents: `number` of an element, which has no comma

static void put_record (buffer_t *out, unsigned number)
{
    char text[256];

    snprintf (text, sizeof text,
              "{\"id\":%u,\"name\":\"record number %u\",\"price\":%u.%02u,\"weight\":0.%u,"
              "\"tags\":[\"new\",\"caf\xc3\xa9\",\"line\\nbreak\"],\"parent\":null,\"ok\":true}",
              number, number, number % 1000, number % 100, number + 1);
    buffer_text (out, text);
}

static void put_small (buffer_t *out, unsigned number)
{
    json_put_unsigned (number % 100, out);
}

static void put_integer (buffer_t *out, unsigned number)
{
    json_put_unsigned (number * UINT64_C (0x9e3779b97f4a7c15) >> (number % 64), out);
}

static void put_price (buffer_t *out, unsigned number)
{
    char text[32];

    snprintf (text, sizeof text, "%u.%02u", number % 10007, number % 97);
    buffer_text (out, text);
}

// As a simulation or a neural network would have it.
static void put_real (buffer_t *out, unsigned number)
{
    char text[DECIMAL_TEXT];
    double real = (double)(number * UINT64_C (0x9e3779b97f4a7c15)) / 3e18;

    buffer_append (out, text, decimal_print (real, text));
}

static void put_word (buffer_t *out, unsigned number)
{
    static const char *const words[] = {"\"id\"", "\"status\"", "\"a longer text of words\"",
                                        "\"2026-11-23T08:00:00Z\""};

    buffer_text (out, words[number % 4]);
}

static void put_text (buffer_t *out, unsigned number)
{
    (void)number;
    buffer_octet (out, '"');
    for (unsigned i = 0; i < 100; i++)
        buffer_text (out, "The quick brown fox jumps over the lazy dog. ");
    buffer_octet (out, '"');
}

static void put_greek (buffer_t *out, unsigned number)
{
    (void)number;
    buffer_text (out, "\"\xce\xb3\xce\xbd\xe1\xbf\xb6\xce\xb8\xce\xb9 "
                      "\xcf\x83\xce\xb5\xce\xb1\xcf\x85\xcf\x84\xcf\x8c\xce\xbd\"");
}

static void put_pairs (buffer_t *out, unsigned number)
{
    buffer_text (out, number % 2 ? "[1,2]" : "{\"x\":1,\"y\":2}");
}

static const struct {
    const char *name;
    void (*put) (buffer_t *out, unsigned number);
} documents[] = {
    {"records", put_record},  {"integers below 100", put_small}, {"integers", put_integer},
    {"prices", put_price},    {"reals of 17 digits", put_real},  {"short strings", put_word},
    {"long texts", put_text}, {"Greek words", put_greek},        {"pairs", put_pairs},
};

static double transcode_way (slice_t in, encoding_t from, encoding_t to, buffer_t *out)
{
    uint64_t best = UINT64_MAX;

    for (unsigned i = 0; i < MEASUREMENTS; i++) {
        uint64_t start = moment_now_ns ();
        buffer_reset (out);
        if (transcode_document (in, from, to, "document", out, NULL))
            abort ();
        uint64_t took = moment_now_ns () - start;
        best = took < best ? took : best;
    }
    return (double)in.len * 1000 / (double)best;
}

static void transcode_both_ways (void)
{
    printf ("\nMB/s of what comes in %14s JSON to msgpack   msgpack to JSON\n", "");
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        buffer_t json;
        buffer_t msgpack;
        buffer_t back;
        buffer_init (&json, DEFAULT_MAX_PAYLOAD);
        buffer_init (&msgpack, DEFAULT_MAX_PAYLOAD);
        buffer_init (&back, DEFAULT_MAX_PAYLOAD);
        for (unsigned number = 0; json.len < DOCUMENT_SIZE; number++) {
            buffer_octet (&json, number ? ',' : '[');
            documents[i].put (&json, number);
        }
        buffer_octet (&json, ']');
        double there =
            transcode_way (buffer_as_slice (&json), ENCODING_JSON, ENCODING_MSGPACK, &msgpack);
        double again =
            transcode_way (buffer_as_slice (&msgpack), ENCODING_MSGPACK, ENCODING_JSON, &back);
        printf ("%-35s %15.0f   %15.0f\n", documents[i].name, there, again);
        buffer_finish (&json);
        buffer_finish (&msgpack);
        buffer_finish (&back);
    }
}

int main (int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)strtoul (argv[1], NULL, 10) : 300000;
    work_t json = {.header = slice_of (json_run, sizeof json_run - 1)};
    work_t msgpack = {0};
    buffer_t header;

    buffer_init (&json.out, LIMIT_HEADER_OCTETS);
    buffer_init (&msgpack.out, LIMIT_HEADER_OCTETS);
    buffer_init (&header, LIMIT_HEADER_OCTETS);
    if (rounds == 0 || codec_read (json.header, &json.packet, NULL)
        || codec_read (json.header, &msgpack.packet, NULL)
        || !msgpack_zone_init (&msgpack.zone, 4096))
        return 1;
    msgpack.packet.codec = ENCODING_MSGPACK;
    codec_write (&msgpack.packet, &header);
    msgpack.header = buffer_as_slice (&header);

    compare ("JSON read", read_own, "jansson", read_jansson, &json, rounds);
    compare ("JSON write", write_own, "jansson", write_jansson, &json, rounds);
    compare ("msgpack read", read_own, "msgpack-c", read_msgpack_c, &msgpack, rounds);
    compare ("msgpack write", write_own, "msgpack-c", write_msgpack_c, &msgpack, rounds);

    transcode_both_ways ();

    msgpack_zone_destroy (&msgpack.zone);
    buffer_finish (&json.out);
    buffer_finish (&msgpack.out);
    buffer_finish (&header);
    return 0;
}
