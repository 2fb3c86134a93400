#include "worker/document.h"

#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define J ENCODING_JSON
#define M ENCODING_MSGPACK
#define R ENCODING_RAW

#define OCTETS(text)                                                                               \
    {                                                                                              \
        (const uint8_t *)(text), sizeof (text) - 1                                                 \
    }

typedef struct {
    document_mode_t mode;
    encoding_t codec;
    slice_t printed;
    int problem; // 0, or the errno
    encoding_t encoding;
    slice_t payload;
} output_case_t;

static const output_case_t outputs[] = {
    // As it is, if it is one JSON document.
    {DOCUMENT_AUTO, J, OCTETS ("{\"a\": 1}\n"), 0, J, OCTETS ("{\"a\": 1}\n")},
    {DOCUMENT_AUTO, J, OCTETS (" 42 "), 0, J, OCTETS (" 42 ")},
    {DOCUMENT_AUTO, J, OCTETS ("null"), 0, J, OCTETS ("null")},
    {DOCUMENT_AUTO, J, OCTETS ("1e1"), 0, J, OCTETS ("1e1")},
    {DOCUMENT_AUTO, M, OCTETS ("[1,\"a\"]\n"), 0, M,
     OCTETS ("\x92\x01\xa1"
             "a")},
    // A string otherwise.
    {DOCUMENT_AUTO, J, OCTETS (""), 0, J, OCTETS ("\"\"")},
    {DOCUMENT_AUTO, J, OCTETS ("\n"), 0, J, OCTETS ("\"\\n\"")},
    {DOCUMENT_AUTO, J, OCTETS ("hello\n"), 0, J, OCTETS ("\"hello\\n\"")},
    {DOCUMENT_AUTO, J, OCTETS ("1 2"), 0, J, OCTETS ("\"1 2\"")},
    {DOCUMENT_AUTO, J, OCTETS ("{\"a\":1,\"a\":2}"), 0, J, OCTETS ("{\"a\":1,\"a\":2}")},
    {DOCUMENT_AUTO, J, OCTETS ("[1,]"), 0, J, OCTETS ("\"[1,]\"")},
    {DOCUMENT_AUTO, J, OCTETS ("true\xff"), 0, J, OCTETS ("\"true\xef\xbf\xbd\"")},
    {DOCUMENT_AUTO, J, OCTETS ("nan"), 0, J, OCTETS ("\"nan\"")},
    {DOCUMENT_AUTO, J, OCTETS ("a\0b"), 0, J, OCTETS ("\"a\\u0000b\"")},
    {DOCUMENT_AUTO, M, OCTETS (""), 0, M, OCTETS ("\xa0")},
    {DOCUMENT_AUTO, M, OCTETS ("h\xff"), 0, M, OCTETS ("\xa4h\xef\xbf\xbd")},
    {DOCUMENT_TEXT, J, OCTETS ("42"), 0, J, OCTETS ("\"42\"")},
    {DOCUMENT_TEXT, M, OCTETS ("42"), 0, M,
     OCTETS ("\xa2"
             "42")},
    {DOCUMENT_JSON, J, OCTETS ("[]"), 0, J, OCTETS ("[]")},
    {DOCUMENT_JSON, M, OCTETS ("{}"), 0, M, OCTETS ("\x80")},
    {DOCUMENT_JSON, J, OCTETS ("x"), EPROTO, J, {NULL, 0}},
    {DOCUMENT_JSON, J, OCTETS (""), EPROTO, J, {NULL, 0}},
    {DOCUMENT_JSON, M, OCTETS ("[1"), EPROTO, M, {NULL, 0}},
    {DOCUMENT_RAW, J, OCTETS ("\0\xff"), 0, R, OCTETS ("\0\xff")},
    {DOCUMENT_RAW, M, OCTETS (""), 0, R, OCTETS ("")},
    // Twenty octets are the limit here.
    {DOCUMENT_TEXT, J, OCTETS ("123456789012345678"), 0, J, OCTETS ("\"123456789012345678\"")},
    {DOCUMENT_TEXT, J, OCTETS ("1234567890123456789"), EMSGSIZE, J, {NULL, 0}},
    {DOCUMENT_AUTO, J, OCTETS ("\1\1\1\1"), EMSGSIZE, J, {NULL, 0}},
    {DOCUMENT_AUTO, M, OCTETS ("[1e1,1e1,1e1]"), EMSGSIZE, M, {NULL, 0}},
};

static int
convert (const output_case_t *given, buffer_t *payload, encoding_t *encoding, fault_t *fault)
{
    buffer_t printed;

    buffer_init (&printed, SIZE_MAX);
    buffer_slice (&printed, given->printed);
    int rc = document_of_output (&printed, given->mode, given->codec, 20, payload, encoding, fault);
    int problem = errno;
    buffer_finish (&printed);
    errno = problem;
    return rc;
}

