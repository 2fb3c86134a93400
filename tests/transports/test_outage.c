// Why there is no broker: said when it changes, and once a minute.

#include "tests/support/testing.h"

#include "transports/outage.h"

#include <string.h>

static char said[FAULT_TEXT_MAX];
static unsigned times;

static void say (const char *text, void *arg)
{
    (void)arg;
    strcpy (said, text);
    times++;
}

static void says_each_reason_once_a_minute (void **state)
{
    outage_t outage = {.whom = "workers", .say = say};

    (void)state;
    for (moment_t now = 1000; now < 1000 + OUTAGE_AGAIN_MS; now += 1000)
        outage_tell (&outage, "refused", now);
    assert_int_equal (times, 1);
    assert_string_equal (said, "no broker for workers: refused");
    outage_tell (&outage, "refused", 1000 + OUTAGE_AGAIN_MS);
    assert_int_equal (times, 2);
    outage_tell (&outage, "no route", 1001 + OUTAGE_AGAIN_MS);
    assert_int_equal (times, 3);
    assert_string_equal (said, "no broker for workers: no route");
}

static void needs_no_listener (void **state)
{
    outage_t outage = {.whom = "clients"};

    (void)state;
    outage_tell (&outage, "refused", 1);
}

TESTING_MAIN (cmocka_unit_test (says_each_reason_once_a_minute),
              cmocka_unit_test (needs_no_listener), )
