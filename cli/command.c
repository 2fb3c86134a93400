/*  The help is laid out in two columns: what to type, and from HELP_COLUMN on what it means.
 */
#include "cli/command.h"
#include "cli/option_value.h"

#include <errno.h>

#define WIDTH       80
#define HELP_COLUMN 29

int command_parse (
    const command_t *self, options_t *options, int argc, const char *const *argv, fault_t *fault)
{
    if (options_parse (options, argc, argv, fault))
        return -1;
    if (options_flag (options, "help"))
        return 0;
    size_t count = options_argument_count (options);
    if (count < self->least)
        fault_set (fault, "too few arguments; usage: zfabric %s [options] %s", self->name,
                   self->arguments);
    else if (count > self->most)
        fault_set (fault, "one argument too many: \"%.80s\"",
                   options_argument (options, self->most));
    else
        return 0;
    errno = EINVAL;
    return -1;
}

static void spaces (buffer_t *out, size_t count)
{
    while (count-- > 0)
        buffer_octet (out, ' ');
}

// Writes what stays together, from `column` on; `at`: where the line stands now.
static void put_piece (buffer_t *out, slice_t piece, size_t column, size_t *at)
{
    if (*at > column && *at + 1 + piece.len > WIDTH) {
        buffer_octet (out, '\n');
        *at = 0;
    }
    size_t gap = *at < column ? column - *at : *at > column;
    spaces (out, gap);
    buffer_slice (out, piece);
    *at += gap + piece.len;
}

static void put_words (buffer_t *out, const char *words, size_t column, size_t *at)
{
    while (*(words += strspn (words, " "))) {
        size_t len = strcspn (words, " ");
        put_piece (out, slice_of (words, len), column, at);
        words += len;
    }
}

static const char *argument_of (const option_t *row)
{
    if (row->argument)
        return row->argument;
    switch (row->type) {
    case OPTION_FLAG:
        return "";
    case OPTION_CHOICE:
        return row->choices;
    case OPTION_NUMBER:
        return "N";
    case OPTION_MILLISECONDS:
        return "MS";
    case OPTION_OCTETS:
        return "BYTES";
    case OPTION_TEXT:
        break;
    }
    return "TEXT";
}

// "(default: ...)", or nothing.
static void put_default (buffer_t *out, const option_t *row, size_t *at)
{
    buffer_t text;
    bool numeric = row->type != OPTION_TEXT && row->type != OPTION_CHOICE;

    if (row->type == OPTION_FLAG || (row->initial ? !*row->initial : !numeric))
        return;
    buffer_init (&text, 256);
    buffer_text (&text, "(default: ");
    if (row->initial)
        buffer_text (&text, row->initial);
    else
        option_value_write (row, row->number, &text);
    buffer_octet (&text, ')');
    put_piece (out, buffer_as_slice (&text), HELP_COLUMN, at);
    buffer_finish (&text);
}

static void put_row (buffer_t *out, const option_t *row)
{
    const char letter[] = {'-', row->letter, ',', ' ', '\0'};
    size_t start = out->len;

    buffer_text (out, "  ");
    buffer_text (out, row->letter ? letter : "    ");
    buffer_text (out, "--");
    buffer_text (out, row->name);
    if (*argument_of (row)) {
        buffer_octet (out, ' ');
        buffer_text (out, argument_of (row));
    }
    size_t at = out->len - start;
    if (at + 2 > HELP_COLUMN) {
        buffer_octet (out, '\n');
        at = 0;
    }
    put_words (out, row->help, HELP_COLUMN, &at);
    if (row->repeatable)
        put_words (out, "Repeatable.", HELP_COLUMN, &at);
    put_default (out, row, &at);
    buffer_octet (out, '\n');
}

static void put_paragraphs (buffer_t *out, const char *text)
{
    while (*text) {
        char line[1024];
        size_t len = strcspn (text, "\n"), at = 0;
        size_t kept = len < sizeof line ? len : sizeof line - 1;
        memcpy (line, text, kept);
        line[kept] = '\0';
        buffer_octet (out, '\n');
        put_words (out, line, 0, &at);
        buffer_octet (out, '\n');
        text += len + (text[len] == '\n');
    }
}

static void put_example (buffer_t *out, const char *text)
{
    buffer_text (out, "\nExample:\n");
    while (*text) {
        size_t len = strcspn (text, "\n");
        buffer_text (out, "  ");
        buffer_append (out, text, len);
        buffer_octet (out, '\n');
        text += len + (text[len] == '\n');
    }
}

void command_help (const command_t *self, const options_t *options, buffer_t *out)
{
    const option_t *row;
    const char *group = NULL;

    buffer_text (out, "usage: zfabric ");
    buffer_text (out, self->name);
    buffer_text (out, " [options]");
    if (*self->arguments)
        buffer_octet (out, ' ');
    buffer_text (out, self->arguments);
    buffer_octet (out, '\n');
    put_paragraphs (out, self->description);
    for (size_t i = 0; (row = options_row (options, i)); i++) {
        if (row->group && (!group || strcmp (row->group, group) != 0)) {
            group = row->group;
            buffer_octet (out, '\n');
            buffer_text (out, group);
            buffer_text (out, ":\n");
        }
        put_row (out, row);
    }
    put_example (out, self->example);
}
