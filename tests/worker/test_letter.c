#define _GNU_SOURCE // memmem

#include "worker/letter.h"

#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/codec.h"
#include "codec/transcode.h"
#include "worker/report.h"

typedef struct {
    buffer_t header;
    packet_t packet;
} written_t;

static cookie_t some_cookie (void)
{
    cookie_t cookie = {.octets = {1, 2, 3, 4, 5}};

    return cookie;
}

// Writes the letter and reads it as a broker would.
static void write_letter (const letter_t *letter, encoding_t codec, written_t *written)
{
    fault_t fault;

    buffer_init (&written->header, LIMIT_HEADER_OCTETS);
    letter_write (letter, codec, &written->header);
    assert_int_equal (written->header.failed, 0);
    if (codec_read (buffer_as_slice (&written->header), &written->packet, &fault)
        || packet_check (&written->packet, &fault))
        fail_msg ("%s", fault.text);
    assert_true (cookie_equal (&written->packet.cookie, &letter->cookie));
}

static bool has_line (const packet_t *packet, const char *line)
{
    slice_t rest = packet->stacktrace.raw;
    text_t text;

    while (strings_next (packet->codec, &rest, &text)) {
        if (slice_equal (text.raw, slice_text (line)))
            return true;
    }
    return false;
}

static void a_result_says_what_happened_in (encoding_t codec)
{
    static const char *const lines[] = {"one", "", "three"};
    cookie_t cookie = some_cookie ();
    letter_t *letter = letter_new (&cookie);
    written_t written;

    letter->rc = ZFABRIC_PROCESSOR_EXCEPTION;
    letter->encoding = codec;
    assert_int_equal (letter_say (letter, "it broke", lines, 3), 0);
    write_letter (letter, codec, &written);
    assert_int_equal (written.packet.type, PACKET_RESULT);
    assert_int_equal (written.packet.rc, ZFABRIC_PROCESSOR_EXCEPTION);
    assert_true (slice_equal (written.packet.error.raw, slice_text ("it broke")));
    assert_int_equal (written.packet.stacktrace.count, 3);
    assert_true (has_line (&written.packet, "one") && has_line (&written.packet, "")
                 && has_line (&written.packet, "three"));
    assert_false (packet_has (&written.packet, PACKET_BIT (ENCODING)));
    buffer_finish (&written.header);
    letter_destroy (&letter);
    assert_null (letter);
    letter_destroy (&letter);
}

static void a_result_says_what_happened (void **state)
{
    (void)state;
    a_result_says_what_happened_in (ENCODING_JSON);
    a_result_says_what_happened_in (ENCODING_MSGPACK);
}

static void a_partial_has_its_number_and_encoding (void **state)
{
    cookie_t cookie = some_cookie ();
    letter_t *letter = letter_new (&cookie);
    written_t written;

    (void)state;
    letter->partial = true;
    letter->seq = 70000;
    letter->encoding = ENCODING_RAW;
    write_letter (letter, ENCODING_MSGPACK, &written);
    assert_int_equal (written.packet.type, PACKET_PARTIAL);
    assert_int_equal (written.packet.seq, 70000);
    assert_int_equal (written.packet.encoding, ENCODING_RAW);
    assert_true (packet_has (&written.packet, PACKET_BIT (ENCODING)));
    buffer_finish (&written.header);
    letter_destroy (&letter);
}

// PROTOCOL 2: a header is at most 65,536 octets, and stays so in the other codec.
static void
words_are_cut_to_what_fits (encoding_t codec, int octet, size_t error_len, size_t line_len)
{
    cookie_t cookie = some_cookie ();
    letter_t *letter = letter_new (&cookie);
    const char *lines[500];
    char *error = malloc (error_len + 1), *line = malloc (line_len + 1);
    written_t written;
    buffer_t other;
    fault_t fault;

    memset (error, octet, error_len);
    memset (line, octet, line_len);
    error[error_len] = line[line_len] = '\0';
    for (size_t i = 0; i < 500; i++)
        lines[i] = line;
    letter->rc = ZFABRIC_EXCEPTION;
    letter->encoding = codec;
    assert_int_equal (letter_say (letter, error, lines, 500), 0);
    write_letter (letter, codec, &written);
    assert_true (packet_has (&written.packet, PACKET_BIT (ERROR) | PACKET_BIT (STACKTRACE)));
    assert_true (written.packet.error.raw.len > 0 && written.packet.stacktrace.count > 1);
    assert_true (has_line (&written.packet, "... (more lines than a header has room for)"));
    buffer_init (&other, LIMIT_HEADER_OCTETS);
    assert_int_equal (
        transcode_header (buffer_as_slice (&written.header), &written.packet, 0, &other, &fault),
        0);
    buffer_finish (&other);
    buffer_finish (&written.header);
    letter_destroy (&letter);
    free (error);
    free (line);
}