static void output_becomes_a_payload (void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        const output_case_t *given = &outputs[i];
        buffer_t payload;
        encoding_t encoding;
        fault_t fault = {""};
        int rc = convert (given, &payload, &encoding, &fault);
        if (rc == 0)
            errno = 0;
        if (errno != given->problem)
            fail_msg ("case %zu: errno %d, not %d (%s)", i, errno, given->problem, fault.text);
        assert_int_equal (rc, given->problem ? -1 : 0);
        if (rc)
            assert_true (strlen (fault.text) > 0);
        else if (!slice_equal (buffer_as_slice (&payload), given->payload))
            fail_msg ("case %zu: %.*s", i, (int)payload.len, (const char *)payload.data);
        assert_int_equal (encoding, given->encoding);
        buffer_finish (&payload);
    }
}

typedef struct {
    document_mode_t mode;
    encoding_t encoding;
    slice_t payload;
    int problem;
    slice_t input;
} input_case_t;

static const input_case_t inputs[] = {
    {DOCUMENT_JSON, J, OCTETS (""), 0, OCTETS ("")},
    {DOCUMENT_JSON, M, OCTETS (""), 0, OCTETS ("")},
    {DOCUMENT_JSON, J, OCTETS ("\"a\\n\""), 0, OCTETS ("\"a\\n\"")},
    {DOCUMENT_JSON, J, OCTETS (" no document "), 0, OCTETS (" no document ")},
    {DOCUMENT_JSON, R, OCTETS ("\x92\xff"), 0, OCTETS ("\x92\xff")},
    {DOCUMENT_JSON, M,
     OCTETS ("\x92\x01\xa1"
             "a"),
     0, OCTETS ("[1,\"a\"]")},
    {DOCUMENT_JSON, M,
     OCTETS ("\xa1"
             "a"),
     0, OCTETS ("\"a\"")},
    {DOCUMENT_JSON, M, OCTETS ("\xa4\1\1\1\1"), 0, OCTETS ("\"\\u0001\\u0001\\u0001\\u0001\"")},
    {DOCUMENT_JSON, M, OCTETS ("\x92\x01"), EPROTO, {NULL, 0}},
    {DOCUMENT_JSON, M, OCTETS ("\x81\x01\x01"), EPROTO, {NULL, 0}},
    {DOCUMENT_TEXT, J, OCTETS ("\"a\\n\\u20ac\""), 0, OCTETS ("a\n\xe2\x82\xac")},
    {DOCUMENT_TEXT, J, OCTETS (" \"\" \n"), 0, OCTETS ("")},
    {DOCUMENT_TEXT, J, OCTETS ("\"a"), 0, OCTETS ("\"a")},
    {DOCUMENT_TEXT, J, OCTETS ("{\"a\":\"b\"}"), 0, OCTETS ("{\"a\":\"b\"}")},
    {DOCUMENT_TEXT, J, OCTETS ("  "), 0, OCTETS ("  ")},
    {DOCUMENT_TEXT, M,
     OCTETS ("\xa2"
             "a\n"),
     0, OCTETS ("a\n")},
    {DOCUMENT_TEXT, M,
     OCTETS ("\x91\xa1"
             "a"),
     0, OCTETS ("[\"a\"]")},
    {DOCUMENT_TEXT,
     M,
     OCTETS ("\xa2"
             "a"),
     EPROTO,
     {NULL, 0}},
    {DOCUMENT_TEXT, R, OCTETS ("\"a\""), 0, OCTETS ("\"a\"")},
};

static void a_payload_becomes_input (void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        const input_case_t *given = &inputs[i];
        buffer_t store;
        slice_t input;
        fault_t fault = {""};
        int rc = document_to_input (given->payload, given->encoding, given->mode, &store, &input,
                                    &fault);
        if (rc != (given->problem ? -1 : 0) || (rc && errno != given->problem))
            fail_msg ("case %zu: %d, errno %d (%s)", i, rc, errno, fault.text);
        if (rc == 0 && !slice_equal (input, given->input))
            fail_msg ("case %zu: %.*s", i, (int)input.len, (const char *)input.ptr);
        if (rc)
            assert_true (strlen (fault.text) > 0);
        buffer_finish (&store);
    }
}

static void memory_that_runs_out_is_told (void **state)
{
    static const char text[] = "[1, 2, 3]";
    const output_case_t given = {DOCUMENT_AUTO, M, OCTETS (text), 0, M, {NULL, 0}};

    (void)state;
    for (unsigned long n = 1;; n++) { // the first is the output's own
        buffer_t payload;
        encoding_t encoding;
        fault_t fault;
        alloc_fail_at (n);
        int rc = convert (&given, &payload, &encoding, &fault);
        int problem = errno;
        bool failed = alloc_failed ();
        alloc_fail_never ();
        buffer_finish (&payload);
        assert_int_equal (rc, failed ? -1 : 0);
        if (!failed)
            break;
        assert_int_equal (problem, ENOMEM);
    }
}

TESTING_MAIN (cmocka_unit_test (output_becomes_a_payload),
              cmocka_unit_test (a_payload_becomes_input),
              cmocka_unit_test (memory_that_runs_out_is_told), )
