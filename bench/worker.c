/*  What the worker library costs beside a bare libzmq loop that does the same.
 *
 *      bench_worker [tcp|ipc]
 *
 *  A child process is a broker that does nothing but keep a window of RUNs at a worker (128 in
 *  flight, then 1) and count RESULTs. This process is the workers, by turns, each on a connection
 *  of its own: a bare DEALER that echoes (the cookie is found by its key and copied, nothing is
 *  checked), and the library with an echo handler, inline and on the pool. A row is the median of
 *  all rounds; a ratio the median of the rounds' ratios. Processor time is this process's, libzmq's
 *  thread in it.
 */
#define _GNU_SOURCE

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "worker/zfabric_worker.h"

#define ROUNDS   9
#define TASKS    40000 // of a measurement of throughput
#define SINGLES  3000  // of a measurement of latency
#define CAPACITY 128
#define PAYLOAD  "{\"text\": \"hello, fabric\", \"number\": 42}"
#define WORKERS  3

static const char *const names[WORKERS] = {"bare loop", "library, inline", "library, pool"};

typedef struct {
    int worker; // number
    int tasks, window;
} order_t;

static int orders[2], answers[2]; // pipes to the child and back
static char endpoints[WORKERS][100];

static void die (const char *what)
{
    perror (what);
    exit (1);
}

