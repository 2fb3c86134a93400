/*  Invariant: a worker is in its group's heap exactly while worker_has_room (), and a group's
 *  memberships are in their patterns' heaps exactly while that heap is not empty. One function,
 *  settle (), restores it after any change.
 */
#include "broker/roster.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "broker/overlap.h"
#include "codec/codec.h"
#include "fabric/container.h"

// Shares are compared as products, so that no digit is lost: a.busy / a.capacity < b.busy / ...
static bool worker_before (const heap_node_t *a, const heap_node_t *b)
{
    const worker_t *one = container_of (a, const worker_t, available);
    const worker_t *two = container_of (b, const worker_t, available);
    uint64_t load_one = (uint64_t)one->busy * two->capacity;
    uint64_t load_two = (uint64_t)two->busy * one->capacity;

    return load_one != load_two ? load_one < load_two : one->free_since < two->free_since;
}

int roster_init (roster_t *self,
                 groups_changed_fn *changed,
                 groups_removed_fn *removed,
                 void *arg,
                 const uint8_t *secret)
{
    *self = (roster_t){0};
    list_init (&self->workers);
    return groups_init (&self->groups, worker_before, changed, removed, arg, secret);
}

void roster_finish (roster_t *self)
{
    assert (list_empty (&self->workers));
    groups_finish (&self->groups);
}

// Puts the worker where its load, capacity and state want it.
static void settle (worker_t *worker)
{
    heap_t *available = &worker->group->available;

    if (!worker_has_room (worker))
        heap_remove (available, &worker->available);
    else if (heap_holds (&worker->available))
        heap_update (available, &worker->available);
    else
        heap_push (available, &worker->available);
    groups_reorder (worker->group);
}

static int compare_slices (const void *a, const void *b)
{
    const slice_t *one = (const slice_t *)a;
    const slice_t *two = (const slice_t *)b;
    size_t common = one->len < two->len ? one->len : two->len;
    int order = common ? memcmp (one->ptr, two->ptr, common) : 0;

    return order ? order : (one->len > two->len) - (one->len < two->len);
}

// The patterns of a REGISTER as a group's key. 0, or -1 (ENOMEM).
static int patterns_key (const packet_t *packet, buffer_t *key)
{
    slice_t rest = packet->pipelines.raw;
    size_t count = packet->pipelines.count;
    slice_t *patterns = (slice_t *)calloc (count, sizeof *patterns);
    buffer_t texts; // grows, so it holds lengths and texts first and is cut into slices at the end
    text_t text;

    buffer_init (&texts, LIMIT_HEADER_OCTETS + LIMIT_PATTERNS);
    while (patterns && strings_next (packet->codec, &rest, &text)) {
        size_t at = texts.len;
        buffer_octet (&texts, 0);
        codec_text (text, &texts);
        if (texts.failed)
            break;
        texts.data[at] = (uint8_t)(texts.len - at - 1);
    }
    if (!patterns || texts.failed) {
        free (patterns);
        buffer_finish (&texts);
        errno = ENOMEM;
        return -1;
    }
    rest = buffer_as_slice (&texts);
    for (size_t i = 0; i < count; i++)
        (void)groups_key_next (&rest, &patterns[i]);
    qsort (patterns, count, sizeof *patterns, compare_slices);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && slice_equal (patterns[i], patterns[i - 1]))
            continue;
        buffer_octet (key, (uint8_t)patterns[i].len);
        buffer_slice (key, patterns[i]);
    }
    free (patterns);
    buffer_finish (&texts);
    return key->failed ? -1 : 0;
}

// What a REGISTER asks for, as a group's key. 0, or -1 (ENOMEM).
static int asked_key (const packet_t *packet, buffer_t *key)
{
    static const uint8_t everything[] = {1, '*'};

    if (packet_has (packet, PACKET_BIT (PIPELINES)))
        return patterns_key (packet, key);
    buffer_append (key, everything, sizeof everything);
    errno = key->failed;
    return key->failed ? -1 : 0;
}

// The group for what of it the rights cover. NULL: ENOMEM or EACCES.
static group_t *group_for (roster_t *self, slice_t asked, const rights_t *rights)
{
    buffer_t key;
    group_t *group = NULL;
    int error = 0;

    if (!rights)
        return groups_join (&self->groups, asked);
    buffer_init (&key, OVERLAP_KEY_MAX);
    if (overlap_key (asked, rights, &key))
        error = errno;
    else if (!(group = groups_join (&self->groups, buffer_as_slice (&key))))
        error = ENOMEM;
    buffer_finish (&key);
    errno = error;
    return group;
}

static void read_name (const packet_t *packet, char name[static ROSTER_NAME_MAX])
{
    buffer_t text;
    fault_t cut;

    name[0] = '\0';
    if (!packet_has (packet, PACKET_BIT (NAME)))
        return;
    buffer_init (&text, LIMIT_HEADER_OCTETS);
    codec_text (packet->name, &text);
    if (!text.failed) {
        // A fault's text is what is wanted: cut at a character, without control characters.
        fault_set (&cut, "%.*s", (int)text.len, (const char *)text.data);
        memcpy (name, cut.text, sizeof cut.text);
    }
    buffer_finish (&text);
}

