/*  Runs 10,000 tasks, up to 1,000 of them at once, and adds up their results in a callback.
 *
 *      batch [BROKER]          the broker's endpoint for clients; tcp://127.0.0.1:51520 if left out
 */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include <zfabric.h>

#define TASKS  10000
#define WINDOW 1000

typedef struct {
    sem_t room; // how many more tasks may be open
    unsigned long long sum;
    unsigned failed;
} batch_t;

// Called once for each task, on the client's thread: one at a time, so no lock is needed. It must
// not wait for anything.
static void on_result (zfabric_call_t *call, const zfabric_result_t *result, void *arg)
{
    batch_t *batch = arg;
    char number[32];

    (void)call; // zfabric_call_cookie () would say which task it was
    if (result->rc == ZFABRIC_OK) {
        snprintf (number, sizeof number, "%.*s", (int)result->size, (const char *)result->payload);
        batch->sum += strtoull (number, NULL, 10);
    } else if (batch->failed++ == 0) {
        fprintf (stderr, "batch: %s: %s\n", zfabric_rc_name (result->rc), result->error);
    }
    sem_post (&batch->room);
}

int main (int argc, char **argv)
{
    batch_t batch = {.sum = 0};
    zfabric_run_options_t options = {.on_result = on_result, .arg = &batch};
    char problem[200];

    zfabric_client_t *client =
        zfabric_client_new (argc > 1 ? argv[1] : NULL, NULL, problem, sizeof problem);
    if (!client) {
        fprintf (stderr, "batch: %s\n", problem);
        return 1;
    }
    sem_init (&batch.room, 0, WINDOW);

    for (int i = 0; i < TASKS; i++) {
        char number[32];
        int size = snprintf (number, sizeof number, "%d", i);

        sem_wait (&batch.room);
        zfabric_call_t *call =
            zfabric_client_start (client, "square", number, (size_t)size, &options);
        if (!call) {
            perror ("batch");
            zfabric_client_destroy (&client); // ends what is open: on_result is still called
            return 1;
        }
        zfabric_call_destroy (&call); // lets go of it; the task runs on, and calls back
    }

    // When all the room is ours again, every task has ended.
    for (int i = 0; i < WINDOW; i++)
        sem_wait (&batch.room);
    zfabric_client_destroy (&client);
    sem_destroy (&batch.room);

    printf ("%d tasks, %u failed, sum %llu\n", TASKS, batch.failed, batch.sum);
    return batch.failed ? 1 : 0;
}
