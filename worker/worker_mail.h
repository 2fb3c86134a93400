/*  What handlers' threads hand to the worker's own thread: list nodes, in order, and a descriptor
 *  that says that there are some.
 *
 *  Threads: worker_mail_put () and _ring () any; the others the worker's own.
 */
#ifndef WORKER_WORKER_MAIL_H
#define WORKER_WORKER_MAIL_H

#include "fabric/list.h"

typedef struct worker_mail worker_mail_t;

worker_mail_t *worker_mail_new (void); // NULL: EMFILE, ENFILE, ENOMEM
void worker_mail_destroy (worker_mail_t **self_p);

void worker_mail_put (worker_mail_t *self, list_node_t *node);

// Makes the descriptor readable without a letter.
void worker_mail_ring (worker_mail_t *self);

int worker_mail_descriptor (const worker_mail_t *self);

// Moves all that has come to the end of `list`, and makes the descriptor unreadable.
void worker_mail_take (worker_mail_t *self, list_t *list);

#endif
