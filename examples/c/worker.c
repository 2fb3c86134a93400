// A worker with three handlers, for the other examples: worker [BROKER]. Ctrl-C ends it.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zfabric.h>

// A payload is octets; there is no NUL behind it.
static int hello (zfabric_task_t *task, void *arg)
{
    size_t size;
    const char *name = zfabric_task_payload (task, &size);
    char text[100];

    if (size < 2 || size > 80 || name[0] != '"')
        return zfabric_task_fail (task, ZFABRIC_EXCEPTION, "a short string is wanted", NULL, 0);
    snprintf (text, sizeof text, "\"%s, %.*s", (const char *)arg, (int)size - 1, name + 1);
    return zfabric_task_finish (task, text, strlen (text), ZFABRIC_ENCODING_JSON);
}

static long number_of (const zfabric_task_t *task)
{
    size_t size;
    const char *payload = zfabric_task_payload (task, &size);
    char text[16];

    snprintf (text, sizeof text, "%.*s", (int)size, payload); // a copy that has a NUL
    return strtol (text, NULL, 10);
}

static int square (zfabric_task_t *task, void *arg)
{
    char text[32];

    (void)arg;
    snprintf (text, sizeof text, "%ld", number_of (task) * number_of (task));
    return zfabric_task_finish (task, text, strlen (text), ZFABRIC_ENCODING_JSON);
}

// Takes its time, tells how far it is, and stops when nobody waits for it any more.
static int count (zfabric_task_t *task, void *arg)
{
    char text[32] = "0";

    (void)arg;
    for (long i = 1, last = number_of (task); i <= last; i++) {
        snprintf (text, sizeof text, "%ld", i);
        if (zfabric_task_wait_cancelled (task, 20) // instead of 20 ms of work
            || zfabric_task_partial (task, text, strlen (text), ZFABRIC_ENCODING_JSON))
            return -1; // the client is told CANCELLED, or what errno says
    }
    return zfabric_task_finish (task, text, strlen (text), ZFABRIC_ENCODING_JSON);
}

static zfabric_worker_t *worker; // there is one, for the signal handler to find

static void stop (int number)
{
    (void)number;
    zfabric_worker_drain (worker); // takes nothing more and ends when what runs has ended
}

int main (int argc, char **argv)
{
    char problem[100] = "no memory", greeting[] = "hello";

    worker = zfabric_worker_new (argc > 1 ? argv[1] : NULL, NULL, problem, sizeof problem);
    if (!worker || zfabric_worker_serve (worker, "hello", hello, greeting, 0)
        || zfabric_worker_serve (worker, "square", square, NULL, ZFABRIC_HANDLER_INLINE)
        || zfabric_worker_serve (worker, "count", count, NULL, 0)
        || zfabric_worker_start (worker, problem, sizeof problem))
        return fprintf (stderr, "worker: %s\n", problem), 1;
    signal (SIGINT, stop);
    zfabric_worker_wait (worker, -1); // for a Ctrl-C, or the broker sending it home
    zfabric_worker_destroy (&worker);
    return 0;
}
