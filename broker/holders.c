#include "broker/holders.h"

#include <stdlib.h>

#include "fabric/container.h"
#include "fabric/fault.h"

static bool holder_equal (const table_node_t *node, slice_t key)
{
    const holder_t *holder = container_of (node, const holder_t, by_number);

    return slice_equal (slice_of (&holder->number, sizeof holder->number), key);
}

int holders_init (holders_t *self, const uint8_t *secret)
{
    self->secret = secret;
    list_init (&self->all);
    return table_init (&self->by_number, holder_equal);
}

static void forget (holders_t *self, holder_t *holder)
{
    table_remove (&self->by_number, &holder->by_number);
    list_remove (&holder->in_all);
    rights_finish (&holder->rights);
    free (holder);
}

void holders_finish (holders_t *self)
{
    list_node_t *node;

    while ((node = list_first (&self->all)))
        forget (self, container_of (node, holder_t, in_all));
    table_finish (&self->by_number);
}

static holder_t *find_or_make (holders_t *self, sb_key_t number)
{
    slice_t key = slice_of (&number, sizeof number);
    uint64_t hash = table_hash (self->secret, key);
    table_node_t *node = table_find (&self->by_number, hash, key);

    if (node)
        return container_of (node, holder_t, by_number);
    holder_t *holder = (holder_t *)calloc (1, sizeof *holder);
    if (!holder)
        return NULL;
    holder->number = number;
    table_insert (&self->by_number, &holder->by_number, hash);
    list_append (&self->all, &holder->in_all);
    return holder;
}

holder_t *holders_tell (holders_t *self, sb_key_t number, slice_t rights, const char *name)
{
    holder_t *holder = find_or_make (self, number);
    fault_t shown;

    if (!holder)
        return NULL;
    rights_finish (&holder->rights);
    // What can't be read, for whatever reason, is no right.
    (void)rights_read_text (&holder->rights, rights, NULL);
    holder->known = rights.len > 0;
    fault_set (&shown, "%.*s", HOLDER_NAME_MAX - 1, name ? name : "");
    memcpy (holder->name, shown.text, HOLDER_NAME_MAX);
    holder->name[HOLDER_NAME_MAX - 1] = '\0';
    return holder;
}

holder_t *holders_join (holders_t *self, sb_key_t number)
{
    holder_t *holder = find_or_make (self, number);

    if (holder)
        holder->users++;
    return holder;
}

void holders_leave (holders_t *self, holder_t *holder)
{
    if (!holder)
        return;
    holder->users--;
    holders_settle (self, holder);
}

void holders_settle (holders_t *self, holder_t *holder)
{
    if (!holder->known && holder->users == 0)
        forget (self, holder);
}

bool holder_may (const holder_t *holder, unsigned any_role)
{
    return !holder || rights_have (&holder->rights, any_role);
}

bool holder_may_enter (const holder_t *holder, sb_side_t side)
{
    return holder_may (holder, rights_of_side (side == SB_WORKER_SIDE));
}

bool holder_may_run (const holder_t *holder, slice_t pipeline)
{
    return !holder
           || (rights_have (&holder->rights, RIGHTS_CLIENT)
               && rights_cover (&holder->rights, pipeline));
}
