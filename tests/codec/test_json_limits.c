/*  JSON headers at their limits (PROTOCOL 2): sizes, counts, and many keys.
 */
#include "tests/support/testing.h"

#include "tests/codec/headers.h"

// PROTOCOL 2: a header is at most 65,536 octets.
static void the_longest_header_is_read_and_one_more_octet_refused (void **state)
{
    size_t size = LIMIT_HEADER_OCTETS + 1;
    char *header = malloc (size);
    fault_t fault;

    (void)state;
    assert_non_null (header);
    memset (header, ' ', size);
    header[0] = '{';
    header[size - 2] = '}';
    assert_true (reads (slice_of (header, size - 1), &fault));
    assert_false (reads (slice_of (header, size), &fault));
    assert_string_equal (fault.text, "header: longer than 65536 octets");
    free (header);
}

// An object of `count` keys in a mixed order, of which the first is "0".
static slice_t many_keys (char *text, size_t size, unsigned count)
{
    size_t len = 0;

    for (unsigned i = 0; i < count; i++)
        len += (size_t)snprintf (text + len, size - len, "%c\"%x\":1", i ? ',' : '{',
                                 i * 7919 % 10007);
    text[len++] = '}';
    return slice_of (text, len);
}

// Hostile headers cost O(n log n): this would take seconds with a comparison of each with each.
static void thousands_of_keys_are_told_apart (void **state)
{
    static char text[LIMIT_HEADER_OCTETS + 64];
    fault_t fault;

    (void)state;
    slice_t header = many_keys (text, sizeof text, 7500);
    assert_true (header.len <= LIMIT_HEADER_OCTETS);
    assert_true (reads (header, &fault));
    // The same key as the first one, 0, at the end.
    memcpy (text + header.len - 1, ",\"0\":1}", 7);
    assert_false (reads (slice_of (text, header.len + 6), &fault));
    assert_string_equal (fault.text, "0: appears twice");
}

static void any_count_of_keys_is_searched_whole (void **state)
{
    static char text[4096];
    fault_t fault;

    (void)state;
    for (unsigned count = 1; count < 64; count++) {
        for (unsigned twice = 0; twice < count; twice++) {
            size_t len = (size_t)snprintf (text, sizeof text, "{\"m\":{");
            for (unsigned i = 0; i < count; i++)
                len += (size_t)snprintf (text + len, sizeof text - len, "\"k%u\":0,", i * 37 % 64);
            size_t unique = len;
            snprintf (text + unique - 1, sizeof text - unique, "}}");
            assert_true (reads (slice_text (text), &fault));
            snprintf (text + unique - 1, sizeof text - unique, ",\"k%u\":0}}", twice * 37 % 64);
            assert_false (reads (slice_text (text), &fault));
        }
    }
}

static void a_register_takes_1024_pipelines (void **state)
{
    static char text[16384];
    fault_t fault;

    (void)state;
    for (unsigned count = 1023; count <= 1025; count++) {
        size_t len = (size_t)snprintf (text, sizeof text, "{\"pipelines\":[");
        for (unsigned i = 0; i < count; i++)
            len += (size_t)snprintf (text + len, sizeof text - len, "%s\"p%u\"", i ? "," : "", i);
        snprintf (text + len, sizeof text - len, "]}");
        assert_int_equal (reads (slice_text (text), &fault), count <= 1024);
    }
}

static void a_pipeline_takes_255_octets_however_they_are_spelt (void **state)
{
    static const struct {
        const char *unit;
        unsigned octets;
    } spellings[] = {{"a", 1}, {"\\u0061", 1}, {"\xc3\xa9", 2}, {"\\u00e9", 2}};

    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        for (unsigned octets = 250; octets < 260; octets++) {
            char text[2048] = "{\"pipeline\":\"";
            packet_t packet;
            for (unsigned j = 0; j < octets / spellings[i].octets; j++)
                strcat (text, spellings[i].unit);
            strcat (text, octets % spellings[i].octets ? "b\"}" : "\"}");
            assert_int_equal (codec_read (slice_text (text), &packet, NULL) == 0, octets <= 255);
            if (octets <= 255)
                assert_int_equal (packet.pipeline.len, octets);
        }
    }
}

TESTING_MAIN (cmocka_unit_test (the_longest_header_is_read_and_one_more_octet_refused),
              cmocka_unit_test (thousands_of_keys_are_told_apart),
              cmocka_unit_test (any_count_of_keys_is_searched_whole),
              cmocka_unit_test (a_register_takes_1024_pipelines),
              cmocka_unit_test (a_pipeline_takes_255_octets_however_they_are_spelt), )