static double now (void)
{
    struct timespec at;

    clock_gettime (CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void put (int pipe_end, const void *octets, size_t size)
{
    if (write (pipe_end, octets, size) != (ssize_t)size)
        die ("write");
}

static void get (int pipe_end, void *octets, size_t size)
{
    if (read (pipe_end, octets, size) != (ssize_t)size)
        exit (1); // the other process has gone, and said why
}

// ---- the child: brokers

typedef struct {
    void *socket;
    char id[64]; // of the worker
    int id_size; // 0: it has not registered
    unsigned next;
} seat_t;

static void send_to (seat_t *self, const char *header, const char *payload)
{
    zmq_send (self->socket, self->id, (size_t)self->id_size, ZMQ_SNDMORE);
    if (zmq_send (self->socket, header, strlen (header), payload ? ZMQ_SNDMORE : 0) < 0
        || (payload && zmq_send (self->socket, payload, strlen (payload), 0) < 0))
        die ("zmq_send");
}

static void send_run (seat_t *self)
{
    char header[200];

    snprintf (header, sizeof header,
              "{\"packet_type\":\"RUN\",\"cookie\":\"00000000-0000-4000-8000-%012x\","
              "\"pipeline\":\"echo\"}",
              self->next++);
    send_to (self, header, PAYLOAD);
}

// Takes a message and answers what wants an answer. True: it was a RESULT.
static bool take (seat_t *self)
{
    char id[64], text[1000];
    int more = 1;
    size_t size = sizeof more;

    int id_size = zmq_recv (self->socket, id, sizeof id, 0);
    int got = zmq_recv (self->socket, text, sizeof text - 1, 0);
    if (id_size <= 0 || got < 0)
        die ("zmq_recv");
    text[got < (int)sizeof text - 1 ? got : (int)sizeof text - 1] = '\0';
    for (;;) {
        zmq_getsockopt (self->socket, ZMQ_RCVMORE, &more, &size);
        if (!more)
            break;
        char payload[100];
        zmq_recv (self->socket, payload, sizeof payload, 0);
    }
    if (strstr (text, "\"RESULT\""))
        return true;
    memcpy (self->id, id, sizeof id);
    self->id_size = id_size;
    if (strstr (text, "\"REGISTER\""))
        send_to (self, "{\"packet_type\":\"REGISTER\",\"capacity\":128}", NULL);
    else if (strstr (text, "\"HEARTBEAT\""))
        send_to (self, "{\"packet_type\":\"HEARTBEAT\"}", NULL);
    return false;
}

static double obey (seat_t *seat, const order_t *order)
{
    int sent = 0, done = 0;

    while (!seat->id_size)
        (void)take (seat);
    double began = now ();
    while (done < order->tasks) {
        for (; sent < order->tasks && sent - done < order->window; sent++)
            send_run (seat);
        done += take (seat);
    }
    return now () - began;
}

static _Noreturn void be_brokers (bool tcp)
{
    void *context = zmq_ctx_new ();
    seat_t seats[WORKERS] = {{0}};
    zmq_pollitem_t items[WORKERS + 1] = {{NULL, orders[0], ZMQ_POLLIN, 0}};

    for (int i = 0; i < WORKERS; i++) {
        size_t size = sizeof endpoints[i];
        int hwm = 0;
        seats[i].socket = zmq_socket (context, ZMQ_ROUTER);
        zmq_setsockopt (seats[i].socket, ZMQ_SNDHWM, &hwm, sizeof hwm);
        if (zmq_bind (seats[i].socket, tcp ? "tcp://127.0.0.1:*" : "ipc://*"))
            die ("zmq_bind");
        zmq_getsockopt (seats[i].socket, ZMQ_LAST_ENDPOINT, endpoints[i], &size);
        items[i + 1] = (zmq_pollitem_t){seats[i].socket, 0, ZMQ_POLLIN, 0};
    }
    put (answers[1], endpoints, sizeof endpoints);
    for (;;) {
        if (zmq_poll (items, WORKERS + 1, -1) < 0)
            die ("zmq_poll");
        for (int i = 0; i < WORKERS; i++) {
            if (items[i + 1].revents)
                (void)take (&seats[i]);
        }
        if (items[0].revents) {
            order_t order;
            get (orders[0], &order, sizeof order);
            double seconds = obey (&seats[order.worker], &order);
            put (answers[1], &seconds, sizeof seconds);
        }
    }
}

// ---- the workers

static void *work_barely (void *arg)
{
    static const char key[] = "\"cookie\":\"";
    void *socket = zmq_socket (arg, ZMQ_DEALER);
    zmq_msg_t header, payload;

    if (zmq_connect (socket, endpoints[0]))
        die ("zmq_connect");
    zmq_send (socket, "{\"packet_type\":\"REGISTER\",\"capacity\":128}", 42, 0);
    for (;;) {
        char text[128];
        zmq_msg_init (&header);
        zmq_msg_init (&payload);
        if (zmq_msg_recv (&header, socket, 0) < 0)
            break; // the end
        if (zmq_msg_more (&header))
            zmq_msg_recv (&payload, socket, 0);
        const char *at = (const char *)memmem (zmq_msg_data (&header), zmq_msg_size (&header), key,
                                               sizeof key - 1);
        if (at) {
            int size = snprintf (text, sizeof text,
                                 "{\"packet_type\":\"RESULT\",\"cookie\":\"%.36s\",\"rc\":\"OK\"}",
                                 at + sizeof key - 1);
            zmq_send (socket, text, (size_t)size, ZMQ_SNDMORE);
            zmq_msg_send (&payload, socket, 0);
        }
        zmq_msg_close (&header);
        zmq_msg_close (&payload);
    }
    zmq_close (socket);
    return NULL;
}

static int echo (zfabric_task_t *task, void *arg)
{
    size_t size;
    const void *payload = zfabric_task_payload (task, &size);

    (void)arg;
    return zfabric_task_finish (task, payload, size, zfabric_task_encoding (task));
}

static zfabric_worker_t *start_worker (int number, unsigned flags)
{
    zfabric_worker_options_t options = {.capacity = CAPACITY};
    zfabric_worker_t *worker = zfabric_worker_new (endpoints[number], &options, NULL, 0);

    if (!worker || zfabric_worker_serve (worker, "echo", echo, NULL, flags)
        || zfabric_worker_start (worker, NULL, 0))
        die ("worker");
    return worker;
}

// ---- measured

typedef struct {
    double rate[ROUNDS];    // tasks a second
    double cost[ROUNDS];    // processor time of a task, us
    double latency[ROUNDS]; // of one task in flight, us
    double share[ROUNDS];   // of the bare loop's rate
    double extra[ROUNDS];   // latency beyond the bare loop's
} row_t;

static double processor (void)
{
    struct rusage usage;

    getrusage (RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
           + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double run (int worker, int tasks, int window)
{
    order_t order = {worker, tasks, window};
    double seconds;

    put (orders[1], &order, sizeof order);
    get (answers[0], &seconds, sizeof seconds);
    return seconds;
}

static int compare (const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static double median (double values[static ROUNDS])
{
    qsort (values, ROUNDS, sizeof *values, compare);
    return values[ROUNDS / 2];
}

static void measure (row_t rows[static WORKERS])
{
    for (int i = 0; i < WORKERS; i++)
        (void)run (i, 2000, CAPACITY); // threads are made, sockets warm
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < WORKERS; i++) {
            double before = processor ();
            rows[i].rate[round] = TASKS / run (i, TASKS, CAPACITY);
            rows[i].cost[round] = (processor () - before) * 1e6 / TASKS;
            rows[i].latency[round] = run (i, SINGLES, 1) * 1e6 / SINGLES;
            rows[i].share[round] = rows[i].rate[round] / rows[0].rate[round];
            rows[i].extra[round] = rows[i].latency[round] - rows[0].latency[round];
        }
    }
}

int main (int argc, char **argv)
{
    static row_t rows[WORKERS];
    bool tcp = argc < 2 || strcmp (argv[1], "ipc") != 0;

    if (pipe (orders) || pipe (answers))
        die ("pipe");
    pid_t child = fork ();
    if (child < 0)
        die ("fork");
    if (child == 0)
        be_brokers (tcp);
    get (answers[0], endpoints, sizeof endpoints);

    void *context = zmq_ctx_new ();
    pthread_t bare;
    if (pthread_create (&bare, NULL, work_barely, context))
        die ("pthread_create");
    zfabric_worker_t *here = start_worker (1, ZFABRIC_HANDLER_INLINE);
    zfabric_worker_t *there = start_worker (2, 0);
    measure (rows);
    kill (child, SIGKILL);
    (void)waitpid (child, NULL, 0);
    zfabric_worker_destroy (&here);
    zfabric_worker_destroy (&there);
    zmq_ctx_shutdown (context);
    pthread_join (bare, NULL);
    zmq_ctx_term (context);

    printf ("%s, %d in flight; latency: 1 in flight\n", tcp ? "tcp" : "ipc", CAPACITY);
    printf ("%-16s %9s %6s %9s %11s %8s\n", "", "tasks/s", "ratio", "CPU us", "latency us",
            "extra");
    for (int i = 0; i < WORKERS; i++)
        printf ("%-16s %9.0f %6.2f %9.2f %11.1f %8.1f\n", names[i], median (rows[i].rate),
                median (rows[i].share), median (rows[i].cost), median (rows[i].latency),
                median (rows[i].extra));
    return 0;
}
