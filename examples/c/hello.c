/*  Runs one task and prints what it returned.
 *
 *      hello [BROKER]          the broker's endpoint for clients; tcp://127.0.0.1:51520 if left out
 */
#include <stdio.h>
#include <string.h>

#include <zfabric.h>

int main (int argc, char **argv)
{
    const char *broker = argc > 1 ? argv[1] : NULL; // NULL: the default
    const char *name = "\"world\"";                 // payloads are JSON unless we say otherwise
    char problem[200];
    int status = 1;

    // A client is a connection and a thread that looks after it: one is enough for a program.
    zfabric_client_t *client = zfabric_client_new (broker, NULL, problem, sizeof problem);
    if (!client) {
        fprintf (stderr, "hello: %s\n", problem);
        return 1;
    }

    // Sends the task and waits for its end. The options would take a timeout, a priority, ...
    zfabric_result_t *result = zfabric_client_run (client, "hello", name, strlen (name), NULL);
    if (!result) {
        perror ("hello"); // it could not even be started
    } else if (result->rc == ZFABRIC_OK) {
        printf ("%.*s\n", (int)result->size, (const char *)result->payload); // no NUL behind it
        status = 0;
    } else {
        fprintf (stderr, "hello: %s: %s\n", zfabric_rc_name (result->rc), result->error);
    }

    // Results are ours to destroy; they may outlive the client.
    zfabric_result_destroy (&result);
    zfabric_client_destroy (&client);
    return status;
}
