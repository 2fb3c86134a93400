/*  What keys cost: the same tasks through a broker without and with them.
 *
 *      bench_keys [TASKS]
 *
 *  A broker, a worker and a client of libzfabric in this process, over tcp on loopback; payloads of
 *  64 octets and of 64 KiB. Throughput with 256 tasks on their way, and the time of a single one.
 */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fabric/key_file.h"
#include "zfabric_broker.h"
#include "zfabric_client.h"
#include "zfabric_worker.h"

#define WINDOW 256
#define WAIT   30000 // ms, for what should come at once

typedef struct {
    zfabric_broker_t *broker;
    zfabric_worker_t *worker;
    zfabric_client_t *client;
} fabric_t;

static void die (const char *words)
{
    fprintf (stderr, "bench_keys: %s\n", words);
    exit (1);
}

static double now_s (void)
{
    struct timespec now;

    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int echo (zfabric_task_t *task, void *arg)
{
    size_t size;
    const void *payload = zfabric_task_payload (task, &size);

    (void)arg;
    return zfabric_task_finish (task, payload, size, zfabric_task_encoding (task));
}

// One pair of keys for both peers, in a folder that is thrown away; `folder` NULL: none.
static void open_fabric (fabric_t *self, const char *folder)
{
    static const char *const endpoints[] = {"tcp://127.0.0.1:*"};
    char secret[128], own[128], authorized[128];
    key_pair_t *pair = key_pair_new ();
    char server_key[KEY_TEXT + 1];
    fault_t fault;
    zfabric_broker_options_t options;
    zfabric_worker_options_t worker = {.capacity = WINDOW};
    zfabric_client_options_t client = {0};

    zfabric_broker_options_init (&options);
    options.serve = options.listen = endpoints;
    options.serve_count = options.listen_count = 1;
    if (folder) {
        snprintf (secret, sizeof secret, "%s/authorized/peer.cert_secret", folder);
        snprintf (authorized, sizeof authorized, "%s/authorized", folder);
        snprintf (own, sizeof own, "%s/broker.cert_secret", folder);
        if (!pair || key_file_read_pair (secret, pair, &fault)
            || key_file_read_public (own, server_key, &fault))
            die (fault.text);
        options.curve = own;
        options.authorized = authorized;
        worker.server_key = client.server_key = server_key;
        worker.public_key = client.public_key = pair->public_key;
        worker.secret_key = client.secret_key = pair->secret_key;
    }
    char words[512] = "?";
    self->broker = zfabric_broker_new (&options, words, sizeof words);
    if (!self->broker)
        die (words);
    self->worker = zfabric_worker_new (zfabric_broker_listening (self->broker, 0), &worker, words,
                                       sizeof words);
    if (!self->worker
        || zfabric_worker_serve (self->worker, "echo", echo, NULL, ZFABRIC_HANDLER_INLINE)
        || zfabric_worker_start (self->worker, words, sizeof words)
        || !zfabric_worker_wait_ready (self->worker, WAIT))
        die (words);
    self->client =
        zfabric_client_new (zfabric_broker_serving (self->broker, 0), &client, words, sizeof words);
    if (!self->client)
        die (words);
    key_pair_destroy (&pair);
}

static void close_fabric (fabric_t *self)
{
    zfabric_client_destroy (&self->client);
    zfabric_worker_destroy (&self->worker);
    zfabric_broker_destroy (&self->broker);
}

static void finish (zfabric_call_t **call)
{
    const zfabric_result_t *result = zfabric_call_wait (*call, WAIT);

    if (!result || result->rc != ZFABRIC_OK)
        die (result ? result->error : "no result came");
    zfabric_call_destroy (call);
}

static double run_tasks (fabric_t *self, unsigned tasks, unsigned window, size_t size)
{
    static uint8_t payload[65536];
    static const zfabric_run_options_t raw = {.encoding = ZFABRIC_ENCODING_RAW};
    zfabric_call_t *calls[WINDOW] = {NULL};
    double began = now_s ();

    for (unsigned i = 0; i < tasks; i++) {
        if (calls[i % window])
            finish (&calls[i % window]);
        calls[i % window] = zfabric_client_start (self->client, "echo", payload, size, &raw);
        if (!calls[i % window])
            die ("a task could not be started");
    }
    for (unsigned i = 0; i < window; i++) {
        if (calls[i])
            finish (&calls[i]);
    }
    return now_s () - began;
}

static void measure (const char *name, const char *folder, unsigned tasks)
{
    static const size_t sizes[] = {64, 65536};
    fabric_t fabric;

    open_fabric (&fabric, folder);
    for (unsigned i = 0; i < 2; i++) {
        unsigned count = i ? tasks / 10 : tasks, single = count / 10;
        (void)run_tasks (&fabric, 1000, WINDOW, sizes[i]);
        double many = run_tasks (&fabric, count, WINDOW, sizes[i]);
        double one = run_tasks (&fabric, single, 1, sizes[i]);
        printf ("%-13s %6zu octets %9.0f tasks/s %8.1f us a task\n", name, sizes[i], count / many,
                one / single * 1e6);
    }
    close_fabric (&fabric);
}

static void make_keys (const char *folder)
{
    char path[128];
    fault_t fault;

    snprintf (path, sizeof path, "mkdir %s/authorized", folder);
    if (system (path))
        die ("no folder for certificates");
    snprintf (path, sizeof path, "%s/broker", folder);
    if (key_file_make (path, NULL, NULL, &fault))
        die (fault.text);
    snprintf (path, sizeof path, "%s/authorized/peer", folder);
    if (key_file_make (path, "client,worker", NULL, &fault))
        die (fault.text);
}

int main (int argc, char **argv)
{
    char folder[] = "/tmp/zf-bench-keys-XXXXXX", command[64];
    unsigned tasks = argc > 1 ? (unsigned)strtoul (argv[1], NULL, 10) : 100000;

    if (tasks < 1000 || !mkdtemp (folder))
        die ("usage: bench_keys [TASKS, 1,000 at least]");
    make_keys (folder);
    measure ("without keys", NULL, tasks);
    measure ("with keys", folder, tasks);
    snprintf (command, sizeof command, "rm -r %s", folder);
    return system (command) ? 1 : 0;
}
