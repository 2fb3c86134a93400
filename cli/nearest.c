/*  The optimal string alignment distance, row by row: three rows of the matrix are all it looks
 *  back on. O(length of a * length of b), both bounded.
 */
#include "cli/nearest.h"

#include <limits.h>
#include <string.h>

#define COLUMNS (NEAREST_WORD_MAX + 1)

static unsigned least (unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned nearest_distance (const char *a, const char *b)
{
    unsigned rows[3][COLUMNS];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    size_t a_len = strlen (a), b_len = strlen (b);

    if (a_len > NEAREST_WORD_MAX || b_len > NEAREST_WORD_MAX)
        return UINT_MAX;
    for (size_t j = 0; j <= b_len; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned change = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least (change, least (above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least (row[j], before[j - 2] + 1);
        }
        unsigned *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b_len];
}

void nearest_init (nearest_t *self, const char *word)
{
    *self = (nearest_t){word, NULL, UINT_MAX};
}

void nearest_offer (nearest_t *self, const char *candidate)
{
    size_t len = strlen (self->word);
    unsigned distance = nearest_distance (self->word, candidate);

    // A word that was left off early is meant as its beginning: --time for --timeout.
    if (len >= 3 && strncmp (self->word, candidate, len) == 0)
        distance = least (distance, 1);
    // One slip in three letters is a slip; more is another word.
    if (distance > 1 + len / 3 || distance >= len)
        return;
    if (!self->best || distance < self->distance) {
        self->best = candidate;
        self->distance = distance;
    }
}
