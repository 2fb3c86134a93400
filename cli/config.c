/*  Line by line. An option that stands there without a value waits for its children: only the next
 *  line at the margin, or the end, tells whether it is a flag.
 */
#include "cli/config.h"

#include <errno.h>
#include <stdlib.h>

#define INDENT 4 // spaces a level, by the RFC

typedef struct {
    options_t *options;
    fault_t *why;
    char *line;      // the one at hand, cut into strings in place
    unsigned number; // of it, from 1
    char *parent;    // owned; the option at the margin that children belong to, or NULL
    unsigned parent_number;
    bool alone; // it has had neither value nor children yet
} reader_t;

static int refuse (reader_t *self, const char *words)
{
    fault_set (self->why, "%s", words);
    errno = EINVAL;
    return -1;
}

static bool is_name (char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || (c && strchr ("$-_@.&+/", c));
}

static char *skip_spaces (char *at)
{
    return at + strspn (at, " \t\r");
}

// Cuts a value out of the rest of a line; its end must be the end of the line.
static int read_value (reader_t *self, char *at, char **value)
{
    if (*at == '"' || *at == '\'') {
        char *end = strchr (at + 1, *at);
        if (!end)
            return refuse (self, "a quote is missing");
        char *rest = skip_spaces (end + 1);
        if (*rest && *rest != '#')
            return refuse (self, "something follows the quoted value");
        *end = '\0';
        *value = at + 1;
        return 0;
    }
    at[strcspn (at, "#")] = '\0';
    for (size_t len = strlen (at); len > 0 && strchr (" \t\r", at[len - 1]); len--)
        at[len - 1] = '\0';
    *value = at;
    return 0;
}

// Cuts `name = value` or `name`; *value is NULL then.
static int read_member (reader_t *self, char *at, char **name, char **value)
{
    char *start = at;

    while (is_name (*at))
        at++;
    char *end = at;
    at = skip_spaces (at);
    if (end == start || (*at && *at != '=' && *at != '#'))
        return refuse (self, "not `name = value`");
    *name = start;
    *value = NULL;
    if (*at == '=' && read_value (self, skip_spaces (at + 1), value))
        return -1;
    *end = '\0';
    return 0;
}

static int set (reader_t *self, const char *name, const char *value)
{
    const option_t *row = options_find (self->options, name);

    if (row && !row->repeatable && row->type != OPTION_FLAG
        && options_source (self->options, name) == OPTION_FROM_FILE) {
        fault_set (self->why, "%s: stands there twice", name);
        errno = EINVAL;
        return -1;
    }
    return options_set (self->options, name, value, OPTION_FROM_FILE, self->why);
}

// Nothing more belongs to the option at the margin.
static int close_parent (reader_t *self)
{
    unsigned number = self->number;

    if (!self->parent)
        return 0;
    self->number = self->parent_number;
    if (self->alone && set (self, self->parent, NULL))
        return -1;
    self->number = number;
    free (self->parent);
    self->parent = NULL;
    return 0;
}

static int open_parent (reader_t *self, const char *name, const char *value)
{
    size_t size = strlen (name) + 1;

    if (value ? set (self, name, value) : !options_find (self->options, name))
        return value ? -1 : set (self, name, NULL); // which names the nearest
    self->parent = (char *)malloc (size);
    if (!self->parent) {
        fault_set (self->why, "out of memory");
        errno = ENOMEM;
        return -1;
    }
    memcpy (self->parent, name, size);
    self->parent_number = self->number;
    self->alone = !value;
    return 0;
}

static int read_line (reader_t *self)
{
    size_t indent = strspn (self->line, " ");
    char *at = self->line + indent, *name, *value;

    if (!*skip_spaces (at) || *skip_spaces (at) == '#')
        return 0;
    if (*at == '\t')
        return refuse (self, "a tab: lines are indented by spaces, four a level");
    if (indent % INDENT)
        return refuse (self, "indented by other than four spaces a level");
    if (indent == 0 && close_parent (self))
        return -1;
    if (read_member (self, at, &name, &value))
        return -1;
    if (indent == 0)
        return open_parent (self, name, value);
    if (!self->parent)
        return refuse (self, "indented, but below no option");
    if (indent > INDENT)
        return refuse (self, "indented too deep");
    if (!value)
        return refuse (self, "has no value");
    self->alone = false;
    return set (self, self->parent, value);
}

int config_read (options_t *options, slice_t text, const char *file, fault_t *fault)
{
    fault_t why = {""};
    reader_t reader = {.options = options, .why = &why};
    buffer_t line;
    int rc = 0;

    buffer_init (&line, SIZE_MAX);
    while (rc == 0 && text.len > 0) {
        const uint8_t *newline = (const uint8_t *)memchr (text.ptr, '\n', text.len);
        size_t len = newline ? (size_t)(newline - text.ptr) : text.len;
        size_t taken = newline ? len + 1 : len;
        reader.number++;
        buffer_reset (&line);
        buffer_append (&line, text.ptr, len);
        buffer_octet (&line, '\0');
        reader.line = (char *)line.data;
        if (line.failed)
            rc = refuse (&reader, "out of memory");
        else if (memchr (text.ptr, '\0', len))
            rc = refuse (&reader, "a zero octet: this is no text");
        else
            rc = read_line (&reader);
        text = slice_of (text.ptr + taken, text.len - taken);
    }
    if (rc == 0)
        rc = close_parent (&reader);
    if (rc)
        fault_set (fault, "%.100s:%u: %s", file, reader.number, why.text);
    free (reader.parent);
    buffer_finish (&line);
    return rc;
}
