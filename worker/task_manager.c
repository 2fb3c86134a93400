/*  A task is in the list `waiting` or in the list `running`, which holds the void ones as well; in
 *  the table from cookie to task unless it is void: a broker that gave a task up may send it again,
 *  with the same cookie, while the handler of the void one still runs.
 *
 *  Everything is O(1) in tasks, but for what ends a connection or the worker.
 */
#include "worker/task_manager.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "fabric/container.h"

#define ENDED_KEPT 1024u // RESULTs that a late BAD_PACKET is still matched with

typedef enum {
    BROKER_AWAY,
    BROKER_ENROLLING, // REGISTER is sent
    BROKER_ENROLLED,  // and answered
    BROKER_GONE       // for good
} broker_state_t;

typedef struct {
    broker_state_t state;
    bool leaving;     // no further task is wanted
    bool fenced;      // nor can one come
    bool reminded;    // a reminder's time has passed since the last REGISTER
    unsigned offered; // capacity in the last REGISTER
    unsigned live;    // tasks that wait or run
    unsigned voids;   // tasks that run in vain
} broker_t;

typedef struct {
    bool there;
    uint8_t key[TASK_MANAGER_KEY];
} ended_t;

struct task_manager {
    task_manager_sink_t sink;
    void *arg;
    uint8_t secret[TABLE_KEY_OCTETS];
    unsigned capacity, brokers;
    bool halted;
    table_t table;
    list_t waiting, running;
    unsigned waiting_count, running_count, void_count;
    broker_t broker[TASK_MANAGER_BROKERS];
    ended_t ended[ENDED_KEPT]; // a ring
    size_t ended_next;
};

static managed_task_t *of_node (const table_node_t *node)
{
    return container_of (node, managed_task_t, node);
}

static managed_task_t *of_place (const list_node_t *place)
{
    return container_of (place, managed_task_t, place);
}

static bool equal (const table_node_t *node, slice_t key)
{
    return memcmp (of_node (node)->key, key.ptr, TASK_MANAGER_KEY) == 0;
}

task_manager_t *task_manager_new (unsigned brokers,
                                  unsigned capacity,
                                  const uint8_t secret[static TABLE_KEY_OCTETS],
                                  const task_manager_sink_t *sink,
                                  void *arg)
{
    assert (brokers <= TASK_MANAGER_BROKERS && capacity > 0);
    task_manager_t *self = (task_manager_t *)calloc (1, sizeof *self);
    if (!self || table_init (&self->table, equal)) {
        free (self);
        errno = ENOMEM;
        return NULL;
    }
    self->brokers = brokers;
    self->capacity = capacity;
    self->sink = *sink;
    self->arg = arg;
    memcpy (self->secret, secret, sizeof self->secret);
    list_init (&self->waiting);
    list_init (&self->running);
    return self;
}

void task_manager_destroy (task_manager_t **self_p)
{
    task_manager_t *self = *self_p;

    if (!self)
        return;
    table_finish (&self->table);
    free (self);
    *self_p = NULL;
}

// -- The states of a task

static const bool may_move[][4] = {
    [MANAGED_NEW] = {[MANAGED_WAITING] = true},
    [MANAGED_WAITING] = {[MANAGED_RUNNING] = true, [MANAGED_NEW] = true},
    [MANAGED_RUNNING] = {[MANAGED_VOID] = true, [MANAGED_NEW] = true},
    [MANAGED_VOID] = {[MANAGED_NEW] = true},
};

// Adds what a task in this state counts for: +1 when it comes in, -1 when it goes.
static void count (task_manager_t *self, const managed_task_t *task, managed_state_t state, int by)
{
    broker_t *broker = &self->broker[task->broker];

    switch (state) {
    case MANAGED_WAITING:
        self->waiting_count += by;
        broker->live += by;
        return;
    case MANAGED_RUNNING:
        self->running_count += by;
        broker->live += by;
        return;
    case MANAGED_VOID:
        self->running_count += by;
        self->void_count += by;
        broker->voids += by;
        return;
    case MANAGED_NEW:
        return;
    }
}

