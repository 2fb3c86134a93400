/*  A subcommand: its words for people, its options, and the function that does it.
 *
 *  To add one: a file command_NAME.c with a `const command_t command_NAME`, and a row in
 *  COMMANDS below.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/options.h"

typedef struct {
    const char *name;
    const char *summary;             // one line, for the list of commands
    const char *arguments;           // "PIPELINE [VARIABLES]"; "" if there are none
    unsigned least, most;            // how many arguments
    const char *description;         // a paragraph a line, for --help
    const char *example;             // lines, for the end of --help
    const option_t *const *options;  // tables, the last one NULL
    int (*run) (options_t *options); // returns the exit status
} command_t;

// Exit statuses. A task's code that is not OK is STATUS_RESULT + its number in zfabric_rc_t.
#define STATUS_OK          0
#define STATUS_FAILED      1   // the command could not do its work
#define STATUS_USAGE       2   // a bad option or argument
#define STATUS_RESULT      10  // BAD_PACKET is 11 ... FORBIDDEN is 22
#define STATUS_INTERRUPTED 130 // left at a Ctrl-C, as shells have it

// Every command, in the order of the help.
#define COMMANDS(X)                                                                                \
    X (broker)                                                                                     \
    X (worker)                                                                                     \
    X (bridge)                                                                                     \
    X (run)                                                                                        \
    X (cancel)                                                                                     \
    X (status)                                                                                     \
    X (keygen)                                                                                     \
    X (bench)                                                                                      \
    X (version)

#define X(name) extern const command_t command_##name;
COMMANDS (X)
#undef X

/*  Reads a command line without the names of program and command, and counts its arguments. Pure,
 *  as options_parse () is. 0, or -1 (EINVAL, ENOMEM) with a fault.
 */
int command_parse (
    const command_t *self, options_t *options, int argc, const char *const *argv, fault_t *fault);

// Writes the `--help` of a command, 80 columns wide. `options`: made from its tables.
void command_help (const command_t *self, const options_t *options, buffer_t *out);

#endif
