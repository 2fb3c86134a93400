#include "cli/config.h"

#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

#include <errno.h>

static const option_t rows[] = {
    {.name = "serve", .repeatable = true},
    {.name = "name"},
    {.name = "queue", .type = OPTION_NUMBER, .low = 1, .high = 1000, .number = 10},
    {.name = "insecure", .type = OPTION_FLAG},
    {.name = "config", .line_only = true},
    {.name = NULL},
};
static const option_t *const tables[] = {rows, NULL};

static options_t *read_good (const char *text)
{
    options_t *options = options_new (tables);
    fault_t fault = {""};

    assert_non_null (options);
    if (config_read (options, slice_text (text), "f.conf", &fault))
        fail_msg ("%s", fault.text);
    return options;
}

static void refused (const char *text, const char *why)
{
    options_t *options = options_new (tables);
    fault_t fault = {""};

    errno = 0;
    assert_int_equal (config_read (options, slice_text (text), "f.conf", &fault), -1);
    assert_int_equal (errno, EINVAL);
    assert_string_equal (fault.text, why);
    options_destroy (&options);
}

static void options_and_comments_are_read (void **state)
{
    (void)state;
    options_t *options = read_good ("# a comment\n"
                                    "\n"
                                    "queue = 20   # another\n"
                                    "   # indented as it likes\n"
                                    "name=\"a # b\"  # quoted\r\n"
                                    "insecure\n");

    assert_int_equal (options_number (options, "queue"), 20);
    assert_string_equal (options_text (options, "name"), "a # b");
    assert_true (options_flag (options, "insecure"));
    options_destroy (&options);
    options = read_good ("insecure = no");
    assert_false (options_flag (options, "insecure"));
    options_destroy (&options);
    options = read_good ("");
    assert_false (options_given (options, "queue"));
    options_destroy (&options);
}

static void what_repeats_stands_again_or_has_children (void **state)
{
    (void)state;
    options_t *options = read_good ("serve = tcp://a:1\n"
                                    "serve = tcp://b:2\n"
                                    "    and = 'tcp://c:3'\n"
                                    "serve\n"
                                    "\n"
                                    "    # of these names nobody reads any\n"
                                    "    1 = tcp://d:4\n"
                                    "    1 = tcp://e:5\n"
                                    "queue\n"
                                    "    value = 7");
    size_t count;
    const char *const *serve = options_texts (options, "serve", &count);

    assert_int_equal (count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal (serve[i][6], 'a' + (char)i);
        assert_int_equal (strlen (serve[i]), 9);
    }
    assert_int_equal (options_number (options, "queue"), 7);
    options_destroy (&options);
}

static void a_bad_line_is_named_with_its_number (void **state)
{
    (void)state;
    refused ("queue = 5\n\nquue = 5\n", "f.conf:3: unknown option quue; did you mean queue?");
    refused ("quue\n\nname = x\n", "f.conf:1: unknown option quue; did you mean queue?");
    refused ("queue = abc", "f.conf:1: queue: \"abc\" is not a number");
    refused ("queue =", "f.conf:1: queue: \"\" is not a number");
    refused ("\nqueue\n\nname = x", "f.conf:2: queue: needs a value");
    refused ("name = x\nqueue\n", "f.conf:2: queue: needs a value");
    refused ("queue = 5\nqueue = 6\n", "f.conf:2: queue: stands there twice");
    refused ("queue = 5\n    x = 6\n", "f.conf:2: queue: stands there twice");
    refused ("serve\n    x = a\n    x\n", "f.conf:3: has no value");
    refused ("serve\n    x = a\n        y = b\n", "f.conf:3: indented too deep");
    refused ("serve\n  x = a\n", "f.conf:2: indented by other than four spaces a level");
    refused ("serve\n\tx = a\n", "f.conf:2: a tab: lines are indented by spaces, four a level");
    refused ("    x = a\n", "f.conf:1: indented, but below no option");
    refused ("what is this\n", "f.conf:1: not `name = value`");
    refused ("= 5\n", "f.conf:1: not `name = value`");
    refused ("name = \"x\n", "f.conf:1: a quote is missing");
    refused ("name = \"x\" y\n", "f.conf:1: something follows the quoted value");
    refused ("name = \"\"\n", "f.conf:1: name: the value is empty");
    refused ("config = x\n", "f.conf:1: config: stands on the command line only");
    refused ("help\n", "f.conf:1: help: stands on the command line only");
}

static void a_zero_octet_is_refused (void **state)
{
    (void)state;
    options_t *options = options_new (tables);
    fault_t fault;

    assert_int_equal (config_read (options, slice_of ("queue = 5\nna\0me", 15), "f", &fault), -1);
    assert_string_equal (fault.text, "f:2: a zero octet: this is no text");
    options_destroy (&options);
}

static void the_line_wins (void **state)
{
    (void)state;
    static const char *const words[] = {"--queue=5", "--serve=x", "--insecure=no"};
    options_t *options = options_new (tables);
    fault_t fault;
    size_t count;

    assert_int_equal (options_parse (options, 3, words, &fault), 0);
    assert_int_equal (
        config_read (options, slice_text ("queue=7\nserve=y\ninsecure\nname=z"), "f", &fault), 0);
    assert_int_equal (options_number (options, "queue"), 5);
    assert_string_equal (options_texts (options, "serve", &count)[0], "x");
    assert_int_equal (count, 1);
    assert_false (options_flag (options, "insecure"));
    assert_string_equal (options_text (options, "name"), "z");
    options_destroy (&options);
}

static void memory_may_run_out (void **state)
{
    (void)state;
    slice_t text = slice_text ("serve\n    1 = a\nname = b\ninsecure\nqueue = 5\n");
    bool failed = true;

    for (unsigned long n = 0; failed; n++) {
        options_t *options = options_new (tables);
        fault_t fault;
        alloc_fail_at (n);
        int rc = config_read (options, text, "f", &fault);
        failed = alloc_failed ();
        alloc_fail_never ();
        assert_int_equal (rc, failed ? -1 : 0);
        options_destroy (&options);
    }
}

TESTING_MAIN (cmocka_unit_test (options_and_comments_are_read),
              cmocka_unit_test (what_repeats_stands_again_or_has_children),
              cmocka_unit_test (a_bad_line_is_named_with_its_number),
              cmocka_unit_test (a_zero_octet_is_refused),
              cmocka_unit_test (the_line_wins),
              cmocka_unit_test (memory_may_run_out), )
