/*  Runs a long task and shows its progress: the pieces that it sends before its result.
 *
 *      stream [BROKER]         the broker's endpoint for clients; tcp://127.0.0.1:51520 if left out
 */
#include <errno.h>
#include <stdio.h>

#include <zfabric.h>

int main (int argc, char **argv)
{
    // Without `stream` the broker would drop the pieces. The task is cancelled when its time is
    // over, or when this program goes away: nobody would read the rest.
    const zfabric_run_options_t options = {
        .stream = true, .timeout_ms = 60000, .orphan_cancel = true};
    zfabric_call_t *call = NULL;
    zfabric_partial_t *piece;
    char problem[200];
    int status = 1;

    zfabric_client_t *client =
        zfabric_client_new (argc > 1 ? argv[1] : NULL, NULL, problem, sizeof problem);
    if (!client) {
        fprintf (stderr, "stream: %s\n", problem);
        return 1;
    }
    call = zfabric_client_start (client, "count", "10", 2, &options);
    if (!call) {
        perror ("stream");
        goto end;
    }

    // Each call waits for the next piece, for ever (-1): the task's end comes in any case.
    while ((piece = zfabric_call_next (call, -1))) {
        printf ("%.*s of 10\n", (int)piece->size, (const char *)piece->payload);
        fflush (stdout);
        zfabric_partial_destroy (&piece);
    }
    if (errno != ENODATA) { // ENODATA: there are no more, it has ended
        perror ("stream");
        goto end;
    }

    // This result belongs to the call.
    const zfabric_result_t *result = zfabric_call_wait (call, -1);
    if (result->rc == ZFABRIC_OK) {
        printf ("result: %.*s\n", (int)result->size, (const char *)result->payload);
        status = 0;
    } else {
        fprintf (stderr, "stream: %s: %s\n", zfabric_rc_name (result->rc), result->error);
    }
end:
    zfabric_call_destroy (&call);
    zfabric_client_destroy (&client);
    return status;
}
