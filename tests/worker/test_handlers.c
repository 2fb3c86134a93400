#include "worker/handlers.h"

#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

#include <errno.h>
#include <stdio.h>

static int number (zfabric_task_t *task, void *arg)
{
    (void)task;
    (void)arg;
    return 0;
}

static int add (handlers_t *handlers, const char *pattern)
{
    handler_t handler = {number, (void *)(uintptr_t)pattern, 0};

    return handlers_add (handlers, slice_text (pattern), &handler);
}

// The pattern that a pipeline is served by, or "none".
static const char *found (const handlers_t *handlers, const char *pipeline)
{
    const handler_t *handler = handlers_find (handlers, slice_text (pipeline));

    return handler ? (const char *)handler->arg : "none";
}

static void an_exact_name_goes_first_then_the_longest_prefix (void **state)
{
    static const char *const patterns[] = {"a/*", "a/b", "a/b*", "a/bc", "a",
                                           "a*",  "b-*", "b.",   "b"};
    handlers_t *handlers = handlers_new ();

    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        assert_int_equal (add (handlers, patterns[i]), 0);
    assert_string_equal (found (handlers, "a/b"), "a/b");
    assert_string_equal (found (handlers, "a/bc"), "a/bc");
    assert_string_equal (found (handlers, "a/bd"), "a/b*");
    assert_string_equal (found (handlers, "a/c"), "a/*");
    assert_string_equal (found (handlers, "a/"), "a/*");
    assert_string_equal (found (handlers, "a"), "a");
    assert_string_equal (found (handlers, "ab"), "a*");
    assert_string_equal (found (handlers, "b-"), "b-*");
    assert_string_equal (found (handlers, "b-1"), "b-*");
    assert_string_equal (found (handlers, "b"), "b");
    assert_string_equal (found (handlers, "b+"), "none");
    assert_string_equal (found (handlers, "c"), "none");
    assert_int_equal (add (handlers, "*"), 0);
    assert_string_equal (found (handlers, "c"), "*");
    handlers_destroy (&handlers);
    assert_null (handlers);
    handlers_destroy (&handlers);
}

static void the_longest_names_have_their_place (void **state)
{
    char name[257], prefix[257];
    handlers_t *handlers = handlers_new ();

    (void)state;
    memset (name, 'n', sizeof name);
    memset (prefix, 'n', sizeof prefix);
    name[255] = prefix[255] = '\0';
    prefix[254] = '*';
    assert_int_equal (add (handlers, prefix), 0);
    assert_string_equal (found (handlers, name), prefix);
    assert_int_equal (add (handlers, name), 0);
    assert_string_equal (found (handlers, name), name);
    name[255] = 'n';
    name[256] = '\0';
    assert_int_equal (add (handlers, name), -1);
    assert_int_equal (errno, EINVAL);
    handlers_destroy (&handlers);
}

static void what_is_no_pattern_is_refused (void **state)
{
    handlers_t *handlers = handlers_new ();

    (void)state;
    assert_int_equal (add (handlers, ""), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (add (handlers, "$x"), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (add (handlers, "a\n"), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (add (handlers, "a\xff"), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (add (handlers, "a"), 0);
    assert_int_equal (add (handlers, "a"), -1);
    assert_int_equal (errno, EEXIST);
    handlers_destroy (&handlers);
}

// Against a search through all of them.
static void many_are_found_like_few (void **state)
{
    static char patterns[1024][8];
    size_t count;
    handlers_t *handlers = handlers_new ();

    (void)state;
    for (unsigned i = 0; i < 1024; i++) {
        snprintf (patterns[i], sizeof patterns[i], i % 3 ? "%u" : "%u*", i * 2);
        assert_int_equal (add (handlers, patterns[i]), 0);
    }
    assert_int_equal (add (handlers, "x"), -1);
    assert_int_equal (errno, ENOSPC);
    assert_non_null (handlers_patterns (handlers, &count));
    assert_int_equal (count, 1024);
    for (unsigned i = 0; i < 30000; i += 7) {
        char name[16];
        const char *best = "none";
        size_t longest = 0;
        snprintf (name, sizeof name, "%u", i);
        for (size_t j = 0; j < 1024; j++) {
            size_t len = strlen (patterns[j]);
            bool prefix = patterns[j][len - 1] == '*';
            bool serves = prefix ? strncmp (name, patterns[j], len - 1) == 0
                                 : strcmp (name, patterns[j]) == 0;
            size_t rank = prefix ? len - 1 : 100;
            if (serves && rank >= longest) {
                best = patterns[j];
                longest = rank;
            }
        }
        assert_string_equal (found (handlers, name), best);
    }
    handlers_destroy (&handlers);
}

static void memory_that_runs_out_changes_nothing (void **state)
{
    handlers_t *handlers = handlers_new ();

    (void)state;
    assert_int_equal (add (handlers, "a"), 0);
    for (unsigned long n = 0;; n++) {
        alloc_fail_at (n);
        int rc = add (handlers, "b");
        if (!alloc_failed ()) {
            assert_int_equal (rc, 0);
            break;
        }
        assert_int_equal (rc, -1);
        assert_int_equal (errno, ENOMEM);
        assert_string_equal (found (handlers, "b"), "none");
        assert_string_equal (found (handlers, "a"), "a");
    }
    alloc_fail_never ();
    handlers_destroy (&handlers);
}

TESTING_MAIN (cmocka_unit_test (an_exact_name_goes_first_then_the_longest_prefix),
              cmocka_unit_test (the_longest_names_have_their_place),
              cmocka_unit_test (what_is_no_pattern_is_refused),
              cmocka_unit_test (many_are_found_like_few),
              cmocka_unit_test (memory_that_runs_out_changes_nothing), )
