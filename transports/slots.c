/*  A slot is in one of four lists, which are its states; the spans are the same for all, so each
 *  list is in the order of its deadlines.
 */
#include "transports/slots.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "fabric/container.h"

typedef struct {
    table_node_t by_cookie;
    list_node_t place;
    cookie_t cookie;
    bool ghost;
    bool cancelled;
    uint64_t serial;    // of the task, from 1
    uint64_t given;     // when it was cancelled: how many had been given
    moment_t cancel_at; // when it was
} slot_t;

static bool slot_equal (const table_node_t *node, slice_t key)
{
    const slot_t *slot = container_of (node, const slot_t, by_cookie);

    return slice_equal (slice_of (slot->cookie.octets, COOKIE_OCTETS), key);
}

static slot_t *first (const list_t *list)
{
    list_node_t *node = list_first (list);

    return node ? container_of (node, slot_t, place) : NULL;
}

int slots_init (slots_t *self)
{
    *self = (slots_t){0};
    list_init (&self->running);
    list_init (&self->cancelled);
    list_init (&self->ghosts);
    list_init (&self->lost);
    randombytes_buf (self->secret, sizeof self->secret);
    return table_init (&self->table, slot_equal);
}

static uint64_t hash_of (const slots_t *self, const cookie_t *cookie)
{
    return table_hash (self->secret, slice_of (cookie->octets, COOKIE_OCTETS));
}

static slot_t *find (const slots_t *self, const cookie_t *cookie)
{
    table_node_t *node =
        table_find (&self->table, hash_of (self, cookie), slice_of (cookie->octets, COOKIE_OCTETS));

    return node ? container_of (node, slot_t, by_cookie) : NULL;
}

static void end (slots_t *self, slot_t *slot)
{
    self->ghost_count -= slot->ghost;
    table_remove (&self->table, &slot->by_cookie);
    list_remove (&slot->place);
    free (slot);
}

void slots_finish (slots_t *self)
{
    list_t *lists[] = {&self->running, &self->cancelled, &self->ghosts, &self->lost};
    slot_t *slot;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        while (lists[i]->head.next && (slot = first (lists[i])))
            end (self, slot);
    }
    table_finish (&self->table);
}

int slots_give (slots_t *self, const cookie_t *cookie)
{
    if (find (self, cookie)) {
        errno = EEXIST;
        return -1;
    }
    slot_t *slot = (slot_t *)calloc (1, sizeof *slot);
    if (!slot)
        return -1;
    slot->cookie = *cookie;
    slot->serial = ++self->given;
    list_append (&self->running, &slot->place);
    table_insert (&self->table, &slot->by_cookie, hash_of (self, cookie));
    return 0;
}

bool slots_cancel (slots_t *self, const cookie_t *cookie, moment_t now)
{
    slot_t *slot = find (self, cookie);

    if (!slot || slot->ghost)
        return false;
    if (slot->cancelled)
        return true;
    slot->cancelled = true;
    slot->cancel_at = now;
    slot->given = self->given;
    list_remove (&slot->place);
    list_append (&self->cancelled, &slot->place);
    return true;
}

static void haunt (slots_t *self, slot_t *slot)
{
    slot->ghost = true;
    self->ghost_count++;
    list_remove (&slot->place);
    list_append (slot->cancelled ? &self->ghosts : &self->lost, &slot->place);
}

slots_verdict_t slots_result (slots_t *self, const cookie_t *cookie)
{
    slot_t *slot = find (self, cookie);

    if (!slot)
        return SLOTS_DROP;
    slots_verdict_t verdict = slot->ghost ? SLOTS_DROP : SLOTS_PASS;
    uint64_t serial = slot->serial;
    end (self, slot);
    // The worker has read beyond the CANCELs that came before this task.
    while ((slot = first (&self->ghosts)) && slot->given < serial)
        end (self, slot);
    return verdict;
}

bool slots_waits (const slots_t *self, const cookie_t *cookie)
{
    const slot_t *slot = find (self, cookie);

    return slot && !slot->ghost;
}

bool slots_overdue (slots_t *self, moment_t now, cookie_t *cookie)
{
    slot_t *slot = first (&self->cancelled);

    if (!slot || moment_after (slot->cancel_at, SLOTS_GRACE_MS) > now)
        return false;
    *cookie = slot->cookie;
    haunt (self, slot);
    return true;
}

bool slots_expire (slots_t *self, moment_t now)
{
    bool any = false;
    slot_t *slot;

    while ((slot = first (&self->ghosts))
           && moment_after (slot->cancel_at, SLOTS_GHOST_MS) <= now) {
        end (self, slot);
        any = true;
    }
    return any;
}

void slots_orphan (slots_t *self)
{
    slot_t *slot;

    while ((slot = first (&self->cancelled)))
        haunt (self, slot);
    while ((slot = first (&self->running)))
        haunt (self, slot);
}

moment_t slots_deadline (const slots_t *self)
{
    const slot_t *cancelled = first (&self->cancelled), *ghost = first (&self->ghosts);
    moment_t due = cancelled ? moment_after (cancelled->cancel_at, SLOTS_GRACE_MS) : MOMENT_NEVER;
    moment_t laid = ghost ? moment_after (ghost->cancel_at, SLOTS_GHOST_MS) : MOMENT_NEVER;

    return due < laid ? due : laid;
}

size_t slots_haunted (const slots_t *self)
{
    return self->ghost_count;
}

size_t slots_busy (const slots_t *self)
{
    return self->table.count - self->ghost_count;
}
