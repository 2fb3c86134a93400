#include "load/wording.h"

#include <errno.h>
#include <stdio.h>

#include "codec/codec.h"
#include "codec/transcode.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

#define TOKEN UINT64_C (0x123456789abc)

static const encoding_t codecs[] = {ENCODING_JSON, ENCODING_MSGPACK};
#define CODECS (sizeof codecs / sizeof *codecs)

static void open_wording (wording_t *wording, encoding_t codec, uint64_t token, size_t size)
{
    assert_int_equal (wording_init (wording, codec, token, size), 0);
}

static void a_RUN_is_read_as_one_by_the_codec (void **state)
{
    (void)state;
    for (unsigned i = 0; i < CODECS; i++) {
        uint8_t run[WORDING_HEADER];
        char cookie[COOKIE_TEXT + 1];
        wording_t wording;
        packet_t packet;
        open_wording (&wording, codecs[i], TOKEN, 0);
        size_t len = wording_run (&wording, 0xabcdef, run);
        assert_int_equal (codec_read (slice_of (run, len), &packet, NULL), 0);
        assert_int_equal (packet_check (&packet, NULL), 0);
        assert_int_equal (packet.codec, codecs[i]);
        assert_int_equal (packet.type, PACKET_RUN);
        assert_true (slice_equal (packet.pipeline, slice_text (WORDING_PIPELINE)));
        cookie_print (&packet.cookie, cookie);
        assert_string_equal (cookie, "12345678-9abc-4000-8000-000000abcdef");
        wording_finish (&wording);
    }
}

static void an_answer_names_the_task_of_its_RUN (void **state)
{
    static const uint64_t numbers[] = {0, 1, 255, 256, 0xfffffffffffe};

    (void)state;
    for (unsigned i = 0; i < CODECS; i++) {
        wording_t wording;
        open_wording (&wording, codecs[i], TOKEN, 0);
        for (unsigned n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            uint8_t run[WORDING_HEADER], answer[WORDING_HEADER];
            uint64_t number;
            packet_t packet;
            slice_t asked = slice_of (run, wording_run (&wording, numbers[n], run));
            size_t len = wording_answer (&wording, asked, answer);
            assert_int_equal (codec_read (slice_of (answer, len), &packet, NULL), 0);
            assert_int_equal (packet.type, PACKET_RESULT);
            assert_int_equal (packet.rc, ZFABRIC_OK);
            assert_int_equal (wording_number (&wording, slice_of (answer, len), &number, NULL), 0);
            assert_true (number == numbers[n]);
        }
        wording_finish (&wording);
    }
}

static void a_RUN_in_other_words_is_answered_as_well (void **state)
{
    static const char run[] = "{\"packet_type\": \"RUN\", \"pipeline\": \"x\", \"priority\": 3,"
                              " \"cookie\": \"12345678-9ABC-4000-8000-00000000000F\"}";
    static const char heartbeat[] = "{\"packet_type\": \"HEARTBEAT\"}";

    (void)state;
    for (unsigned i = 0; i < CODECS; i++) {
        uint8_t answer[WORDING_HEADER];
        wording_t wording;
        packet_t packet;
        char cookie[COOKIE_TEXT + 1];
        open_wording (&wording, codecs[i], 0, 0);
        size_t len = wording_answer (&wording, slice_text (run), answer);
        assert_int_equal (codec_read (slice_of (answer, len), &packet, NULL), 0);
        cookie_print (&packet.cookie, cookie);
        assert_string_equal (cookie, codecs[i] == ENCODING_JSON
                                         ? "12345678-9ABC-4000-8000-00000000000F"
                                         : "12345678-9abc-4000-8000-00000000000f");
        assert_int_equal (wording_answer (&wording, slice_text (heartbeat), answer), 0);
        assert_int_equal (wording_answer (&wording, slice_text ("{"), answer), 0);
        wording_finish (&wording);
    }
}

static void refuses (const wording_t *wording, const char *result, const char *words)
{
    uint64_t number;
    fault_t fault = {""};

    assert_int_equal (wording_number (wording, slice_text (result), &number, &fault), -1);
    if (!strstr (fault.text, words))
        fail_msg ("%s: %s", result, fault.text);
}

static void what_is_no_RESULT_OK_of_ours_is_a_fault (void **state)
{
    wording_t wording;
    uint64_t number;

    (void)state;
    open_wording (&wording, ENCODING_JSON, TOKEN, 0);
    const char *good = "{\"rc\":\"OK\",\"packet_type\":\"RESULT\","
                       "\"cookie\":\"12345678-9abc-4000-8000-000000000010\"}";
    assert_int_equal (wording_number (&wording, slice_text (good), &number, NULL), 0);
    assert_int_equal (number, 16);
    refuses (&wording,
             "{\"rc\":\"NO_CAPACITY\",\"error\":\"the queue is full\",\"packet_type\":\"RESULT\","
             "\"cookie\":\"12345678-9abc-4000-8000-000000000010\"}",
             "NO_CAPACITY: the queue is full");
    refuses (&wording,
             "{\"rc\":\"OK\",\"packet_type\":\"RESULT\","
             "\"cookie\":\"02345678-9abc-4000-8000-000000000010\"}",
             "another client");
    refuses (&wording,
             "{\"rc\":\"OK\",\"packet_type\":\"RESULT\","
             "\"cookie\":\"12345678-9abc-4000-8000-00000000001F\"}",
             "another client"); // the spelling must be kept
    refuses (&wording, "{\"packet_type\":\"SHUTDOWN\"}", "SHUTDOWN");
    refuses (&wording, "{\"packet_type\":", "");
    wording_finish (&wording);
}

