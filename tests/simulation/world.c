#include "tests/simulation/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/switchboard.h"
#include "codec/codec.h"
#include "tests/simulation/model.h"

#define ACTS(X)                                                                                    \
    X (TIME, 60)                                                                                   \
    X (RUN, 300)                                                                                   \
    X (CANCEL, 50)                                                                                 \
    X (CLIENT_GONE, 6)                                                                             \
    X (CLIENT_NONSENSE, 10)                                                                        \
    X (REGISTER, 30)                                                                               \
    X (RESULT, 300)                                                                                \
    X (PARTIAL, 60)                                                                                \
    X (STRAY, 20)                                                                                  \
    X (HEARTBEAT, 20)                                                                              \
    X (SHUTDOWN, 5)                                                                                \
    X (WORKER_GONE, 10)                                                                            \
    X (WORKER_NONSENSE, 10)                                                                        \
    X (DRAIN, 1)                                                                                   \
    X (RESTART, 2)

enum {
#define X(id, weight) ACT_##id,
    ACTS (X)
#undef X
        ACT_COUNT
};

static const char *const act_names[] = {
#define X(id, weight) #id,
    ACTS (X)
#undef X
};

static const unsigned act_weights[] = {
#define X(id, weight) weight,
    ACTS (X)
#undef X
};

/*  What expires at one moment is all of one kind, or of one worker, so that its order does not
 *  matter: clients act at multiples of PHASES ms, worker n acts n + 1 ms later, and all spans are
 *  multiples of PHASES.
 */
#define PHASES (MODEL_WORKERS + 8)

struct world {
    uint64_t random;
    uint64_t seed;
    unsigned clients, workers, cookies, pipelines;
    unsigned check_every; // steps between looks at every invariant
    uint64_t steps;
    uint64_t actions;
    moment_t now;
    switchboard_t *switchboard;
    model_t model;
    char broken[256]; // what went wrong, or ""
};

// ---- chance

