/*  The command `zfabric`: finds the subcommand, reads its options, runs it.
 */
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/nearest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const command_t *const commands[] = {
#define X(name) &command_##name,
    COMMANDS (X)
#undef X
};

#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static void list_commands (FILE *file)
{
    fputs ("usage: zfabric COMMAND [options] [arguments]\n\n"
           "A message fabric: clients run tasks, a broker queues and gives them out,\n"
           "workers do them.\n\nCommands:\n",
           file);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf (file, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs ("\nzfabric COMMAND --help tells more about each.\n\n"
           "Example:\n"
           "  zfabric broker &\n"
           "  zfabric worker --run 'count=wc -w' &\n"
           "  zfabric run count '\"three short words\"'\n",
           file);
}

static const command_t *find_command (const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp (name, commands[i]->name) == 0)
            return commands[i];
    }
    return NULL;
}

static int refuse_command (const char *name)
{
    nearest_t nearest;

    nearest_init (&nearest, name);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        nearest_offer (&nearest, commands[i]->name);
    if (nearest_found (&nearest))
        return complain_usage ("unknown command %s; did you mean %s?", name,
                               nearest_found (&nearest));
    return complain_usage ("unknown command %s; zfabric --help lists them", name);
}

static int show_help (const command_t *command, const options_t *options)
{
    buffer_t text;

    buffer_init (&text, SIZE_MAX);
    command_help (command, options, &text);
    if (text.failed)
        return complain_failed ("out of memory");
    fwrite (text.data, 1, text.len, stdout);
    buffer_finish (&text);
    return complain_unwritten ();
}

static int run_command (const command_t *command, int argc, const char *const *argv)
{
    fault_t fault;
    int status;
    options_t *options = options_new (command->options);

    if (!options)
        return complain_failed ("out of memory");
    if (command_parse (command, options, argc, argv, &fault))
        status = complain_usage ("%s", fault.text);
    else if (options_flag (options, "help"))
        status = show_help (command, options);
    else
        status = command->run (options);
    options_destroy (&options);
    return status;
}

// `zfabric help run` is `zfabric run --help`.
static int help (const char *name)
{
    static const char *const line[] = {"--help"};

    if (!name) {
        list_commands (stdout);
        return complain_unwritten ();
    }
    const command_t *command = find_command (name);
    return command ? run_command (command, 1, line) : refuse_command (name);
}

int main (int argc, char **argv)
{
    if (argc < 2) {
        list_commands (stderr);
        return STATUS_USAGE;
    }
    const char *name = argv[1];
    if (strcmp (name, "help") == 0 || strcmp (name, "--help") == 0 || strcmp (name, "-h") == 0)
        return help (argv[2]);
    if (strcmp (name, "--version") == 0 || strcmp (name, "-V") == 0)
        return run_command (&command_version, 0, NULL);
    const command_t *command = find_command (name);
    if (!command)
        return refuse_command (name);
    return run_command (command, argc - 2, (const char *const *)argv + 2);
}
