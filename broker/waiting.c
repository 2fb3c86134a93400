/*  Turns are kept lazily. A lane's key is the number of its client's last service at the time when
 *  the lane was last put in order; if the client has been served elsewhere since, the true key is
 *  higher. A lane that comes to the top with an old key is put in order again and the top looked at
 *  anew. As true keys are never lower than kept ones, a top whose key is true is the first of all.
 *
 *  Invariants: lines and lanes exist only while a task waits in them; a line hangs on exactly those
 *  places that the patterns fitting each of its tasks have.
 */
#include "broker/waiting.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "fabric/container.h"

// The places of the patterns that fit a pipeline: the exact name, and a prefix for each length.
#define FIT_MAX (LIMIT_PIPELINE_OCTETS + 2)

typedef struct {
    place_t *places[FIT_MAX];
    size_t count;
} fit_t;

typedef struct {
    table_node_t by_places;
    bool listed; // in the table; not if, after a place went, another line has the same ones
    list_node_t in_all;
    heap_t lanes;
    size_t lane_count;
    size_t count; // tasks
    list_t links; // one for each place
    size_t places_count;
    place_t *places[];
} line_t;

// That a line hangs on a place.
typedef struct {
    heap_node_t node; // in place->lines
    list_node_t in_line;
    line_t *line;
    place_t *place;
} link_t;

typedef struct lane {
    table_node_t by_key;
    heap_node_t in_line;
    line_t *line;
    turns_t *turns; // its client's; NULL: the lane before all clients'
    heap_t tasks;   // by arrival
    uint64_t turn;  // the key: a lower bound of the client's
    uint8_t priority;
} lane_t;

// What a lane is found by.
typedef struct {
    const line_t *line;
    const turns_t *turns;
    uint64_t priority;
} lane_key_t;

static task_t *head_of (const lane_t *lane)
{
    return container_of (heap_top (&lane->tasks), task_t, in_lane);
}

static lane_t *top_of (const line_t *line)
{
    return container_of (heap_top (&line->lanes), lane_t, in_line);
}

static bool lane_before (const lane_t *a, const lane_t *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    if (!a->turns != !b->turns)
        return !a->turns;
    if (a->turn != b->turn)
        return a->turn < b->turn;
    return head_of (a)->arrival < head_of (b)->arrival;
}

static bool lane_node_before (const heap_node_t *a, const heap_node_t *b)
{
    return lane_before (container_of (a, const lane_t, in_line),
                        container_of (b, const lane_t, in_line));
}

static bool link_node_before (const heap_node_t *a, const heap_node_t *b)
{
    return lane_before (top_of (container_of (a, const link_t, node)->line),
                        top_of (container_of (b, const link_t, node)->line));
}

static bool arrived_before (const heap_node_t *a, const heap_node_t *b)
{
    return container_of (a, const task_t, in_lane)->arrival
           < container_of (b, const task_t, in_lane)->arrival;
}

static slice_t places_of (const line_t *line)
{
    return slice_of (line->places, line->places_count * sizeof line->places[0]);
}

static bool line_equal (const table_node_t *node, slice_t places)
{
    return slice_equal (places_of (container_of (node, const line_t, by_places)), places);
}

static bool lane_equal (const table_node_t *node, slice_t octets)
{
    const lane_t *lane = container_of (node, const lane_t, by_key);
    lane_key_t key;

    memcpy (&key, octets.ptr, sizeof key);
    return lane->line == key.line && lane->turns == key.turns && lane->priority == key.priority;
}

int waiting_init (waiting_t *self, groups_t *groups, const uint8_t *secret)
{
    *self = (waiting_t){.groups = groups, .secret = secret};
    list_init (&self->all);
    // From 1: a client's 0 says that it never waited.
    for (unsigned priority = 0; priority <= LIMIT_PRIORITY; priority++)
        self->services[priority] = 1;
    if (table_init (&self->lines, line_equal) || table_init (&self->lanes, lane_equal)) {
        waiting_finish (self);
        return -1;
    }
    return 0;
}

void waiting_finish (waiting_t *self)
{
    assert (self->count == 0);
    table_finish (&self->lines);
    table_finish (&self->lanes);
}

// ---- lines and the places where they hang

static int add_place (pattern_t *pattern, void *arg)
{
    fit_t *fit = (fit_t *)arg;
    place_t *place = pattern_place (pattern);

    for (size_t i = 0; i < fit->count; i++) {
        if (fit->places[i] == place)
            return 0;
    }
    fit->places[fit->count++] = place;
    return 0;
}

