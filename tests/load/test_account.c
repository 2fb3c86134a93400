#include "load/account.h"

#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

static wording_t wording;
static histogram_t latency;

static int open_world (void **state)
{
    (void)state;
    histogram_init (&latency);
    return wording_init (&wording, ENCODING_JSON, 0, 20);
}

static int close_world (void **state)
{
    (void)state;
    wording_finish (&wording);
    return 0;
}

static void every_task_that_comes_back_once_is_done (void **state)
{
    account_t account;

    (void)state;
    assert_int_equal (account_init (&account, &wording, 100), 0);
    account.latency = &latency;
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal (account_send (&account, 1000 + i), i);
    assert_int_equal (account_open (&account), 100);
    for (uint64_t i = 100; i-- > 0;)
        assert_int_equal (account_result (&account, i, wording_payload (&wording, i), 2000, NULL),
                          0);
    assert_int_equal (account_open (&account), 0);
    assert_int_equal (account.done, 100);
    assert_int_equal (latency.count, 100);
    assert_int_equal (latency.most, 1000);
    assert_int_equal (latency.least, 901);
    account_finish (&account);
}

static void expect_fault (account_t *account, uint64_t number, slice_t payload, const char *words)
{
    fault_t fault = {""};
    uint64_t done = account->done;

    assert_int_equal (account_result (account, number, payload, 5, &fault), -1);
    assert_non_null (strstr (fault.text, words));
    assert_int_equal (account->done, done);
}

static void a_result_that_should_not_be_is_a_fault (void **state)
{
    account_t account;
    char changed[20];

    (void)state;
    assert_int_equal (account_init (&account, &wording, 100), 0);
    (void)account_send (&account, 1);
    (void)account_send (&account, 2);
    slice_t first = wording_payload (&wording, 0);
    expect_fault (&account, 2, wording_payload (&wording, 2), "never sent");
    expect_fault (&account, UINT64_MAX, first, "never sent");
    expect_fault (&account, 0, wording_payload (&wording, 1), "changed");
    expect_fault (&account, 0, slice_of (first.ptr, 19), "changed");
    memcpy (changed, first.ptr, sizeof changed);
    changed[10] ^= 1;
    expect_fault (&account, 0, slice_of (changed, sizeof changed), "changed");
    assert_int_equal (account_result (&account, 0, first, 3, NULL), 0);
    expect_fault (&account, 0, first, "second");
    account_finish (&account);
}

static void memory_that_is_out_is_said (void **state)
{
    account_t account;

    (void)state;
    alloc_fail_at (0);
    assert_int_equal (account_init (&account, &wording, 10), -1);
    assert_true (alloc_failed ());
    alloc_fail_never ();
    account_finish (&account);
}

TESTING_MAIN (cmocka_unit_test_setup_teardown (every_task_that_comes_back_once_is_done,
                                               open_world,
                                               close_world),
              cmocka_unit_test_setup_teardown (a_result_that_should_not_be_is_a_fault,
                                               open_world,
                                               close_world),
              cmocka_unit_test_setup_teardown (memory_that_is_out_is_said,
                                               open_world,
                                               close_world), )