static uint64_t hash (const task_manager_t *self, const uint8_t *key)
{
    return table_hash (self->secret, slice_of (key, TASK_MANAGER_KEY));
}

// The one place where a task changes its state.
static void move (task_manager_t *self, managed_task_t *task, managed_state_t to)
{
    managed_state_t from = task->state;

    assert (may_move[from][to]);
    count (self, task, from, -1);
    count (self, task, to, 1);
    task->state = to;
    if (from == MANAGED_NEW)
        table_insert (&self->table, &task->node, hash (self, task->key));
    else if (from != MANAGED_VOID && (to == MANAGED_VOID || to == MANAGED_NEW))
        table_remove (&self->table, &task->node);
    if (to != MANAGED_VOID) { // which stays where it was
        list_remove (&task->place);
        if (to != MANAGED_NEW)
            list_append (to == MANAGED_WAITING ? &self->waiting : &self->running, &task->place);
    }
}

static void start_waiting (task_manager_t *self)
{
    while (self->waiting_count && self->running_count < self->capacity) {
        managed_task_t *task = of_place (list_first (&self->waiting));
        move (self, task, MANAGED_RUNNING);
        self->sink.start (task, self->arg);
    }
}

static void cancel (task_manager_t *self, managed_task_t *task)
{
    if (task->cancelled)
        return;
    task->cancelled = true;
    self->sink.cancel (task, self->arg);
}

static void make_key (uint8_t key[static TASK_MANAGER_KEY], unsigned broker, const cookie_t *cookie)
{
    memcpy (key, cookie->octets, COOKIE_OCTETS);
    key[COOKIE_OCTETS] = (uint8_t)broker;
}

static managed_task_t *find (const task_manager_t *self, unsigned broker, const cookie_t *cookie)
{
    uint8_t key[TASK_MANAGER_KEY];

    make_key (key, broker, cookie);
    const table_node_t *node =
        table_find (&self->table, hash (self, key), slice_of (key, sizeof key));
    return node ? of_node (node) : NULL;
}

// -- Connections

static void enroll (task_manager_t *self, unsigned number)
{
    broker_t *broker = &self->broker[number];

    broker->offered = self->capacity - self->void_count;
    broker->reminded = false;
    self->sink.enroll (number, broker->offered, self->arg);
}

// The broker has given up what we have of it.
static void void_tasks (task_manager_t *self, unsigned broker)
{
    list_node_t *next;

    for (list_node_t *place = list_first (&self->waiting); place; place = next) {
        managed_task_t *task = of_place (place);
        next = list_next (&self->waiting, place);
        if (task->broker == broker) {
            move (self, task, MANAGED_NEW);
            self->sink.discard (task, self->arg);
        }
    }
    for (list_node_t *place = list_first (&self->running); place; place = next) {
        managed_task_t *task = of_place (place);
        next = list_next (&self->running, place);
        if (task->broker == broker && task->state == MANAGED_RUNNING) {
            move (self, task, MANAGED_VOID);
            cancel (self, task);
        }
    }
    for (size_t i = 0; i < ENDED_KEPT; i++) {
        if (self->ended[i].key[COOKIE_OCTETS] == broker)
            self->ended[i].there = false;
    }
}

void task_manager_up (task_manager_t *self, unsigned number)
{
    broker_t *broker = &self->broker[number];

    if (broker->state == BROKER_GONE)
        return;
    broker->state = BROKER_ENROLLING;
    enroll (self, number);
}

void task_manager_lost (task_manager_t *self, unsigned number)
{
    broker_t *broker = &self->broker[number];

    if (broker->state == BROKER_GONE)
        return;
    broker->state = broker->leaving ? BROKER_GONE : BROKER_AWAY;
    void_tasks (self, number);
}

