/*  The nearest known word to one that nobody knows: "did you mean --queue-wait?"
 *
 *      nearest_t nearest;
 *      nearest_init (&nearest, "qeue-wait");
 *      for each known word: nearest_offer (&nearest, word);
 *      nearest_found (&nearest);
 *
 *  Threads: pure functions, any thread.
 */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

typedef struct {
    const char *word;  // borrowed
    const char *best;  // borrowed; NULL: none was near
    unsigned distance; // of the best
} nearest_t;

void nearest_init (nearest_t *self, const char *word);

// Of equally near ones the first stays.
void nearest_offer (nearest_t *self, const char *candidate);

// The nearest of those that are near enough for a slip of the hand, or NULL.
static inline const char *nearest_found (const nearest_t *self)
{
    return self->best;
}

// How many insertions, deletions, changes and swaps of neighbours turn one word into the other.
// Words of more than NEAREST_WORD_MAX octets are as far as can be: UINT_MAX.
#define NEAREST_WORD_MAX 63
unsigned nearest_distance (const char *a, const char *b);

#endif
