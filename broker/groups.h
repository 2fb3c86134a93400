/*  Who serves what: patterns, and groups of workers that registered the same patterns.
 *
 *  A *pattern* is a pipeline's name or a prefix (`text.*`). A *group* orders its workers that have
 *  room, a pattern orders its groups that have such a worker; so the best worker for a pipeline is
 *  the best of a few tops: that of the exact name and those of the prefixes that fit it. What waits
 *  for a pattern hangs on it as well (broker/waiting.h).
 *
 *  Owns: patterns and groups, which exist as long as a worker registered them.
 */
#ifndef BROKER_GROUPS_H
#define BROKER_GROUPS_H

#include "fabric/heap.h"
#include "fabric/limits.h"
#include "fabric/list.h"
#include "fabric/table.h"

typedef struct group group_t;

// Where waiting tasks hang, made and kept by broker/waiting.c.
typedef struct {
    heap_t lines;
    size_t links; // how many lines have room in the heap
} place_t;

typedef struct membership membership_t;

/*  A pattern that only one group has registered shares its group's place and needs no order of its
 *  own; most fleets are a few groups with many patterns each. Once a second group registers it, it
 *  has both.
 */
typedef struct pattern {
    table_node_t by_text;
    membership_t *sole; // of its only group; NULL: it is shared
    heap_t groups;      // shared: memberships of groups that have a worker with room
    place_t place;      // shared: what waits for it
    size_t members;     // groups that registered it
    bool prefix;
    uint8_t len; // of the text, without the '*'
    uint8_t text[];
} pattern_t;

// That a group serves a pattern.
struct membership {
    heap_node_t node; // in pattern->groups, if it is shared and the group has a worker with room
    list_node_t in_shared; // if it is shared
    group_t *group;
    pattern_t *pattern;
};

struct group {
    table_node_t by_key;
    list_node_t in_all;
    heap_t available; // its workers with room, kept by broker/roster.c
    size_t workers;   // how many it has
    place_t place;    // what waits for its unshared patterns
    list_t shared;    // memberships of its shared patterns
    slice_t key;      // its patterns: sorted, each behind an octet with its length, as registered
    size_t count;     // of members
    membership_t members[];
};

// Told after patterns have come or are shared now (0, or -1 with ENOMEM), and before a place goes.
typedef int (groups_changed_fn) (void *arg);
typedef void (groups_removed_fn) (place_t *place, void *arg);

typedef struct {
    table_t exact;
    table_t prefixes;
    table_t groups;
    list_t all;                                    // groups, for walks
    size_t prefixes_of_len[LIMIT_PIPELINE_OCTETS]; // how many prefixes there are of each length
    heap_before_fn *worker_before;                 // how a group orders its workers
    groups_changed_fn *changed;
    groups_removed_fn *removed;
    void *arg;
    const uint8_t *secret;
} groups_t;

// `secret` of TABLE_KEY_OCTETS octets and `arg` must outlive it. 0 or -1 (ENOMEM).
int groups_init (groups_t *self,
                 heap_before_fn *worker_before,
                 groups_changed_fn *changed,
                 groups_removed_fn *removed,
                 void *arg,
                 const uint8_t *secret);

// All groups have been left.
void groups_finish (groups_t *self);

// The group of that key, made if need be, with one worker more. NULL if memory is out (nothing has
// changed then).
group_t *groups_join (groups_t *self, slice_t key);

// One worker less; the last one takes the group and patterns that nobody else serves with it.
void groups_leave (groups_t *self, group_t *group);

// To be called when the first of the group's available workers is another one, or has another load.
void groups_reorder (group_t *group);

/*  Calls `visit` for each pattern that fits the pipeline, the exact one first: at most one for each
 *  length of a name. Ends with what `visit` returns if that isn't 0.
 */
typedef int (groups_visit_fn) (pattern_t *pattern, void *arg);
int groups_fitting (const groups_t *self, slice_t pipeline, groups_visit_fn *visit, void *arg);

// Where tasks that the pattern fits hang.
static inline place_t *pattern_place (pattern_t *pattern)
{
    return pattern->sole ? &pattern->sole->group->place : &pattern->place;
}

// The group with the best worker with room for the pattern; NULL if there is none.
group_t *pattern_best (const pattern_t *pattern);

// Whether the pattern fits the pipeline.
bool pattern_fits (const pattern_t *pattern, slice_t pipeline);

// Walks a group's key: `*rest` is the key at first. False at its end.
bool groups_key_next (slice_t *rest, slice_t *pattern);

#endif