static void fit_of (const waiting_t *self, const task_t *task, fit_t *fit)
{
    fit->count = 0;
    (void)groups_fitting (self->groups, task_pipeline (task), add_place, fit);
}

static slice_t fit_slice (const fit_t *fit)
{
    return slice_of (fit->places, fit->count * sizeof fit->places[0]);
}

static void unlink_line (link_t *link)
{
    heap_remove (&link->place->lines, &link->node);
    link->place->links--;
    list_remove (&link->in_line);
    free (link);
}

// Reserves the line's room in the place; it is pushed when it has a lane.
static int link_line (line_t *line, place_t *place)
{
    link_t *link = (link_t *)calloc (1, sizeof *link);

    if (!place->lines.before)
        heap_init (&place->lines, link_node_before);
    if (!link || heap_reserve (&place->lines, place->links + 1)) {
        free (link);
        return -1;
    }
    link->line = line;
    link->place = place;
    place->links++;
    list_append (&line->links, &link->in_line);
    return 0;
}

// The line's first lane, or that lane's key, is another one, or it is the first that it has.
static void reorder_line (line_t *line)
{
    for (list_node_t *node = list_first (&line->links); node;
         node = list_next (&line->links, node)) {
        link_t *link = container_of (node, link_t, in_line);
        if (heap_holds (&link->node))
            heap_update (&link->place->lines, &link->node);
        else
            heap_push (&link->place->lines, &link->node);
    }
}

static void list_line (waiting_t *self, line_t *line)
{
    uint64_t hash = table_hash (self->secret, places_of (line));

    line->listed = !table_find (&self->lines, hash, places_of (line));
    if (line->listed)
        table_insert (&self->lines, &line->by_places, hash);
}

static void unlist_line (waiting_t *self, line_t *line)
{
    if (line->listed)
        table_remove (&self->lines, &line->by_places);
    line->listed = false;
}

static void line_destroy (waiting_t *self, line_t *line)
{
    while (!list_empty (&line->links))
        unlink_line (container_of (list_first (&line->links), link_t, in_line));
    unlist_line (self, line);
    list_remove (&line->in_all);
    heap_finish (&line->lanes);
    free (line);
}

static line_t *line_get (waiting_t *self, const fit_t *fit)
{
    slice_t places = fit_slice (fit);
    table_node_t *node = table_find (&self->lines, table_hash (self->secret, places), places);

    if (node)
        return container_of (node, line_t, by_places);
    line_t *line = (line_t *)calloc (1, sizeof *line + places.len);
    if (!line)
        return NULL;
    heap_init (&line->lanes, lane_node_before);
    list_init (&line->links);
    line->places_count = fit->count;
    if (places.len)
        memcpy (line->places, fit->places, places.len);
    list_line (self, line);
    list_append (&self->all, &line->in_all);
    for (size_t i = 0; i < fit->count; i++) {
        if (link_line (line, fit->places[i])) {
            line_destroy (self, line);
            return NULL;
        }
    }
    return line;
}

static void forget_place (waiting_t *self, line_t *line, const place_t *place)
{
    size_t kept = 0;

    unlist_line (self, line);
    for (size_t i = 0; i < line->places_count; i++) {
        if (line->places[i] != place)
            line->places[kept++] = line->places[i];
    }
    line->places_count = kept;
    list_line (self, line);
}

void waiting_place_removed (place_t *place, void *arg)
{
    waiting_t *self = (waiting_t *)arg;

    while (heap_top (&place->lines)) {
        link_t *link = container_of (heap_top (&place->lines), link_t, node);
        line_t *line = link->line;
        unlink_line (link);
        forget_place (self, line, place);
    }
}

// ---- lanes

// The lane's true key: its client's turn now.
static uint64_t turn_now (const lane_t *lane)
{
    return lane->turns ? lane->turns->served[lane->priority] : 0;
}