static uint64_t next_random (uint64_t *state)
{
    // splitmix64
    uint64_t z = *state += UINT64_C (0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static unsigned between (uint64_t *state, unsigned low, unsigned high)
{
    return low + (unsigned)(next_random (state) % (high - low + 1));
}

act_t world_invent (world_t *self)
{
    act_t act = {0};
    unsigned total = 0;

    for (unsigned i = 0; i < ACT_COUNT; i++)
        total += act_weights[i];
    unsigned pick = between (&self->random, 0, total - 1);
    while (pick >= act_weights[act.kind])
        pick -= act_weights[act.kind++];
    for (unsigned i = 0; i < 4; i++)
        act.numbers[i] = (uint32_t)next_random (&self->random);
    return act;
}

void world_describe (const act_t *act, char *text, unsigned size)
{
    snprintf (text, size, "%-15s %u %u %u %u", act_names[act->kind], act->numbers[0],
              act->numbers[1], act->numbers[2], act->numbers[3]);
}

// ---- what comes out

static void broke (world_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

static void broke (world_t *self, const char *format, ...)
{
    va_list args;

    if (self->broken[0])
        return;
    va_start (args, format);
    (void)vsnprintf (self->broken, sizeof self->broken, format, args);
    va_end (args);
}

static int cookie_number (const packet_t *packet)
{
    if (!packet_has (packet, PACKET_BIT (COOKIE)))
        return -1;
    return packet->cookie.octets[0];
}

static encoding_t codec_of_peer (sb_peer_t peer)
{
    return peer % 3 == 1 ? ENCODING_MSGPACK : ENCODING_JSON;
}

static bool take_expected (model_t *model, sb_peer_t peer, const packet_t *packet)
{
    int cookie = cookie_number (packet);

    for (unsigned i = 0; i < model->expected_count; i++) {
        const model_expected_t *expected = &model->expected[i];
        if (expected->peer != peer || expected->type != packet->type || expected->cookie != cookie)
            continue;
        if (expected->rc >= 0 && expected->rc != (int)packet->rc)
            continue;
        model->expected[i] = model->expected[--model->expected_count];
        return true;
    }
    return false;
}

static void sink_send (void *arg, sb_peer_t peer, frame_t *header, frame_t *payload, bool droppable)
{
    world_t *self = (world_t *)arg;
    packet_t packet;
    fault_t fault;

    self->actions++;
    if (codec_read (frame_slice (header), &packet, &fault)) {
        broke (self, "a bad packet came out: %s", fault.text);
        return;
    }
    if (packet.codec != codec_of_peer (peer))
        broke (self, "peer %u was answered in the other codec", peer);
    if (droppable != (packet.type == PACKET_PARTIAL))
        broke (self, "a %s is droppable", packet_type_name (packet.type));
    if (packet.type == PACKET_RUN && peer >= MODEL_CLIENTS) {
        const char *words =
            model_given (&self->model, (int)(peer - MODEL_CLIENTS), cookie_number (&packet));
        if (words)
            broke (self, "%s (cookie %d, worker %u)", words, cookie_number (&packet),
                   peer - MODEL_CLIENTS);
    } else if (!take_expected (&self->model, peer, &packet)) {
        broke (self, "unexpected: %s %s for cookie %d to peer %u", packet_type_name (packet.type),
               packet_has (&packet, PACKET_BIT (RC)) ? zfabric_rc_name (packet.rc) : "",
               cookie_number (&packet), peer);
    }
    bool two =
        packet.type == PACKET_RUN || packet.type == PACKET_RESULT || packet.type == PACKET_PARTIAL;
    if (two != (payload != NULL))
        broke (self, "a %s has the wrong number of frames", packet_type_name (packet.type));
}

// ---- steps

static void verify (world_t *self)
{
    model_t *model = &self->model;

    if (model->expected_count > 0) {
        const model_expected_t *missing = &model->expected[0];
        broke (self, "missing: %s %s for cookie %d to peer %u", packet_type_name (missing->type),
               missing->rc >= 0 ? zfabric_rc_name ((zfabric_rc_t)missing->rc) : "", missing->cookie,
               missing->peer);
    }
    const char *words = model_settled (model);
    if (words)
        broke (self, "%s", words);
    if (++self->steps % self->check_every == 0) {
        words = switchboard_check (self->switchboard);
        if (words)
            broke (self, "invariant: %s", words);
    }
    model->direct = -1;
}

static void step (world_t *self, sb_event_t *event)
{
    event->now = self->now;
    switchboard_step (self->switchboard, event);
    verify (self);
}

static void send_frames (world_t *self, sb_peer_t peer, frame_t *header, unsigned frames)
{
    frame_t payload;
    sb_event_t event = {.kind = SB_PACKET,
                        .peer = peer,
                        .side = peer < MODEL_CLIENTS ? SB_CLIENT_SIDE : SB_WORKER_SIDE,
                        .frames = frames,
                        .header = header,
                        .payload = &payload};

    frame_init (&payload);
    step (self, &event);
    frame_close (header);
    frame_close (&payload);
}

static void send_packet (world_t *self, sb_peer_t peer, const packet_t *packet, unsigned frames)
{
    buffer_t out;
    frame_t header;

    buffer_init (&out, LIMIT_HEADER_OCTETS);
    codec_write (packet, &out);
    if (frame_take (&header, &out))
        broke (self, "out of memory");
    buffer_finish (&out);
    send_frames (self, peer, &header, frames);
}

static void start_packet (packet_t *packet, sb_peer_t peer, packet_type_t type, int cookie)
{
    packet_init (packet, codec_of_peer (peer));
    packet->type = type;
    packet->keys = PACKET_BIT (PACKET_TYPE);
    if (cookie >= 0) {
        memset (&packet->cookie, 0, sizeof packet->cookie);
        packet->cookie.octets[0] = (uint8_t)cookie;
        packet->keys |= PACKET_BIT (COOKIE);
    }
}

// Time goes on to `until`, with a stop wherever something expires.
static void pass_time (world_t *self, moment_t until)
{
    moment_t next;

    while ((next = switchboard_next_deadline (self->switchboard)) <= until && !self->broken[0]) {
        sb_event_t tick = {.kind = SB_TICK};
        if (model_next_deadline (&self->model) < next)
            break;
        self->now = next > self->now ? next : self->now;
        self->model.now = self->now;
        model_expire (&self->model);
        step (self, &tick);
    }
    if (model_next_deadline (&self->model) < next)
        broke (self, "a deadline was forgotten");
    self->now = self->model.now = until;
}

// To the next moment that is `phase` beyond a multiple of PHASES.
static void pass_to_phase (world_t *self, unsigned phase)
{
    moment_t base = self->now - self->now % PHASES + phase;

    pass_time (self, base >= self->now ? base : base + PHASES);
}

// ---- clients act

static void play_run (world_t *self, int client, int cookie, uint32_t options, uint32_t spans)
{
    sb_peer_t peer = model_client_peer (client);
    model_task_t wanted = {0};
    packet_t packet;
    bool no_wait = options % 16 == 0, has_wait = options % 4 == 0;

    start_packet (&packet, peer, PACKET_RUN, cookie);
    wanted.pipeline = (options >> 8) % self->pipelines;
    wanted.detach = (options >> 4) % 8 == 0;
    wanted.stream = (options >> 5) % 2 == 0;
    wanted.orphan_cancel = (options >> 7) % 2 == 0;
    wanted.priority = (options >> 12) % 4 ? DEFAULT_PRIORITY : (options >> 14) % MODEL_PRIORITIES;
    wanted.retries = (options >> 18) % 4 ? 0 : (options >> 20) % 4;
    packet.pipeline = slice_text (model_pipelines[wanted.pipeline]);
    packet.detach = wanted.detach;
    packet.stream = wanted.stream;
    packet.orphan_cancel = wanted.orphan_cancel;
    packet.priority = (uint8_t)wanted.priority;
    packet.retries = (uint8_t)wanted.retries;
    packet.wait_ms = no_wait ? 0 : PHASES * (1 + spans % 64);
    packet.timeout_ms = PHASES * (1 + (spans >> 8) % 256);
    packet.keys |= PACKET_BIT (PIPELINE) | PACKET_BIT (DETACH) | PACKET_BIT (STREAM)
                   | PACKET_BIT (ORPHAN) | PACKET_BIT (PRIORITY) | PACKET_BIT (RETRIES);
    if (has_wait)
        packet.keys |= PACKET_BIT (WAIT);
    if (spans >> 30 == 0)
        packet.keys |= PACKET_BIT (TIMEOUT);
    wanted.wait_until = self->now + (has_wait ? packet.wait_ms : self->model.limits.queue_wait_ms);
    wanted.expires = spans >> 30 == 0 ? self->now + packet.timeout_ms : MOMENT_NEVER;
    model_run (&self->model, client, cookie, &wanted, no_wait);
    send_packet (self, peer, &packet, 2);
}

static void play_cancel (world_t *self, int client, int cookie)
{
    packet_t packet;

    start_packet (&packet, model_client_peer (client), PACKET_CANCEL, cookie);
    model_cancel (&self->model, client, cookie);
    send_packet (self, model_client_peer (client), &packet, 1);
}

static void play_client_gone (world_t *self, int client)
{
    sb_event_t event = {.kind = SB_PEER_GONE, .peer = model_client_peer (client)};

    if (!self->model.clients[client].here)
        return;
    model_client_gone (&self->model, client);
    step (self, &event);
}

static void play_garbage (world_t *self, sb_peer_t peer)
{
    frame_t header;

    // The first octet tells the codec; the rest is cut off.
    if (frame_copy (&header, codec_of_peer (peer) == ENCODING_JSON ? slice_text ("{\"packet_type\"")
                                                                   : slice_text ("\x82\xa1")))
        broke (self, "out of memory");
    model_expect (&self->model, peer, PACKET_RESULT, -1, ZFABRIC_BAD_PACKET);
    send_frames (self, peer, &header, 1);
}

static void play_client_nonsense (world_t *self, int client, int cookie, uint32_t which)
{
    sb_peer_t peer = model_client_peer (client);
    model_t *model = &self->model;
    packet_t packet;

    model->clients[client].here = true;
    switch (which % 5) {
    case 0:
        play_garbage (self, peer);
        return;
    case 1:
        start_packet (&packet, peer, PACKET_RESULT, cookie);
        model_expect (model, peer, PACKET_RESULT, cookie, ZFABRIC_UNSUPPORTED_PACKET_TYPE);
        break;
    case 2:
        start_packet (&packet, peer, PACKET_RUN, cookie);
        model_expect (model, peer, PACKET_RESULT, cookie, ZFABRIC_BAD_PACKET);
        break;
    case 3:
        start_packet (&packet, peer, PACKET_HEARTBEAT, -1);
        model_expect (model, peer, PACKET_HEARTBEAT, -1, -1);
        break;
    default:
        start_packet (&packet, peer, PACKET_RUN, cookie);
        packet.pipeline = slice_text ("$tasks");
        packet.keys |= PACKET_BIT (PIPELINE);
        model_expect (model, peer, PACKET_RESULT, cookie,
                      model->draining             ? ZFABRIC_BROKER_WENT_AWAY
                      : model->tasks[cookie].open ? ZFABRIC_COOKIE_COLLISION
                                                  : ZFABRIC_OK);
        break;
    }
    send_packet (self, peer, &packet, 1);
}

// ---- workers act

// Notes that the worker speaks. False if the switchboard will not listen, and says so.
static bool speaks (world_t *self, int worker)
{
    model_worker_t *speaker = &self->model.workers[worker];

    speaker->here = true;
    speaker->heard = self->now;
    if (!speaker->registered)
        model_expect (&self->model, model_worker_peer (worker), PACKET_REGISTER, -1, -1);
    return speaker->registered;
}

static void play_register (world_t *self, int worker, const uint32_t numbers[4])
{
    model_worker_t *joining = &self->model.workers[worker];
    packet_t packet;
    slice_t patterns[MODEL_PATTERNS];
    uint32_t count = 0;

    start_packet (&packet, model_worker_peer (worker), PACKET_REGISTER, -1);
    joining->here = joining->registered = true;
    joining->draining = false;
    joining->heard = self->now;
    joining->capacity = numbers[1] % 8 == 0 ? 0 : 1 + numbers[1] % 5;
    joining->patterns = numbers[2] % 4 == 0 ? 1u << 7 : numbers[2] % 256;
    joining->heartbeat = numbers[3] % 2 ? 0 : PHASES * (7 + numbers[3] % 64);
    if (joining->patterns == 0)
        joining->patterns = 1;
    for (unsigned i = 0; i < MODEL_PATTERNS; i++) {
        if (joining->patterns >> i & 1)
            patterns[count++] = slice_text (model_patterns[i]);
    }
    packet.capacity = (uint16_t)joining->capacity;
    packet.pipelines = (strings_t){.items = patterns, .count = count};
    packet.heartbeat_ms = joining->heartbeat;
    packet.keys |= PACKET_BIT (CAPACITY) | PACKET_BIT (PIPELINES);
    if (joining->heartbeat)
        packet.keys |= PACKET_BIT (HEARTBEAT);
    model_register (&self->model, worker);
    send_packet (self, model_worker_peer (worker), &packet, 1);
}

// One of those that the worker holds; -1 if it holds none.
static int held_cookie (const world_t *self, int worker, uint32_t which)
{
    const model_worker_t *holder = &self->model.workers[worker];
    unsigned skip = holder->busy ? which % holder->busy : 0;

    for (int cookie = 0; cookie < MODEL_COOKIES; cookie++) {
        if (holder->holds[cookie] != HOLDS_NOT && skip-- == 0)
            return cookie;
    }
    return -1;
}

static void play_result (world_t *self, int worker, int cookie, uint32_t which)
{
    static const zfabric_rc_t codes[] = {ZFABRIC_OK, ZFABRIC_PROCESSOR_EXCEPTION, ZFABRIC_EXCEPTION,
                                         ZFABRIC_CANCELLED};
    packet_t packet;

    if (cookie < 0 || !self->model.workers[worker].here)
        return;
    start_packet (&packet, model_worker_peer (worker), PACKET_RESULT, cookie);
    packet.rc = codes[which % 4];
    packet.keys |= PACKET_BIT (RC);
    if (speaks (self, worker))
        model_result (&self->model, worker, cookie, packet.rc);
    send_packet (self, model_worker_peer (worker), &packet, 2);
}

static void play_partial (world_t *self, int worker, int cookie)
{
    packet_t packet;

    if (cookie < 0 || !self->model.workers[worker].here)
        return;
    start_packet (&packet, model_worker_peer (worker), PACKET_PARTIAL, cookie);
    packet.seq = self->model.tasks[cookie].partials++;
    packet.keys |= PACKET_BIT (SEQ);
    if (speaks (self, worker))
        model_partial (&self->model, worker, cookie);
    send_packet (self, model_worker_peer (worker), &packet, 2);
}

static void play_bare (world_t *self, int worker, packet_type_t type)
{
    packet_t packet;

    if (!self->model.workers[worker].here)
        return;
    start_packet (&packet, model_worker_peer (worker), type, -1);
    if (speaks (self, worker) && type == PACKET_HEARTBEAT)
        model_expect (&self->model, model_worker_peer (worker), PACKET_HEARTBEAT, -1, -1);
    if (self->model.workers[worker].registered && type == PACKET_SHUTDOWN)
        self->model.workers[worker].draining = true;
    send_packet (self, model_worker_peer (worker), &packet, 1);
}

static void play_worker_gone (world_t *self, int worker)
{
    sb_event_t event = {.kind = SB_PEER_GONE, .peer = model_worker_peer (worker)};

    if (!self->model.workers[worker].here)
        return;
    model_worker_gone (&self->model, worker);
    self->model.workers[worker].here = false;
    step (self, &event);
}

static void play_worker_nonsense (world_t *self, int worker, int cookie, uint32_t which)
{
    sb_peer_t peer = model_worker_peer (worker);
    packet_t packet;

    if (which % 2) {
        self->model.workers[worker].here = true;
        self->model.workers[worker].heard = self->now;
        play_garbage (self, peer);
        return;
    }
    start_packet (&packet, peer, PACKET_RUN, cookie);
    if (speaks (self, worker))
        model_expect (&self->model, peer, PACKET_RESULT, cookie, ZFABRIC_UNSUPPORTED_PACKET_TYPE);
    send_packet (self, peer, &packet, 1);
}

// ---- the broker stops, and another takes its place

static int open_switchboard (world_t *self)
{
    sb_sink_t sink = {.send = sink_send, .arg = self};
    uint8_t seed[16] = {0};
    sb_limits_t limits = self->model.limits;

    memcpy (seed, &self->seed, sizeof self->seed);
    model_init (&self->model, &limits);
    self->model.now = self->now;
    self->switchboard = switchboard_new (&limits, &sink, seed, self->now);
    return self->switchboard ? 0 : -1;
}

static void play_stop (world_t *self, bool halt)
{
    sb_event_t event = {.kind = halt ? SB_HALT : SB_DRAIN};

    model_drain (&self->model, halt);
    step (self, &event);
    if (halt && !switchboard_finished (self->switchboard))
        broke (self, "a halted switchboard has not finished");
}

static void play_restart (world_t *self)
{
    if (!self->model.draining)
        return;
    play_stop (self, true);
    switchboard_destroy (&self->switchboard);
    if (open_switchboard (self))
        broke (self, "out of memory");
}

// ---- acts

static void play_client_act (world_t *self, const act_t *act)
{
    int client = (int)(act->numbers[0] % self->clients);
    int cookie = (int)(act->numbers[1] % self->cookies);

    pass_to_phase (self, 0);
    if (act->kind == ACT_RUN)
        play_run (self, client, cookie, act->numbers[2], act->numbers[3]);
    else if (act->kind == ACT_CANCEL)
        play_cancel (self, client, cookie);
    else if (act->kind == ACT_CLIENT_GONE)
        play_client_gone (self, client);
    else
        play_client_nonsense (self, client, cookie, act->numbers[2]);
}

static void play_worker_act (world_t *self, const act_t *act)
{
    int worker = (int)(act->numbers[0] % self->workers);
    int cookie = (int)(act->numbers[1] % self->cookies);

    pass_to_phase (self, 1 + (unsigned)worker);
    if (act->kind == ACT_REGISTER)
        play_register (self, worker, act->numbers);
    else if (act->kind == ACT_RESULT)
        play_result (self, worker, held_cookie (self, worker, act->numbers[1]), act->numbers[2]);
    else if (act->kind == ACT_PARTIAL)
        play_partial (self, worker, held_cookie (self, worker, act->numbers[1]));
    else if (act->kind == ACT_STRAY && act->numbers[2] % 2)
        play_result (self, worker, cookie, act->numbers[3]);
    else if (act->kind == ACT_STRAY)
        play_partial (self, worker, cookie);
    else if (act->kind == ACT_HEARTBEAT)
        play_bare (self, worker, PACKET_HEARTBEAT);
    else if (act->kind == ACT_SHUTDOWN)
        play_bare (self, worker, PACKET_SHUTDOWN);
    else if (act->kind == ACT_WORKER_GONE)
        play_worker_gone (self, worker);
    else
        play_worker_nonsense (self, worker, cookie, act->numbers[2]);
}

const char *world_play (world_t *self, const act_t *act)
{
    if (act->kind == ACT_TIME) {
        unsigned long_one = act->numbers[0] % 32 == 0;
        pass_time (self, self->now + act->numbers[1] % (long_one ? 8000 : 300));
    } else if (act->kind == ACT_DRAIN) {
        pass_to_phase (self, 0);
        play_stop (self, false);
    } else if (act->kind == ACT_RESTART) {
        play_restart (self);
    } else if (act->kind <= ACT_CLIENT_NONSENSE) {
        play_client_act (self, act);
    } else {
        play_worker_act (self, act);
    }
    return self->broken[0] ? self->broken : NULL;
}

world_t *world_new (uint64_t seed)
{
    world_t *self = (world_t *)calloc (1, sizeof *self);
    uint64_t random = seed * 7919 + 1;

    if (!self)
        return NULL;
    self->seed = self->random = seed;
    self->clients = between (&random, 1, MODEL_CLIENTS);
    self->workers = between (&random, 1, MODEL_WORKERS);
    self->cookies = between (&random, 4, MODEL_COOKIES);
    self->pipelines = between (&random, 1, MODEL_PIPELINES);
    self->check_every = self->cookies < 12 ? 1 : 16;
    self->now = 1000000;
    self->model.limits = (sb_limits_t){.queue = between (&random, 2, 40),
                                       .client_tasks = between (&random, 2, 30),
                                       .max_payload = 1000,
                                       .queue_wait_ms = PHASES * between (&random, 10, 500),
                                       .cancel_grace_ms = PHASES * between (&random, 1, 50),
                                       .drain_ms = PHASES * between (&random, 1, 500)};
    if (open_switchboard (self)) {
        free (self);
        return NULL;
    }
    return self;
}

uint64_t world_actions (const world_t *self)
{
    return self->actions;
}

const char *world_end (world_t **self_p)
{
    static char words[256];
    world_t *self = *self_p;

    pass_to_phase (self, 0);
    for (int client = 0; client < MODEL_CLIENTS && !self->broken[0]; client++)
        play_client_gone (self, client);
    pass_to_phase (self, 1);
    for (int worker = 0; worker < MODEL_WORKERS && !self->broken[0]; worker++)
        play_worker_gone (self, worker);
    if (!self->broken[0]) {
        play_stop (self, true);
        const char *broken = switchboard_check (self->switchboard);
        if (broken)
            broke (self, "at the end: %s", broken);
    }
    memcpy (words, self->broken, sizeof words);
    // What is still held then would be found by the leak checker.
    switchboard_destroy (&self->switchboard);
    free (self);
    *self_p = NULL;
    return words[0] ? words : NULL;
}
