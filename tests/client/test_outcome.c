/*  Results and partials as users get them, also when memory runs out.
 */
#define _GNU_SOURCE

#include "client/outcome.h"

#include <errno.h>
#include <stdlib.h>

#include "client/client.h"
#include "codec/codec.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

static const char header[] =
    "{\"packet_type\":\"RESULT\",\"cookie\":\"01234567-89ab-4cde-8f01-23456789abcd\","
    "\"rc\":\"EXCEPTION\",\"error\":\"it broke\",\"stacktrace\":[\"here\",\"there\"]}";

static packet_t packet;
static frame_t payload;

static void read_header (void)
{
    fault_t fault;

    assert_int_equal (codec_read (slice_text (header), &packet, &fault), 0);
}

static void fill_payload (size_t size)
{
    uint8_t *octets = (uint8_t *)calloc (1, size ? size : 1);

    assert_non_null (octets);
    assert_int_equal (frame_copy (&payload, slice_of (octets, size)), 0);
    free (octets);
}

static void a_result_owns_all_that_it_says (void **state)
{
    char *copy = strdup (header); // which goes before the result does
    fault_t fault;
    (void)state;

    assert_int_equal (codec_read (slice_text (copy), &packet, &fault), 0);
    fill_payload (100);
    zfabric_result_t *result = outcome_result (&packet, &payload, packet.rc, NULL);
    frame_close (&payload);
    free (copy);
    assert_int_equal (result->rc, ZFABRIC_EXCEPTION);
    assert_string_equal (result->error, "it broke");
    assert_int_equal (result->stacktrace_count, 2);
    assert_string_equal (result->stacktrace[1], "there");
    assert_int_equal (result->size, 100);
    zfabric_result_destroy (&result);
}

// Few octets are copied, so that they don't keep libzmq's whole buffer; many are not.
static void many_octets_are_not_copied (void **state)
{
    (void)state;
    read_header ();
    fill_payload (100);
    const uint8_t *octets = frame_slice (&payload).ptr;
    zfabric_result_t *result = outcome_result (&packet, &payload, packet.rc, NULL);
    assert_ptr_not_equal (result->payload, octets);
    zfabric_result_destroy (&result);
    frame_close (&payload);

    fill_payload (1000000);
    octets = frame_slice (&payload).ptr;
    result = outcome_result (&packet, &payload, packet.rc, NULL);
    assert_ptr_equal (result->payload, octets);
    assert_int_equal (frame_size (&payload), 0);
    zfabric_result_destroy (&result);
    frame_close (&payload);
}

static void a_result_of_our_own_has_words (void **state)
{
    (void)state;
    zfabric_result_t *result = outcome_result (NULL, NULL, ZFABRIC_BROKER_WENT_AWAY, "gone");
    assert_int_equal (result->rc, ZFABRIC_BROKER_WENT_AWAY);
    assert_string_equal (result->error, "gone");
    assert_null (result->payload);
    zfabric_result_destroy (&result);
    result = outcome_result (NULL, NULL, ZFABRIC_OK, NULL);
    assert_string_equal (result->error, "");
    zfabric_result_destroy (&result);
}

static void a_result_without_memory_is_none (void **state)
{
    unsigned long n;
    (void)state;

    read_header ();
    for (n = 0;; n++) {
        fill_payload (100);
        alloc_fail_at (n);
        zfabric_result_t *result = outcome_result (&packet, &payload, packet.rc, NULL);
        bool failed = alloc_failed ();
        alloc_fail_never ();
        frame_close (&payload);
        if (!failed) {
            zfabric_result_destroy (&result);
            break;
        }
        assert_null (result);
    }
    assert_true (n >= 3);
    assert_int_equal (outcome_no_memory.rc, ZFABRIC_EXCEPTION);
    assert_string_not_equal (outcome_no_memory.error, "");
}

static void a_partial_is_found_in_its_list (void **state)
{
    (void)state;
    read_header ();
    packet.seq = 7;
    fill_payload (3);
    zfabric_partial_t *partial = outcome_partial (&packet, &payload);
    assert_int_equal (partial->seq, 7);
    assert_int_equal (partial->size, 3);
    assert_ptr_equal (outcome_at (outcome_place (partial)), partial);
    zfabric_partial_destroy (&partial);
    alloc_fail_at (0);
    assert_null (outcome_partial (&packet, &payload));
    alloc_fail_never ();
    frame_close (&payload);
}

static void a_header_without_memory_is_none (void **state)
{
    const zfabric_run_options_t options = {.timeout_ms = 5};
    cookie_t cookie;
    unsigned long n;
    (void)state;

    cookie_make (&cookie);
    for (n = 0;; n++) {
        frame_t frame;
        alloc_fail_at (n);
        int rc = client_run_header (ENCODING_JSON, &cookie, "p", &options, &frame);
        bool failed = alloc_failed ();
        alloc_fail_never ();
        assert_int_equal (rc, failed ? -1 : 0);
        if (failed)
            assert_int_equal (errno, ENOMEM);
        frame_close (&frame);
        if (!failed)
            break;
    }
    assert_true (n >= 1);
}

TESTING_MAIN (cmocka_unit_test (a_result_owns_all_that_it_says),
              cmocka_unit_test (many_octets_are_not_copied),
              cmocka_unit_test (a_result_of_our_own_has_words),
              cmocka_unit_test (a_result_without_memory_is_none),
              cmocka_unit_test (a_partial_is_found_in_its_list),
              cmocka_unit_test (a_header_without_memory_is_none), )
