#include "transports/backlog.h"

#include <stdlib.h>

#include "fabric/container.h"

backlog_item_t *backlog_add (list_t *list, frame_t *header, frame_t *payload)
{
    backlog_item_t *item = (backlog_item_t *)calloc (1, sizeof *item);

    if (!item)
        return NULL;
    frame_init (&item->header);
    frame_init (&item->payload);
    if (header)
        frame_move (&item->header, header);
    item->has_payload = payload != NULL;
    if (payload)
        frame_move (&item->payload, payload);
    list_append (list, &item->place);
    return item;
}

backlog_item_t *backlog_first (const list_t *list)
{
    list_node_t *node = list_first (list);

    return node ? container_of (node, backlog_item_t, place) : NULL;
}

void backlog_drop (backlog_item_t *item)
{
    list_remove (&item->place);
    frame_close (&item->header);
    frame_close (&item->payload);
    free (item);
}

void backlog_clear (list_t *list)
{
    backlog_item_t *item;

    while ((item = backlog_first (list)))
        backlog_drop (item);
}
