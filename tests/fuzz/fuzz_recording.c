// Recordings of any octets: read, told and played into a switchboard, whose invariants must hold.

#include <stdlib.h>

#include "tests/simulation/player.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    player_outcome_t outcome;
    fault_t fault;

    if (!nowhere)
        nowhere = fopen ("/dev/null", "w");
    story_t *story = story_new (nowhere);
    (void)player_play (slice_of (data, size), story, &outcome, &fault);
    story_destroy (&story);
    if (outcome.broken)
        abort ();
    return 0;
}