bool task_manager_granted (task_manager_t *self, unsigned number)
{
    broker_t *broker = &self->broker[number];

    if (broker->state != BROKER_ENROLLING)
        return false;
    broker->state = BROKER_ENROLLED;
    return true;
}

bool task_manager_unknown (task_manager_t *self, unsigned number)
{
    broker_t *broker = &self->broker[number];

    // While a REGISTER is on its way, this answers something that was sent before.
    if (broker->state != BROKER_ENROLLED)
        return false;
    if (broker->leaving) {
        task_manager_lost (self, number);
        return true;
    }
    void_tasks (self, number);
    broker->state = BROKER_ENROLLING;
    enroll (self, number);
    return true;
}

void task_manager_remind (task_manager_t *self)
{
    for (unsigned i = 0; i < self->brokers; i++) {
        broker_t *broker = &self->broker[i];
        if (broker->state != BROKER_ENROLLING || broker->leaving)
            continue;
        if (broker->reminded)
            enroll (self, i);
        else
            broker->reminded = true;
    }
}

void task_manager_settle (task_manager_t *self)
{
    for (unsigned i = 0; i < self->brokers; i++) {
        broker_t *broker = &self->broker[i];
        bool up = broker->state == BROKER_ENROLLING || broker->state == BROKER_ENROLLED;
        if (up && !broker->leaving && broker->offered != self->capacity - self->void_count)
            enroll (self, i);
    }
}

// -- Tasks

task_manager_answer_t
task_manager_asks (const task_manager_t *self, unsigned number, const cookie_t *cookie)
{
    const broker_t *broker = &self->broker[number];

    if (self->halted || broker->state == BROKER_AWAY || broker->state == BROKER_GONE)
        return TASK_MANAGER_HALTED;
    if (find (self, number, cookie))
        return TASK_MANAGER_TWICE;
    if (broker->live + broker->voids >= self->capacity)
        return TASK_MANAGER_FULL;
    return TASK_MANAGER_TAKES;
}

void task_manager_add (task_manager_t *self, managed_task_t *task)
{
    assert (task->state == MANAGED_NEW && task->broker < self->brokers);
    task->cancelled = false;
    make_key (task->key, task->broker, &task->cookie);
    move (self, task, MANAGED_WAITING);
    start_waiting (self);
}

bool task_manager_cancel (task_manager_t *self, unsigned broker, const cookie_t *cookie)
{
    managed_task_t *task = find (self, broker, cookie);

    if (!task)
        return false;
    if (task->state == MANAGED_WAITING) {
        move (self, task, MANAGED_NEW);
        self->sink.refuse (task, ZFABRIC_CANCELLED, "cancelled before it was started", self->arg);
    } else {
        cancel (self, task);
    }
    return true;
}

static void remember (task_manager_t *self, const managed_task_t *task)
{
    ended_t *ended = &self->ended[self->ended_next];

    self->ended_next = (self->ended_next + 1) % ENDED_KEPT;
    ended->there = true;
    memcpy (ended->key, task->key, sizeof ended->key);
}

bool task_manager_end (task_manager_t *self, managed_task_t *task)
{
    bool wanted = task->state == MANAGED_RUNNING;

    move (self, task, MANAGED_NEW);
    if (wanted)
        remember (self, task);
    start_waiting (self);
    return wanted;
}

bool task_manager_mourn (task_manager_t *self, unsigned broker, const cookie_t *cookie)
{
    uint8_t key[TASK_MANAGER_KEY];

    // A task of this cookie that runs can only have sent a bad PARTIAL.
    if (find (self, broker, cookie))
        return false;
    make_key (key, broker, cookie);
    for (size_t i = 0; i < ENDED_KEPT; i++) {
        ended_t *ended = &self->ended[i];
        if (ended->there && memcmp (ended->key, key, sizeof key) == 0) {
            ended->there = false;
            return true;
        }
    }
    return false;
}

