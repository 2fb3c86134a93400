/*  JSON headers (PROTOCOL 2): what is accepted, refused, and read.
 */
#include "tests/support/testing.h"

#include "tests/codec/headers.h"

#define RUN                                                                                        \
    "{\"packet_type\":\"RUN\",\"cookie\":\"" UUID "\",\"pipeline\":\"demo.echo\",\"timeout\":1}"
#define ALL                                                                                        \
    "{\"packet_type\":\"RUN\",\"cookie\":\"" UUID_UPPER "\",\"pipeline\":\"d\\u00e9mo\","          \
    "\"variables\":\"{\\\"a\\\": 1}\",\"encoding\":\"raw\",\"detach\":true,\"stream\":false,"      \
    "\"timeout\":60000,\"wait\":0,\"priority\":9,\"retries\":100,\"orphan\":\"cancel\","           \
    "\"capacity\":65535,\"pipelines\":[\"a\",\"b.*\"],\"name\":\"n\\n\",\"heartbeat\":100,"        \
    "\"rc\":\"TIMED_OUT\",\"error\":\"e\",\"stacktrace\":[\"one\",\"t\\u0077o\"],"                 \
    "\"result\":\"r\",\"seq\":18446744073709551615,\"traceparent\":{\"a\":[1,{\"b\":null}]}}"

static void every_key_is_read (void **state)
{
    packet_t packet;
    packet_t *p = read_well (HEADER (ALL), &packet);

    (void)state;
    assert_int_equal (p->codec, ENCODING_JSON);
    assert_int_equal (p->keys, (1u << PACKET_KEY_COUNT) - 1);
    assert_int_equal (p->type, PACKET_RUN);
    char cookie[COOKIE_TEXT + 1];
    cookie_print (&p->cookie, cookie);
    assert_string_equal (cookie, UUID_UPPER);
    assert_slice (p->pipeline, "d\xc3\xa9mo");
    assert_text (p->variables.text, "{\"a\": 1}");
    assert_slice (p->variables.member, "\"variables\":\"{\\\"a\\\": 1}\"");
    assert_int_equal (p->encoding, ENCODING_RAW);
    assert_true (p->detach);
    assert_false (p->stream);
    assert_int_equal (p->timeout_ms, 60000);
    assert_int_equal (p->wait_ms, 0);
    assert_int_equal (p->priority, 9);
    assert_int_equal (p->retries, 100);
    assert_true (p->orphan_cancel);
    assert_int_equal (p->capacity, 65535);
    assert_int_equal (p->pipelines.count, 2);
    assert_slice (p->pipelines.raw, "[\"a\",\"b.*\"]");
    assert_text (p->name, "n\n");
    assert_int_equal (p->heartbeat_ms, 100);
    assert_int_equal (p->rc, ZFABRIC_TIMED_OUT);
    assert_text (p->error, "e");
    assert_int_equal (p->stacktrace.count, 2);
    assert_text (p->result.text, "r");
    assert_slice (p->result.member, "\"result\":\"r\"");
    assert_true (p->seq == UINT64_MAX);
}

static void every_known_key_is_found_by_its_name (void **state)
{
    (void)state;
    for (unsigned key = 0; key < PACKET_KEY_COUNT; key++) {
        char header[64];
        fault_t fault;
        // A map is what no key takes: the fault proves that the key was known.
        snprintf (header, sizeof header, "{\"%s\":{}}", packet_key_name ((packet_key_t)key));
        assert_false (reads (slice_text (header), &fault));
        assert_memory_equal (fault.text, packet_key_name ((packet_key_t)key),
                             strlen (packet_key_name ((packet_key_t)key)));
    }
}

