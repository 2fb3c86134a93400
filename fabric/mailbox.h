/*  A mailbox: what any thread hands to one thread's loop: list nodes, in order, and a descriptor
 *  that says that there are some.
 *
 *  Threads: mailbox_put (), _put_all () and _ring () any; the others the loop's own. Owns: no node.
 */
#ifndef FABRIC_MAILBOX_H
#define FABRIC_MAILBOX_H

#include "fabric/list.h"

typedef struct mailbox mailbox_t;

mailbox_t *mailbox_new (void); // NULL: EMFILE, ENFILE, ENOMEM
void mailbox_destroy (mailbox_t **self_p);

void mailbox_put (mailbox_t *self, list_node_t *node);

// All of `nodes`, by one wake-up; it is empty then.
void mailbox_put_all (mailbox_t *self, list_t *nodes);

// Makes the descriptor readable without a letter.
void mailbox_ring (mailbox_t *self);

int mailbox_descriptor (const mailbox_t *self);

// Whether there is no letter now.
bool mailbox_empty (mailbox_t *self);

// Moves all that has come to the end of `list`, and makes the descriptor unreadable.
void mailbox_take (mailbox_t *self, list_t *list);

/*  For a loop that takes the letters each time before it waits: who puts one need not ring while
 * the loop is busy. Says that it is about to wait. True: it will be rung for, until the next take;
 *  false: don't wait, there is a letter, or it was rung for. A loop that never says so is always
 *  rung for.
 */
bool mailbox_doze (mailbox_t *self);

#endif
