/*  The order is that of the octets, a prefix before the names that are longer. All that a prefix
 *  covers follows it at once, so what it covers is dropped when they are read, and then:
 *
 *    - what could cover a name is the last pattern that is not behind it;
 *    - what a worker's prefix covers of the patterns stands in one piece.
 */
#include "fabric/rights.h"

#include <errno.h>
#include <stdlib.h>

#include "fabric/packet.h"
#include "fabric/utf8.h"

static const struct {
    const char *name;
    rights_role_t role;
} roles[] = {{"client", RIGHTS_CLIENT}, {"worker", RIGHTS_WORKER}, {"admin", RIGHTS_ADMIN}};

#define ROLES (sizeof roles / sizeof *roles)

void rights_init (rights_t *self)
{
    *self = (rights_t){0};
}

void rights_finish (rights_t *self)
{
    free (self->patterns);
    free (self->texts);
    rights_init (self);
}

static int compare (slice_t a, slice_t b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp (a.ptr, b.ptr, common) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static bool starts_with (slice_t text, slice_t start)
{
    return text.len >= start.len && compare (slice_of (text.ptr, start.len), start) == 0;
}

rights_pattern_t rights_pattern (slice_t written)
{
    bool prefix = written.len > 0 && written.ptr[written.len - 1] == '*';

    return (rights_pattern_t){slice_of (written.ptr, written.len - prefix), prefix};
}

static bool covers (const rights_pattern_t *pattern, slice_t text)
{
    return pattern->prefix ? starts_with (text, pattern->text) : slice_equal (text, pattern->text);
}

// Of one text the prefix comes before the name, which it covers.
static int compare_patterns (const void *a, const void *b)
{
    const rights_pattern_t *one = (const rights_pattern_t *)a;
    const rights_pattern_t *two = (const rights_pattern_t *)b;
    int order = compare (one->text, two->text);

    return order ? order : two->prefix - one->prefix;
}

// ---- reading

static bool is_space (uint8_t c)
{
    return c == ' ' || c == '\t';
}

// Cuts the next item out of a list with commas between, without the spaces around it. False at the
// end; `*more` says whether a comma came behind it, and so another one must.
static bool next_item (slice_t *rest, bool *more, slice_t *item)
{
    if (!*more)
        return false;
    const uint8_t *comma = rest->len ? (const uint8_t *)memchr (rest->ptr, ',', rest->len) : NULL;
    size_t len = comma ? (size_t)(comma - rest->ptr) : rest->len;
    slice_t found = slice_of (rest->ptr, len);
    size_t taken = comma ? len + 1 : len;

    while (found.len && is_space (found.ptr[0]))
        found = slice_of (found.ptr + 1, found.len - 1);
    while (found.len && is_space (found.ptr[found.len - 1]))
        found.len--;
    if (taken)
        *rest = slice_of (rest->ptr + taken, rest->len - taken);
    *more = comma != NULL;
    *item = found;
    return true;
}

static int refuse (fault_t *fault, const char *words, slice_t item)
{
    fault_set (fault, "%s \"%.*s\"", words, (int)(item.len < 80 ? item.len : 80),
               item.len ? (const char *)item.ptr : "");
    errno = EINVAL;
    return -1;
}

static int read_roles (rights_t *self, slice_t list, fault_t *fault)
{
    bool more = true;
    slice_t item;

    while (next_item (&list, &more, &item)) {
        unsigned found = 0;
        for (size_t i = 0; i < ROLES; i++) {
            if (slice_equal (item, slice_text (roles[i].name)))
                found = roles[i].role;
        }
        if (!found)
            return refuse (fault, "role: none of client, worker, admin:", item);
        self->roles |= found;
    }
    return 0;
}

// The patterns of the list, whose octets are the rights' own by now.
static int cut_patterns (rights_t *self, slice_t list, fault_t *fault)
{
    bool more = true;
    slice_t item;

    while (next_item (&list, &more, &item)) {
        if (!utf8_valid (item) || !pattern_valid (item))
            return refuse (fault, "pipelines: not the name or prefix of a pipeline:", item);
        if (self->count == LIMIT_PATTERNS)
            return refuse (fault, "pipelines: too many, from here on:", item);
        self->patterns[self->count++] = rights_pattern (item);
    }
    return 0;
}

// Sorts them and drops what another one covers; how many are left.
static size_t tidy (rights_pattern_t *patterns, size_t count)
{
    size_t kept = 0;

    if (count)
        qsort (patterns, count, sizeof *patterns, compare_patterns);
    for (size_t i = 0; i < count; i++) {
        if (!kept || !covers (&patterns[kept - 1], patterns[i].text))
            patterns[kept++] = patterns[i];
    }
    return kept;
}

static int read_patterns (rights_t *self, slice_t list, fault_t *fault)
{
    size_t most = 1;

    for (size_t i = 0; i < list.len; i++)
        most += list.ptr[i] == ',';
    if (most > LIMIT_PATTERNS)
        most = LIMIT_PATTERNS;
    self->texts = (uint8_t *)malloc (list.len + 1);
    self->patterns = (rights_pattern_t *)calloc (most, sizeof *self->patterns);
    if (!self->texts || !self->patterns) {
        fault_set (fault, "out of memory");
        errno = ENOMEM;
        return -1;
    }
    if (list.len)
        memcpy (self->texts, list.ptr, list.len);
    if (cut_patterns (self, slice_of (self->texts, list.len), fault))
        return -1;
    self->count = tidy (self->patterns, self->count);
    return 0;
}

int rights_read (rights_t *self, const slice_t *role, const slice_t *pipelines, fault_t *fault)
{
    slice_t everything = slice_text ("*");

    rights_init (self);
    if ((role && read_roles (self, *role, fault) == -1)
        || read_patterns (self, pipelines ? *pipelines : everything, fault)) {
        int saved = errno;
        rights_finish (self);
        errno = saved;
        return -1;
    }
    return 0;
}

// ---- as one text

void rights_write (const rights_t *self, buffer_t *out)
{
    bool first = true;

    if (!self->roles)
        return;
    for (size_t i = 0; i < ROLES; i++) {
        if (!(self->roles & roles[i].role))
            continue;
        buffer_text (out, first ? "" : ",");
        buffer_text (out, roles[i].name);
        first = false;
    }
    buffer_octet (out, '\n');
    for (size_t i = 0; i < self->count; i++) {
        buffer_text (out, i ? "," : "");
        buffer_slice (out, self->patterns[i].text);
        buffer_text (out, self->patterns[i].prefix ? "*" : "");
    }
}

int rights_read_text (rights_t *self, slice_t text, fault_t *fault)
{
    const uint8_t *end = text.len ? (const uint8_t *)memchr (text.ptr, '\n', text.len) : NULL;

    rights_init (self);
    if (text.len == 0)
        return 0;
    if (!end)
        return refuse (fault, "no rights:", text);
    slice_t role = slice_of (text.ptr, (size_t)(end - text.ptr));
    slice_t pipelines = slice_of (end + 1, text.len - role.len - 1);
    return rights_read (self, &role, &pipelines, fault);
}

// ---- questions

// How many patterns are not behind the text.
static size_t not_behind (const rights_t *self, slice_t text)
{
    size_t low = 0, high = self->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare (self->patterns[middle].text, text) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool rights_cover (const rights_t *self, slice_t pipeline)
{
    size_t at = not_behind (self, pipeline);

    return at > 0 && pipeline.len > 0 && pipeline.ptr[0] != '$'
           && covers (&self->patterns[at - 1], pipeline);
}

bool rights_cover_all (const rights_t *self)
{
    return self->count > 0 && self->patterns[0].prefix && self->patterns[0].text.len == 0;
}

static void overlap_prefix (const rights_t *self,
                            const rights_pattern_t *prefix,
                            rights_visit_fn *visit,
                            void *arg)
{
    size_t at = not_behind (self, prefix->text);

    if (at > 0 && self->patterns[at - 1].prefix && covers (&self->patterns[at - 1], prefix->text)) {
        visit (prefix, arg);
        return;
    }
    // A name that is the prefix itself is the last one that is not behind it.
    if (at > 0 && slice_equal (self->patterns[at - 1].text, prefix->text))
        at--;
    for (; at < self->count && starts_with (self->patterns[at].text, prefix->text); at++)
        visit (&self->patterns[at], arg);
}

void rights_overlap (const rights_t *self,
                     rights_pattern_t *patterns,
                     size_t count,
                     rights_visit_fn *visit,
                     void *arg)
{
    count = tidy (patterns, count);
    for (size_t i = 0; i < count; i++) {
        if (patterns[i].prefix)
            overlap_prefix (self, &patterns[i], visit, arg);
        else if (rights_cover (self, patterns[i].text))
            visit (&patterns[i], arg);
    }
}
