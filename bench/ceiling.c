/*  The ceiling: what any broker between two ROUTERs of libzmq can reach at the most.
 *
 *      bench_ceiling [--curve FILE --authorized DIR] --serve ENDPOINT --listen ENDPOINT
 *
 *  It is no broker: it looks at frames and picks the worker that is idle longest, and nothing is
 *  read, checked, counted or kept beside a table from a task's cookie to its client, which costs
 *  less than an envelope frame would. Its peers are those of `zfabric bench --program`, whose
 *  headers have the cookie at a known place. What is no task goes back as it came, which is all
 *  that those peers expect of a REGISTER and a HEARTBEAT; only of a REGISTER it reads the capacity.
 *
 *  With keys it encrypts, and lets everybody in.
 *
 *  A peer that has no room, or is not there, ends it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zmq.h>

#include "codec/codec.h"
#include "fabric/key_file.h"

#define BATCH   256u       // packets of one side a round, as the broker has it
#define TASKS   (1u << 20) // on their way at once, at most
#define WORKERS 65536u
#define SLOTS   (1u << 20) // a ring of workers with a free slot
#define ID_MAX  5          // octets of libzmq's own routing ids

typedef struct {
    uint8_t octets[ID_MAX];
} peer_id_t;

typedef struct {
    uint64_t cookie[2]; // zeros: free
    peer_id_t client;
    uint32_t worker;
} task_t;

typedef struct {
    void *serve, *listen;
    task_t *tasks;      // open addressing
    peer_id_t *workers; // by number, as they registered
    uint32_t *slots;    // ring: numbers of workers
    size_t worker_count, slots_first, slots_count;
} ceiling_t;

static void ensure (bool good, const char *words)
{
    if (good)
        return;
    fprintf (stderr, "bench_ceiling: %s: %s\n", words, zmq_strerror (errno));
    exit (1);
}

// ---- cookies

// 16 octets of the cookie that are different for each: its number, and what tells clients apart.
static bool cookie_of (zmq_msg_t *header, uint64_t cookie[2])
{
    const uint8_t *octets = (const uint8_t *)zmq_msg_data (header);
    size_t len = zmq_msg_size (header);

    if (len > 47 && memcmp (octets, "{\"cookie\":\"", 11) == 0) {
        memcpy (&cookie[0], octets + 11, 8);
        memcpy (&cookie[1], octets + 39, 8);
    } else if (len > 26
               && memcmp (octets,
                          "\x83\xa6"
                          "cookie\xc4\x10",
                          10)
                      == 0) {
        memcpy (&cookie[0], octets + 10, 8);
        memcpy (&cookie[1], octets + 18, 8);
    } else {
        return false;
    }
    return true;
}

static size_t place_of (const uint64_t cookie[2])
{
    return (size_t)((cookie[0] ^ cookie[1] * UINT64_C (0x9e3779b97f4a7c15)) >> 32)
               * UINT64_C (0x9e3779b97f4a7c15)
           >> 44;
}

_Static_assert(TASKS == 1u << (64 - 44), "place_of () keeps the upper bits");

// Where the cookie is, or could be.
static size_t find (const ceiling_t *self, const uint64_t cookie[2])
{
    size_t at = place_of (cookie);

    while ((self->tasks[at].cookie[0] || self->tasks[at].cookie[1])
           && (self->tasks[at].cookie[0] != cookie[0] || self->tasks[at].cookie[1] != cookie[1]))
        at = (at + 1) % TASKS;
    return at;
}

// Takes an entry out; those behind it that it kept from their place move up.
static void take_out (ceiling_t *self, size_t hole)
{
    size_t at = hole;

    for (;;) {
        at = (at + 1) % TASKS;
        const task_t *task = &self->tasks[at];
        if (!task->cookie[0] && !task->cookie[1])
            break;
        size_t home = place_of (task->cookie);
        if ((at - home) % TASKS >= (at - hole) % TASKS) {
            self->tasks[hole] = *task;
            hole = at;
        }
    }
    self->tasks[hole] = (task_t){.cookie = {0, 0}};
}

// ---- frames

static bool receive (void *socket, zmq_msg_t *id, zmq_msg_t *header, zmq_msg_t *payload)
{
    if (zmq_msg_recv (id, socket, ZMQ_DONTWAIT) < 0)
        return false;
    ensure (zmq_msg_size (id) == ID_MAX && zmq_msg_recv (header, socket, ZMQ_DONTWAIT) >= 0,
            "a message without a header");
    if (zmq_msg_more (header))
        ensure (zmq_msg_recv (payload, socket, ZMQ_DONTWAIT) >= 0 && !zmq_msg_more (payload),
                "a message of more frames");
    return true;
}

static void send_on (void *socket, const peer_id_t *id, zmq_msg_t *header, zmq_msg_t *payload)
{
    ensure (zmq_send (socket, id->octets, ID_MAX, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0,
            "a peer has no room, or is gone");
    ensure (zmq_msg_send (header, socket, ZMQ_DONTWAIT | (payload ? ZMQ_SNDMORE : 0)) >= 0, "send");
    if (payload)
        ensure (zmq_msg_send (payload, socket, ZMQ_DONTWAIT) >= 0, "send");
}

static void free_slot (ceiling_t *self, uint32_t worker)
{
    ensure (self->slots_count < SLOTS, "too many slots");
    self->slots[(self->slots_first + self->slots_count++) % SLOTS] = worker;
}

// ---- packets

// Clients are read while there is a slot, for nothing is kept here; and before there are workers,
// for those who only say that they are there.
static bool reads_clients (const ceiling_t *self)
{
    return self->slots_count > 0 || self->worker_count == 0;
}

static void take_run (ceiling_t *self, zmq_msg_t *id, zmq_msg_t *header, zmq_msg_t *payload)
{
    task_t task;

    memcpy (task.client.octets, zmq_msg_data (id), ID_MAX);
    if (!cookie_of (header, task.cookie)) {
        send_on (self->serve, &task.client, header, NULL);
        return;
    }
    ensure (self->slots_count > 0, "a task before there is a worker");
    task.worker = self->slots[self->slots_first];
    self->slots_first = (self->slots_first + 1) % SLOTS;
    self->slots_count--;
    self->tasks[find (self, task.cookie)] = task;
    send_on (self->listen, &self->workers[task.worker], header, payload);
}

static void take_result (ceiling_t *self, zmq_msg_t *id, zmq_msg_t *header, zmq_msg_t *payload)
{
    uint64_t cookie[2];
    packet_t packet;

    if (cookie_of (header, cookie)) {
        size_t at = find (self, cookie);
        task_t task = self->tasks[at];
        ensure (task.cookie[0] || task.cookie[1], "a result of no task");
        take_out (self, at);
        free_slot (self, task.worker);
        send_on (self->serve, &task.client, header, payload);
        return;
    }
    slice_t octets = slice_of (zmq_msg_data (header), zmq_msg_size (header));
    ensure (codec_read (octets, &packet, NULL) == 0 && packet.type == PACKET_REGISTER
                && self->worker_count < WORKERS,
            "a packet that is no REGISTER");
    uint32_t worker = (uint32_t)self->worker_count++;
    memcpy (self->workers[worker].octets, zmq_msg_data (id), ID_MAX);
    for (unsigned i = 0; i < packet.capacity; i++)
        free_slot (self, worker);
    send_on (self->listen, &self->workers[worker], header, NULL);
}

static void run (ceiling_t *self)
{
    zmq_msg_t id, header, payload;
    zmq_pollitem_t items[2] = {{.socket = self->listen, .events = ZMQ_POLLIN},
                               {.socket = self->serve, .events = ZMQ_POLLIN}};

    zmq_msg_init (&id);
    zmq_msg_init (&header);
    zmq_msg_init (&payload);
    for (;;) {
        (void)zmq_poll (items, reads_clients (self) ? 2 : 1, -1);
        for (unsigned i = 0; i < BATCH && (items[0].revents & ZMQ_POLLIN); i++) {
            if (!receive (self->listen, &id, &header, &payload))
                break;
            take_result (self, &id, &header, &payload);
        }
        for (unsigned i = 0; i < BATCH && reads_clients (self) && (items[1].revents & ZMQ_POLLIN);
             i++) {
            if (!receive (self->serve, &id, &header, &payload))
                break;
            take_run (self, &id, &header, &payload);
        }
    }
}

static void *open_router (void *context, const char *endpoint, const key_pair_t *keys)
{
    // As the broker's own are set (broker/sockets.c).
    static const struct {
        int option, value;
    } options[] = {{ZMQ_ROUTER_MANDATORY, 1},
                   {ZMQ_HEARTBEAT_IVL, 2000},
                   {ZMQ_HEARTBEAT_TIMEOUT, 2600},
                   {ZMQ_BACKLOG, 4096}};
    void *router = zmq_socket (context, ZMQ_ROUTER);

    ensure (router, "socket");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        ensure (zmq_setsockopt (router, options[i].option, &options[i].value, sizeof (int)) == 0,
                "option");
    if (keys)
        ensure (zmq_setsockopt (router, ZMQ_CURVE_SERVER, &(int){1}, sizeof (int)) == 0
                    && zmq_setsockopt (router, ZMQ_CURVE_SECRETKEY, keys->secret_key, KEY_TEXT + 1)
                           == 0,
                "keys");
    ensure (zmq_bind (router, endpoint) == 0, endpoint);
    return router;
}

int main (int argc, char **argv)
{
    void *context = zmq_ctx_new ();
    struct rlimit limit;
    key_pair_t *keys = NULL;
    ceiling_t self = {.tasks = (task_t *)calloc (TASKS, sizeof (task_t)),
                      .workers = (peer_id_t *)calloc (WORKERS, sizeof (peer_id_t)),
                      .slots = (uint32_t *)calloc (SLOTS, sizeof (uint32_t))};

    ensure (context && self.tasks && self.workers && self.slots, "start");
    if (argc == 9 && strcmp (argv[1], "--curve") == 0) {
        keys = key_pair_new ();
        ensure (keys && key_file_read_pair (argv[2], keys, NULL) == 0, argv[2]);
        argc -= 4;
        argv += 4;
    }
    if (argc != 5 || strcmp (argv[1], "--serve") != 0 || strcmp (argv[3], "--listen") != 0) {
        fputs ("usage: bench_ceiling [--curve FILE --authorized DIR] --serve ENDPOINT --listen "
               "ENDPOINT\n",
               stderr);
        return 2;
    }
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit (RLIMIT_NOFILE, &limit); // refused: it stays as it was
    }
    self.serve = open_router (context, argv[2], keys);
    self.listen = open_router (context, argv[4], keys);
    key_pair_destroy (&keys);
    puts ("ready");
    fflush (stdout);
    run (&self);
    return 0;
}
