/*  What the client library costs beside a bare libzmq loop that does the same.
 *
 *      bench_client [tcp|ipc] [many|one|memory]
 *
 *  A child process carries the broker, and a worker that is a bare loop. This process runs the same
 *  tasks by turns with a bare DEALER (headers from a template, answers counted and no more) and
 *  with the library, over the same broker, so that what else the machine does meets both. A row is
 *  the median of all rounds; a ratio the median of the rounds' ratios. Processor time is this
 *  process's, libzmq's thread in it.
 */
#define _GNU_SOURCE

#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "broker/zfabric_broker.h"
#include "client/zfabric_client.h"

#define ROUNDS   15
#define TASKS    60000 // of a measurement of throughput
#define WINDOW   256   // of them in flight
#define SINGLES  3000  // of a measurement of latency
#define OPEN     10000 // of the measurement of memory
#define PAYLOAD  "{\"text\": \"hello, fabric\", \"number\": 42}"
#define CAPACITY 1000

static char serving[300], listening[300];

static void die (const char *what)
{
    perror (what);
    exit (1);
}

// ---- the child: a broker and a bare worker

static void send_text (void *socket, const char *text, int flags)
{
    if (zmq_send (socket, text, strlen (text), flags) < 0)
        die ("zmq_send");
}

// The 36 characters behind "cookie":, or NULL.
static const char *cookie_in (zmq_msg_t *header)
{
    static const char key[] = "\"cookie\":\"";
    const char *at =
        (const char *)memmem (zmq_msg_data (header), zmq_msg_size (header), key, sizeof key - 1);

    return at ? at + sizeof key - 1 : NULL;
}

static void answer (void *socket, zmq_msg_t *header, zmq_msg_t *payload)
{
    const char *cookie = cookie_in (header);
    char text[128];

    if (!cookie)
        return;
    snprintf (text, sizeof text, "{\"packet_type\":\"RESULT\",\"cookie\":\"%.36s\",\"rc\":\"OK\"}",
              cookie);
    send_text (socket, text, ZMQ_SNDMORE);
    if (zmq_msg_send (payload, socket, 0) < 0)
        die ("zmq_msg_send");
}

static void work (void)
{
    void *context = zmq_ctx_new ();
    void *socket = zmq_socket (context, ZMQ_DEALER);
    char text[128];
    zmq_msg_t header, payload;

    if (zmq_connect (socket, listening))
        die ("zmq_connect");
    snprintf (text, sizeof text,
              "{\"packet_type\":\"REGISTER\",\"capacity\":%d,\"pipelines\":[\"echo\"]}", CAPACITY);
    send_text (socket, text, 0);
    zmq_msg_init (&header);
    zmq_msg_init (&payload);
    for (;;) {
        if (zmq_msg_recv (&header, socket, 0) < 0)
            die ("zmq_msg_recv");
        if (zmq_msg_more (&header) && zmq_msg_recv (&payload, socket, 0) >= 0)
            answer (socket, &header, &payload);
    }
}

static void carry_broker (const char *transport, int out)
{
    zfabric_broker_options_t options;
    const char *serve[] = {serving}, *listen[] = {listening};
    char problem[300];

    if (strcmp (transport, "ipc") == 0) {
        snprintf (serving, sizeof serving, "ipc:///tmp/bench-client-%d-s", (int)getpid ());
        snprintf (listening, sizeof listening, "ipc:///tmp/bench-client-%d-l", (int)getpid ());
    } else {
        snprintf (serving, sizeof serving, "tcp://127.0.0.1:*");
        snprintf (listening, sizeof listening, "tcp://127.0.0.1:*");
    }
    zfabric_broker_options_init (&options);
    options.serve = serve, options.serve_count = 1;
    options.listen = listen, options.listen_count = 1;
    zfabric_broker_t *broker = zfabric_broker_new (&options, problem, sizeof problem);
    if (!broker) {
        fprintf (stderr, "%s\n", problem);
        exit (1);
    }
    snprintf (serving, sizeof serving, "%s", zfabric_broker_serving (broker, 0));
    snprintf (listening, sizeof listening, "%s", zfabric_broker_listening (broker, 0));
    if (write (out, serving, sizeof serving) < 0)
        exit (1);
    work ();
}

static pid_t start_child (const char *transport)
{
    int ends[2];

    if (pipe (ends))
        die ("pipe");
    pid_t child = fork ();
    if (child < 0)
        die ("fork");
    if (child == 0)
        carry_broker (transport, ends[1]);
    close (ends[1]);
    if (read (ends[0], serving, sizeof serving) != sizeof serving)
        exit (1);
    close (ends[0]);
    return child;
}

// ---- a bare loop

static void *bare;