// PROTOCOL 2: a key of the wrong type or out of range makes a bad packet; null is absent.
static void values_are_checked_by_key (void **state)
{
    static const struct {
        const char *member;
        bool good;
    } cases[] = {
        {"\"packet_type\":\"NO_SUCH\"", true},
        {"\"packet_type\":\"\"", true},
        {"\"packet_type\":1", false},
        {"\"packet_type\":null", true},
        {"\"cookie\":\"" UUID "\"", true},
        {"\"cookie\":\"" UUID_UPPER "\"", true},
        {"\"cookie\":\"\\u003123e4567-e89b-12d3-a456-426614174000\"", true},
        {"\"cookie\":\"123e4567-e89b-12d3-a456-42661417400\"", false},
        {"\"cookie\":\"123e4567-e89b-12d3-a456-4266141740000\"", false},
        {"\"cookie\":\"123e4567ee89b-12d3-a456-426614174000\"", false},
        {"\"cookie\":\"{23e4567-e89b-12d3-a456-426614174000\"", false},
        {"\"cookie\":12", false},
        {"\"cookie\":null", true},
        {"\"pipeline\":\"\"", false},
        {"\"pipeline\":\"$status\"", true},
        {"\"pipeline\":\"a\\u0000b\"", false},
        {"\"pipeline\":\"a\\nb\"", false},
        {"\"pipeline\":\"a\\u007f\"", false},
        {"\"pipeline\":\"a\\u0085\"", false},
        {"\"pipeline\":\"a\xc2\x9f\"", false},
        {"\"pipeline\":\"a\xc2\xa0\"", true},
        {"\"pipeline\":[\"a\"]", false},
        {"\"variables\":\"\"", true},
        {"\"variables\":\"\\u0000\"", true},
        {"\"variables\":{}", false},
        {"\"variables\":1", false},
        {"\"encoding\":\"json\"", true},
        {"\"encoding\":\"msgpack\"", true},
        {"\"encoding\":\"r\\u0061w\"", true},
        {"\"encoding\":\"JSON\"", false},
        {"\"encoding\":\"\"", false},
        {"\"encoding\":\"a word that is longer than any of those\"", false},
        {"\"encoding\":0", false},
        {"\"detach\":true", true},
        {"\"detach\":1", false},
        {"\"detach\":\"true\"", false},
        {"\"stream\":null", true},
        {"\"stream\":[]", false},
        {"\"timeout\":0", false},
        {"\"timeout\":1", true},
        {"\"timeout\":-1", false},
        {"\"timeout\":1.0", false},
        {"\"timeout\":1e3", false},
        {"\"timeout\":18446744073709551616", true},
        {"\"timeout\":99999999999999999999999999", true},
        {"\"timeout\":-99999999999999999999999999", false},
        {"\"timeout\":\"1\"", false},
        {"\"wait\":0", true},
        {"\"wait\":-0", true},
        {"\"wait\":-0.0", false},
        {"\"priority\":9", true},
        {"\"priority\":10", false},
        {"\"priority\":18446744073709551617", false},
        {"\"retries\":100", true},
        {"\"retries\":101", false},
        {"\"orphan\":\"finish\"", true},
        {"\"orphan\":\"finis\"", false},
        {"\"capacity\":65535", true},
        {"\"capacity\":65536", false},
        {"\"pipelines\":[]", false},
        {"\"pipelines\":[\"*\"]", true},
        {"\"pipelines\":[\"\\u0061\" , \"b\" ]", true},
        {"\"pipelines\":[\"$a\"]", false},
        {"\"pipelines\":[\"\\u0024a\"]", false},
        {"\"pipelines\":[\"\"]", false},
        {"\"pipelines\":[\"a\",1]", false},
        {"\"pipelines\":[\"a\",null]", false},
        {"\"pipelines\":[[\"a\"]]", false},
        {"\"pipelines\":\"a\"", false},
        {"\"name\":\"\"", true},
        {"\"name\":7", false},
        {"\"heartbeat\":99", false},
        {"\"heartbeat\":100", true},
        {"\"rc\":\"OK\"", true},
        {"\"rc\":\"ok\"", false},
        {"\"rc\":\"\"", false},
        {"\"rc\":0", false},
        {"\"error\":null", true},
        {"\"error\":{\"a\":1}", false},
        {"\"stacktrace\":[]", true},
        {"\"stacktrace\":[\"a\"]", true},
        {"\"stacktrace\":[true]", false},
        {"\"stacktrace\":\"a\"", false},
        {"\"result\":\"x\"", true},
        {"\"result\":[]", false},
        {"\"seq\":0", true},
        {"\"seq\":-1", false},
        {"\"unknown\":{\"cookie\":5,\"detach\":[]}", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[256];
        fault_t fault;
        packet_t packet;
        snprintf (header, sizeof header, "{%s}", cases[i].member);
        bool good = reads (slice_text (header), &fault);
        if (good != cases[i].good)
            fail_msg ("%s: %s", header, good ? "accepted" : fault.text);
        if (!good) {
            const char *end = strchr (cases[i].member + 1, '"');
            assert_memory_equal (fault.text, cases[i].member + 1,
                                 (size_t)(end - cases[i].member - 1));
        } else if (codec_read (slice_text (header), &packet, NULL) == 0) {
            assert_int_equal (packet.keys == 0,
                              strstr (header, "null") || strstr (header, "unknown"));
        }
    }
}

// RFC 8259; PROTOCOL 2: strings are valid UTF-8, at most 16 deep, nothing behind the header.
static void syntax_is_strict (void **state)
{
    static const header_case_t cases[] = {
        {OCTETS ("{}"), NULL},
        {OCTETS ("{ }"), NULL},
        {OCTETS ("{}\r\n\t "), NULL},
        {OCTETS ("{\n \"a\" :\t1 ,\r\"b\": [ ] }"), NULL},
        {OCTETS (""), "header: empty"},
        {OCTETS (" {}"), "header: neither"},
        {OCTETS ("[]"), "header: neither"},
        {OCTETS ("\xef\xbb\xbf{}"), "header: neither"},
        {OCTETS ("{}{}"), "header: malformed JSON at octet 2"},
        {OCTETS ("{}\0"), "header: malformed JSON at octet 2"},
        {OCTETS ("{,}"), "header: malformed JSON at octet 1"},
        {OCTETS ("{\"a\":1,}"), "header: malformed JSON at octet 7"},
        {OCTETS ("{\"a\" 1}"), "header: malformed"},
        {OCTETS ("{\"a\":}"), "a: malformed JSON at octet 5"},
        {OCTETS ("{\"a\":1 \"b\":2}"), "a: malformed"},
        {OCTETS ("{a:1}"), "header: malformed"},
        {OCTETS ("{'a':1}"), "header: malformed"},
        {OCTETS ("{1:1}"), "header: malformed"},
        {OCTETS ("{\"a\":[1,]}"), "a: malformed"},
        {OCTETS ("{\"a\":[1}"), "a: malformed"},
        {OCTETS ("{\"a\":[}"), "a: malformed"},
        {OCTETS ("{\"a\":{\"b\"}}"), "a: malformed"},
        {OCTETS ("{\"a\":tru}"), "a: malformed"},
        {OCTETS ("{\"a\":nul"), "a: malformed"},
        {OCTETS ("{\"a\":truex}"), "a: malformed"},
        {OCTETS ("{\"a\":NaN}"), "a: malformed"},
        {OCTETS ("{\"a\":Infinity}"), "a: malformed"},
        {OCTETS ("{\"a\":/**/1}"), "a: malformed"},
        {OCTETS ("{\"a\":0}"), NULL},
        {OCTETS ("{\"a\":-0}"), NULL},
        {OCTETS ("{\"a\":-12.50e+07}"), NULL},
        {OCTETS ("{\"a\":1E-999}"), NULL},
        {OCTETS ("{\"a\":01}"), "a: malformed"},
        {OCTETS ("{\"a\":-}"), "a: malformed"},
        {OCTETS ("{\"a\":-01}"), "a: malformed"},
        {OCTETS ("{\"a\":+1}"), "a: malformed"},
        {OCTETS ("{\"a\":.5}"), "a: malformed"},
        {OCTETS ("{\"a\":5.}"), "a: malformed"},
        {OCTETS ("{\"a\":5.e1}"), "a: malformed"},
        {OCTETS ("{\"a\":1e}"), "a: malformed"},
        {OCTETS ("{\"a\":1e+}"), "a: malformed"},
        {OCTETS ("{\"a\":0x1}"), "a: malformed"},
        {OCTETS ("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"}"), NULL},
        {OCTETS ("{\"a\":\"\\a\"}"), "a: malformed JSON at octet 6"},
        {OCTETS ("{\"a\":\"\\u12g4\"}"), "a: malformed"},
        {OCTETS ("{\"a\":\"\\u12\"}"), "a: malformed"},
        {OCTETS ("{\"a\":\"\\U0041\"}"), "a: malformed"},
        {OCTETS ("{\"a\":\"\n\"}"), "a: malformed"},
        {OCTETS ("{\"a\":\"\x1f\"}"), "a: malformed"},
        {OCTETS ("{\"a\":\"\0\"}"), "a: malformed"},
        {OCTETS ("{\"a\":\"\x7f\"}"), NULL},
        {OCTETS ("{\"a\":\"\\ud83d\\ude00\"}"), NULL},
        {OCTETS ("{\"a\":\"\\ud83d\"}"), "a: not Unicode"},
        {OCTETS ("{\"a\":\"\\ud83d\\u0041\"}"), "a: not Unicode"},
        {OCTETS ("{\"a\":\"\\ude00\"}"), "a: not Unicode"},
        {OCTETS ("{\"a\":\"\\ude00\\ud83d\"}"), "a: not Unicode"},
        {OCTETS ("{\"a\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}"), NULL},
        {OCTETS ("{\"a\":\"\xc3\"}"), "a: not UTF-8"},
        {OCTETS ("{\"a\":\"\xc0\x80\"}"), "a: not UTF-8"},
        {OCTETS ("{\"a\":\"\xe0\x9f\xbf\"}"), "a: not UTF-8"},
        {OCTETS ("{\"a\":\"\xed\xa0\x80\"}"), "a: not UTF-8"},
        {OCTETS ("{\"a\":\"\xf4\x90\x80\x80\"}"), "a: not UTF-8"},
        {OCTETS ("{\"a\":\"\xf5\x80\x80\x80\"}"), "a: not UTF-8"},
        {OCTETS ("{\"\xff\":1}"), "header: not UTF-8"},
        {OCTETS ("{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}"), NULL},
        {OCTETS ("{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"), "a: malformed"},
        {OCTETS ("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
                 "{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}}}}}}}}"),
         NULL},
    };

    (void)state;
    check_headers (cases, sizeof cases / sizeof *cases);
}

// PROTOCOL 2: a key that appears twice makes a bad packet, at whatever level.
static void a_key_appears_once (void **state)
{
    static const header_case_t cases[] = {
        {OCTETS ("{\"wait\":1,\"wait\":1}"), "wait: appears twice"},
        {OCTETS ("{\"wait\":null,\"wait\":1}"), "wait: appears twice"},
        {OCTETS ("{\"wait\":null,\"w\\u0061it\":null}"), "wait: appears twice"},
        {OCTETS ("{\"a\":1,\"b\":1,\"a\":1}"), "a: appears twice"},
        {OCTETS ("{\"a\":1,\"\\u0061\":1}"), "\\u0061: appears twice"},
        {OCTETS ("{\"\xc3\xa9\":1,\"\\u00E9\":1}"), "\\u00E9: appears twice"},
        {OCTETS ("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":1}"), "\\ud83d\\ude00: appears twice"},
        {OCTETS ("{\"\\u0000\":1,\"\\u0000\":1}"), "\\u0000: appears twice"},
        {OCTETS ("{\"\":1,\"\":1}"), "header: appears twice"},
        {OCTETS ("{\"\":1,\"a\":1,\"aa\":1,\"A\":1,\"\\u0000\":1}"), NULL},
        {OCTETS ("{\"a\":1,\"b\":{\"a\":1,\"b\":{\"a\":1}}}"), NULL},
        {OCTETS ("{\"a\":{\"x\":1,\"x\":1}}"), "a: key x appears twice inside"},
        {OCTETS ("{\"a\":[{\"x\":1},{\"x\":1,\"y\":{\"z\":1,\"z\":1}}]}"),
         "a: key z appears twice inside"},
        {OCTETS ("{\"a\":[{\"x\":1},{\"x\":1}]}"), NULL},
        {OCTETS ("{\"name\":{\"x\":1,\"x\":1}}"), "name: key x appears twice inside"},
    };

    (void)state;
    check_headers (cases, sizeof cases / sizeof *cases);
}

// A fault of meaning does not hide the cookie, whether it comes before or after.
static void the_cookie_survives_other_faults (void **state)
{
    static const struct {
        const char *header;
        bool cookie;
    } cases[] = {
        {"{\"timeout\":0,\"cookie\":\"" UUID "\"}", true},
        {"{\"cookie\":\"" UUID "\",\"timeout\":0}", true},
        {"{\"cookie\":\"" UUID "\",\"x\"", true},
        {"{\"error\":\"\\ud83d\",\"cookie\":\"" UUID "\"}", true},
        {"{\"error\":\"\xff\",\"cookie\":\"" UUID "\"}", true},
        {"{\"x\":1,\"x\":1,\"cookie\":\"" UUID "\"}", true},
        {"{\"cookie\":\"" UUID "\",\"cookie\":\"" UUID "\"}", false},
        {"{\"cookie\":\"" UUID "\",\"cookie\":null}", false},
        {"{\"cookie\":null,\"cookie\":\"" UUID "\"}", false},
        {"{\"cookie\":\"" UUID "\",\"x\":1,\"\\u0063ookie\":7}", false},
        {"{\"cookie\":\"junk\"}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        packet_t packet;
        assert_int_equal (codec_read (slice_text (cases[i].header), &packet, NULL), -1);
        assert_int_equal (packet_has (&packet, PACKET_BIT (COOKIE)), cases[i].cookie);
    }
}

static void the_first_fault_is_told (void **state)
{
    static const header_case_t cases[] = {
        {OCTETS ("{\"wait\":-1,\"timeout\":0}"), "wait: not an integer >= 0"},
        {OCTETS ("{\"timeout\":0,\"wait\":-1,"), "timeout: not an integer >= 1"},
        {OCTETS ("{\"priority\":10}"), "priority: not an integer from 0 to 9"},
        {OCTETS ("{\"cookie\":1,\"cookie\":1}"), "cookie: not a UUID"},
    };

    (void)state;
    check_headers (cases, sizeof cases / sizeof *cases);
}

static void a_long_key_is_cut_between_characters_in_a_fault (void **state)
{
    char header[512] = "{\"";
    fault_t fault;

    (void)state;
    for (int i = 0; i < 50; i++)
        strcat (header, "\xe2\x82\xac");
    strcat (header, "\":x}");
    assert_false (reads (slice_text (header), &fault));
    assert_true (utf8_valid (slice_text (fault.text)));
    assert_non_null (strstr (fault.text, "malformed JSON"));
}

static void no_proper_prefix_is_a_header (void **state)
{
    (void)state;
    no_prefix_is_read (HEADER (RUN));
    no_prefix_is_read (HEADER (ALL));
}

static void changed_octets_do_no_harm (void **state)
{
    (void)state;
    read_all_changes (HEADER (RUN));
    read_all_changes (HEADER (ALL));
}

static void escapes_are_resolved (void **state)
{
    static const struct {
        const char *raw;
        const char *text;
    } cases[] = {
        {"", ""},
        {"abc", "abc"},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac"},
        {"x\\ud83d\\uDE00y", "x\xf0\x9f\x98\x80y"},
        {"\\uffff\\udbff\\udfff", "\xef\xbf\xbf\xf4\x8f\xbf\xbf"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[128];
        packet_t packet;
        snprintf (header, sizeof header, "{\"name\":\"%s\"}", cases[i].raw);
        read_well (slice_text (header), &packet);
        assert_text (packet.name, cases[i].text);
    }
}

static void strings_are_walked (void **state)
{
    packet_t packet;
    text_t text;

    (void)state;
    read_well (HEADER ("{\"stacktrace\": [ \"a\" ,\"\\u0062]\",\n\"\" ]}"), &packet);
    slice_t rest = packet.stacktrace.raw;
    assert_true (strings_next (ENCODING_JSON, &rest, &text));
    assert_text (text, "a");
    assert_true (strings_next (ENCODING_JSON, &rest, &text));
    assert_text (text, "b]");
    assert_true (strings_next (ENCODING_JSON, &rest, &text));
    assert_text (text, "");
    assert_false (strings_next (ENCODING_JSON, &rest, &text));
    assert_false (strings_next (ENCODING_JSON, &rest, &text));

    read_well (HEADER ("{\"stacktrace\":[ ]}"), &packet);
    rest = packet.stacktrace.raw;
    assert_false (strings_next (ENCODING_JSON, &rest, &text));
}

// What is left is the header to the octet, less the member and one comma.
static void a_member_is_cut_with_one_comma (void **state)
{
    static const struct {
        const char *header;
        const char *left;
    } cases[] = {
        {"{\"variables\":\"x\"}", "{}"},
        {"{ \"variables\" : \"x\" }", "{  }"},
        {"{\"variables\":\"x\",\"wait\":1}", "{\"wait\":1}"},
        {"{\"variables\":\"x\" , \"wait\":1}", "{  \"wait\":1}"},
        {"{\"wait\":1,\"variables\":\"x\"}", "{\"wait\":1}"},
        {"{\"wait\":1 ,\t\"variables\":\"}\" } ", "{\"wait\":1 \t } "},
        {"{\"wait\":1,\"v\\u0061riables\":\"x,\",\"seq\":1}", "{\"wait\":1,\"seq\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        packet_t packet;
        slice_t header = slice_text (cases[i].header);
        read_well (header, &packet);
        assert_cut (header, packet.variables.member, slice_text (cases[i].left));
    }
}

TESTING_MAIN (cmocka_unit_test (every_key_is_read),
              cmocka_unit_test (every_known_key_is_found_by_its_name),
              cmocka_unit_test (values_are_checked_by_key),
              cmocka_unit_test (syntax_is_strict),
              cmocka_unit_test (a_key_appears_once),
              cmocka_unit_test (the_cookie_survives_other_faults),
              cmocka_unit_test (the_first_fault_is_told),
              cmocka_unit_test (a_long_key_is_cut_between_characters_in_a_fault),
              cmocka_unit_test (no_proper_prefix_is_a_header),
              cmocka_unit_test (changed_octets_do_no_harm),
              cmocka_unit_test (escapes_are_resolved),
              cmocka_unit_test (strings_are_walked),
              cmocka_unit_test (a_member_is_cut_with_one_comma), )