// -- The end

void task_manager_drain (task_manager_t *self)
{
    for (unsigned i = 0; i < self->brokers; i++) {
        broker_t *broker = &self->broker[i];
        if (broker->leaving || broker->state == BROKER_GONE)
            continue;
        broker->leaving = true;
        if (broker->state == BROKER_AWAY)
            broker->state = BROKER_GONE;
        else
            self->sink.leave (i, self->arg);
    }
}

void task_manager_halt (task_manager_t *self)
{
    list_node_t *place;

    task_manager_drain (self);
    self->halted = true;
    while ((place = list_first (&self->waiting))) {
        managed_task_t *task = of_place (place);
        move (self, task, MANAGED_NEW);
        self->sink.refuse (task, ZFABRIC_CANCELLED, "the worker is stopping", self->arg);
    }
    for (place = list_first (&self->running); place; place = list_next (&self->running, place))
        cancel (self, of_place (place));
}

void task_manager_abandon (task_manager_t *self)
{
    for (list_node_t *place = list_first (&self->running); place;
         place = list_next (&self->running, place)) {
        managed_task_t *task = of_place (place);
        if (task->state == MANAGED_RUNNING) {
            move (self, task, MANAGED_VOID);
            self->sink.abandon (task, self->arg);
        }
    }
}

void task_manager_dismissed (task_manager_t *self, unsigned broker)
{
    self->broker[broker].leaving = true;
    self->broker[broker].fenced = true;
}

void task_manager_fenced (task_manager_t *self, unsigned broker)
{
    if (self->broker[broker].leaving)
        self->broker[broker].fenced = true;
}

bool task_manager_done (const task_manager_t *self, unsigned number)
{
    const broker_t *broker = &self->broker[number];

    return broker->state == BROKER_GONE || (broker->leaving && broker->fenced && broker->live == 0);
}

// -- Questions

unsigned task_manager_running (const task_manager_t *self)
{
    return self->running_count;
}

unsigned task_manager_waiting (const task_manager_t *self)
{
    return self->waiting_count;
}

bool task_manager_leaving (const task_manager_t *self, unsigned broker)
{
    return self->broker[broker].leaving;
}

bool task_manager_check (const task_manager_t *self)
{
    unsigned running = 0, waiting = 0, voids = 0, known = 0;
    unsigned live_of[TASK_MANAGER_BROKERS] = {0}, voids_of[TASK_MANAGER_BROKERS] = {0};
    const list_node_t *place;

    for (place = list_first (&self->waiting); place; place = list_next (&self->waiting, place)) {
        const managed_task_t *task = of_place (place);
        if (task->state != MANAGED_WAITING || find (self, task->broker, &task->cookie) != task)
            return false;
        waiting++;
        live_of[task->broker]++;
    }
    for (place = list_first (&self->running); place; place = list_next (&self->running, place)) {
        const managed_task_t *task = of_place (place);
        bool is_void = task->state == MANAGED_VOID;
        if (!is_void && task->state != MANAGED_RUNNING)
            return false;
        if ((find (self, task->broker, &task->cookie) == task) == is_void)
            return false;
        running++;
        voids += is_void;
        (is_void ? voids_of : live_of)[task->broker]++;
    }
    for (unsigned i = 0; i < self->brokers; i++) {
        const broker_t *broker = &self->broker[i];
        if (broker->live != live_of[i] || broker->voids != voids_of[i]
            || broker->live + broker->voids > self->capacity
            || (broker->live && (broker->state == BROKER_AWAY || broker->state == BROKER_GONE)))
            return false;
        known += broker->live;
    }
    return running == self->running_count && waiting == self->waiting_count
           && voids == self->void_count && running <= self->capacity && known == self->table.count
           && !(waiting && running < self->capacity);
}