static void long_words_are_cut (void **state)
{
    static const int octets[] = {'a', '\1', '"', 0xff, 0x7f, '\n'};

    (void)state;
    for (size_t i = 0; i < sizeof octets / sizeof *octets; i++) {
        for (encoding_t codec = ENCODING_JSON; codec <= ENCODING_MSGPACK; codec++) {
            words_are_cut_to_what_fits (codec, octets[i], 100000, 100);
            words_are_cut_to_what_fits (codec, octets[i], 100000, 100000);
            words_are_cut_to_what_fits (codec, octets[i], 1, 0);
        }
    }
}

static void characters_are_not_cut_in_two (void **state)
{
    cookie_t cookie = some_cookie ();
    letter_t *letter = letter_new (&cookie);
    char text[60001];
    written_t written;

    (void)state;
    for (size_t i = 0; i < 60000; i += 3)
        memcpy (text + i, "\xe2\x82\xac", 3);
    text[60000] = '\0';
    letter->rc = ZFABRIC_EXCEPTION;
    assert_int_equal (letter_say (letter, text, NULL, 0), 0);
    write_letter (letter, ENCODING_JSON, &written);
    assert_int_equal (written.packet.error.raw.len % 3, 0);
    assert_null (memmem (written.header.data, written.header.len, "\xef\xbf\xbd", 3));
    buffer_finish (&written.header);
    letter_destroy (&letter);
}

static void without_memory_the_words_are_missing (void **state)
{
    static const char *const lines[] = {"a line"};
    cookie_t cookie = some_cookie ();
    written_t written;

    (void)state;
    for (unsigned long n = 0;; n++) {
        alloc_fail_at (n);
        letter_t *letter = letter_new (&cookie);
        int rc = letter ? letter_say (letter, "an error", lines, 1) : -1;
        bool failed = alloc_failed ();
        alloc_fail_never ();
        if (letter) {
            letter->rc = ZFABRIC_EXCEPTION;
            write_letter (letter, ENCODING_JSON, &written);
            buffer_finish (&written.header);
        }
        letter_destroy (&letter);
        assert_int_equal (rc, failed ? -1 : 0);
        if (!failed)
            break;
    }
}

static void a_registration_says_who_we_are (void **state)
{
    const slice_t patterns[] = {slice_text ("a"), slice_text ("b/*")};
    const report_self_t worker = {
        .patterns = patterns, .pattern_count = 2, .name = "w\"1", .heartbeat_ms = 2000};
    buffer_t out;
    packet_t packet;

    (void)state;
    buffer_init (&out, LIMIT_HEADER_OCTETS);
    report_register (ENCODING_MSGPACK, &worker, 65535, &out);
    assert_int_equal (codec_read (buffer_as_slice (&out), &packet, NULL), 0);
    assert_int_equal (packet.type, PACKET_REGISTER);
    assert_int_equal (packet.capacity, 65535);
    assert_int_equal (packet.heartbeat_ms, 2000);
    assert_int_equal (packet.pipelines.count, 2);
    assert_true (slice_equal (packet.name.raw, slice_text ("w\"1")));
    buffer_reset (&out);
    report_shutdown (ENCODING_JSON, &out);
    assert_int_equal (codec_read (buffer_as_slice (&out), &packet, NULL), 0);
    assert_int_equal (packet.type, PACKET_SHUTDOWN);
    buffer_finish (&out);
}

TESTING_MAIN (cmocka_unit_test (a_result_says_what_happened),
              cmocka_unit_test (a_partial_has_its_number_and_encoding),
              cmocka_unit_test (long_words_are_cut),
              cmocka_unit_test (characters_are_not_cut_in_two),
              cmocka_unit_test (without_memory_the_words_are_missing),
              cmocka_unit_test (a_registration_says_who_we_are), )
