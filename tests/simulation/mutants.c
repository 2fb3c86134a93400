/*  Each wrapper calls the real function, but for its mutant, and then only now and then: a fault
 *  that shows at once would prove little.
 */
#include "tests/simulation/mutants.h"

#include <stddef.h>

#include "broker/switchboard_state.h"

#define MUTANTS(X)                                                                                 \
    X (RESULT_LOST, "a result is lost")                                                            \
    X (RESULT_TWICE, "an answer is given twice")                                                   \
    X (CANCEL_LOST, "a worker is not told of a cancel")                                            \
    X (DEADLINE_FORGOTTEN, "a deadline is forgotten")                                              \
    X (DEADLINE_LATE, "a deadline is noticed late")                                                \
    X (SLOT_NOT_TAKEN, "a slot is not taken")                                                      \
    X (SLOT_NOT_FREED, "a slot is not freed")                                                      \
    X (WORST_WORKER, "not the least loaded worker is chosen")                                      \
    X (PREFIX_MISSED, "a prefix is not looked at")                                                 \
    X (FEED_FORGOTTEN, "a new worker is not given what waits")                                     \
    X (TURN_NOT_USED, "a service uses no turn")                                                    \
    X (QUEUE_JUMPED, "a task goes to the front of the queue")                                      \
    X (ORPHANS_FORGOTTEN, "orphans are not cancelled")                                             \
    X (END_NOT_COUNTED, "an end is not counted")                                                   \
    X (CLIENT_LEAKED, "an open task stays the client's")                                           \
    X (STRANGER_TRUSTED, "an unknown worker is not told to register")

enum {
#define X(id, words) MUTANT_##id,
    MUTANTS (X)
#undef X
};

const char *const mutant_names[] = {
#define X(id, words) words,
    MUTANTS (X)
#undef X
        NULL};

int mutant = -1;

#define RARELY 37 // calls

// Whether this call is to go wrong.
static bool wrong (int id)
{
    static unsigned calls;

    return mutant == id && ++calls % RARELY == 0;
}

// The declarations of what -Wl,--wrap makes: __real_f is f, and who calls f calls __wrap_f. Both
// have f's type, so that a wrapper with other parameters does not compile.
#define WRAP(type, name, parameters)                                                               \
    __typeof__ (name) __real_##name;                                                               \
    __typeof__ (name) __wrap_##name;                                                               \
    type __wrap_##name parameters

WRAP (void,
      answer_pass,
      (switchboard_t * self, sb_peer_t peer, frame_t *header, frame_t *payload, bool droppable))
{
    if (!wrong (MUTANT_RESULT_LOST))
        __real_answer_pass (self, peer, header, payload, droppable);
}

WRAP (void,
      answer_result,
      (switchboard_t * self,
       sb_peer_t peer,
       encoding_t codec,
       const cookie_t *cookie,
       zfabric_rc_t rc,
       const char *error))
{
    __real_answer_result (self, peer, codec, cookie, rc, error);
    if (wrong (MUTANT_RESULT_TWICE))
        __real_answer_result (self, peer, codec, cookie, rc, error);
}

WRAP (void, answer_cancel, (switchboard_t * self, const worker_t *worker, const cookie_t *cookie))
{
    if (!wrong (MUTANT_CANCEL_LOST))
        __real_answer_cancel (self, worker, cookie);
}

WRAP (void, answer_register, (switchboard_t * self, sb_peer_t peer, encoding_t codec, int capacity))
{
    if (capacity >= 0 || !wrong (MUTANT_STRANGER_TRUSTED))
        __real_answer_register (self, peer, codec, capacity);
}

WRAP (void, deadlines_set, (deadlines_t * self, deadline_t *deadline, moment_t at))
{
    if (at == MOMENT_NEVER || !wrong (MUTANT_DEADLINE_FORGOTTEN))
        __real_deadlines_set (self, deadline, at);
}

WRAP (deadline_t *, deadlines_pop, (deadlines_t * self, moment_t now))
{
    return wrong (MUTANT_DEADLINE_LATE) ? NULL : __real_deadlines_pop (self, now);
}

WRAP (void, roster_take, (roster_t * self, worker_t *worker))
{
    if (!wrong (MUTANT_SLOT_NOT_TAKEN))
        __real_roster_take (self, worker);
}

WRAP (void, roster_free, (roster_t * self, worker_t *worker))
{
    if (!wrong (MUTANT_SLOT_NOT_FREED))
        __real_roster_free (self, worker);
}

WRAP (worker_t *, roster_pick, (roster_t * self, slice_t pipeline))
{
    worker_t *best = __real_roster_pick (self, pipeline);

    if (best && best->group->available.count > 1 && wrong (MUTANT_WORST_WORKER)) {
        heap_node_t *last = best->group->available.nodes[best->group->available.count - 1];
        return (worker_t *)((char *)last - offsetof (worker_t, available));
    }
    return best;
}

static int first_only (pattern_t *pattern, void *arg)
{
    *(pattern_t **)arg = pattern;
    return 1;
}

WRAP (int,
      groups_fitting,
      (const groups_t *self, slice_t pipeline, groups_visit_fn *visit, void *arg))
{
    pattern_t *first = NULL;

    if (!wrong (MUTANT_PREFIX_MISSED))
        return __real_groups_fitting (self, pipeline, visit, arg);
    (void)__real_groups_fitting (self, pipeline, first_only, &first);
    return first ? visit (first, arg) : 0;
}

WRAP (void, life_feed, (switchboard_t * self, worker_t *worker))
{
    if (!wrong (MUTANT_FEED_FORGOTTEN))
        __real_life_feed (self, worker);
}

WRAP (void, waiting_serve, (waiting_t * self, task_t *task))
{
    if (wrong (MUTANT_TURN_NOT_USED))
        waiting_remove (self, task);
    else
        __real_waiting_serve (self, task);
}

WRAP (int, waiting_add, (waiting_t * self, task_t *task, turns_t *turns))
{
    return __real_waiting_add (self, task, wrong (MUTANT_QUEUE_JUMPED) ? NULL : turns);
}

WRAP (void, life_client_lost, (switchboard_t * self, client_t *client))
{
    if (!wrong (MUTANT_ORPHANS_FORGOTTEN))
        __real_life_client_lost (self, client);
}

WRAP (void, stats_ended, (stats_t * self, moment_t now, zfabric_rc_t rc))
{
    if (!wrong (MUTANT_END_NOT_COUNTED))
        __real_stats_ended (self, now, rc);
}

WRAP (void, client_release, (switchboard_t * self, client_t *client))
{
    if (!wrong (MUTANT_CLIENT_LEAKED))
        __real_client_release (self, client);
}
