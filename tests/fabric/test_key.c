// Keys as text: ZeroMQ RFC 32.

#include "fabric/key.h"

#include "tests/support/testing.h"

#include <zmq.h>

static void what_is_printed_is_what_libzmq_prints (void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 1000; seed++) {
        fabric_key_t key, back;
        char text[KEY_TEXT + 1], theirs[KEY_TEXT + 1];

        for (unsigned i = 0; i < KEY_OCTETS; i++)
            key.octets[i] = (uint8_t)(seed * 167 + i * i * 31 + (seed >> 3) * i);
        if (seed < 256)
            memset (key.octets, (int)seed, sizeof key.octets);
        key_print (&key, text);
        zmq_z85_encode (theirs, key.octets, KEY_OCTETS);
        assert_string_equal (text, theirs);
        assert_int_equal (key_parse (slice_text (text), &back), 0);
        assert_memory_equal (key.octets, back.octets, KEY_OCTETS);
    }
}

static void what_is_no_key_is_refused (void **state)
{
    (void)state;
    static const char good[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    fabric_key_t key, before;

    memset (&key, 7, sizeof key);
    before = key;
    for (size_t len = 0; len < KEY_TEXT; len++)
        assert_int_equal (key_parse (slice_of (good, len), &key), -1);
    assert_int_equal (key_parse (slice_of (good, KEY_TEXT + 1), &key), -1);
    for (size_t i = 0; i < KEY_TEXT; i++) {
        static const char wrong[] = {' ', '"', '\'', ',', ';',  '\\',
                                     '_', '`', '|',  '~', '\0', '\x80'};
        for (size_t j = 0; j < sizeof wrong; j++) {
            char text[KEY_TEXT];
            memcpy (text, good, sizeof text);
            text[i] = wrong[j];
            assert_int_equal (key_parse (slice_of (text, KEY_TEXT), &key), -1);
        }
    }
    // More than 32 bits in five characters.
    assert_int_equal (key_parse (slice_text ("#####"
                                             "00000000000000000000000000000000000"),
                                 &key),
                      -1);
    assert_memory_equal (&key, &before, sizeof key);
}

TESTING_MAIN (cmocka_unit_test (what_is_printed_is_what_libzmq_prints),
              cmocka_unit_test (what_is_no_key_is_refused), )
