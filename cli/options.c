/*  One entry for each row of the tables, found by walking: a command has some twenty of them.
 */
#include "cli/options.h"
#include "cli/nearest.h"
#include "cli/option_value.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

typedef struct {
    const option_t *row;
    option_source_t source; // of the values that are there
    char **texts;           // owned; the given values, of a single-valued option at most one
    size_t count;
    uint64_t number; // of the last one
} entry_t;

struct options {
    entry_t *entries;
    size_t count;
    char **arguments; // owned
    size_t argument_count;
};

static const option_t help_row[] = {{.name = "help",
                                     .letter = 'h',
                                     .type = OPTION_FLAG,
                                     .line_only = true,
                                     .group = "Other",
                                     .help = "Show this text."},
                                    {.name = NULL}};

static size_t count_rows (const option_t *rows)
{
    size_t count = 0;

    while (rows[count].name)
        count++;
    return count;
}

static void add_rows (options_t *self, const option_t *rows)
{
    for (; rows->name; rows++) {
        assert (!options_find (self, rows->name));
        self->entries[self->count++] = (entry_t){.row = rows, .number = rows->number};
    }
}

options_t *options_new (const option_t *const *tables)
{
    size_t count = count_rows (help_row);

    for (size_t i = 0; tables[i]; i++)
        count += count_rows (tables[i]);
    options_t *self = (options_t *)calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->entries = (entry_t *)calloc (count, sizeof *self->entries);
    if (!self->entries) {
        free (self);
        return NULL;
    }
    for (size_t i = 0; tables[i]; i++)
        add_rows (self, tables[i]);
    add_rows (self, help_row);
    return self;
}

static void clear_texts (char ***texts, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        free ((*texts)[i]);
    free (*texts);
    *texts = NULL;
    *count = 0;
}

void options_destroy (options_t **self_p)
{
    options_t *self = *self_p;

    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        clear_texts (&self->entries[i].texts, &self->entries[i].count);
    clear_texts (&self->arguments, &self->argument_count);
    free (self->entries);
    free (self);
    *self_p = NULL;
}

static int add_text (char ***texts, size_t *count, const char *text, fault_t *fault)
{
    size_t size = strlen (text) + 1;
    char *copy = (char *)malloc (size);
    char **grown = copy ? (char **)realloc (*texts, (*count + 1) * sizeof *grown) : NULL;

    if (!grown) {
        free (copy);
        fault_set (fault, "out of memory");
        errno = ENOMEM;
        return -1;
    }
    memcpy (copy, text, size);
    grown[(*count)++] = copy;
    *texts = grown;
    return 0;
}

static entry_t *find_entry (const options_t *self, const char *name, size_t len)
{
    for (size_t i = 0; i < self->count; i++) {
        if (slice_equal (slice_text (self->entries[i].row->name), slice_of (name, len)))
            return &self->entries[i];
    }
    return NULL;
}

static entry_t *find_letter (const options_t *self, char letter)
{
    for (size_t i = 0; i < self->count; i++) {
        if (letter && self->entries[i].row->letter == letter)
            return &self->entries[i];
    }
    return NULL;
}

// `shown`: the option as its user spelled it, for the fault.
static int set_entry (
    entry_t *entry, const char *shown, const char *value, option_source_t source, fault_t *fault)
{
    uint64_t number = 0;
    fault_t why;
    bool flag = entry->row->type == OPTION_FLAG;

    if (value ? option_value_read (entry->row, value, &number, &why) : !flag) {
        fault_set (fault, "%s: %s", shown, value ? why.text : "needs a value");
        errno = EINVAL;
        return -1;
    }
    if (entry->row->line_only && source != OPTION_FROM_LINE) {
        fault_set (fault, "%s: stands on the command line only", shown);
        errno = EINVAL;
        return -1;
    }
    if (source < entry->source)
        return 0;
    if (source > entry->source || !entry->row->repeatable)
        clear_texts (&entry->texts, &entry->count);
    if (flag) {
        bool on = !value || number;
        uint64_t before = source == entry->source ? entry->number : 0;
        number = on ? before + 1 : 0;
        value = on ? "yes" : "no";
    }
    if (add_text (&entry->texts, &entry->count, value, fault))
        return -1;
    entry->source = source;
    entry->number = number;
    return 0;
}

int options_set (
    options_t *self, const char *name, const char *value, option_source_t source, fault_t *fault)
{
    entry_t *entry = find_entry (self, name, strlen (name));

    if (entry)
        return set_entry (entry, name, value, source, fault);
    const char *nearest = options_nearest (self, name);
    fault_set (fault, "unknown option %.80s%s%s%s", name, nearest ? "; did you mean " : "",
               nearest ? nearest : "", nearest ? "?" : "");
    errno = EINVAL;
    return -1;
}

