/*  What the tests of both header readers share: reading with a copy of exact size, so that
 *  AddressSanitizer sees a read beyond it, and the sweeps over prefixes and changed octets.
 */
#ifndef TESTS_CODEC_HEADERS_H
#define TESTS_CODEC_HEADERS_H

#include <stdio.h>
#include <stdlib.h>

#include "codec/codec.h"
#include "fabric/utf8.h"

#define UUID       "123e4567-e89b-12d3-a456-426614174000"
#define UUID_UPPER "123E4567-E89B-12D3-A456-426614174000"

// A header and what its fault starts with; NULL: it is accepted.
typedef struct {
    slice_t header;
    const char *fault;
} header_case_t;

#define HEADER(text) slice_of (text, sizeof (text) - 1)
#define OCTETS(text)                                                                               \
    {                                                                                              \
        (const uint8_t *)(text), sizeof (text) - 1                                                 \
    } // the same in a table

// Of what was read every slice must lie in the header (or the pipeline in the view's own store).
static inline void assert_inside (slice_t part, slice_t whole)
{
    if (part.len)
        assert_true (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

// Walks an array of strings; says how many there were.
static inline uint32_t walk_strings (encoding_t codec, const strings_t *strings, slice_t header)
{
    slice_t rest = strings->raw;
    uint32_t count = 0;
    text_t text;

    while (strings_next (codec, &rest, &text)) {
        assert_inside (text.raw, header);
        count++;
    }
    return count;
}

static inline void assert_packet_sound (const packet_t *packet, slice_t header)
{
    assert_inside (packet->variables.text.raw, header);
    assert_inside (packet->variables.member, header);
    assert_inside (packet->result.text.raw, header);
    assert_inside (packet->result.member, header);
    assert_inside (packet->name.raw, header);
    assert_inside (packet->error.raw, header);
    if (packet_has (packet, PACKET_BIT (PIPELINE)))
        assert_true (pipeline_valid (packet->pipeline) && utf8_valid (packet->pipeline));
    if (packet_has (packet, PACKET_BIT (PIPELINES)))
        assert_int_equal (walk_strings (packet->codec, &packet->pipelines, header),
                          packet->pipelines.count);
    if (packet_has (packet, PACKET_BIT (STACKTRACE)))
        assert_int_equal (walk_strings (packet->codec, &packet->stacktrace, header),
                          packet->stacktrace.count);
}

// Reads a copy; true if it was accepted.
static inline bool reads (slice_t header, fault_t *fault)
{
    packet_t packet;
    uint8_t *copy = malloc (header.len ? header.len : 1);

    assert_non_null (copy);
    if (header.len)
        memcpy (copy, header.ptr, header.len);
    fault->text[0] = '\0';
    int result = codec_read (slice_of (copy, header.len), &packet, fault);
    if (result == 0)
        assert_packet_sound (&packet, slice_of (copy, header.len));
    else
        assert_string_not_equal (fault->text, "");
    free (copy);
    return result == 0;
}

static inline void check_headers (const header_case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fault_t fault;
        bool accepted = reads (cases[i].header, &fault);
        const char *wanted = cases[i].fault;
        if (accepted == (wanted == NULL)
            && (accepted || strncmp (fault.text, wanted, strlen (wanted)) == 0))
            continue;
        fail_msg ("case %zu, %.*s: \"%s\" instead of \"%s\"", i, (int)cases[i].header.len,
                  (const char *)cases[i].header.ptr, fault.text, wanted ? wanted : "");
    }
}

static inline packet_t *read_well (slice_t header, packet_t *packet)
{
    fault_t fault = {""};

    if (codec_read (header, packet, &fault))
        fail_msg ("%.*s: %s", (int)header.len, (const char *)header.ptr, fault.text);
    assert_packet_sound (packet, header);
    return packet;
}

static inline void no_prefix_is_read (slice_t header)
{
    fault_t fault;

    for (size_t len = 0; len < header.len; len++)
        assert_false (reads (slice_of (header.ptr, len), &fault));
}

// All that is asked of a changed header is that reading it stays within it.
static inline void read_all_changes (slice_t header)
{
    uint8_t changed[1024];
    fault_t fault;

    assert_true (header.len <= sizeof changed);
    memcpy (changed, header.ptr, header.len);
    for (size_t i = 0; i < header.len; i++) {
        for (unsigned octet = 0; octet < 256; octet++) {
            changed[i] = (uint8_t)octet;
            (void)reads (slice_of (changed, header.len), &fault);
        }
        changed[i] = header.ptr[i];
    }
}

static inline void assert_slice (slice_t slice, const char *text)
{
    if (!slice_equal (slice, slice_text (text)))
        fail_msg ("\"%.*s\" instead of \"%s\"", (int)slice.len, (const char *)slice.ptr, text);
}

static inline void assert_octets (slice_t slice, slice_t wanted)
{
    assert_int_equal (slice.len, wanted.len);
    assert_memory_equal (slice.ptr, wanted.ptr, wanted.len);
}

static inline void assert_text (text_t text, const char *wanted)
{
    buffer_t out;

    buffer_init (&out, 1 << 20);
    codec_text (text, &out);
    assert_slice (buffer_as_slice (&out), wanted);
    buffer_finish (&out);
}

static inline void assert_cut (slice_t header, slice_t member, slice_t wanted)
{
    encoding_t codec;
    buffer_t out;

    assert_int_equal (codec_sniff (header, &codec), 0);
    buffer_init (&out, 1 << 20);
    codec_cut (codec, header, member, &out);
    assert_int_equal (out.failed, 0);
    assert_octets (buffer_as_slice (&out), wanted);
    buffer_finish (&out);
}

#endif
