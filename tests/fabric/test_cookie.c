#include "fabric/cookie.h"

#include "tests/support/testing.h"

#include <errno.h>

static const char lower[] = "0123abcd-4567-89ef-fedc-ba9876543210";
static const uint8_t octets[COOKIE_OCTETS] = {0x01, 0x23, 0xab, 0xcd, 0x45, 0x67, 0x89, 0xef,
                                              0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};

static void text_becomes_its_octets (void **state)
{
    (void)state;
    cookie_t cookie;

    assert_int_equal (cookie_parse (slice_text (lower), &cookie), 0);
    assert_memory_equal (cookie.octets, octets, sizeof octets);
    assert_int_equal (cookie.upper, 0);
    assert_false (cookie.binary);
}

// PROTOCOL 2: any letter case, and the answer is spelt like the question.
static void each_spelling_is_printed_as_it_came (void **state)
{
    (void)state;
    static const char *const spellings[] = {
        lower,
        "0123ABCD-4567-89EF-FEDC-BA9876543210",
        "0123aBcD-4567-89Ef-fEdC-Ba9876543210",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "fFfFfFfF-fFfF-fFfF-fFfF-fFfFfFfFfFfF",
        "00000000-0000-0000-0000-000000000000",
        "00000000-0000-0000-0000-00000000000F",
        "F0000000-0000-0000-0000-000000000000",
    };

    for (unsigned i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        cookie_t cookie;
        char text[COOKIE_TEXT + 1];
        assert_int_equal (cookie_parse (slice_text (spellings[i]), &cookie), 0);
        cookie_print (&cookie, text);
        assert_string_equal (text, spellings[i]);
    }
}

static void spellings_of_one_uuid_are_the_same_task (void **state)
{
    (void)state;
    cookie_t a, b, c, d;

    assert_int_equal (cookie_parse (slice_text (lower), &a), 0);
    assert_int_equal (cookie_parse (slice_text ("0123ABCD-4567-89EF-FEDC-BA9876543210"), &b), 0);
    assert_int_equal (cookie_from_octets (slice_of (octets, sizeof octets), &c), 0);
    assert_int_equal (cookie_parse (slice_text ("0123abcd-4567-89ef-fedc-ba9876543211"), &d), 0);
    assert_true (cookie_equal (&a, &b));
    assert_true (cookie_equal (&a, &c));
    assert_false (cookie_equal (&a, &d));
}

static void octets_are_remembered_as_octets (void **state)
{
    (void)state;
    cookie_t cookie;
    char text[COOKIE_TEXT + 1];

    assert_int_equal (cookie_from_octets (slice_of (octets, sizeof octets), &cookie), 0);
    assert_true (cookie.binary);
    cookie_print (&cookie, text);
    assert_string_equal (text, lower);
}

static void refused (const char *text, size_t len)
{
    cookie_t cookie, before;

    memset (&cookie, 0x5a, sizeof cookie);
    memcpy (&before, &cookie, sizeof cookie);
    errno = 0;
    assert_int_equal (cookie_parse (slice_of (text, len), &cookie), -1);
    assert_int_equal (errno, EINVAL);
    assert_memory_equal (&cookie, &before, sizeof cookie);
}

static void anything_but_hex_digits_and_dashes_in_place_is_refused (void **state)
{
    (void)state;
    static const char wrong[] = "gGz/:@`- \t\n\x01\x7f\x80\xff";

    for (unsigned place = 0; place < COOKIE_TEXT; place++) {
        for (unsigned i = 0; i < sizeof wrong; i++) { // the final NUL as well
            char text[COOKIE_TEXT + 1];
            memcpy (text, lower, sizeof lower);
            if (lower[place] == '-' && wrong[i] == '-')
                continue;
            text[place] = wrong[i];
            refused (text, COOKIE_TEXT);
        }
        if (lower[place] == '-') {
            char text[COOKIE_TEXT + 1];
            memcpy (text, lower, sizeof lower);
            text[place] = '0';
            refused (text, COOKIE_TEXT);
        }
    }
}

static void any_other_length_is_refused (void **state)
{
    (void)state;
    static const char longer[] = "0123abcd-4567-89ef-fedc-ba98765432100000";

    for (unsigned len = 0; len < sizeof longer; len++) {
        if (len != COOKIE_TEXT)
            refused (longer, len);
    }
    refused ("{0123abcd-4567-89ef-fedc-ba987654321}", 37);
    refused ("0123abcd456789effedcba9876543210", 32);
    for (unsigned len = 0; len < COOKIE_OCTETS; len++) {
        cookie_t cookie = {.upper = 77};
        errno = 0;
        assert_int_equal (cookie_from_octets (slice_of (octets, len), &cookie), -1);
        assert_int_equal (errno, EINVAL);
        assert_int_equal (cookie.upper, 77);
    }
}

static void made_cookies_are_random_uuids_of_version_4 (void **state)
{
    (void)state;
    cookie_t made[100];

    for (unsigned i = 0; i < 100; i++) {
        char text[COOKIE_TEXT + 1];
        cookie_make (&made[i]);
        cookie_print (&made[i], text);
        assert_int_equal (text[14], '4');
        assert_non_null (strchr ("89ab", text[19]));
        assert_false (made[i].binary);
        for (unsigned j = 0; j < i; j++)
            assert_false (cookie_equal (&made[i], &made[j]));
    }
}

TESTING_MAIN (cmocka_unit_test (text_becomes_its_octets),
              cmocka_unit_test (each_spelling_is_printed_as_it_came),
              cmocka_unit_test (spellings_of_one_uuid_are_the_same_task),
              cmocka_unit_test (octets_are_remembered_as_octets),
              cmocka_unit_test (anything_but_hex_digits_and_dashes_in_place_is_refused),
              cmocka_unit_test (any_other_length_is_refused),
              cmocka_unit_test (made_cookies_are_random_uuids_of_version_4), )
