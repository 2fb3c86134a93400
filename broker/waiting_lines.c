/*  Lines own their links to places, and places are told how many they have: so a line that hangs on
 *  a place can always be pushed there.
 */
#include "broker/waiting_lines.h"

#include <errno.h>
#include <stdlib.h>

#include "fabric/container.h"

// What a lane is found by.
typedef struct {
    const line_t *line;
    const turns_t *turns;
    uint64_t priority;
} lane_key_t;

task_t *lane_head (const lane_t *lane)
{
    return container_of (heap_top (&lane->tasks), task_t, in_lane);
}

static lane_t *top_of (const line_t *line)
{
    return container_of (heap_top (&line->lanes), lane_t, in_line);
}

bool lane_before (const lane_t *a, const lane_t *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    if (!a->turns != !b->turns)
        return !a->turns;
    if (a->turn != b->turn)
        return a->turn < b->turn;
    return lane_head (a)->arrival < lane_head (b)->arrival;
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

bool lane_arrived_before (const heap_node_t *a, const heap_node_t *b)
{
    return container_of (a, const task_t, in_lane)->arrival
           < container_of (b, const task_t, in_lane)->arrival;
}

slice_t line_places (const line_t *line)
{
    return slice_of (line->places, line->places_count * sizeof line->places[0]);
}

bool line_equal (const table_node_t *node, slice_t places)
{
    return slice_equal (line_places (container_of (node, const line_t, by_places)), places);
}

bool lane_equal (const table_node_t *node, slice_t octets)
{
    const lane_t *lane = container_of (node, const lane_t, by_key);
    lane_key_t key;

    memcpy (&key, octets.ptr, sizeof key);
    return lane->line == key.line && lane->turns == key.turns && lane->priority == key.priority;
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

void fit_of (const waiting_t *self, const task_t *task, fit_t *fit)
{
    fit->count = 0;
    (void)groups_fitting (self->groups, task_pipeline (task), add_place, fit);
}

slice_t fit_slice (const fit_t *fit)
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

void line_reorder (line_t *line)
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
    uint64_t hash = table_hash (self->secret, line_places (line));

    line->listed = !table_find (&self->lines, hash, line_places (line));
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

uint64_t lane_turn_now (const lane_t *lane)
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
    heap_init (&lane->tasks, lane_arrived_before);
    // Who is new stands behind those that are there, or coming back would be a way to the front.
    if (turns && turns->served[priority] == 0)
        turns->served[priority] = self->services[priority];
    lane->turn = lane_turn_now (lane);
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

void line_tidy (waiting_t *self, lane_t *lane)
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
    line_reorder (line);
}

// Removes a line or lane that was made for a task which then did not come.
static void tidy_empty (waiting_t *self, line_t *line, lane_t *lane)
{
    if (lane && lane->tasks.count == 0)
        lane_destroy (self, lane);
    if (line && line->lane_count == 0)
        line_destroy (self, line);
}

lane_t *lane_for (waiting_t *self, const task_t *task, turns_t *turns)
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

lane_t *lane_best (const place_t *place)
{
    heap_node_t *top;

    while ((top = heap_top (&place->lines))) {
        line_t *line = container_of (top, link_t, node)->line;
        lane_t *lane = top_of (line);
        if (lane->turn == lane_turn_now (lane))
            return lane;
        lane->turn = lane_turn_now (lane);
        heap_update (&line->lanes, &lane->in_line);
        line_reorder (line);
    }
    return NULL;
}
