/*  Faults planted on purpose: `planted race` and so on must be reported by the sanitizer that the
 *  build has. If it isn't, its settings have made it blind.
 */
#include <czmq.h>
#include <limits.h>

static volatile int shared;

// Its stack begins in libczmq: a suppression of that library's races would hide ours as well.
static void racer (zsock_t *pipe, void *args)
{
    (void)args;
    zsock_signal (pipe, 0);
    for (int i = 0; i < 100000; i++)
        shared++;
    free (zstr_recv (pipe)); // $TERM
}

static void race (void)
{
    zactor_t *actor = zactor_new (racer, NULL);

    for (int i = 0; i < 100000; i++)
        shared++;
    zactor_destroy (&actor);
}

static void overflow (size_t size)
{
    volatile char *block = malloc (size);

    block[size] = 1;
    free ((void *)block);
}

static void leak (size_t size)
{
    void *volatile block = malloc (size);

    block = NULL;
    (void)block;
}

static int undefined (int number)
{
    return INT_MAX + number;
}

int main (int argc, char **argv)
{
    const char *fault = argc > 1 ? argv[1] : "";

    if (streq (fault, "race"))
        race ();
    else if (streq (fault, "overflow"))
        overflow ((size_t)argc + 10);
    else if (streq (fault, "leak"))
        leak ((size_t)argc + 10);
    else if (streq (fault, "undefined"))
        printf ("%d\n", undefined (argc));
    else if (!streq (fault, "none"))
        return 2;
    zsys_shutdown ();
    return 0;
}