// Sizes around each form of a msgpack string's head.
static const size_t sizes[] = {0,   1,   2,   3,     31,    32,    33,    34,   64,
                               256, 257, 258, 65537, 65538, 65539, 65540, 70000};

static void a_payload_is_a_document_of_the_wanted_size (void **state)
{
    (void)state;
    for (unsigned i = 0; i < CODECS; i++) {
        for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            encoding_t other = codecs[!i];
            wording_t wording;
            fault_t fault = {""};
            buffer_t out;
            open_wording (&wording, codecs[i], 0, sizes[s]);
            slice_t payload = wording_payload (&wording, 7);
            assert_int_equal (payload.len, sizes[s]);
            buffer_init (&out, SIZE_MAX);
            if (sizes[s] && transcode_document (payload, codecs[i], other, "", &out, &fault))
                fail_msg ("%zu octets: %s", sizes[s], fault.text);
            buffer_finish (&out);
            wording_finish (&wording);
        }
    }
}

static void no_octet_of_a_payload_is_another_payloads (void **state)
{
    (void)state;
    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        wording_t wording;
        open_wording (&wording, ENCODING_JSON, 0, sizes[s]);
        assert_true (wording.variants > 1);
        for (unsigned a = 0; a < wording.variants && sizes[s] < 300; a++) {
            for (unsigned b = 0; b < a; b++) {
                slice_t one = wording_payload (&wording, a), two = wording_payload (&wording, b);
                for (size_t i = 1; i + 1 < sizes[s]; i++)
                    assert_true (one.ptr[i] != two.ptr[i]);
            }
        }
        wording_finish (&wording);
    }
}

static void the_other_packets_are_what_they_should_be (void **state)
{
    (void)state;
    for (unsigned i = 0; i < CODECS; i++) {
        wording_t wording;
        packet_t packet;
        buffer_t out;
        open_wording (&wording, codecs[i], TOKEN, 0);
        buffer_init (&out, SIZE_MAX);
        wording_register (&wording, 65535, &out);
        assert_int_equal (codec_read (buffer_as_slice (&out), &packet, NULL), 0);
        assert_int_equal (packet.type, PACKET_REGISTER);
        assert_int_equal (packet.capacity, 65535);
        assert_int_equal (packet.pipelines.count, 1);
        buffer_reset (&out);
        wording_waiting (&wording, 5, &out);
        assert_int_equal (codec_read (buffer_as_slice (&out), &packet, NULL), 0);
        assert_int_equal (packet_check (&packet, NULL), 0);
        assert_int_equal (packet.type, PACKET_RUN);
        assert_false (slice_equal (packet.pipeline, slice_text (WORDING_PIPELINE)));
        assert_true (packet.orphan_cancel);
        buffer_reset (&out);
        wording_heartbeat (&wording, &out);
        assert_int_equal (codec_read (buffer_as_slice (&out), &packet, NULL), 0);
        assert_int_equal (packet.type, PACKET_HEARTBEAT);
        buffer_finish (&out);
        wording_finish (&wording);
    }
}

static void a_codec_without_headers_is_refused (void **state)
{
    wording_t wording;

    (void)state;
    assert_int_equal (wording_init (&wording, ENCODING_RAW, 0, 10), -1);
    assert_int_equal (errno, EINVAL);
    wording_finish (&wording);
}

static void memory_that_is_out_is_said (void **state)
{
    wording_t wording;

    (void)state;
    alloc_fail_at (0);
    assert_int_equal (wording_init (&wording, ENCODING_JSON, 0, 10), -1);
    assert_true (alloc_failed ());
    alloc_fail_never ();
    wording_finish (&wording);
}

TESTING_MAIN (cmocka_unit_test (a_RUN_is_read_as_one_by_the_codec),
              cmocka_unit_test (an_answer_names_the_task_of_its_RUN),
              cmocka_unit_test (a_RUN_in_other_words_is_answered_as_well),
              cmocka_unit_test (what_is_no_RESULT_OK_of_ours_is_a_fault),
              cmocka_unit_test (a_payload_is_a_document_of_the_wanted_size),
              cmocka_unit_test (no_octet_of_a_payload_is_another_payloads),
              cmocka_unit_test (the_other_packets_are_what_they_should_be),
              cmocka_unit_test (a_codec_without_headers_is_refused),
              cmocka_unit_test (memory_that_is_out_is_said), )
