/*  Tells the story of a broker's recording:
 *
 *      replay [-q] FILE
 *
 *  a line for each event that went into the switchboard and for each action that came out when it
 *  was played again; -q: only how it ended. The invariants are checked after each event.
 *
 *  Exit status: 0; 1 if an invariant breaks (or killed by SIGABRT, if it is one of the asserts in
 *  the code; the story tells then how it came to that); 2 if the file is no whole recording; 3 if
 *  the actions were others than those of the broker although no event is missing.
 */
#include <errno.h>
#include <string.h>

#include "broker/recording_file.h"
#include "tests/simulation/player.h"

#define FILE_OCTETS_MAX (64u * 1024 * 1024) // far above what a recorder holds

static int tell_end (const player_outcome_t *outcome)
{
    if (outcome->broken) {
        printf ("after event %u: %s\n", outcome->played, outcome->broken);
        return 1;
    }
    printf ("%u events, all invariants hold", outcome->played);
    if (outcome->head.prelude)
        printf ("; the first %u are workers that had registered before", outcome->head.prelude);
    if (outcome->head.missing)
        printf ("; %llu events before are missing", (unsigned long long)outcome->head.missing);
    if (outcome->different)
        printf ("; %u had other actions in the broker", outcome->different);
    puts ("");
    return outcome->different && !outcome->head.missing ? 3 : 0;
}

int main (int argc, char **argv)
{
    bool quiet = argc == 3 && strcmp (argv[1], "-q") == 0;
    buffer_t octets;
    player_outcome_t outcome;
    fault_t fault;

    if (argc != 2 && !quiet) {
        fprintf (stderr, "usage: %s [-q] FILE\n", argv[0]);
        return 2;
    }
    // Each line at once: an assert may end this program.
    setvbuf (stdout, NULL, _IOLBF, BUFSIZ);
    buffer_init (&octets, FILE_OCTETS_MAX);
    if (recording_file_read (argv[argc - 1], &octets)) {
        fprintf (stderr, "%s: %s\n", argv[argc - 1], strerror (errno));
        return 2;
    }
    story_t *story = story_new (quiet ? NULL : stdout);
    int rc = player_play (buffer_as_slice (&octets), story, &outcome, &fault);
    story_destroy (&story);
    buffer_finish (&octets);
    if (rc) {
        fprintf (stderr, "%s: %s\n", argv[argc - 1], fault.text);
        return 2;
    }
    return tell_end (&outcome);
}
