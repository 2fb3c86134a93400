#include "cli/columns.h"
#include "cli/log.h"
#include "cli/safe_text.h"

#include "tests/support/testing.h"

static buffer_t out;

static int start (void **state)
{
    (void)state;
    buffer_init (&out, SIZE_MAX);
    return 0;
}

static int finish (void **state)
{
    (void)state;
    buffer_finish (&out);
    return 0;
}

static void expect (const char *text)
{
    buffer_octet (&out, '\0');
    assert_string_equal ((const char *)out.data, text);
    buffer_reset (&out);
}

static void safe (const char *text, const char *expected)
{
    safe_text_append (slice_text (text), &out);
    expect (expected);
}

static void controls_are_made_visible (void **state)
{
    (void)state;
    safe ("plain \\ text", "plain \\ text");
    safe ("a\nb\tc\rd", "a\\nb\\tc\\rd");
    safe ("\033[2J\a\x7f", "\\x1b[2J\\x07\\x7f");
    safe ("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
    safe ("\xc2\x9b"
          "2J",
          "\\xc2\\x9b2J"); // U+009B: ESC [ in one character
    safe ("\xc2\xa0", "\xc2\xa0");
    safe ("\xff\xc3", "\\xff\\xc3");
    safe ("", "");
    safe_text_append (slice_of ("a\0b", 3), &out);
    expect ("a\\x00b");
}

static void a_log_line_has_its_time_and_level (void **state)
{
    (void)state;
    log_format (1795428000123, ZFABRIC_LOG_INFO, "worker 7 \033[31mis here\n", &out);
    expect ("2026-11-23T10:00:00.123Z INFO worker 7 \\x1b[31mis here\\n\n");
    log_format (0, ZFABRIC_LOG_WARNING, "", &out);
    expect ("1970-01-01T00:00:00.000Z WARNING \n");
    log_format (999, ZFABRIC_LOG_ERROR, "x", &out);
    expect ("1970-01-01T00:00:00.999Z ERROR x\n");
    log_format (1000, ZFABRIC_LOG_DEBUG, "x", &out);
    expect ("1970-01-01T00:00:01.000Z DEBUG x\n");
}

static void a_table_is_aligned (void **state)
{
    (void)state;
    columns_t table;

    columns_init (&table, "name|busy>|pipelines");
    columns_cell (&table, slice_text ("gr\xc3\xbc\xc3\x9f"));
    columns_number (&table, 1234567);
    columns_cell (&table, slice_text ("echo"));
    columns_cell (&table, slice_text ("a-longer-name"));
    columns_number (&table, 0);
    columns_cell (&table, slice_text (""));
    columns_write (&table, 0, &out);
    expect ("name                busy  pipelines\n"
            "gr\xc3\xbc\xc3\x9f           1,234,567  echo\n"
            "a-longer-name          0\n");
    columns_write (&table, 20, &out);
    expect ("name                \n"
            "gr\xc3\xbc\xc3\x9f           1,234\n"
            "a-longer-name       \n");
    columns_finish (&table);
}

static void a_table_without_rows_has_heads (void **state)
{
    (void)state;
    columns_t table;

    columns_init (&table, "one>|two");
    columns_write (&table, 80, &out);
    expect ("one  two\n");
    columns_finish (&table);
}

static void numbers_have_commas (void **state)
{
    (void)state;
    static const struct {
        uint64_t number;
        const char *text;
    } cases[] = {{0, "0"},
                 {999, "999"},
                 {1000, "1,000"},
                 {999999, "999,999"},
                 {1000000, "1,000,000"},
                 {UINT64_MAX, "18,446,744,073,709,551,615"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        columns_put_number (cases[i].number, &out);
        expect (cases[i].text);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, start, finish)

TESTING_MAIN (CASE (controls_are_made_visible),
              CASE (a_log_line_has_its_time_and_level),
              CASE (a_table_is_aligned),
              CASE (a_table_without_rows_has_heads),
              CASE (numbers_have_commas), )
