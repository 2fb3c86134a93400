/*  simulation [--seeds N] [--first SEED] [--events N]
 *
 *  Plays N seeds; prints how many events and actions they had. A run that breaks a rule prints its
 *  seed and the shortest list of acts that it found to break one too, and exits 1.
 *
 *  Shrinking runs each attempt in a process of its own, since an attempt may end in an assert.
 */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/simulation/mutants.h"
#include "tests/simulation/world.h"

#define SHRINK_ATTEMPTS 4000 // bounds the time that it takes

typedef struct {
    act_t *acts;
    size_t count;
} story_t;

// Plays a story from the start. NULL or words; `*played` is how many acts it took.
static const char *play_story (uint64_t seed, const story_t *story, size_t *played)
{
    static char words[256];
    world_t *world = world_new (seed);
    const char *broken = NULL;

    if (!world)
        return "out of memory";
    for (*played = 0; *played < story->count && !broken; ++*played)
        broken = world_play (world, &story->acts[*played]);
    if (broken)
        return memcpy (words, broken, sizeof words);
    return world_end (&world);
}

// Whether the story breaks a rule, found out in a child.
static bool still_breaks (uint64_t seed, const story_t *story)
{
    pid_t child = fork ();
    int status = 0;

    if (child == 0) {
        size_t played;
        if (!freopen ("/dev/null", "w", stderr))
            _exit (2);
        alarm (20);
        _exit (play_story (seed, story, &played) ? 1 : 0);
    }
    return child > 0 && waitpid (child, &status, 0) == child && status != 0;
}

// Leaves out ever smaller pieces, as long as what is left still breaks.
static void shrink (uint64_t seed, story_t *story)
{
    story_t less = {.acts = (act_t *)malloc (story->count * sizeof (act_t))};
    unsigned attempts = 0;

    for (size_t piece = story->count / 2; piece > 0 && less.acts; piece /= 2) {
        for (size_t at = 0; at < story->count && attempts < SHRINK_ATTEMPTS;) {
            size_t end = at + piece < story->count ? at + piece : story->count;
            memcpy (less.acts, story->acts, at * sizeof (act_t));
            memcpy (less.acts + at, story->acts + end, (story->count - end) * sizeof (act_t));
            less.count = story->count - (end - at);
            attempts++;
            if (still_breaks (seed, &less)) {
                memcpy (story->acts, less.acts, less.count * sizeof (act_t));
                story->count = less.count;
            } else {
                at = end;
            }
        }
    }
    free (less.acts);
}

static void print_story (const story_t *story)
{
    for (size_t i = 0; i < story->count; i++) {
        char text[128];
        world_describe (&story->acts[i], text, sizeof text);
        printf ("    %4zu  %s\n", i, text);
    }
}

// Tells what happened in a story that broke, or that crashed the child which played it.
static void report (uint64_t seed, story_t *story)
{
    size_t played;

    printf ("seed %llu breaks a rule; shrinking %zu acts\n", (unsigned long long)seed,
            story->count);
    fflush (stdout);
    shrink (seed, story);
    print_story (story);
    fflush (stdout);
    const char *words = play_story (seed, story, &played);
    printf ("seed %llu: %s\n", (unsigned long long)seed,
            words ? words : "(only when told at length)");
}

// Plays a seed; keeps its acts, so that they can be shrunk. 0, or -1 if it broke.
static int play_seed (uint64_t seed, size_t events, uint64_t *actions, story_t *story)
{
    world_t *world = world_new (seed);
    const char *broken = NULL;

    story->count = 0;
    while (world && story->count < events && !broken) {
        story->acts[story->count] = world_invent (world);
        broken = world_play (world, &story->acts[story->count++]);
    }
    if (!world || broken)
        return -1;
    *actions += world_actions (world);
    return world_end (&world) ? -1 : 0;
}

// In a child, because a mutant may crash. The child's exit status.
static int play_in_child (uint64_t seed, size_t events, story_t *story)
{
    pid_t child;
    int status = -1;
    uint64_t actions = 0;

    fflush (stdout);
    child = fork ();
    if (child == 0) {
        alarm (60);
        _exit (play_seed (seed, events, &actions, story) ? 1 : 0);
    }
    (void)!waitpid (child, &status, 0);
    return status;
}

// Each mutant must be caught, and only they. The number of those that were not.
static int hunt_mutants (size_t events, story_t *story)
{
    int escaped = 0;

    mutant = -1;
    if (play_in_child (1, events, story) != 0) {
        printf ("without a mutant: broken\n");
        return 1;
    }
    for (unsigned i = 0; mutant_names[i]; i++) {
        bool caught = false;
        mutant = (int)i;
        if (!freopen ("/dev/null", "w", stderr))
            return 1;
        for (uint64_t seed = 1; seed <= 5 && !caught; seed++)
            caught = play_in_child (seed, events, story) != 0;
        printf ("%-28s %s\n", mutant_names[i], caught ? "caught" : "ESCAPED");
        escaped += !caught;
    }
    return escaped;
}

static unsigned long long
number_option (int argc, char **argv, const char *name, unsigned long long usual)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp (argv[i], name) == 0)
            return strtoull (argv[i + 1], NULL, 10);
    }
    return usual;
}

int main (int argc, char **argv)
{
    uint64_t first = number_option (argc, argv, "--first", 1);
    uint64_t seeds = number_option (argc, argv, "--seeds", 20);
    size_t events = number_option (argc, argv, "--events", 1000000);
    story_t story = {.acts = (act_t *)malloc (events * sizeof (act_t))};
    uint64_t actions = 0;
    int failed = 0;

    if (!story.acts)
        return 2;
    if (mutant_names[0]) {
        failed = hunt_mutants (events, &story);
    } else {
        for (uint64_t seed = first; seed < first + seeds && !failed; seed++) {
            if (play_seed (seed, events, &actions, &story)) {
                report (seed, &story);
                failed = 1;
            }
        }
        printf ("%llu seeds of %zu events: %llu packets came out; %s\n", (unsigned long long)seeds,
                events, (unsigned long long)actions, failed ? "broken" : "all rules held");
    }
    free (story.acts);
    return failed ? 1 : 0;
}
