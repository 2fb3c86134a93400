/*  How long the codecs take over one header, beside jansson and msgpack-c in the same run, and over
 *  a document that crosses from one codec to the other.
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
#include "codec/transcode.h"
#include "fabric/moment.h"

#define MEASUREMENTS 9

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

// A document as programs send them: records of names, numbers and texts.
static void make_document (buffer_t *out, unsigned records)
{
    buffer_octet (out, '[');
    for (unsigned i = 0; i < records; i++) {
        char text[256];
        snprintf (
            text, sizeof text,
            "%s{\"id\":%u,\"name\":\"record number %u\",\"price\":%u.%02u,\"weight\":0.%u,"
            "\"tags\":[\"new\",\"caf\xc3\xa9\",\"line\\nbreak\"],\"parent\":null,\"ok\":true}",
            i ? "," : "", i, i, i % 1000, i % 100, i + 1);
        buffer_text (out, text);
    }
    buffer_octet (out, ']');
}

static void
transcode_way (const char *what, slice_t in, encoding_t from, encoding_t to, buffer_t *out)
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
    printf ("%-15s %8zu octets %7.1f MB/s\n", what, in.len, (double)in.len * 1000 / (double)best);
}

static void transcode_both_ways (void)
{
    buffer_t json;
    buffer_t msgpack;
    buffer_t back;

    buffer_init (&json, DEFAULT_MAX_PAYLOAD);
    buffer_init (&msgpack, DEFAULT_MAX_PAYLOAD);
    buffer_init (&back, DEFAULT_MAX_PAYLOAD);
    make_document (&json, 10000);
    transcode_way ("JSON to msgpack", buffer_as_slice (&json), ENCODING_JSON, ENCODING_MSGPACK,
                   &msgpack);
    transcode_way ("msgpack to JSON", buffer_as_slice (&msgpack), ENCODING_MSGPACK, ENCODING_JSON,
                   &back);
    buffer_finish (&json);
    buffer_finish (&msgpack);
    buffer_finish (&back);
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
