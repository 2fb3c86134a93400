#include "broker/groups.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "fabric/container.h"

static bool pattern_equal (const table_node_t *node, slice_t text)
{
    const pattern_t *pattern = container_of (node, const pattern_t, by_text);

    return slice_equal (slice_of (pattern->text, pattern->len), text);
}

static bool group_equal (const table_node_t *node, slice_t key)
{
    return slice_equal (container_of (node, const group_t, by_key)->key, key);
}

// By the groups' best workers, whom their own heaps have found.
static bool membership_before (const heap_node_t *a, const heap_node_t *b)
{
    const group_t *one = container_of (a, const membership_t, node)->group;
    const group_t *two = container_of (b, const membership_t, node)->group;

    return one->available.before (heap_top (&one->available), heap_top (&two->available));
}

int groups_init (groups_t *self,
                 heap_before_fn *worker_before,
                 groups_changed_fn *changed,
                 groups_removed_fn *removed,
                 void *arg,
                 const uint8_t *secret)
{
    *self = (groups_t){.worker_before = worker_before,
                       .changed = changed,
                       .removed = removed,
                       .arg = arg,
                       .secret = secret};
    list_init (&self->all);
    if (table_init (&self->exact, pattern_equal) || table_init (&self->prefixes, pattern_equal)
        || table_init (&self->groups, group_equal)) {
        groups_finish (self);
        return -1;
    }
    return 0;
}

void groups_finish (groups_t *self)
{
    assert (self->groups.count == 0);
    table_finish (&self->exact);
    table_finish (&self->prefixes);
    table_finish (&self->groups);
}

bool groups_key_next (slice_t *rest, slice_t *pattern)
{
    if (rest->len == 0)
        return false;
    *pattern = slice_of (rest->ptr + 1, rest->ptr[0]);
    *rest = slice_of (pattern->ptr + pattern->len, rest->len - 1 - pattern->len);
    return true;
}

// Text without the star, and whether there was one.
static slice_t split_star (slice_t registered, bool *prefix)
{
    *prefix = registered.len > 0 && registered.ptr[registered.len - 1] == '*';
    return slice_of (registered.ptr, registered.len - *prefix);
}

static void place_finish (groups_t *self, place_t *place)
{
    self->removed (place, self->arg);
    heap_finish (&place->lines);
}

static void pattern_remove (groups_t *self, pattern_t *pattern)
{
    assert (pattern->members == 0);
    table_remove (pattern->prefix ? &self->prefixes : &self->exact, &pattern->by_text);
    if (pattern->prefix)
        self->prefixes_of_len[pattern->len]--;
    place_finish (self, &pattern->place);
    heap_finish (&pattern->groups);
    free (pattern);
}

static pattern_t *pattern_add (groups_t *self, slice_t text, bool prefix, uint64_t hash)
{
    pattern_t *pattern = (pattern_t *)calloc (1, sizeof *pattern + text.len);

    if (!pattern)
        return NULL;
    heap_init (&pattern->groups, membership_before);
    pattern->prefix = prefix;
    pattern->len = (uint8_t)text.len;
    if (text.len)
        memcpy (pattern->text, text.ptr, text.len);
    table_insert (prefix ? &self->prefixes : &self->exact, &pattern->by_text, hash);
    if (prefix)
        self->prefixes_of_len[text.len]++;
    return pattern;
}

static pattern_t *pattern_find (const groups_t *self, slice_t text, bool prefix, uint64_t hash)
{
    table_node_t *node = table_find (prefix ? &self->prefixes : &self->exact, hash, text);

    return node ? container_of (node, pattern_t, by_text) : NULL;
}

// The membership counts in its pattern's order from now on.
static void share_member (membership_t *member)
{
    list_append (&member->group->shared, &member->in_shared);
    if (member->group->available.count > 0)
        heap_push (&member->pattern->groups, &member->node);
}

// Makes the group a member of the pattern. 0 or -1.
static int group_enter (groups_t *self, group_t *group, slice_t registered)
{
    bool prefix;
    slice_t text = split_star (registered, &prefix);
    uint64_t hash = table_hash (self->secret, text);
    pattern_t *pattern = pattern_find (self, text, prefix, hash);
    membership_t *member = &group->members[group->count];

    if (!pattern) {
        pattern = pattern_add (self, text, prefix, hash);
        if (!pattern)
            return -1;
        pattern->sole = member;
    } else if (heap_reserve (&pattern->groups, pattern->members + 1)) {
        return -1;
    }
    *member = (membership_t){.group = group, .pattern = pattern};
    pattern->members++;
    group->count++;
    if (pattern->sole == member)
        return 0;
    if (pattern->sole)
        share_member (pattern->sole);
    pattern->sole = NULL;
    share_member (member);
    return 0;
}

