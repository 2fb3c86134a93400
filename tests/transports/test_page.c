// The page that a browser gets, and what it may do there.

#define _GNU_SOURCE

#include "transports/page.h"

#include <string.h>

#include "tests/support/testing.h"

static bool page_has (const char *words)
{
    slice_t page = page_text ();

    return memmem (page.ptr, page.len, words, strlen (words)) != NULL;
}

static void the_policy_allows_what_the_page_has_and_nothing_else (void **state)
{
    char policy[PAGE_POLICY_MAX];

    (void)state;
    // echo -n a | openssl dgst -sha256 -binary | base64; and of b
    page_policy (slice_text ("<style>a</style><p><script>b</script>"), policy);
    assert_string_equal (policy,
                         "default-src 'none'; connect-src 'self'; img-src data:; "
                         "style-src 'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='; "
                         "script-src 'sha256-PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0='; "
                         "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    page_policy (page_text (), policy);
    assert_int_equal (strncmp (policy, "default-src 'none'", 18), 0);
}

static void a_page_without_one_of_each_has_no_policy (void **state)
{
    static const char *const wrong[] = {
        "",
        "<style>a</style>",
        "<script>b</script>",
        "<style>a<script>b</script>",
        "<style>a</style><script>b",
        "<style>a</style><script>b</script><script>c</script>",
    };
    char policy[PAGE_POLICY_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        page_policy (slice_text (wrong[i]), policy);
        assert_string_equal (policy, "");
    }
}

// What the policy would forbid, or a peer's words could become markup by.
static void the_page_is_whole_and_asks_nobody_else (void **state)
{
    static const char *const wrong[] = {
        "https://", " src=",          " style=", "innerHTML", "outerHTML", "insertAdjacent",
        "onclick=", "document.write", "eval (",  "eval(",     "url(",      "@import",
    };

    (void)state;
    assert_true (page_has ("<!DOCTYPE html>") && page_has ("</html>"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false (page_has (wrong[i]));
    assert_true (page_size < 64 * 1024);
}

TESTING_MAIN (cmocka_unit_test (the_policy_allows_what_the_page_has_and_nothing_else),
              cmocka_unit_test (a_page_without_one_of_each_has_no_policy),
              cmocka_unit_test (the_page_is_whole_and_asks_nobody_else), )
