#include "fabric/utf8.h"

#include "tests/support/testing.h"

// RFC 3629 section 4, as its grammar reads: what follows each lead octet.
static const struct {
    uint8_t lead_low, lead_high, second_low, second_high;
    size_t len;
} grammar[] = {
    {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static size_t by_grammar (const uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < sizeof grammar / sizeof *grammar; i++) {
        if (octets[0] < grammar[i].lead_low || octets[0] > grammar[i].lead_high)
            continue;
        if (len < grammar[i].len)
            return 0;
        if (grammar[i].len > 1
            && (octets[1] < grammar[i].second_low || octets[1] > grammar[i].second_high))
            return 0;
        for (size_t j = 2; j < grammar[i].len; j++) {
            if (octets[j] < 0x80 || octets[j] > 0xbf)
                return 0;
        }
        return grammar[i].len;
    }
    return 0;
}

static void every_code_but_surrogates_is_a_character (void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x110000; code++) {
        uint8_t octets[16]; // with room to read a word of it
        size_t len = utf8_encode (code, octets);
        bool surrogate = code >= 0xd800 && code < 0xe000;
        if (utf8_character (octets, octets + len) != (surrogate ? 0 : len))
            fail_msg ("U+%04X", (unsigned)code);
        if (utf8_valid (slice_of (octets, len)) == surrogate)
            fail_msg ("U+%04X", (unsigned)code);
        if (len > 1 && utf8_character (octets, octets + len - 1) != 0)
            fail_msg ("U+%04X without its end", (unsigned)code);
    }
}

// All pairs of octets, and all leads and seconds with tails at the edges of what is one.
static void no_other_octets_are_one (void **state)
{
    (void)state;
    static const uint8_t tails[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};

    for (unsigned pair = 0; pair < 0x10000; pair++) {
        for (unsigned third = 0; third < sizeof tails; third++) {
            for (unsigned fourth = 0; fourth < sizeof tails; fourth++) {
                uint8_t octets[16] = {(uint8_t)(pair >> 8), (uint8_t)pair, tails[third],
                                      tails[fourth]};
                for (size_t len = 1; len <= 4; len++) {
                    if (utf8_character (octets, octets + len) != by_grammar (octets, len))
                        fail_msg ("%02x %02x %02x %02x, %zu of them", octets[0], octets[1],
                                  octets[2], octets[3], len);
                }
            }
        }
    }
}

static void nothing_is_valid_and_no_character (void **state)
{
    (void)state;
    uint8_t none = 'a';

    assert_true (utf8_valid (slice_of (NULL, 0)));
    assert_true (utf8_valid (slice_text ("")));
    assert_int_equal (utf8_character (&none, &none), 0);
}

// ASCII is skipped eight octets at a time: a bad octet must be seen wherever it stands.
static void a_bad_octet_is_seen_at_every_place (void **state)
{
    (void)state;
    for (size_t len = 1; len < 40; len++) {
        for (size_t bad = 0; bad < len; bad++) {
            uint8_t octets[40];
            memset (octets, 'a', sizeof octets);
            assert_true (utf8_valid (slice_of (octets, len)));
            octets[bad] = 0x80;
            assert_false (utf8_valid (slice_of (octets, len)));
            octets[bad] = 0xff;
            assert_false (utf8_valid (slice_of (octets, len)));
        }
    }
}

static void characters_may_stand_at_every_place (void **state)
{
    (void)state;
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\xa7"};

    for (size_t at = 0; at < 20; at++) {
        for (unsigned i = 0; i < 3; i++) {
            uint8_t octets[40];
            size_t width = strlen (characters[i]);
            memset (octets, 'a', sizeof octets);
            memcpy (octets + at, characters[i], width);
            assert_true (utf8_valid (slice_of (octets, sizeof octets)));
            assert_true (utf8_valid (slice_of (octets, at + width)));
            assert_false (utf8_valid (slice_of (octets, at + width - 1)));
        }
    }
}

static void expect_repaired (slice_t text, const char *wanted)
{
    buffer_t out;

    buffer_init (&out, SIZE_MAX);
    utf8_repair (text, &out);
    assert_true (slice_equal (buffer_as_slice (&out), slice_text (wanted)));
    assert_int_equal (utf8_repaired_len (text), strlen (wanted));
    buffer_finish (&out);
}

#define BAD "\xef\xbf\xbd" // U+FFFD

static void each_octet_of_no_character_becomes_one_replacement (void **state)
{
    (void)state;
    expect_repaired (slice_text (""), "");
    expect_repaired (slice_of (NULL, 0), "");
    expect_repaired (slice_text ("plain \xe2\x82\xac text"), "plain \xe2\x82\xac text");
    expect_repaired (slice_text ("\xff"), BAD);
    expect_repaired (slice_text ("a\xffz"), "a" BAD "z");
    expect_repaired (slice_text ("\xe2\x82"), BAD BAD);
    expect_repaired (slice_text ("\xe2\x82z\xc3\xa4"), BAD BAD "z\xc3\xa4");
    expect_repaired (slice_text ("\xed\xa0\x80"), BAD BAD BAD);
    expect_repaired (slice_text ("\xc0\x80\xfe"), BAD BAD BAD);
}

static void repaired_text_is_valid_whatever_it_was (void **state)
{
    (void)state;
    uint32_t seed = 1;

    for (unsigned round = 0; round < 2000; round++) {
        uint8_t octets[50];
        buffer_t out;
        for (size_t i = 0; i < sizeof octets; i++) {
            seed = seed * 1664525 + 1013904223;
            octets[i] = (uint8_t)(seed >> 24);
        }
        buffer_init (&out, SIZE_MAX);
        utf8_repair (slice_of (octets, sizeof octets), &out);
        assert_true (utf8_valid (buffer_as_slice (&out)));
        assert_int_equal (out.len, utf8_repaired_len (slice_of (octets, sizeof octets)));
        buffer_finish (&out);
    }
}

TESTING_MAIN (cmocka_unit_test (every_code_but_surrogates_is_a_character),
              cmocka_unit_test (no_other_octets_are_one),
              cmocka_unit_test (nothing_is_valid_and_no_character),
              cmocka_unit_test (a_bad_octet_is_seen_at_every_place),
              cmocka_unit_test (characters_may_stand_at_every_place),
              cmocka_unit_test (each_octet_of_no_character_becomes_one_replacement),
              cmocka_unit_test (repaired_text_is_valid_whatever_it_was), )
