/*  An intrusive doubly linked list: the nodes are members of what is listed.
 *
 *  Owns: nothing. A node is in at most one list; a zeroed node is in none.
 */
#ifndef FABRIC_LIST_H
#define FABRIC_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct list_node {
    struct list_node *prev;
    struct list_node *next;
} list_node_t;

// A ring through its head: an empty list points to itself.
typedef struct {
    list_node_t head;
} list_t;

static inline void list_init (list_t *self)
{
    self->head.prev = self->head.next = &self->head;
}

static inline bool list_empty (const list_t *self)
{
    return self->head.next == &self->head;
}

static inline bool list_holds (const list_node_t *node)
{
    return node->next != NULL;
}

static inline void list_insert_after (list_node_t *place, list_node_t *node)
{
    node->prev = place;
    node->next = place->next;
    place->next->prev = node;
    place->next = node;
}

static inline void list_append (list_t *self, list_node_t *node)
{
    list_insert_after (self->head.prev, node);
}

// Takes the node out; nothing happens if it is in no list.
static inline void list_remove (list_node_t *node)
{
    if (!node->next)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = NULL;
}

// Moves all of `other` to the end of *self.
static inline void list_append_all (list_t *self, list_t *other)
{
    if (list_empty (other))
        return;
    other->head.next->prev = self->head.prev;
    self->head.prev->next = other->head.next;
    other->head.prev->next = &self->head;
    self->head.prev = other->head.prev;
    list_init (other);
}

static inline list_node_t *list_first (const list_t *self)
{
    return list_empty (self) ? NULL : self->head.next;
}

static inline list_node_t *list_next (const list_t *self, const list_node_t *node)
{
    return node->next == &self->head ? NULL : node->next;
}

#endif
