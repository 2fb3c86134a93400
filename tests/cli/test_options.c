#include "cli/options.h"

#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

#include <errno.h>

static const option_t rows[] = {
    {.name = "serve", .letter = 's', .repeatable = true, .initial = "tcp://here"},
    {.name = "name", .letter = 'n', .type = OPTION_TEXT, .initial = "nobody"},
    {.name = "codec", .type = OPTION_CHOICE, .choices = "json|msgpack", .initial = "json"},
    {.name = "queue", .letter = 'q', .type = OPTION_NUMBER, .low = 1, .high = 1000, .number = 10},
    {.name = "drain", .type = OPTION_MILLISECONDS, .high = 86400000, .number = 30000},
    {.name = "outbox", .type = OPTION_OCTETS, .low = 1024, .high = UINT64_MAX, .number = 4096},
    {.name = "verbose", .letter = 'v', .type = OPTION_FLAG},
    {.name = "config", .type = OPTION_TEXT, .line_only = true},
    {.name = NULL},
};
static const option_t more_rows[] = {{.name = "insecure", .letter = 'i', .type = OPTION_FLAG},
                                     {.name = NULL}};
static const option_t *const tables[] = {rows, more_rows, NULL};

static void setup_rows (options_t **self)
{
    *self = options_new (tables);
    assert_non_null (*self);
}

#define LINE(...) ((const char *const[]){__VA_ARGS__})

// Parses the words, which must be good ones.
static options_t *parsed (int count, const char *const *words)
{
    options_t *self;
    fault_t fault = {""};

    setup_rows (&self);
    if (options_parse (self, count, words, &fault))
        fail_msg ("%s", fault.text);
    return self;
}

#define PARSED(...) parsed ((int)(sizeof LINE (__VA_ARGS__) / sizeof (char *)), LINE (__VA_ARGS__))

static void refused (const char *why, int count, const char *const *words)
{
    options_t *self;
    fault_t fault = {""};

    setup_rows (&self);
    errno = 0;
    assert_int_equal (options_parse (self, count, words, &fault), -1);
    assert_int_equal (errno, EINVAL);
    assert_string_equal (fault.text, why);
    options_destroy (&self);
}

#define REFUSED(why, ...)                                                                          \
    refused (why, (int)(sizeof LINE (__VA_ARGS__) / sizeof (char *)), LINE (__VA_ARGS__))

static void without_words_the_defaults_hold (void **state)
{
    (void)state;
    size_t count = 7;
    options_t *self = parsed (0, NULL);

    assert_int_equal (options_number (self, "queue"), 10);
    assert_int_equal (options_number (self, "drain"), 30000);
    assert_int_equal (options_number (self, "codec"), 0);
    assert_string_equal (options_text (self, "name"), "nobody");
    assert_string_equal (options_text (self, "codec"), "json");
    assert_null (options_text (self, "config"));
    assert_false (options_flag (self, "verbose"));
    assert_false (options_given (self, "queue"));
    assert_null (options_texts (self, "serve", &count));
    assert_int_equal (count, 0);
    assert_int_equal (options_argument_count (self), 0);
    assert_null (options_argument (self, 0));
    options_destroy (&self);
    assert_null (self);
    options_destroy (&self);
}

static void every_spelling_is_read (void **state)
{
    (void)state;
    options_t *self = PARSED ("--queue", "5", "--drain=2s", "-nbob", "-vv", "-iv", "-s", "a",
                              "--codec=msgpack", "--outbox", "64KiB", "-s=b");
    size_t count;

    assert_int_equal (options_number (self, "queue"), 5);
    assert_true (options_given (self, "queue"));
    assert_int_equal (options_number (self, "drain"), 2000);
    assert_string_equal (options_text (self, "name"), "bob");
    assert_int_equal (options_number (self, "verbose"), 3);
    assert_true (options_flag (self, "insecure"));
    assert_int_equal (options_number (self, "codec"), 1);
    assert_int_equal (options_number (self, "outbox"), 65536);
    const char *const *serve = options_texts (self, "serve", &count);
    assert_int_equal (count, 2);
    assert_string_equal (serve[0], "a");
    assert_string_equal (serve[1], "=b");
    options_destroy (&self);
}

