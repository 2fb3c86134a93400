/*  Turns are kept lazily. A lane's key is the number of its client's last service at the time when
 *  the lane was last put in order; if the client has been served elsewhere since, the true key is
 *  higher. A lane that comes to the top with an old key is put in order again and the top looked at
 *  anew. As true keys are never lower than kept ones, a top whose key is true is the first of all.
 *
 *  Invariants: lines and lanes exist only while a task waits in them; a line hangs on exactly those
 *  patterns of the roster that fit its pipeline.
 */
#include "broker/waiting.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "fabric/container.h"

typedef struct {
    table_node_t by_pipeline;
    list_node_t in_all;
    heap_t lanes;
    size_t lane_count;
    size_t count; // tasks
    list_t links; // to the patterns that fit
    uint8_t len;
    uint8_t pipeline[];
} line_t;

// That a line fits a pattern.
typedef struct {
    heap_node_t node; // in pattern->lines
    list_node_t in_line;
    line_t *line;
    pattern_t *pattern;
} link_t;

typedef struct lane {
    table_node_t by_key;
    heap_node_t in_line;
    line_t *line;
    turns_t *turns; // its client's; NULL: the lane before all clients'
    list_t tasks;
    uint64_t turn; // the key: a lower bound of the client's
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
    return container_of (list_first (&lane->tasks), task_t, in_lane);
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

static bool line_equal (const table_node_t *node, slice_t pipeline)
{
    const line_t *line = container_of (node, const line_t, by_pipeline);

    return slice_equal (slice_of (line->pipeline, line->len), pipeline);
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

// ---- lines and the patterns that fit them

static void unlink_line (link_t *link)
{
    heap_remove (&link->pattern->lines, &link->node);
    link->pattern->links--;
    list_remove (&link->in_line);
    free (link);
}

static int link_line (pattern_t *pattern, void *arg)
{
    line_t *line = (line_t *)arg;
    link_t *link = (link_t *)calloc (1, sizeof *link);

    if (!link || heap_reserve (&pattern->lines, pattern->links + 1)) {
        free (link);
        errno = ENOMEM;
        return -1;
    }
    link->line = line;
    link->pattern = pattern;
    pattern->links++;
    list_append (&line->links, &link->in_line);
    heap_push (&pattern->lines, &link->node);
    return 0;
}

// The line's first lane, or that lane's key, is another one.
static void reorder_line (line_t *line)
{
    for (list_node_t *node = list_first (&line->links); node;
         node = list_next (&line->links, node)) {
        link_t *link = container_of (node, link_t, in_line);
        heap_update (&link->pattern->lines, &link->node);
    }
}

int waiting_pattern_added (pattern_t *pattern, void *arg)
{
    waiting_t *self = (waiting_t *)arg;

    heap_init (&pattern->lines, link_node_before);
    for (list_node_t *node = list_first (&self->all); node; node = list_next (&self->all, node)) {
        line_t *line = container_of (node, line_t, in_all);
        if (pattern_fits (pattern, slice_of (line->pipeline, line->len))
            && link_line (pattern, line))
            return -1;
    }
    return 0;
}

void waiting_pattern_removed (pattern_t *pattern, void *arg)
{
    (void)arg;
    while (heap_top (&pattern->lines))
        unlink_line (container_of (heap_top (&pattern->lines), link_t, node));
}

static line_t *line_get (waiting_t *self, slice_t pipeline)
{
    uint64_t hash = table_hash (self->secret, pipeline);
    table_node_t *node = table_find (&self->lines, hash, pipeline);

    if (node)
        return container_of (node, line_t, by_pipeline);
    line_t *line = (line_t *)calloc (1, sizeof *line + pipeline.len);
    if (!line)
        return NULL;
    heap_init (&line->lanes, lane_node_before);
    list_init (&line->links);
    line->len = (uint8_t)pipeline.len;
    memcpy (line->pipeline, pipeline.ptr, pipeline.len);
    table_insert (&self->lines, &line->by_pipeline, hash);
    list_append (&self->all, &line->in_all);
    return line;
}

static void line_destroy (waiting_t *self, line_t *line)
{
    while (!list_empty (&line->links))
        unlink_line (container_of (list_first (&line->links), link_t, in_line));
    table_remove (&self->lines, &line->by_pipeline);
    list_remove (&line->in_all);
    heap_finish (&line->lanes);
    free (line);
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
    list_init (&lane->tasks);
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
    free (lane);
}

// In order of arrival: all but those that come back, or have waited for their cookie, go to the
// end.
static void put_in_lane (lane_t *lane, task_t *task)
{
    list_node_t *place = lane->tasks.head.prev;

    while (place != &lane->tasks.head
           && container_of (place, task_t, in_lane)->arrival > task->arrival)
        place = place->prev;
    list_insert_after (place, &task->in_lane);
}

// Removes lane and line if nothing waits in them any more.
static void tidy (waiting_t *self, lane_t *lane)
{
    line_t *line = lane->line;

    if (list_empty (&lane->tasks)) {
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

// Brings a lane that has got a task into its line's order, and a new line onto its patterns.
static int place_lane (waiting_t *self, lane_t *lane, slice_t pipeline)
{
    line_t *line = lane->line;
    bool new_line = line->lanes.count == 0;

    if (heap_holds (&lane->in_line))
        heap_update (&line->lanes, &lane->in_line);
    else
        heap_push (&line->lanes, &lane->in_line);
    if (new_line)
        return groups_fitting (self->groups, pipeline, link_line, line);
    reorder_line (line);
    return 0;
}

// ---- tasks

int waiting_add (waiting_t *self, task_t *task, turns_t *turns)
{
    slice_t pipeline = task_pipeline (task);
    line_t *line = line_get (self, pipeline);
    lane_t *lane = line ? lane_get (self, line, turns, task->priority) : NULL;

    if (!lane) {
        if (line && line->lane_count == 0)
            line_destroy (self, line);
        errno = ENOMEM;
        return -1;
    }
    put_in_lane (lane, task);
    task->lane = lane;
    line->count++;
    self->count++;
    if (place_lane (self, lane, pipeline)) {
        waiting_remove (self, task);
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

void waiting_remove (waiting_t *self, task_t *task)
{
    lane_t *lane = task->lane;

    list_remove (&task->in_lane);
    task->lane = NULL;
    lane->line->count--;
    self->count--;
    tidy (self, lane);
}

static lane_t *best_lane (const pattern_t *pattern)
{
    heap_node_t *top;

    while ((top = heap_top (&pattern->lines))) {
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
    lane_t *best = NULL;

    if (self->count == 0)
        return NULL;
    for (size_t i = 0; i < group->count; i++) {
        lane_t *lane = best_lane (group->members[i].pattern);
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
    size_t before = 0;
    size_t rounds = index;

    if (lane->priority != own->priority)
        rounds = lane->priority > own->priority ? SIZE_MAX : 0;
    else if (!lane->turns || !own->turns)
        rounds = lane->turns ? 0 : SIZE_MAX;
    else if (turn_now (lane) < turn_now (own)
             || (turn_now (lane) == turn_now (own)
                 && head_of (lane)->arrival < head_of (own)->arrival))
        rounds = index + 1;
    for (list_node_t *node = list_first (&lane->tasks); node && before < rounds;
         node = list_next (&lane->tasks, node))
        before++;
    return before;
}

size_t waiting_place (const task_t *task)
{
    const lane_t *own = task->lane;
    const line_t *line = own->line;
    size_t index = 0, place = 0;

    for (list_node_t *node = list_first (&own->tasks); node != &task->in_lane; node = node->next)
        index++;
    for (size_t i = 0; i < line->lanes.count; i++) {
        const lane_t *lane = container_of (line->lanes.nodes[i], lane_t, in_line);
        place += lane == own ? index : count_before (lane, own, index);
    }
    return place;
}

static bool lane_check (const lane_t *lane, size_t *tasks)
{
    if (list_empty (&lane->tasks) || lane->turn > turn_now (lane))
        return false;
    for (list_node_t *node = list_first (&lane->tasks); node;
         node = list_next (&lane->tasks, node)) {
        const task_t *task = container_of (node, const task_t, in_lane);
        if (task->lane != lane || task->state != TASK_QUEUED || task->priority != lane->priority)
            return false;
        ++*tasks;
    }
    return true;
}

static int count_fitting (pattern_t *pattern, void *arg)
{
    (void)pattern;
    ++*(size_t *)arg;
    return 0;
}

static bool line_check (const waiting_t *self, const line_t *line)
{
    size_t tasks = 0, links = 0, fitting = 0;

    for (size_t i = 0; i < line->lanes.count; i++) {
        if (!lane_check (container_of (line->lanes.nodes[i], lane_t, in_line), &tasks))
            return false;
    }
    for (list_node_t *node = list_first (&line->links); node;
         node = list_next (&line->links, node)) {
        if (!heap_check (&container_of (node, link_t, in_line)->pattern->lines))
            return false;
        links++;
    }
    (void)groups_fitting (self->groups, slice_of (line->pipeline, line->len), count_fitting,
                          &fitting);
    return tasks == line->count && tasks > 0 && links == fitting
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
