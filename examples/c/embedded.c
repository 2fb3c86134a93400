/*  A broker, a worker and a client in one program, over inproc: no ports, no files, no processes.
 */
#include <stdio.h>

#include <zfabric.h>

static int echo (zfabric_task_t *task, void *arg)
{
    size_t size;
    const void *payload = zfabric_task_payload (task, &size);

    (void)arg;
    return zfabric_task_finish (task, payload, size, zfabric_task_encoding (task));
}

int main (void)
{
    const char *serve[] = {"inproc://clients"}, *listen[] = {"inproc://workers"};
    zfabric_broker_options_t options;

    zfabric_broker_options_init (&options);
    options.serve = serve, options.serve_count = 1;
    options.listen = listen, options.listen_count = 1;
    zfabric_broker_t *broker = zfabric_broker_new (&options, NULL, 0);
    zfabric_worker_t *worker = zfabric_worker_new (listen[0], NULL, NULL, 0);
    zfabric_client_t *client = zfabric_client_new (serve[0], NULL, NULL, 0);
    zfabric_result_t *result = NULL;

    if (broker && worker && client && zfabric_worker_serve (worker, "echo", echo, NULL, 0) == 0
        && zfabric_worker_start (worker, NULL, 0) == 0)
        result = zfabric_client_run (client, "echo", "\"hello\"", 7, NULL);
    if (result && result->rc == ZFABRIC_OK)
        printf ("%.*s\n", (int)result->size, (const char *)result->payload);
    int status = result && result->rc == ZFABRIC_OK ? 0 : 1;

    zfabric_result_destroy (&result);
    zfabric_client_destroy (&client);
    zfabric_worker_destroy (&worker);
    zfabric_broker_destroy (&broker);
    return status;
}
