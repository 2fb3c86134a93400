#include "cli/command.h"

#include "tests/support/testing.h"

#include <errno.h>

static const option_t rows[] = {
    {.name = "serve",
     .repeatable = true,
     .argument = "ENDPOINT",
     .initial = "tcp://here",
     .group = "Endpoints",
     .help = "Where to listen for clients."},
    {.name = "a-name-that-leaves-no-room", .argument = "THING", .help = "Stands on two lines."},
    {.name = "queue",
     .letter = 'q',
     .type = OPTION_NUMBER,
     .low = 1,
     .high = 1000,
     .number = 10,
     .group = "Limits",
     .help = "How many tasks may wait until one of the workers has a slot for them, which takes "
             "more than a line."},
    {.name = "drain", .type = OPTION_MILLISECONDS, .initial = "none", .help = "Time."},
    {.name = "wait", .type = OPTION_MILLISECONDS, .initial = "", .help = "Time."},
    {.name = "outbox", .type = OPTION_OCTETS, .number = 16 << 20, .help = "Room."},
    {.name = "codec", .type = OPTION_CHOICE, .choices = "a|b", .initial = "a", .help = "Which."},
    {.name = NULL},
};
static const option_t *const tables[] = {rows, NULL};

static const command_t command = {
    .name = "try",
    .arguments = "THING [OTHER]",
    .least = 1,
    .most = 2,
    .description = "Tries a thing.\nA paragraph is a line in the table, and is broken here where "
                   "the eightieth column comes.",
    .example = "zfabric try this\nzfabric try that",
    .options = tables,
};

static const char expected[] =
    "usage: zfabric try [options] THING [OTHER]\n"
    "\n"
    "Tries a thing.\n"
    "\n"
    "A paragraph is a line in the table, and is broken here where the eightieth\n"
    "column comes.\n"
    "\n"
    "Endpoints:\n"
    "      --serve ENDPOINT       Where to listen for clients. Repeatable.\n"
    "                             (default: tcp://here)\n"
    "      --a-name-that-leaves-no-room THING\n"
    "                             Stands on two lines.\n"
    "\n"
    "Limits:\n"
    "  -q, --queue N              How many tasks may wait until one of the workers\n"
    "                             has a slot for them, which takes more than a line.\n"
    "                             (default: 10)\n"
    "      --drain MS             Time. (default: none)\n"
    "      --wait MS              Time.\n"
    "      --outbox BYTES         Room. (default: 16MiB)\n"
    "      --codec a|b            Which. (default: a)\n"
    "\n"
    "Other:\n"
    "  -h, --help                 Show this text.\n"
    "\n"
    "Example:\n"
    "  zfabric try this\n"
    "  zfabric try that\n";

static void help_is_made_of_the_table (void **state)
{
    (void)state;
    options_t *options = options_new (tables);
    buffer_t text;

    buffer_init (&text, SIZE_MAX);
    command_help (&command, options, &text);
    buffer_octet (&text, '\0');
    assert_string_equal ((const char *)text.data, expected);
    buffer_finish (&text);
    options_destroy (&options);
}

static void parse (int count, const char *const *words, const char *why)
{
    options_t *options = options_new (tables);
    fault_t fault = {""};

    assert_int_equal (command_parse (&command, options, count, words, &fault), *why ? -1 : 0);
    assert_string_equal (fault.text, why);
    options_destroy (&options);
}

static void arguments_are_counted (void **state)
{
    (void)state;
    const char *const words[] = {"a", "b", "c", "--help"};

    parse (0, words, "too few arguments; usage: zfabric try [options] THING [OTHER]");
    parse (1, words, "");
    parse (2, words, "");
    parse (3, words, "one argument too many: \"c\"");
    parse (4, words, "");
}

TESTING_MAIN (cmocka_unit_test (help_is_made_of_the_table),
              cmocka_unit_test (arguments_are_counted), )
