// Which pages may ask.

#include "transports/http_origin.h"

#include "tests/support/testing.h"

static bool foreign (const char *origin, const char *host)
{
    return http_origin_is_foreign (slice_text (origin), slice_text (host));
}

static bool doubtful (const char *host, const char *allowed)
{
    return http_host_is_doubtful (slice_text (host), allowed);
}

static void an_origin_is_the_hosts_or_foreign (void **state)
{
    (void)state;
    assert_false (http_origin_is_foreign (slice_of (NULL, 0), slice_text ("a")));
    assert_false (foreign ("http://127.0.0.1:8080", "127.0.0.1:8080"));
    assert_false (foreign ("https://a.example", "a.example"));
    assert_true (foreign ("http://127.0.0.1:8081", "127.0.0.1:8080"));
    assert_true (foreign ("https://ba.example", "a.example"));
    assert_true (foreign ("null", "a.example"));
    assert_true (foreign ("", "a.example"));
}

static void addresses_and_names_without_a_dot_are_beyond_doubt (void **state)
{
    static const char *const fine[] = {
        "",          "127.0.0.1",   "127.0.0.1:8080", "[::1]", "[fe80::1.2.3.4]:80",
        "localhost", "broker:8080",
    };
    static const char *const odd[] = {
        "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.", "7f.0.0.1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        assert_false (doubtful (fine[i], NULL));
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_true (doubtful (odd[i], NULL));
}

static void the_allowed_origins_name_is_beyond_doubt (void **state)
{
    (void)state;
    assert_false (doubtful ("fleet.example", "https://fleet.example"));
    assert_false (doubtful ("evil.example", "*"));
    assert_true (doubtful ("evil.example", "https://fleet.example"));
    assert_true (doubtful ("fleet.example:81", "https://fleet.example"));
}

TESTING_MAIN (cmocka_unit_test (an_origin_is_the_hosts_or_foreign),
              cmocka_unit_test (addresses_and_names_without_a_dot_are_beyond_doubt),
              cmocka_unit_test (the_allowed_origins_name_is_beyond_doubt), )