static int refuse_unknown (const options_t *self, const char *word, size_t len, fault_t *fault)
{
    char name[NEAREST_WORD_MAX + 2];
    size_t kept = len < sizeof name ? len : sizeof name - 1;

    memcpy (name, word, kept);
    name[kept] = '\0';
    const char *nearest = options_nearest (self, name);
    fault_set (fault, "unknown option --%s%s%s%s", name, nearest ? "; did you mean --" : "",
               nearest ? nearest : "", nearest ? "?" : "");
    errno = EINVAL;
    return -1;
}

// The words that are still to be read.
typedef struct {
    const char *const *words;
    int left;
} line_t;

static const char *next_word (line_t *line)
{
    if (line->left == 0)
        return NULL;
    line->left--;
    return *line->words++;
}

// `word` without its two dashes.
static int parse_long (options_t *self, const char *word, line_t *line, fault_t *fault)
{
    size_t len = strcspn (word, "=");
    entry_t *entry = find_entry (self, word, len);
    char shown[NEAREST_WORD_MAX + 3] = "--";

    if (!entry)
        return refuse_unknown (self, word, len, fault);
    strncat (shown, entry->row->name, NEAREST_WORD_MAX);
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    if (!value && entry->row->type != OPTION_FLAG)
        value = next_word (line);
    return set_entry (entry, shown, value, OPTION_FROM_LINE, fault);
}

// `word` without its dash: letters of flags, and perhaps one with a value.
static int parse_letters (options_t *self, const char *word, line_t *line, fault_t *fault)
{
    for (; *word; word++) {
        entry_t *entry = find_letter (self, *word);
        const char shown[] = {'-', *word, '\0'};

        if (!entry) {
            fault_set (fault, "unknown option %s", shown);
            errno = EINVAL;
            return -1;
        }
        if (entry->row->type == OPTION_FLAG) {
            if (set_entry (entry, shown, NULL, OPTION_FROM_LINE, fault))
                return -1;
            continue;
        }
        const char *value = word[1] ? word + 1 : next_word (line);
        return set_entry (entry, shown, value, OPTION_FROM_LINE, fault);
    }
    return 0;
}

static bool is_option (const char *word)
{
    return word[0] == '-' && word[1] != '\0' && !(word[1] >= '0' && word[1] <= '9');
}

int options_parse (options_t *self, int argc, const char *const *argv, fault_t *fault)
{
    line_t line = {argv, argc};
    const char *word;
    bool over = false;

    while ((word = next_word (&line))) {
        int rc = 0;
        if (over || !is_option (word))
            rc = add_text (&self->arguments, &self->argument_count, word, fault);
        else if (strcmp (word, "--") == 0)
            over = true;
        else if (word[1] == '-')
            rc = parse_long (self, word + 2, &line, fault);
        else
            rc = parse_letters (self, word + 1, &line, fault);
        if (rc)
            return -1;
        if (options_flag (self, "help"))
            return 0;
    }
    return 0;
}

// The entry of a name that this program knows to be in the tables.
static const entry_t *known (const options_t *self, const char *name)
{
    const entry_t *entry = find_entry (self, name, strlen (name));

    assert (entry);
    return entry;
}

bool options_given (const options_t *self, const char *name)
{
    return known (self, name)->count > 0;
}

bool options_flag (const options_t *self, const char *name)
{
    return known (self, name)->number > 0;
}

uint64_t options_number (const options_t *self, const char *name)
{
    return known (self, name)->number;
}

const char *options_text (const options_t *self, const char *name)
{
    const entry_t *entry = known (self, name);

    return entry->count ? entry->texts[entry->count - 1] : entry->row->initial;
}

option_source_t options_source (const options_t *self, const char *name)
{
    return known (self, name)->source;
}

const char *const *options_texts (const options_t *self, const char *name, size_t *count)
{
    const entry_t *entry = known (self, name);

    *count = entry->count;
    return (const char *const *)entry->texts;
}

size_t options_argument_count (const options_t *self)
{
    return self->argument_count;
}

const char *options_argument (const options_t *self, size_t place)
{
    return place < self->argument_count ? self->arguments[place] : NULL;
}

const option_t *options_row (const options_t *self, size_t place)
{
    return place < self->count ? self->entries[place].row : NULL;
}

const option_t *options_find (const options_t *self, const char *name)
{
    const entry_t *entry = find_entry (self, name, strlen (name));

    return entry ? entry->row : NULL;
}

const char *options_nearest (const options_t *self, const char *name)
{
    nearest_t nearest;

    nearest_init (&nearest, name);
    for (size_t i = 0; i < self->count; i++)
        nearest_offer (&nearest, self->entries[i].row->name);
    return nearest_found (&nearest);
}
