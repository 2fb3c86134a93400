/*  The inside of waiting.c: lines, their lanes, and the places where they hang (broker/waiting.h
 *  says what these are).
 *
 *  Turns are kept lazily. A lane's key is the number of its client's last service at the time when
 *  the lane was last put in order; if the client has been served elsewhere since, the true key is
 *  higher. A lane that comes to the top with an old key is put in order again and the top looked at
 *  anew. As true keys are never lower than kept ones, a top whose key is true is the first of all.
 *
 *  Invariants: lines and lanes exist only while a task waits in them; a line hangs on exactly those
 *  places that the patterns fitting each of its tasks have.
 */
#ifndef BROKER_WAITING_LINES_H
#define BROKER_WAITING_LINES_H

#include "broker/waiting.h"

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

// For the tables of lines, by their places, and of lanes, by line, client and priority.
bool line_equal (const table_node_t *node, slice_t places);
bool lane_equal (const table_node_t *node, slice_t octets);

// For the heap of a lane's tasks.
bool lane_arrived_before (const heap_node_t *a, const heap_node_t *b);

// The places where a task belongs.
void fit_of (const waiting_t *self, const task_t *task, fit_t *fit);
slice_t fit_slice (const fit_t *fit);

// Those of a line, to be compared with fit_slice ().
slice_t line_places (const line_t *line);

// The line's first lane, or that lane's key, is another one, or it is the first that it has.
void line_reorder (line_t *line);

// The lane where the task belongs, with room for it. NULL if memory is out.
lane_t *lane_for (waiting_t *self, const task_t *task, turns_t *turns);

// Puts a lane that has lost a task in order, or removes lane and line if nothing waits in them.
void line_tidy (waiting_t *self, lane_t *lane);

// The lane's true key: its client's turn now.
uint64_t lane_turn_now (const lane_t *lane);

// The task of a lane that goes first, and which of two lanes does.
task_t *lane_head (const lane_t *lane);
bool lane_before (const lane_t *a, const lane_t *b);

// The first of all lanes that hang on a place; NULL if there is none.
lane_t *lane_best (const place_t *place);

#endif
