/*  What a payload's size costs the broker between peers of one codec: a task of 64 octets each way
 *  beside one of 64 MiB, in allocations, octets allocated and processor time.
 *
 *      bench_payload [tasks]
 *
 *  A whole broker, reached over inproc, so that no kernel copies for it. Client and worker are this
 *  program's first thread; all that other threads ask for and use is the broker's: malloc and its
 *  kin are counted for the whole process, libzmq and CZMQ included.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "broker/zfabric_broker.h"
#include "fabric/context.h"

#define LARGE   (64u * 1024 * 1024) // octets
#define AT_ONCE 100u                // tasks under way

// glibc's own, behind those that are counted.
void *__libc_malloc (size_t size);
void *__libc_calloc (size_t count, size_t size);
void *__libc_realloc (void *old, size_t size);

static uint64_t allocations, allocated; // by all threads but the first
static _Thread_local bool is_first;

static void count (size_t size)
{
    if (is_first)
        return;
    __atomic_add_fetch (&allocations, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch (&allocated, size, __ATOMIC_RELAXED);
}

void *malloc (size_t size)
{
    count (size);
    return __libc_malloc (size);
}

void *calloc (size_t n, size_t size)
{
    count (n * size);
    return __libc_calloc (n, size);
}

void *realloc (void *old, size_t size)
{
    count (size);
    return __libc_realloc (old, size);
}

static uint64_t used_ns (clockid_t clock)
{
    struct timespec used;

    (void)clock_gettime (clock, &used);
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static uint64_t brokers_ns (void)
{
    return used_ns (CLOCK_PROCESS_CPUTIME_ID) - used_ns (CLOCK_THREAD_CPUTIME_ID);
}

static void must (bool well)
{
    if (!well) {
        perror ("bench_payload");
        abort ();
    }
}

static void *dial (const char *endpoint)
{
    void *socket = zmq_socket (context_of_process (), ZMQ_DEALER);
    int patience = 20000, linger = 0; // ms

    must (socket && !zmq_setsockopt (socket, ZMQ_RCVTIMEO, &patience, sizeof patience)
          && !zmq_setsockopt (socket, ZMQ_LINGER, &linger, sizeof linger)
          && !zmq_connect (socket, endpoint));
    return socket;
}

static void keep (void *data, void *hint)
{
    (void)data, (void)hint;
}

// `what`: the packet's type and what comes behind it, up to a closing quote.
static void
send_task (void *socket, const char *what, unsigned number, uint8_t *octets, size_t size)
{
    char header[256];
    zmq_msg_t payload;

    snprintf (header, sizeof header,
              "{\"packet_type\":\"%s\",\"cookie\":\"123e4567-e89b-12d3-a456-4266141%05u\"}", what,
              number);

    must (zmq_send (socket, header, strlen (header), ZMQ_SNDMORE) >= 0
          && !zmq_msg_init_data (&payload, octets, size, keep, NULL)
          && zmq_msg_send (&payload, socket, 0) >= 0);
}

// Waits for a message of two frames; others are answers and probes.
static void take_task (void *socket)
{
    int more = 0;

    while (!more) {
        char header[4096];
        zmq_msg_t payload;
        size_t size = sizeof more;
        must (zmq_recv (socket, header, sizeof header, 0) >= 0);
        must (!zmq_getsockopt (socket, ZMQ_RCVMORE, &more, &size));
        if (more) {
            must (!zmq_msg_init (&payload) && zmq_msg_recv (&payload, socket, 0) >= 0);
            zmq_msg_close (&payload);
        }
    }
}

static void measure (void *client, void *worker, uint8_t *octets, size_t size, unsigned tasks)
{
    uint64_t before = __atomic_load_n (&allocations, __ATOMIC_RELAXED);
    uint64_t octets_before = __atomic_load_n (&allocated, __ATOMIC_RELAXED);
    uint64_t ns_before = brokers_ns ();

    for (unsigned done = 0; done < tasks; done += AT_ONCE) {
        for (unsigned i = 0; i < AT_ONCE; i++)
            send_task (client, "RUN\",\"pipeline\":\"p", i, octets, size);
        for (unsigned i = 0; i < AT_ONCE; i++)
            take_task (worker);
        for (unsigned i = 0; i < AT_ONCE; i++)
            send_task (worker, "RESULT\",\"rc\":\"OK", i, octets, size);
        for (unsigned i = 0; i < AT_ONCE; i++)
            take_task (client);
    }
    uint64_t ns = brokers_ns () - ns_before;
    printf ("%10zu octets  %6.2f allocations  %8.0f octets allocated  %7.2f us\n", size,
            (double)(__atomic_load_n (&allocations, __ATOMIC_RELAXED) - before) / tasks,
            (double)(__atomic_load_n (&allocated, __ATOMIC_RELAXED) - octets_before) / tasks,
            (double)ns / 1000 / tasks);
}

int main (int argc, char **argv)
{
    static const char registers[] = "{\"packet_type\":\"REGISTER\",\"capacity\":100}";
    static const char *const serve[] = {"inproc://payload-clients"};
    static const char *const listen[] = {"inproc://payload-workers"};
    unsigned tasks = argc > 1 ? (unsigned)strtoul (argv[1], NULL, 10) : 20000;
    uint8_t *octets = calloc (1, LARGE);
    zfabric_broker_options_t options;
    char problem[256];

    is_first = true;
    zfabric_broker_options_init (&options);
    options.outbox = UINT64_C (1) << 40; // all that is under way may lie there
    options.serve = serve, options.serve_count = 1;
    options.listen = listen, options.listen_count = 1;
    zfabric_broker_t *broker = zfabric_broker_new (&options, problem, sizeof problem);
    if (!broker || !octets || tasks == 0) {
        fprintf (stderr, "%s\n", broker ? "usage: bench_payload [tasks]" : problem);
        return 1;
    }
    void *client = dial (serve[0]);
    void *worker = dial (listen[0]);
    must (zmq_send (worker, registers, strlen (registers), 0) >= 0);
    printf ("a task between JSON peers, payload both ways; what the broker needed for it:\n");
    for (unsigned i = 0; i < 3; i++) {
        measure (client, worker, octets, 64, tasks);
        measure (client, worker, octets, LARGE, tasks);
    }
    zmq_close (client);
    zmq_close (worker);
    zfabric_broker_destroy (&broker);
    free (octets);
    return 0;
}
