// What became of connections' handshakes, by what the monitor says.

#include "broker/callers.h"

#include <string.h>

#include "tests/support/testing.h"

static bool silent (callers_t *callers, moment_t now, const char *wanted)
{
    char address[CALLER_TEXT_MAX];
    bool found = callers_silent (callers, now, address);

    if (found)
        assert_string_equal (address, wanted);
    return found;
}

static void a_handshake_that_failed_has_an_address (void **state)
{
    (void)state;
    callers_t callers = {0};

    callers_accepted (&callers, 700, "a:1");
    callers_accepted (&callers, 5, "b:2");
    callers_failed (&callers);
    assert_string_equal (callers_disconnected (&callers, 700, 10), "a:1");
    assert_null (callers_disconnected (&callers, 5, 10));
    callers_failed (&callers);
    assert_string_equal (callers_disconnected (&callers, 100000, 10), "somebody");
    assert_null (callers_disconnected (&callers, -1, 10));
    callers_finish (&callers);
}

static void who_leaves_without_a_packet_is_told_a_moment_later (void **state)
{
    (void)state;
    callers_t callers = {0};

    callers_accepted (&callers, 5, "a:1");
    assert_null (callers_disconnected (&callers, 5, 10));
    assert_int_equal (callers_due (&callers), 10 + CALLERS_WAIT_MS);
    assert_false (silent (&callers, 10 + CALLERS_WAIT_MS - 1, ""));
    assert_true (silent (&callers, 10 + CALLERS_WAIT_MS, "a:1"));
    assert_false (silent (&callers, 99999, ""));
    assert_int_equal (callers_due (&callers), MOMENT_NEVER);
    callers_finish (&callers);
}

static void who_has_spoken_is_not_told_of (void **state)
{
    (void)state;
    callers_t callers = {0};

    callers_accepted (&callers, 5, "a:1");
    callers_spoke (&callers, 5);
    assert_null (callers_disconnected (&callers, 5, 10));
    assert_false (silent (&callers, 99999, ""));
    // Its packets were read after its end.
    callers_accepted (&callers, 5, "a:2");
    callers_accepted (&callers, 6, "a:3");
    assert_null (callers_disconnected (&callers, 5, 10));
    assert_null (callers_disconnected (&callers, 6, 11));
    callers_spoke (&callers, 5);
    assert_true (silent (&callers, 99999, "a:3"));
    assert_false (silent (&callers, 99999, ""));
    callers_finish (&callers);
}

// The gate has told of them already.
static void who_was_refused_by_a_key_is_not_told_of (void **state)
{
    (void)state;
    callers_t callers = {0};

    callers_accepted (&callers, 5, "a:1");
    callers_refused (&callers);
    assert_null (callers_disconnected (&callers, 5, 10));
    assert_false (silent (&callers, 99999, ""));
    callers_finish (&callers);
}

static void there_is_a_bound_on_those_who_wait_to_be_told (void **state)
{
    (void)state;
    callers_t callers = {0};
    unsigned told = 0;

    for (int descriptor = 0; descriptor < 1000; descriptor++) {
        callers_accepted (&callers, descriptor, "a");
        assert_null (callers_disconnected (&callers, descriptor, 1));
    }
    while (silent (&callers, 99999, "a"))
        told++;
    assert_int_equal (told, CALLERS_SILENT);
    callers_finish (&callers);
}

TESTING_MAIN (cmocka_unit_test (a_handshake_that_failed_has_an_address),
              cmocka_unit_test (who_leaves_without_a_packet_is_told_a_moment_later),
              cmocka_unit_test (who_has_spoken_is_not_told_of),
              cmocka_unit_test (who_was_refused_by_a_key_is_not_told_of),
              cmocka_unit_test (there_is_a_bound_on_those_who_wait_to_be_told), )
