/*  The options of a subcommand: tables of rows, and what a command line says about them.
 *
 *  A row is all that an option needs: parsing, checking, the configuration file, `--help` and the
 *  nearest name of a slip all come from it. Options that several commands share stand in a table
 *  of their own, and a command has a list of tables.
 *
 *      static const option_t rows[] = {
 *          {.name = "queue", .type = OPTION_NUMBER, .low = 1, .high = UINT32_MAX,
 *           .number = DEFAULT_QUEUE, .group = "Limits", .help = "Tasks that may wait."},
 *          {.name = NULL}};
 *      static const option_t *const tables[] = {rows, connection_options, NULL};
 *
 *  Parsing is pure: it prints nothing and never exits. Every command also has `-h, --help`.
 *
 *  Owns: copies of all texts it was given, from options_new () to options_destroy ().
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "fabric/buffer.h"
#include "fabric/fault.h"

typedef enum {
    OPTION_TEXT,         // any text but the empty one
    OPTION_FLAG,         // no argument, or `--name=yes|no`; its number is how often it was given
    OPTION_CHOICE,       // one of the words in `choices`; its number is the word's place
    OPTION_NUMBER,       // low to high
    OPTION_MILLISECONDS, // low to high; also 500ms, 2s, 5m, 1h
    OPTION_OCTETS        // low to high; also 64KiB, 64MiB, 1GiB
} option_type_t;

typedef struct {
    const char *name;     // without its dashes; NULL ends a table
    char letter;          // 0: none
    option_type_t type;   // TEXT if the row says nothing
    bool repeatable;      // every value counts, in order; else the last one does
    bool line_only;       // can't stand in a configuration file
    const char *argument; // its name in the help; NULL: by type
    const char *choices;  // "json|msgpack"
    uint64_t low, high;
    uint64_t number;     // the value if it was not given, of what has numbers
    const char *initial; // the value if it was not given, of TEXT and CHOICE; of the others only
                         // what the help shows instead of the number ("" shows nothing)
    const char *group;   // the heading in the help above this row and those that follow
    const char *help;    // sentences
} option_t;

// Who gave a value; a later one in this list wins over an earlier one.
typedef enum { OPTION_FROM_TABLE, OPTION_FROM_FILE, OPTION_FROM_LINE } option_source_t;

typedef struct options options_t;

// `tables` ends with NULL and must live as long as the options. NULL: ENOMEM.
options_t *options_new (const option_t *const *tables);
void options_destroy (options_t **self_p);

/*  Reads a command line without the names of program and command: `--name value`, `--name=value`,
 *  `-n value`, `-nvalue`, `-vv`; `--` ends the options; what is no option is an argument, and so
 *  is a lone `-` and what starts with `-` and a digit. Stops at --help.
 *  0, or -1 (EINVAL, ENOMEM) with a fault that names the option.
 */
int options_parse (options_t *self, int argc, const char *const *argv, fault_t *fault);

/*  Sets one option, as a line of a configuration file does; `value` NULL is a flag without one.
 *  A value from a weaker source than the one that is there is checked and dropped; the first one
 *  from a stronger source drops those that are there. 0, or -1 (EINVAL, ENOMEM) with a fault that
 *  names the option as `name`.
 */
int options_set (
    options_t *self, const char *name, const char *value, option_source_t source, fault_t *fault);

/*  What was given. `name` must stand in the tables, without dashes: anything else is a bug.
 *  Texts live as long as the options.
 */
bool options_given (const options_t *self, const char *name);
bool options_flag (const options_t *self, const char *name);
uint64_t options_number (const options_t *self, const char *name);  // FLAG: count; CHOICE: place
const char *options_text (const options_t *self, const char *name); // may be NULL if not given

// Who gave what is there now.
option_source_t options_source (const options_t *self, const char *name);

// All values of a repeatable option, in order; NULL and 0 if it was not given.
const char *const *options_texts (const options_t *self, const char *name, size_t *count);

size_t options_argument_count (const options_t *self);
const char *options_argument (const options_t *self, size_t place); // NULL beyond the last

// Walks the rows in the order of the tables, --help last; NULL at the end.
const option_t *options_row (const options_t *self, size_t place);

// The row of that name, or NULL.
const option_t *options_find (const options_t *self, const char *name);

// The name most like `name`, or NULL.
const char *options_nearest (const options_t *self, const char *name);

#endif