_Static_assert(ROSTER_NAME_MAX == FAULT_TEXT_MAX, "read_name () borrows fault_set ()");

static void leave_group (roster_t *self, worker_t *worker)
{
    group_t *group = worker->group;

    heap_remove (&group->available, &worker->available);
    groups_reorder (group);
    worker->group = NULL;
    groups_leave (&self->groups, group);
}

static void change_group (roster_t *self, worker_t *worker, group_t *group)
{
    if (worker->group)
        leave_group (self, worker);
    worker->group = group;
}

void roster_forget (worker_t *worker)
{
    free ((void *)(uintptr_t)worker->asked.ptr);
    worker->asked = (slice_t){0};
}

static void enter (roster_t *self, worker_t *worker, const packet_t *packet)
{
    if (worker->group) {
        self->slots -= worker->capacity;
    } else {
        worker->number = ++self->numbers;
        list_append (&self->workers, &worker->in_roster);
        self->count++;
    }
    worker->capacity = packet->capacity;
    worker->draining = false;
    worker->heartbeat_ms = packet->heartbeat_ms;
    worker->free_since = ++self->frees;
    read_name (packet, worker->name);
    self->slots += worker->capacity;
}

int roster_register (roster_t *self,
                     worker_t *worker,
                     const packet_t *packet,
                     const rights_t *rights)
{
    buffer_t asked;
    group_t *group = NULL;

    buffer_init (&asked, LIMIT_HEADER_OCTETS + LIMIT_PATTERNS);
    if (asked_key (packet, &asked) == 0)
        group = group_for (self, buffer_as_slice (&asked), rights);
    else
        errno = ENOMEM;
    if (!group) {
        int saved = errno;
        buffer_finish (&asked);
        errno = saved;
        return -1;
    }
    roster_forget (worker);
    if (rights)
        worker->asked.ptr = buffer_take (&asked, &worker->asked.len);
    buffer_finish (&asked);
    // Its old group's order is by what it had.
    if (worker->group)
        heap_remove (&worker->group->available, &worker->available);
    enter (self, worker, packet);
    change_group (self, worker, group);
    settle (worker);
    return 0;
}

int roster_restrict (roster_t *self, worker_t *worker, const rights_t *rights)
{
    group_t *group = group_for (self, worker->asked, rights);

    if (!group)
        return -1;
    change_group (self, worker, group);
    settle (worker);
    return 0;
}

void roster_leave (roster_t *self, worker_t *worker)
{
    if (!worker->group)
        return;
    assert (worker->busy == 0);
    self->slots -= worker->capacity;
    leave_group (self, worker);
    list_remove (&worker->in_roster);
    self->count--;
}

static worker_t *first_of (const pattern_t *pattern)
{
    group_t *group = pattern_best (pattern);

    return group ? container_of (heap_top (&group->available), worker_t, available) : NULL;
}

static int keep_better (pattern_t *pattern, void *arg)
{
    worker_t **best = (worker_t **)arg;
    worker_t *first = first_of (pattern);

    if (first && (!*best || worker_before (&first->available, &(*best)->available)))
        *best = first;
    return 0;
}

worker_t *roster_pick (roster_t *self, slice_t pipeline)
{
    worker_t *best = NULL;

    (void)groups_fitting (&self->groups, pipeline, keep_better, &best);
    return best;
}

void roster_take (roster_t *self, worker_t *worker)
{
    assert (worker_has_room (worker));
    worker->busy++;
    self->busy++;
    settle (worker);
}

void roster_free (roster_t *self, worker_t *worker)
{
    assert (worker->busy > 0);
    worker->busy--;
    self->busy--;
    worker->free_since = ++self->frees;
    settle (worker);
}

void roster_drain (roster_t *self, worker_t *worker)
{
    (void)self;
    worker->draining = true;
    settle (worker);
}

static bool worker_check (const worker_t *worker)
{
    size_t held = 0;

    for (list_node_t *node = list_first (&worker->tasks); node;
         node = list_next (&worker->tasks, node))
        held++;
    if (held != worker->busy || worker_has_room (worker) != heap_holds (&worker->available))
        return false;
    for (size_t i = 0; i < worker->group->count; i++) {
        const membership_t *member = &worker->group->members[i];
        bool ordered = !member->pattern->sole && worker->group->available.count > 0;
        if (heap_holds (&member->node) != ordered
            || list_holds (&member->in_shared) != !member->pattern->sole)
            return false;
        if (!heap_check (&member->pattern->groups))
            return false;
    }
    return heap_check (&worker->group->available);
}

bool roster_check (const roster_t *self)
{
    size_t count = 0;
    uint64_t slots = 0, busy = 0;

    for (list_node_t *node = list_first (&self->workers); node;
         node = list_next (&self->workers, node)) {
        const worker_t *worker = container_of (node, const worker_t, in_roster);
        if (!worker_check (worker))
            return false;
        count++;
        slots += worker->capacity;
        busy += worker->busy;
    }
    return count == self->count && slots == self->slots && busy == self->busy;
}
