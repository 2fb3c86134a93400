/*  Tasks enter and leave lanes; what a worker gets is the best of its places' tops.
 */
#include "broker/waiting.h"

#include <assert.h>

#include "broker/waiting_lines.h"
#include "fabric/container.h"

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
    line_reorder (line);
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
    line_tidy (self, lane);
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
            if (!slice_equal (fit_slice (&fit), line_places (line)))
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

task_t *waiting_pick (waiting_t *self, const group_t *group)
{
    if (self->count == 0)
        return NULL;
    lane_t *best = lane_best (&group->place);
    for (list_node_t *node = list_first (&group->shared); node;
         node = list_next (&group->shared, node)) {
        lane_t *lane = lane_best (&container_of (node, membership_t, in_shared)->pattern->place);
        if (lane && (!best || lane_before (lane, best)))
            best = lane;
    }
    return best ? lane_head (best) : NULL;
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
        lane->turn = lane_turn_now (lane);
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
    else if (lane_turn_now (lane) < lane_turn_now (own)
             || (lane_turn_now (lane) == lane_turn_now (own)
                 && lane_head (lane)->arrival < lane_head (own)->arrival))
        rounds = index + 1;
    return rounds < lane->tasks.count ? rounds : lane->tasks.count;
}

size_t waiting_place (const task_t *task)
{
    const lane_t *own = task->lane;
    const line_t *line = own->line;
    size_t index = 0, place = 0;

    for (size_t i = 0; i < own->tasks.count; i++)
        index += lane_arrived_before (own->tasks.nodes[i], &task->in_lane);
    for (size_t i = 0; i < line->lanes.count; i++) {
        const lane_t *lane = container_of (line->lanes.nodes[i], lane_t, in_line);
        place += lane == own ? index : count_before (lane, own, index);
    }
    return place;
}

static bool lane_check (const lane_t *lane, size_t *tasks)
{
    if (lane->tasks.count == 0 || lane->turn > lane_turn_now (lane) || !heap_check (&lane->tasks))
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
