/*  What one task, a RUN and its RESULT, costs in the bare switchboard, and how that grows.
 *
 *      bench_switchboard [BLOCK ...]      all blocks of rows, or those whose names begin so
 *
 *  Events are made of frames in memory, before the clock starts; the sink keeps only the cookie of
 *  what a worker is given. Frames are freed while it runs, as they are in a broker. There are
 * always RUNNING tasks at work; a RUN and the RESULT of the oldest of them take turns. A number is
 * the best of several measurements: other work on the machine only ever adds to it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/recorder.h"
#include "broker/switchboard.h"
#include "fabric/cookie.h"
#include "fabric/moment.h"

#define RUNNING      256u // tasks at work, and pairs of one measurement
#define MEASURE_NS   (300u * 1000 * 1000)
#define REGISTER_MAX 65536
#define HELD         "held" // a pipeline whose only worker is full
#define LONG_MS      (UINT64_C (1) << 40)

typedef enum { FOR_NOBODY, FOR_A_FULL_ONE, FOR_THE_SAME } waiting_for_t;

// What each worker registers; there are `pipelines` pipelines with tasks.
typedef enum {
    EVERYTHING,    // "*"
    ONE_EACH,      // the next of them
    ALL_NAMES,     // all of them by name
    ALL_PREFIXES,  // all of them by prefix
    LENGTHS,       // one, by as many prefixes of its name
    OWN_AND_COMMON // a name of its own and the first of them
} serves_t;

typedef struct {
    uint32_t waiting;
    waiting_for_t waiting_for;
    uint32_t workers;
    uint32_t clients;
    uint32_t pipelines;
    serves_t serves;
    bool recorded;
} row_t;

// What grows in a block of rows, and the words for it.
typedef enum { WAITING, WORKERS, CLIENTS, PIPELINES, RECORDER } grows_t;

static const char *const grows_words[] = {[WAITING] = "tasks waiting",
                                          [WORKERS] = "workers",
                                          [CLIENTS] = "clients",
                                          [PIPELINES] = "pipelines",
                                          [RECORDER] = "flight recorders"};

typedef struct {
    const char *name;
    grows_t grows;
    uint32_t largest; // of the rows; the smallest is what the others are compared with
    row_t row;        // zeros: 10 waiting, 10 workers, 10 clients, 1 pipeline
} block_t;

#define QUEUED .waiting = 10000, .waiting_for = FOR_THE_SAME

static const block_t blocks[] = {
    {"waiting for what nobody serves", WAITING, 1000000, {.serves = ALL_NAMES}},
    {"waiting for a worker without room",
     WAITING,
     1000000,
     {.serves = ALL_NAMES, .waiting_for = FOR_A_FULL_ONE}},
    {"waiting for the same", WAITING, 1000000, {.waiting_for = FOR_THE_SAME}},
    {"waiting for the same, of 10,000 clients",
     WAITING,
     1000000,
     {.waiting_for = FOR_THE_SAME, .clients = 10000}},
    {"workers, with room", WORKERS, 10000, {0}},
    {"workers, full, 10,000 tasks wait", WORKERS, 10000, {QUEUED}},
    {"workers with a name of their own and a common one, with room",
     WORKERS,
     10000,
     {.serves = OWN_AND_COMMON}},
    {"workers with a name of their own and a common one, full, 10,000 tasks wait",
     WORKERS,
     10000,
     {.serves = OWN_AND_COMMON, QUEUED}},
    {"clients", CLIENTS, 10000, {0}},
    {"clients, 10,000 tasks wait", CLIENTS, 10000, {QUEUED}},
    {"pipelines, each worker serves everything", PIPELINES, 1000, {0}},
    {"pipelines, each worker serves everything, 10,000 tasks wait", PIPELINES, 1000, {QUEUED}},
    {"pipelines, 1,000 workers serve one each",
     PIPELINES,
     1000,
     {.serves = ONE_EACH, .workers = 1000}},
    {"pipelines, 1,000 workers serve one each, 10,000 tasks wait",
     PIPELINES,
     1000,
     {.serves = ONE_EACH, .workers = 1000, QUEUED}},
    {"pipelines, each worker names all of them", PIPELINES, 1000, {.serves = ALL_NAMES}},
    {"pipelines, each worker names all of them, 10,000 tasks wait",
     PIPELINES,
     1000,
     {.serves = ALL_NAMES, QUEUED}},
    {"pipelines, each worker has a prefix for each of them",
     PIPELINES,
     1000,
     {.serves = ALL_PREFIXES}},
    {"pipelines, each worker has a prefix for each of them, 10,000 tasks wait",
     PIPELINES,
     1000,
     {.serves = ALL_PREFIXES, QUEUED}},
    {"prefixes of one name, of different lengths", PIPELINES, 100, {.serves = LENGTHS}},
    {"flight recorder, off and on", RECORDER, 1, {0}},
};

static row_t row_of (const block_t *block, uint32_t size)
{
    row_t row = block->row;
    uint32_t *const grows[] = {[WAITING] = &row.waiting,
                               [WORKERS] = &row.workers,
                               [CLIENTS] = &row.clients,
                               [PIPELINES] = &row.pipelines};

    row.waiting = row.waiting ? row.waiting : 10;
    row.workers = row.workers ? row.workers : 10;
    row.clients = row.clients ? row.clients : 10;
    row.pipelines = row.pipelines ? row.pipelines : 1;
    if (block->grows == RECORDER)
        row.recorded = size > 0;
    else
        *grows[block->grows] = size;
    return row;
}

// ---- the world

typedef struct {
    sb_peer_t worker;
    char cookie[COOKIE_TEXT];
} given_t;

typedef struct {
    const row_t *row;
    switchboard_t *switchboard;
    recorder_t *recorder; // NULL: none
    moment_t now;
    uint64_t cookies; // source of cookies
    uint64_t turn;    // which client and pipeline is next
    given_t *given;   // ring: what runs, oldest first
    size_t given_size;
    size_t given_first;
    size_t given_count;
    frame_t headers[2 * RUNNING];
    frame_t payloads[2 * RUNNING];
    sb_peer_t peers[2 * RUNNING];
} world_t;

static const char run_start[] = "{\"packet_type\":\"RUN\",\"cookie\":\"";

static void ensure (bool good, const char *words)
{
    if (good)
        return;
    fprintf (stderr, "%s\n", words);
    exit (1);
}

// Peers: workers, clients, then the one that holds on to its task.
static sb_peer_t holder (const world_t *self)
{
    return self->row->workers + self->row->clients;
}

static void sink_send (void *arg, sb_peer_t peer, frame_t *header, frame_t *payload, bool droppable)
{
    world_t *self = (world_t *)arg;

    (void)droppable;
    if (self->recorder)
        recorder_action (self->recorder, peer, header, payload);
    if (!payload || peer >= self->row->workers)
        return;
    given_t *given = &self->given[(self->given_first + self->given_count++) % self->given_size];
    given->worker = peer;
    memcpy (given->cookie, frame_slice (header).ptr + sizeof run_start - 1, COOKIE_TEXT);
}

static void make_frame (frame_t *frame, const char *text, size_t len)
{
    ensure (frame_copy (frame, slice_of (text, len)) == 0, "out of memory");
}

static void step (world_t *self, sb_peer_t peer, frame_t *header, frame_t *payload)
{
    sb_event_t event = {.kind = SB_PACKET,
                        .now = self->now,
                        .peer = peer,
                        .side = peer < self->row->workers || peer == holder (self) ? SB_WORKER_SIDE
                                                                                   : SB_CLIENT_SIDE,
                        .frames = 2,
                        .header = header,
                        .payload = payload};

    if (self->recorder)
        recorder_event (self->recorder, &event);
    switchboard_step (self->switchboard, &event);
    frame_close (header);
    frame_close (payload);
}

static void send_text (world_t *self, sb_peer_t peer, const char *header)
{
    frame_t frames[2];

    make_frame (&frames[0], header, strlen (header));
    frame_init (&frames[1]);
    step (self, peer, &frames[0], &frames[1]);
}

// ---- packets

static void name_pipeline (const row_t *row, uint64_t number, char *text, size_t size)
{
    if (row->serves == LENGTHS)
        snprintf (text, size, "%0250d", 0);
    else if (row->serves == OWN_AND_COMMON)
        snprintf (text, size, "common");
    else
        snprintf (text, size, "p%04u.x", (unsigned)(number % row->pipelines));
}

static sb_peer_t make_run (world_t *self, const char *pipeline, frame_t *header, frame_t *payload)
{
    char text[512], name[256];
    uint64_t turn = self->turn++;

    name_pipeline (self->row, turn, name, sizeof name);
    int len =
        snprintf (text, sizeof text, "%s00000000-0000-4000-8000-%012llx\",\"pipeline\":\"%s\"}",
                  run_start, (unsigned long long)++self->cookies, pipeline ? pipeline : name);
    make_frame (header, text, (size_t)len);
    make_frame (payload, "{\"number\":1234567890}", 21);
    return (sb_peer_t)(self->row->workers + turn % self->row->clients);
}

static sb_peer_t make_result (const given_t *given, frame_t *header, frame_t *payload)
{
    char text[256];
    int len = snprintf (text, sizeof text,
                        "{\"packet_type\":\"RESULT\",\"cookie\":\"%.*s\",\"rc\":\"OK\"}",
                        COOKIE_TEXT, given->cookie);

    make_frame (header, text, (size_t)len);
    make_frame (payload, "{\"number\":1234567890}", 21);
    return given->worker;
}

static size_t pattern_text (const row_t *row, uint32_t worker, uint32_t i, char *text, size_t size)
{
    static const char zeros[] = "00000000000000000000000000000000000000000000000000000000000000000"
                                "00000000000000000000000000000000000000000000000000000000000000000"
                                "00000000000000000000000000000000000000000000000000000000000000000"
                                "00000000000000000000000000000000000000000000000000000000";
    int len = 0;

    if (row->serves == EVERYTHING)
        len = snprintf (text, size, "\"*\"");
    else if (row->serves == ONE_EACH)
        len = snprintf (text, size, "\"p%04u.x\"", worker % row->pipelines);
    else if (row->serves == ALL_NAMES)
        len = snprintf (text, size, "\"p%04u.x\"", i);
    else if (row->serves == ALL_PREFIXES)
        len = snprintf (text, size, "\"p%04u*\"", i);
    else if (row->serves == LENGTHS)
        len = snprintf (text, size, "\"%.*s*\"", (int)(i % 250), zeros);
    else
        len = snprintf (text, size, i ? "\"common\"" : "\"own%u\"", worker);
    return (size_t)len;
}

static void register_worker (world_t *self, uint32_t worker, uint32_t capacity)
{
    static char text[REGISTER_MAX];
    const row_t *row = self->row;
    bool many = row->serves == ALL_NAMES || row->serves == ALL_PREFIXES || row->serves == LENGTHS;
    uint32_t count = many ? row->pipelines : row->serves == OWN_AND_COMMON ? 2 : 1;
    size_t len = (size_t)snprintf (text, sizeof text,
                                   "{\"packet_type\":\"REGISTER\",\"capacity\":%u,\"pipelines\":[",
                                   capacity);

    for (uint32_t i = 0; i < count; i++) {
        if (i)
            text[len++] = ',';
        len += pattern_text (row, worker, i, text + len, sizeof text - len);
    }
    snprintf (text + len, sizeof text - len, "]}");
    send_text (self, worker, text);
}

// ---- set up

static void fill_queue (world_t *self)
{
    static const char *const names[] = {
        [FOR_NOBODY] = "nobody", [FOR_A_FULL_ONE] = HELD, [FOR_THE_SAME] = NULL};
    frame_t frames[2];

    for (uint32_t i = 0; i < self->row->waiting; i++) {
        sb_peer_t peer = make_run (self, names[self->row->waiting_for], &frames[0], &frames[1]);
        step (self, peer, &frames[0], &frames[1]);
    }
}

// Tasks that fill the workers (or, if others are to wait for something else, half of them).
static void fill_workers (world_t *self, uint32_t slots)
{
    frame_t frames[2];
    uint32_t tasks = self->row->waiting_for == FOR_THE_SAME ? slots : RUNNING;

    for (uint32_t i = 0; i < tasks; i++) {
        sb_peer_t peer = make_run (self, NULL, &frames[0], &frames[1]);
        step (self, peer, &frames[0], &frames[1]);
    }
    ensure (self->given_count == tasks, "the workers did not take their tasks");
}

static void world_init (world_t *self, const row_t *row)
{
    static const uint8_t seed[16] = {1};
    const sb_limits_t limits = {.queue = UINT64_MAX,
                                .client_tasks = UINT64_MAX,
                                .max_payload = 1000,
                                .queue_wait_ms = LONG_MS,
                                .cancel_grace_ms = LONG_MS,
                                .drain_ms = LONG_MS};
    sb_sink_t sink = {.send = sink_send, .arg = self};
    uint32_t capacity = 2 * RUNNING / row->workers;

    *self = (world_t){.row = row, .now = 1000000};
    capacity = capacity ? capacity : 1;
    self->given_size = (size_t)capacity * row->workers + RUNNING;
    self->given = (given_t *)calloc (self->given_size, sizeof *self->given);
    self->switchboard = switchboard_new (&limits, &sink, seed, self->now);
    self->recorder = row->recorded ? recorder_new () : NULL;
    ensure (self->given && self->switchboard, "out of memory");
    send_text (self, holder (self),
               "{\"packet_type\":\"REGISTER\",\"capacity\":0,\"pipelines\":[\"" HELD "\"]}");
    for (uint32_t worker = 0; worker < row->workers; worker++)
        register_worker (self, worker, capacity);
    fill_workers (self, capacity * row->workers);
    fill_queue (self);
}

static void world_finish (world_t *self)
{
    switchboard_destroy (&self->switchboard);
    recorder_destroy (&self->recorder);
    free (self->given);
}

// ---- measuring

// RUNNING tasks that come, and as many that end. Nanoseconds for one.
static double measure (world_t *self)
{
    for (size_t i = 0; i < RUNNING; i++) {
        size_t run = 2 * i, result = run + 1;
        self->peers[run] = make_run (self, NULL, &self->headers[run], &self->payloads[run]);
        self->peers[result] = make_result (&self->given[(self->given_first + i) % self->given_size],
                                           &self->headers[result], &self->payloads[result]);
    }
    size_t before = self->given_count;
    uint64_t start = moment_now_ns ();
    for (size_t i = 0; i < 2 * RUNNING; i++)
        step (self, self->peers[i], &self->headers[i], &self->payloads[i]);
    uint64_t end = moment_now_ns ();
    ensure (self->given_count == before + RUNNING, "not every result made room for a task");
    self->given_first = (self->given_first + RUNNING) % self->given_size;
    self->given_count -= RUNNING;
    self->now++;
    return (double)(end - start) / RUNNING;
}

static int compare (const void *a, const void *b)
{
    double one = *(const double *)a, two = *(const double *)b;

    return (one > two) - (one < two);
}

// The median of the best tenth of the measurements.
static double cost_of (const row_t *row)
{
    static double found[100000];
    static world_t world;
    size_t count = 0;

    world_init (&world, row);
    uint64_t end = moment_now_ns () + MEASURE_NS;
    while (count < 200 || (moment_now_ns () < end && count < sizeof found / sizeof *found))
        found[count++] = measure (&world);
    world_finish (&world);
    qsort (found, count, sizeof *found, compare);
    return found[count / 20];
}

static void run_block (const block_t *block)
{
    double first = 0;
    uint32_t step = block->grows == WAITING ? 1000 : 10;
    uint32_t size = block->grows == RECORDER ? 0 : block->grows == WAITING ? 10 : 1;

    printf ("%s\n", block->name);
    while (size <= block->largest) {
        row_t row = row_of (block, size);
        double cost = cost_of (&row);
        first = first > 0 ? first : cost;
        printf ("%10u %-16s %8.0f ns  x %.2f\n", size, grows_words[block->grows], cost,
                cost / first);
        fflush (stdout);
        // 10, 10,000, 1,000,000
        size = size == 0 ? 1 : size > 1000 && step == 1000 ? size * 100 : size * step;
    }
}

static bool wanted (const block_t *block, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp (block->name, argv[i], strlen (argv[i])) == 0)
            return true;
    }
    return argc < 2;
}

int main (int argc, char **argv)
{
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        if (wanted (&blocks[i], argc, argv))
            run_block (&blocks[i]);
    }
    return 0;
}
