/*  The worker that examples/README.md wants of each language: worker BROKER. It finishes what it
 *  has at SIGTERM or SIGINT. Registering again, heartbeats and draining are the library's.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <zfabric.h>
#include <zfabric_jansson.h>

// Octets come and go as they are: every number keeps its digits.
static int echo (zfabric_task_t *task, void *arg)
{
    size_t size;
    const void *payload = zfabric_task_payload (task, &size);

    (void)arg;
    return zfabric_task_finish (task, payload, size, zfabric_task_encoding (task));
}

static double number_of (const zfabric_task_t *task)
{
    json_t *value = zfabric_task_json (task, NULL);
    double number = json_number_value (value); // 0 if it is none

    json_decref (value);
    return number;
}

static int count (zfabric_task_t *task, void *arg)
{
    char text[32] = "0";

    (void)arg;
    for (long i = 1, last = (long)number_of (task); i <= last; i++) {
        snprintf (text, sizeof text, "%ld", i);
        if (zfabric_task_wait_cancelled (task, 20) // instead of 20 ms of work
            || zfabric_task_partial (task, text, strlen (text), ZFABRIC_ENCODING_JSON))
            return -1; // the client is told CANCELLED, or what errno says
    }
    return zfabric_task_finish (task, text, strlen (text), ZFABRIC_ENCODING_JSON);
}

static int wait (zfabric_task_t *task, void *arg)
{
    if (zfabric_task_partial (task, "\"asleep\"", 8, ZFABRIC_ENCODING_JSON)
        || zfabric_task_wait_cancelled (task, (int)(1000 * number_of (task))))
        return -1;
    return echo (task, arg);
}

static int fail (zfabric_task_t *task, void *arg)
{
    json_t *value = zfabric_task_json (task, NULL);
    const char *text = json_string_value (value);
    char line[100];

    (void)arg;
    snprintf (line, sizeof line, "%s:%d: %s", __FILE__, __LINE__, __func__);
    const char *const lines[] = {line};
    int rc = zfabric_task_fail (task, ZFABRIC_PROCESSOR_EXCEPTION, text ? text : "?", lines, 1);
    json_decref (value);
    return rc;
}

static zfabric_worker_t *worker; // there is one, for the signal handler to find

static void stop (int number)
{
    (void)number;
    zfabric_worker_drain (worker);
}

int main (int argc, char **argv)
{
    const zfabric_worker_options_t options = {.capacity = 100,
                                              .server_key = getenv ("ZFABRIC_SERVER_KEY"),
                                              .public_key = getenv ("ZFABRIC_PUBLIC_KEY"),
                                              .secret_key = getenv ("ZFABRIC_SECRET_KEY")};
    char problem[200] = "no memory";

    worker = zfabric_worker_new (argc > 1 ? argv[1] : NULL, &options, problem, sizeof problem);
    if (!worker || zfabric_worker_serve (worker, "echo", echo, NULL, ZFABRIC_HANDLER_INLINE)
        || zfabric_worker_serve (worker, "count", count, NULL, 0)
        || zfabric_worker_serve (worker, "sleep", wait, NULL, 0)
        || zfabric_worker_serve (worker, "fail", fail, NULL, 0))
        return fprintf (stderr, "worker: %s\n", problem), 1;
    signal (SIGINT, stop);
    signal (SIGTERM, stop);
    if (zfabric_worker_start (worker, problem, sizeof problem))
        return fprintf (stderr, "worker: %s\n", problem), 1;
    zfabric_worker_wait (worker, -1);
    zfabric_worker_destroy (&worker);
    return 0;
}