static void the_last_of_several_counts_unless_all_do (void **state)
{
    (void)state;
    options_t *self = PARSED ("-q1", "-q2", "--name=a", "--name=b", "-s1", "-s2", "-s3");
    size_t count;

    assert_int_equal (options_number (self, "queue"), 2);
    assert_string_equal (options_text (self, "name"), "b");
    (void)options_texts (self, "serve", &count);
    assert_int_equal (count, 3);
    options_destroy (&self);
}

static void arguments_stand_anywhere (void **state)
{
    (void)state;
    options_t *self = PARSED ("echo", "-v", "-5", "-", "--queue", "7", "--", "--queue", "-v");

    assert_int_equal (options_argument_count (self), 5);
    assert_string_equal (options_argument (self, 0), "echo");
    assert_string_equal (options_argument (self, 1), "-5");
    assert_string_equal (options_argument (self, 2), "-");
    assert_string_equal (options_argument (self, 3), "--queue");
    assert_string_equal (options_argument (self, 4), "-v");
    assert_int_equal (options_number (self, "verbose"), 1);
    assert_int_equal (options_number (self, "queue"), 7);
    options_destroy (&self);
}

static void flags_may_be_said_outright (void **state)
{
    (void)state;
    options_t *self = PARSED ("--insecure=no", "-v", "--verbose=off");

    assert_false (options_flag (self, "insecure"));
    assert_true (options_given (self, "insecure"));
    assert_false (options_flag (self, "verbose"));
    options_destroy (&self);
    self = PARSED ("--insecure=yes", "--verbose=true", "--verbose=1");
    assert_true (options_flag (self, "insecure"));
    assert_int_equal (options_number (self, "verbose"), 2);
    options_destroy (&self);
}

static void help_ends_the_reading (void **state)
{
    (void)state;
    options_t *self = PARSED ("-h", "--nonsense");

    assert_true (options_flag (self, "help"));
    options_destroy (&self);
}

static void a_bad_line_is_named (void **state)
{
    (void)state;
    REFUSED ("unknown option --qeue; did you mean --queue?", "--qeue", "5");
    REFUSED ("unknown option --qeue; did you mean --queue?", "--qeue=5");
    REFUSED ("unknown option --zzzz", "--zzzz");
    REFUSED ("unknown option -x", "-vx");
    REFUSED ("--queue: needs a value", "--queue");
    REFUSED ("-q: needs a value", "-q");
    REFUSED ("--queue: \"\" is not a number", "--queue=");
    REFUSED ("--queue: \"abc\" is not a number", "--queue", "abc");
    REFUSED ("--queue: \"5x\" is not a number", "--queue", "5x");
    REFUSED ("--queue: \"-5\" is not a number", "--queue", "-5");
    REFUSED ("-q: \"0\" is less than 1", "-q0");
    REFUSED ("--queue: \"1001\" is more than 1000", "--queue=1001");
    REFUSED ("--queue: \"99999999999999999999\" is more than 1000", "-v",
             "--queue=99999999999999999999");
    REFUSED ("--drain: \"2d\" is not milliseconds (or 500ms, 2s, 5m, 1h)", "--drain=2d");
    REFUSED ("--outbox: \"1\" is less than 1KiB", "--outbox=1");
    REFUSED ("--outbox: \"64KB\" is not a number of octets (or 64KiB, 64MiB, 1GiB)",
             "--outbox=64KB");
    REFUSED ("--codec: \"xml\" is none of json|msgpack", "--codec", "xml");
    REFUSED ("--codec: \"json|msgpack\" is none of json|msgpack", "--codec", "json|msgpack");
    REFUSED ("--insecure: \"maybe\" is neither yes nor no", "--insecure=maybe");
    REFUSED ("--name: the value is empty", "--name=");
    REFUSED ("unknown option --?[2J", "--\033[2J");
}