static void bare_send (void)
{
    static unsigned number;
    char text[128];

    snprintf (text, sizeof text,
              "{\"packet_type\":\"RUN\",\"cookie\":\"%08x-0000-4000-8000-000000000000\","
              "\"pipeline\":\"echo\"}",
              number++);
    send_text (bare, text, ZMQ_SNDMORE);
    send_text (bare, PAYLOAD, 0);
}

static void bare_receive (zmq_msg_t *message)
{
    do {
        if (zmq_msg_recv (message, bare, 0) < 0)
            die ("zmq_msg_recv");
    } while (zmq_msg_more (message));
    if (zmq_msg_size (message) != sizeof PAYLOAD - 1)
        exit (1);
}

static void run_bare (unsigned count, unsigned window)
{
    zmq_msg_t message;
    unsigned sent;

    zmq_msg_init (&message);
    for (sent = 0; sent < window; sent++)
        bare_send ();
    for (unsigned received = 0; received < count; received++) {
        bare_receive (&message);
        if (sent < count) {
            bare_send ();
            sent++;
        }
    }
    zmq_msg_close (&message);
}

// ---- the library

static zfabric_client_t *client;

static void check (const zfabric_result_t *result)
{
    if (result && result->rc == ZFABRIC_OK && result->size == sizeof PAYLOAD - 1)
        return;
    fprintf (stderr, "a task failed: %s\n", result ? result->error : strerror (errno));
    exit (1);
}

static zfabric_call_t *start (const zfabric_run_options_t *options)
{
    zfabric_call_t *call =
        zfabric_client_start (client, "echo", PAYLOAD, sizeof PAYLOAD - 1, options);

    if (!call)
        die ("zfabric_client_start");
    return call;
}

// One thread that waits for whichever comes.
static void run_next (unsigned count, unsigned window)
{
    const zfabric_run_options_t options = {.notify = true};
    zfabric_call_t *call;
    unsigned sent;

    for (sent = 0; sent < window; sent++)
        (void)start (&options);
    while ((call = zfabric_client_next (client, -1))) {
        check (zfabric_call_wait (call, 0));
        zfabric_call_destroy (&call);
        if (sent < count) {
            (void)start (&options);
            sent++;
        }
    }
}

typedef struct {
    unsigned left; // to be started
    unsigned open;
    int ended; // a pipe
} flow_t;

static void flow_on (zfabric_call_t *call, const zfabric_result_t *result, void *arg)
{
    flow_t *flow = (flow_t *)arg;
    const zfabric_run_options_t options = {.on_result = flow_on, .arg = flow};

    (void)call;
    check (result);
    if (flow->left) {
        zfabric_call_t *next = start (&options);
        zfabric_call_destroy (&next);
        flow->left--;
    } else if (--flow->open == 0 && write (flow->ended, "", 1) < 0) {
        die ("write");
    }
}

// Callbacks that start the next; nobody waits but for the end.
static void run_callbacks (unsigned count, unsigned window)
{
    int ends[2];
    char end;

    if (pipe (ends))
        die ("pipe");
    flow_t flow = {.left = count - window, .open = window, .ended = ends[1]};
    zfabric_run_options_t options = {.on_result = flow_on, .arg = &flow};
    zfabric_run_t runs[WINDOW];
    for (unsigned i = 0; i < window; i++)
        runs[i] = (zfabric_run_t){"echo", PAYLOAD, sizeof PAYLOAD - 1, &options};
    if (zfabric_client_start_many (client, runs, window, NULL) != window)
        die ("zfabric_client_start_many");
    if (read (ends[0], &end, 1) < 0)
        die ("read");
    close (ends[0]);
    close (ends[1]);
}

// As many threads' worth of calls in one: the oldest is waited for.
static void run_waits (unsigned count, unsigned window)
{
    zfabric_call_t *calls[WINDOW];

    for (unsigned i = 0; i < count + window; i++) {
        zfabric_call_t **call = &calls[i % window];
        if (i >= window) {
            check (zfabric_call_wait (*call, -1));
            zfabric_call_destroy (call);
        }
        if (i < count)
            *call = start (NULL);
    }
}

static void run_singly (unsigned count, unsigned window)
{
    (void)window;
    for (unsigned i = 0; i < count; i++) {
        zfabric_result_t *result =
            zfabric_client_run (client, "echo", PAYLOAD, sizeof PAYLOAD - 1, NULL);
        check (result);
        zfabric_result_destroy (&result);
    }
}

// ---- measuring

typedef void (run_fn) (unsigned count, unsigned window);

typedef struct {
    const char *name;
    run_fn *run;
    double wall[ROUNDS]; // us a task
    double cpu[ROUNDS];
} way_t;

