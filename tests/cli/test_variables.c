#include "cli/variables.h"

#include "tests/support/testing.h"

#include <errno.h>

static buffer_t out;
static fault_t fault;

static int start (void **state)
{
    (void)state;
    buffer_init (&out, SIZE_MAX);
    fault = (fault_t){""};
    errno = 0;
    return 0;
}

static int finish (void **state)
{
    (void)state;
    buffer_finish (&out);
    return 0;
}

static void expect (const void *octets, size_t len)
{
    assert_int_equal (out.len, len);
    assert_memory_equal (out.data, octets, len);
    buffer_reset (&out);
}

static void json_goes_as_it_is_or_packed (void **state)
{
    (void)state;
    slice_t json = slice_text (" {\"a\": [1, 18446744073709551615]} ");

    assert_int_equal (variables_encode (json, ENCODING_JSON, "it", &out, &fault), 0);
    expect (json.ptr, json.len);
    assert_int_equal (variables_encode (json, ENCODING_MSGPACK, "it", &out, &fault), 0);
    expect ("\x81\xa1"
            "a\x92\x01\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
            14);
}

static void what_is_not_json_is_refused (void **state)
{
    (void)state;
    static const char *const bad[] = {"", "hello", "{", "[1,]", "{\"a\":1} x", "'a'", "\"\xff\""};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (int codec = ENCODING_JSON; codec <= ENCODING_MSGPACK; codec++) {
            slice_t text = slice_text (bad[i]);
            assert_int_equal (variables_encode (text, (encoding_t)codec, "it", &out, &fault), -1);
            assert_int_equal (errno, EPROTO);
            assert_int_equal (out.len, 0);
            assert_memory_equal (fault.text, "it", 2);
        }
    }
}

static void line (const char *text, const char *expected)
{
    assert_int_equal (variables_line (slice_text (text), ENCODING_JSON, &out, &fault), 0);
    expect (expected, strlen (expected));
}

static void a_line_is_json_or_a_string (void **state)
{
    (void)state;
    line ("{\"a\":1}", "{\"a\":1}");
    line ("12", "12");
    line ("\"x\"", "\"x\"");
    line ("", "\"\"");
    line ("/usr/share/a file \"x\"", "\"/usr/share/a file \\\"x\\\"\"");
    assert_int_equal (variables_line (slice_text ("abc"), ENCODING_MSGPACK, &out, &fault), 0);
    expect ("\xa3"
            "abc",
            4);
    assert_int_equal (variables_line (slice_text ("a\xff"), ENCODING_JSON, &out, &fault), -1);
    assert_int_equal (errno, EILSEQ);
    assert_int_equal (out.len, 0);
}

#define BUILD(...)                                                                                 \
    variables_build ((const char *const[]){__VA_ARGS__},                                           \
                     sizeof ((const char *const[]){__VA_ARGS__}) / sizeof (char *), &out, &fault)

static void expect_text (const char *text)
{
    expect (text, strlen (text));
}

static void pairs_make_an_object (void **state)
{
    (void)state;
    assert_int_equal (BUILD ("a=1", "b=two", "c={\"d\":[true]}", "e=", "f=x=y", "g=\"1\""), 0);
    expect_text (
        "{\"a\":1,\"b\":\"two\",\"c\":{\"d\":[true]},\"e\":\"\",\"f\":\"x=y\",\"g\":\"1\"}");
    assert_int_equal (BUILD ("a=1", "b=2", "a=3"), 0);
    expect_text ("{\"b\":2,\"a\":3}");
    assert_int_equal (BUILD ("n=18446744073709551615", "q\"=null"), 0);
    expect_text ("{\"n\":18446744073709551615,\"q\\\"\":null}");
}

static void a_bad_pair_is_named (void **state)
{
    (void)state;
    assert_int_equal (BUILD ("a=1", "b"), -1);
    assert_int_equal (errno, EINVAL);
    assert_string_equal (fault.text, "\"b\" is not KEY=VALUE");
    assert_int_equal (BUILD ("=1"), -1);
    assert_string_equal (fault.text, "\"=1\" is not KEY=VALUE");
    assert_int_equal (BUILD ("a=\xff"), -1);
    assert_int_equal (errno, EILSEQ);
}

static void show (const char *octets, encoding_t encoding, bool one_line, const char *expected)
{
    assert_int_equal (variables_show (slice_text (octets), encoding, one_line, &out, &fault), 0);
    expect_text (expected);
}

static void results_are_shown_as_text (void **state)
{
    (void)state;
    show ("{\n  \"a\": 1\r\n}", ENCODING_JSON, false, "{\n  \"a\": 1\r\n}");
    show ("{\n  \"a\": 1\r\n}", ENCODING_JSON, true, "{   \"a\": 1  }");
    show ("\x93\x01\xa1x\xc2", ENCODING_MSGPACK, true, "[1,\"x\",false]");
    show ("a\nb\n", ENCODING_RAW, false, "a\nb\n");
    show ("a\n", ENCODING_RAW, true, "a");
    assert_int_equal (variables_show (slice_of ("\0\xff", 2), ENCODING_RAW, true, &out, &fault), 0);
    expect ("\0\xff", 2);
    assert_int_equal (variables_show (slice_of (NULL, 0), ENCODING_JSON, true, &out, &fault), 0);
    assert_int_equal (out.len, 0);
    assert_int_equal (variables_show (slice_text ("\xc1"), ENCODING_MSGPACK, true, &out, &fault),
                      -1);
    assert_int_equal (errno, EPROTO);
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, start, finish)

TESTING_MAIN (CASE (json_goes_as_it_is_or_packed),
              CASE (what_is_not_json_is_refused),
              CASE (a_line_is_json_or_a_string),
              CASE (pairs_make_an_object),
              CASE (a_bad_pair_is_named),
              CASE (results_are_shown_as_text), )