static void the_line_wins_over_the_file (void **state)
{
    (void)state;
    options_t *self = PARSED ("-q", "5", "-s", "line", "--insecure=no");
    fault_t fault;
    size_t count;

    assert_int_equal (options_set (self, "queue", "7", OPTION_FROM_FILE, &fault), 0);
    assert_int_equal (options_number (self, "queue"), 5);
    assert_int_equal (options_set (self, "serve", "file", OPTION_FROM_FILE, &fault), 0);
    assert_string_equal (options_texts (self, "serve", &count)[0], "line");
    assert_int_equal (count, 1);
    assert_int_equal (options_set (self, "insecure", NULL, OPTION_FROM_FILE, &fault), 0);
    assert_false (options_flag (self, "insecure"));
    assert_int_equal (options_set (self, "drain", "1s", OPTION_FROM_FILE, &fault), 0);
    assert_int_equal (options_number (self, "drain"), 1000);
    assert_int_equal (options_source (self, "drain"), OPTION_FROM_FILE);
    assert_int_equal (options_set (self, "drain", "2s", OPTION_FROM_LINE, &fault), 0);
    assert_int_equal (options_number (self, "drain"), 2000);

    // What loses is checked all the same.
    assert_int_equal (options_set (self, "queue", "x", OPTION_FROM_FILE, &fault), -1);
    assert_string_equal (fault.text, "queue: \"x\" is not a number");
    assert_int_equal (options_set (self, "config", "x", OPTION_FROM_FILE, &fault), -1);
    assert_string_equal (fault.text, "config: stands on the command line only");
    assert_int_equal (options_set (self, "seve", "x", OPTION_FROM_FILE, &fault), -1);
    assert_string_equal (fault.text, "unknown option seve; did you mean serve?");
    options_destroy (&self);
}

static void spans_and_sizes_have_units (void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t number;
    } spans[] = {{"0", 0}, {"500ms", 500}, {"2s", 2000}, {"5m", 300000}, {"1h", 3600000}},
      sizes[] = {{"1024", 1024},
                 {"1024B", 1024},
                 {"1KiB", 1024},
                 {"3M", 3 << 20},
                 {"2GiB", UINT64_C (2) << 30},
                 {"18446744073709551615", UINT64_MAX}};

    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        options_t *self = PARSED ("--drain", spans[i].text);
        assert_int_equal (options_number (self, "drain"), spans[i].number);
        options_destroy (&self);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        options_t *self = PARSED ("--outbox", sizes[i].text);
        assert_true (options_number (self, "outbox") == sizes[i].number);
        options_destroy (&self);
    }
    REFUSED ("--outbox: \"18446744073709551616\" is more than 18446744073709551615", "--outbox",
             "18446744073709551616");
}

// Each allocation fails in its turn; nothing leaks and nothing is half done.
static void memory_may_run_out (void **state)
{
    (void)state;
    const char *const *line = LINE ("-s", "a", "-s", "b", "--queue=3", "word", "-v");
    bool failed = true;

    for (unsigned long n = 0; failed; n++) {
        fault_t fault = {""};
        alloc_fail_at (n);
        errno = 0;
        options_t *self = options_new (tables);
        int rc = self ? options_parse (self, 7, line, &fault) : -1;
        failed = alloc_failed ();
        alloc_fail_never ();
        assert_int_equal (rc, failed ? -1 : 0);
        assert_int_equal (errno, failed ? ENOMEM : 0);
        options_destroy (&self);
    }
}

TESTING_MAIN (cmocka_unit_test (without_words_the_defaults_hold),
              cmocka_unit_test (every_spelling_is_read),
              cmocka_unit_test (the_last_of_several_counts_unless_all_do),
              cmocka_unit_test (arguments_stand_anywhere),
              cmocka_unit_test (flags_may_be_said_outright),
              cmocka_unit_test (help_ends_the_reading),
              cmocka_unit_test (a_bad_line_is_named),
              cmocka_unit_test (the_line_wins_over_the_file),
              cmocka_unit_test (spans_and_sizes_have_units),
              cmocka_unit_test (memory_may_run_out), )