static lane_t *lane_get (waiting_t *self, line_t *line, turns_t *turns, uint8_t priority)
{
    lane_key_t key = {line, turns, priority};
    slice_t octets = slice_of (&key, sizeof key);
    uint64_t hash = table_hash (self->secret, octets);
    table_node_t *node = table_find (&self->lanes, hash, octets);

    if (node)
        return container_of (node, lane_t, by_key);
    if (heap_reserve (&line->lanes, line->lane_count + 1))
        return NULL;
    lane_t *lane = (lane_t *)calloc (1, sizeof *lane);
    if (!lane)
        return NULL;
    lane->line = line;
    lane->turns = turns;
    lane->priority = priority;
    heap_init (&lane->tasks, arrived_before);
    // Who is new stands behind those that are there, or coming back would be a way to the front.
    if (turns && turns->served[priority] == 0)
        turns->served[priority] = self->services[priority];
    lane->turn = turn_now (lane);
    table_insert (&self->lanes, &lane->by_key, hash);
    line->lane_count++;
    return lane;
}

static void lane_destroy (waiting_t *self, lane_t *lane)
{
    heap_remove (&lane->line->lanes, &lane->in_line);
    lane->line->lane_count--;
    table_remove (&self->lanes, &lane->by_key);
    heap_finish (&lane->tasks);
    free (lane);
}

// Removes lane and line if nothing waits in them any more.
static void tidy (waiting_t *self, lane_t *lane)
{
    line_t *line = lane->line;

    if (lane->tasks.count == 0) {
        lane_destroy (self, lane);
        if (line->lane_count == 0) {
            line_destroy (self, line);
            return;
        }
    } else {
        heap_update (&line->lanes, &lane->in_line);
    }
    reorder_line (line);
}

// Removes a line or lane that was made for a task which then did not come.
static void tidy_empty (waiting_t *self, line_t *line, lane_t *lane)
{
    if (lane && lane->tasks.count == 0)
        lane_destroy (self, lane);
    if (line && line->lane_count == 0)
        line_destroy (self, line);
}

// The lane where the task belongs, with room for it. NULL if memory is out.
static lane_t *lane_for (waiting_t *self, const task_t *task, turns_t *turns)
{
    fit_t fit;

    fit_of (self, task, &fit);
    line_t *line = line_get (self, &fit);
    lane_t *lane = line ? lane_get (self, line, turns, task->priority) : NULL;
    if (lane && heap_reserve (&lane->tasks, lane->tasks.count + 1) == 0)
        return lane;
    tidy_empty (self, line, lane);
    errno = ENOMEM;
    return NULL;
}

// ---- tasks

static void attach (waiting_t *self, lane_t *lane, task_t *task)
{
    line_t *line = lane->line;

    heap_push (&lane->tasks, &task->in_lane);
    task->lane = lane;
    line->count++;
    self->count++;
    if (heap_holds (&lane->in_line))
        heap_update (&line->lanes, &lane->in_line);
    else
        heap_push (&line->lanes, &lane->in_line);
    reorder_line (line);
}

int waiting_add (waiting_t *self, task_t *task, turns_t *turns)
{
    lane_t *lane = lane_for (self, task, turns);

    if (!lane)
        return -1;
    attach (self, lane, task);
    return 0;
}

void waiting_remove (waiting_t *self, task_t *task)
{
    lane_t *lane = task->lane;

    heap_remove (&lane->tasks, &task->in_lane);
    task->lane = NULL;
    lane->line->count--;
    self->count--;
    tidy (self, lane);
}

// Those of the line that belong into another one now; their nodes for workers' lists are free.
static void find_misplaced (const waiting_t *self, const line_t *line, list_t *misplaced)
{
    fit_t fit;

    for (size_t i = 0; i < line->lanes.count; i++) {
        const lane_t *lane = container_of (line->lanes.nodes[i], lane_t, in_line);
        for (size_t j = 0; j < lane->tasks.count; j++) {
            task_t *task = container_of (lane->tasks.nodes[j], task_t, in_lane);
            fit_of (self, task, &fit);
            if (!slice_equal (fit_slice (&fit), places_of (line)))
                list_append (misplaced, &task->in_worker);
        }
    }
}

int waiting_refit (void *arg)
{
    waiting_t *self = (waiting_t *)arg;
    int rc = 0;

    for (list_node_t *node = list_first (&self->all), *next; node; node = next) {
        list_t misplaced;
        list_node_t *at;
        list_init (&misplaced);
        find_misplaced (self, container_of (node, line_t, in_all), &misplaced);
        // The line may go with its last task.
        next = list_next (&self->all, node);
        while ((at = list_first (&misplaced))) {
            task_t *task = container_of (at, task_t, in_worker);
            list_remove (at);
            lane_t *lane = rc ? NULL : lane_for (self, task, task->lane->turns);
            if (lane) {
                waiting_remove (self, task);
                attach (self, lane, task);
            } else {
                rc = -1;
            }
        }
    }
    return rc;
}