static void group_destroy (groups_t *self, group_t *group)
{
    for (size_t i = 0; i < group->count; i++) {
        pattern_t *pattern = group->members[i].pattern;
        heap_remove (&pattern->groups, &group->members[i].node);
        list_remove (&group->members[i].in_shared);
        if (--pattern->members == 0)
            pattern_remove (self, pattern);
    }
    place_finish (self, &group->place);
    heap_finish (&group->available);
    free (group);
}

static group_t *group_new (groups_t *self, slice_t key)
{
    size_t count = 0;
    slice_t rest = key, registered;

    while (groups_key_next (&rest, &registered))
        count++;
    group_t *group = (group_t *)calloc (1, sizeof *group + count * sizeof (membership_t) + key.len);
    if (!group)
        return NULL;
    uint8_t *own_key = (uint8_t *)&group->members[count];
    memcpy (own_key, key.ptr, key.len);
    group->key = slice_of (own_key, key.len);
    heap_init (&group->available, self->worker_before);
    list_init (&group->shared);

    rest = group->key;
    while (groups_key_next (&rest, &registered)) {
        if (group_enter (self, group, registered)) {
            group_destroy (self, group);
            return NULL;
        }
    }
    return group;
}

group_t *groups_join (groups_t *self, slice_t key)
{
    uint64_t hash = table_hash (self->secret, key);
    table_node_t *node = table_find (&self->groups, hash, key);
    group_t *group = node ? container_of (node, group_t, by_key) : group_new (self, key);

    if (!group)
        goto error;
    if (heap_reserve (&group->available, group->workers + 1)
        || (!node && self->changed (self->arg))) {
        if (!node) {
            group_destroy (self, group);
            // What it shared stays shared; what waits goes where that belongs, as far as memory
            // goes.
            (void)self->changed (self->arg);
        }
        goto error;
    }
    if (!node) {
        table_insert (&self->groups, &group->by_key, hash);
        list_append (&self->all, &group->in_all);
    }
    group->workers++;
    return group;
error:
    errno = ENOMEM;
    return NULL;
}

void groups_leave (groups_t *self, group_t *group)
{
    if (--group->workers == 0) {
        table_remove (&self->groups, &group->by_key);
        list_remove (&group->in_all);
        group_destroy (self, group);
    }
}

void groups_reorder (group_t *group)
{
    bool room = group->available.count > 0;

    for (list_node_t *node = list_first (&group->shared); node;
         node = list_next (&group->shared, node)) {
        membership_t *member = container_of (node, membership_t, in_shared);
        if (!room)
            heap_remove (&member->pattern->groups, &member->node);
        else if (heap_holds (&member->node))
            heap_update (&member->pattern->groups, &member->node);
        else
            heap_push (&member->pattern->groups, &member->node);
    }
}

group_t *pattern_best (const pattern_t *pattern)
{
    heap_node_t *top = heap_top (&pattern->groups);

    if (pattern->sole)
        return pattern->sole->group->available.count ? pattern->sole->group : NULL;
    return top ? container_of (top, membership_t, node)->group : NULL;
}

bool pattern_fits (const pattern_t *pattern, slice_t pipeline)
{
    if (pattern->prefix ? pipeline.len < pattern->len : pipeline.len != pattern->len)
        return false;
    return slice_equal (slice_of (pattern->text, pattern->len),
                        slice_of (pipeline.ptr, pattern->len));
}

int groups_fitting (const groups_t *self, slice_t pipeline, groups_visit_fn *visit, void *arg)
{
    pattern_t *pattern = pattern_find (self, pipeline, false, table_hash (self->secret, pipeline));

    if (pattern) {
        int stop = visit (pattern, arg);
        if (stop)
            return stop;
    }
    for (size_t len = 0; len <= pipeline.len && len < LIMIT_PIPELINE_OCTETS; len++) {
        if (!self->prefixes_of_len[len])
            continue;
        slice_t text = slice_of (pipeline.ptr, len);
        pattern = pattern_find (self, text, true, table_hash (self->secret, text));
        int stop = pattern ? visit (pattern, arg) : 0;
        if (stop)
            return stop;
    }
    return 0;
}
