#include "fabric/result.h"

#include "tests/support/testing.h"

#include <errno.h>

// PROTOCOL 4
static void the_codes_are_the_protocols (void **state)
{
    (void)state;
    static const char *const names[] = {
        "OK",
        "BAD_PACKET",
        "UNSUPPORTED_PACKET_TYPE",
        "NO_CAPACITY",
        "COOKIE_NOT_FOUND",
        "COOKIE_COLLISION",
        "WORKER_WENT_AWAY",
        "BROKER_WENT_AWAY",
        "PROCESSOR_EXCEPTION",
        "EXCEPTION",
        "CANCELLED",
        "TIMED_OUT",
        "FORBIDDEN",
    };

    assert_int_equal (ZFABRIC_RESULT_COUNT, sizeof names / sizeof *names);
    for (unsigned i = 0; i < ZFABRIC_RESULT_COUNT; i++) {
        zfabric_rc_t rc = ZFABRIC_RESULT_COUNT;
        assert_string_equal (zfabric_rc_name (i), names[i]);
        assert_int_equal (result_parse (slice_text (names[i]), &rc), 0);
        assert_int_equal (rc, i);
        assert_true (strlen (zfabric_rc_meaning (i)) > 1);
    }
}

static void other_names_are_refused (void **state)
{
    (void)state;
    static const char *const strange[] = {"", "ok", "OK ", "O", "OKAY", "?", "BAD PACKET"};

    for (unsigned i = 0; i < sizeof strange / sizeof *strange; i++) {
        zfabric_rc_t rc = ZFABRIC_CANCELLED;
        errno = 0;
        assert_int_equal (result_parse (slice_text (strange[i]), &rc), -1);
        assert_int_equal (errno, EINVAL);
        assert_int_equal (rc, ZFABRIC_CANCELLED);
    }
}

static void numbers_that_are_no_code_have_a_question_mark (void **state)
{
    (void)state;
    assert_string_equal (zfabric_rc_name (ZFABRIC_RESULT_COUNT), "?");
    assert_string_equal (zfabric_rc_name ((zfabric_rc_t)-1), "?");
    assert_string_equal (zfabric_rc_meaning (ZFABRIC_RESULT_COUNT), "?");
}

TESTING_MAIN (cmocka_unit_test (the_codes_are_the_protocols),
              cmocka_unit_test (other_names_are_refused),
              cmocka_unit_test (numbers_that_are_no_code_have_a_question_mark), )