static double now_us (clockid_t clock)
{
    struct timespec at;

    clock_gettime (clock, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static int compare (const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median (const double values[ROUNDS])
{
    double sorted[ROUNDS];

    memcpy (sorted, values, sizeof sorted);
    qsort (sorted, ROUNDS, sizeof *sorted, compare);
    return sorted[ROUNDS / 2];
}

// Of the rounds, `a` to `b`.
static double ratio (const double a[ROUNDS], const double b[ROUNDS])
{
    double ratios[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++)
        ratios[i] = a[i] / b[i];
    return median (ratios);
}

static double difference (const double a[ROUNDS], const double b[ROUNDS])
{
    double differences[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++)
        differences[i] = a[i] - b[i];
    return median (differences);
}

// The first way is what the others are compared with.
static void measure (way_t *ways, unsigned count, unsigned tasks, unsigned window)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < count; i++) {
            double wall = now_us (CLOCK_MONOTONIC), cpu = now_us (CLOCK_PROCESS_CPUTIME_ID);
            ways[i].run (tasks, window);
            ways[i].wall[round] = (now_us (CLOCK_MONOTONIC) - wall) / tasks;
            ways[i].cpu[round] = (now_us (CLOCK_PROCESS_CPUTIME_ID) - cpu) / tasks;
        }
    }
    printf ("\n%u tasks, %u in flight\n%-28s %9s %9s %9s %9s %9s\n", tasks, window, "", "us/task",
            "tasks/s", "of bare", "CPU us", "more us");
    for (unsigned i = 0; i < count; i++)
        printf ("%-28s %9.2f %9.0f %9.2f %9.2f %9.2f\n", ways[i].name, median (ways[i].wall),
                1e6 / median (ways[i].wall), ratio (ways[0].wall, ways[i].wall),
                median (ways[i].cpu), difference (ways[i].wall, ways[0].wall));
}

// Octets of memory for each call that is open: with a broker that has it, or without.
static double memory_of_open (const char *endpoint)
{
    static zfabric_call_t *calls[OPEN];
    zfabric_client_options_t options = {.max_open = OPEN + 1, .connect_timeout_ms = 60000};
    zfabric_client_t *other = zfabric_client_new (endpoint ? endpoint : serving, &options, NULL, 0);
    struct pollfd until = {.fd = -1};

    size_t before = mallinfo2 ().uordblks;
    for (unsigned i = 0; i < OPEN; i++)
        calls[i] = zfabric_client_start (other, "nobody serves this", NULL, 0, NULL);
    if (!endpoint) { // what follows them was answered: they were sent
        zfabric_result_t *result = zfabric_client_run (other, "$ping", NULL, 0, NULL);
        zfabric_result_destroy (&result);
    } else {
        (void)poll (&until, 0, 500); // its thread has them
    }
    size_t after = mallinfo2 ().uordblks;
    for (unsigned i = 0; i < OPEN; i++)
        zfabric_call_destroy (&calls[i]);
    zfabric_client_destroy (&other);
    return (double)(after - before) / OPEN;
}

int main (int argc, char **argv)
{
    static way_t many[] = {{.name = "bare loop", .run = run_bare},
                           {.name = "library, callbacks", .run = run_callbacks},
                           {.name = "library, whichever is next", .run = run_next},
                           {.name = "library, each in its turn", .run = run_waits}};
    static way_t one[] = {{.name = "bare loop", .run = run_bare},
                          {.name = "library, run and wait", .run = run_singly}};
    const char *transport = argc > 1 ? argv[1] : "tcp";
    const char *what = argc > 2 ? argv[2] : NULL;

    mallopt (M_ARENA_MAX, 1); // mallinfo2 () tells of one
    pid_t child = start_child (transport);
    client = zfabric_client_new (serving, NULL, NULL, 0);
    void *context = zmq_ctx_new ();
    bare = zmq_socket (context, ZMQ_DEALER);
    if (!client || zmq_connect (bare, serving))
        die ("connect");
    run_singly (10, 1);
    run_bare (10, 1);
    printf ("%s, median of %d rounds\n", transport, ROUNDS);
    if (!what || strcmp (what, "many") == 0)
        measure (many, 4, TASKS, WINDOW);
    if (!what || strcmp (what, "one") == 0)
        measure (one, 2, SINGLES, 1);
    if (!what || strcmp (what, "memory") == 0) {
        double held = memory_of_open (NULL);
        printf ("\noctets of memory a call that is open: %.0f, and while there is no broker %.0f\n",
                held, memory_of_open ("ipc:///tmp/bench-client-nobody"));
    }
    zfabric_client_destroy (&client);
    zmq_close (bare);
    zmq_ctx_term (context);
    kill (child, SIGKILL);
    waitpid (child, NULL, 0);
    return 0;
}