static lane_t *best_lane (const place_t *place)
{
    heap_node_t *top;

    while ((top = heap_top (&place->lines))) {
        line_t *line = container_of (top, link_t, node)->line;
        lane_t *lane = top_of (line);
        if (lane->turn == turn_now (lane))
            return lane;
        lane->turn = turn_now (lane);
        heap_update (&line->lanes, &lane->in_line);
        reorder_line (line);
    }
    return NULL;
}

task_t *waiting_pick (waiting_t *self, const group_t *group)
{
    if (self->count == 0)
        return NULL;
    lane_t *best = best_lane (&group->place);
    for (list_node_t *node = list_first (&group->shared); node;
         node = list_next (&group->shared, node)) {
        lane_t *lane = best_lane (&container_of (node, membership_t, in_shared)->pattern->place);
        if (lane && (!best || lane_before (lane, best)))
            best = lane;
    }
    return best ? head_of (best) : NULL;
}

bool waiting_before (const task_t *a, const task_t *b)
{
    return lane_before (a->lane, b->lane);
}

void waiting_serve (waiting_t *self, task_t *task)
{
    lane_t *lane = task->lane;

    if (lane->turns) {
        lane->turns->served[lane->priority] = ++self->services[lane->priority];
        lane->turn = turn_now (lane);
    }
    waiting_remove (self, task);
}

// How many tasks of `lane` come before number `index` of `own`: the lanes go round in turn.
static size_t count_before (const lane_t *lane, const lane_t *own, size_t index)
{
    size_t rounds = index;

    if (lane->priority != own->priority)
        rounds = lane->priority > own->priority ? SIZE_MAX : 0;
    else if (!lane->turns || !own->turns)
        rounds = lane->turns ? 0 : SIZE_MAX;
    else if (turn_now (lane) < turn_now (own)
             || (turn_now (lane) == turn_now (own)
                 && head_of (lane)->arrival < head_of (own)->arrival))
        rounds = index + 1;
    return rounds < lane->tasks.count ? rounds : lane->tasks.count;
}

size_t waiting_place (const task_t *task)
{
    const lane_t *own = task->lane;
    const line_t *line = own->line;
    size_t index = 0, place = 0;

    for (size_t i = 0; i < own->tasks.count; i++)
        index += arrived_before (own->tasks.nodes[i], &task->in_lane);
    for (size_t i = 0; i < line->lanes.count; i++) {
        const lane_t *lane = container_of (line->lanes.nodes[i], lane_t, in_line);
        place += lane == own ? index : count_before (lane, own, index);
    }
    return place;
}

static bool lane_check (const lane_t *lane, size_t *tasks)
{
    if (lane->tasks.count == 0 || lane->turn > turn_now (lane) || !heap_check (&lane->tasks))
        return false;
    for (size_t i = 0; i < lane->tasks.count; i++) {
        const task_t *task = container_of (lane->tasks.nodes[i], const task_t, in_lane);
        if (task->lane != lane || task->state != TASK_QUEUED || task->priority != lane->priority)
            return false;
        ++*tasks;
    }
    return true;
}

static bool line_check (const waiting_t *self, const line_t *line)
{
    size_t tasks = 0, links = 0;
    list_t misplaced;

    for (size_t i = 0; i < line->lanes.count; i++) {
        if (!lane_check (container_of (line->lanes.nodes[i], lane_t, in_line), &tasks))
            return false;
    }
    for (list_node_t *node = list_first (&line->links); node;
         node = list_next (&line->links, node)) {
        const link_t *link = container_of (node, link_t, in_line);
        if (!heap_holds (&link->node) || !heap_check (&link->place->lines))
            return false;
        links++;
    }
    list_init (&misplaced);
    find_misplaced (self, line, &misplaced);
    bool all_fit = list_empty (&misplaced);
    while (!list_empty (&misplaced))
        list_remove (list_first (&misplaced));
    return all_fit && tasks == line->count && tasks > 0 && links == line->places_count
           && line->lanes.count == line->lane_count && heap_check (&line->lanes);
}

bool waiting_check (const waiting_t *self)
{
    size_t tasks = 0;

    for (list_node_t *node = list_first (&self->all); node; node = list_next (&self->all, node)) {
        const line_t *line = container_of (node, const line_t, in_all);
        if (!line_check (self, line))
            return false;
        tasks += line->count;
    }
    return tasks == self->count;
}
