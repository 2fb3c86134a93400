#include "broker/overlap.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/groups.h"

static void add_part (const rights_pattern_t *part, void *arg)
{
    buffer_t *key = (buffer_t *)arg;

    buffer_octet (key, (uint8_t)(part->text.len + part->prefix));
    buffer_slice (key, part->text);
    if (part->prefix)
        buffer_octet (key, '*');
}

static size_t count_patterns (slice_t asked)
{
    size_t count = 0;
    slice_t pattern;

    while (groups_key_next (&asked, &pattern))
        count++;
    return count;
}

int overlap_key (slice_t asked, const rights_t *rights, buffer_t *key)
{
    size_t count = 0, before = key->len;
    slice_t pattern;

    if (!rights || rights_cover_all (rights)) {
        buffer_slice (key, asked);
    } else {
        rights_pattern_t *patterns =
            (rights_pattern_t *)calloc (count_patterns (asked) + 1, sizeof *patterns);
        if (!patterns) {
            errno = ENOMEM;
            return -1;
        }
        while (groups_key_next (&asked, &pattern))
            patterns[count++] = rights_pattern (pattern);
        rights_overlap (rights, patterns, count, add_part, key);
        free (patterns);
    }
    if (!key->failed && key->len > before)
        return 0;
    errno = key->failed ? ENOMEM : EACCES;
    return -1;
}
