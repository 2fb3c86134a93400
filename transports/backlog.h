/*  A backlog: messages that wait, in order, for a connection that takes them.
 *
 *  Pure. Owns: its items and their frames.
 */
#ifndef TRANSPORTS_BACKLOG_H
#define TRANSPORTS_BACKLOG_H

#include "fabric/frame.h"
#include "fabric/list.h"

typedef struct {
    list_node_t place;
    frame_t header;
    frame_t payload;
    bool has_payload;
    void *tag; // the owner's; a message with a tag may have no frames
} backlog_item_t;

// Takes the frames, which may be NULL. NULL: ENOMEM, and they are untouched.
backlog_item_t *backlog_add (list_t *list, frame_t *header, frame_t *payload);

backlog_item_t *backlog_first (const list_t *list); // NULL if it is empty
void backlog_drop (backlog_item_t *item);
void backlog_clear (list_t *list);

#endif
