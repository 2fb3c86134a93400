/*  A hub: what a client and its calls have in common: one lock for all that they share, the way to
 *  the client's thread, and the calls that have news for zfabric_client_next ().
 *
 *  Threads: any; what says "the lock is held" wants hub->lock. Owns: itself, counted: calls outlive
 *  their client, and keep the hub.
 */
#ifndef CLIENT_HUB_H
#define CLIENT_HUB_H

#include <pthread.h>
#include <stdatomic.h>

#include "client/baton.h"
#include "fabric/fault.h"
#include "fabric/mailbox.h"

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed; // for who waits in zfabric_client_next () and _stop ()
    atomic_uint refs;
    mailbox_t *mail;
    // Guarded by the lock:
    pthread_t thread; // the client's own
    bool running;     // the thread is there
    bool closed;      // it takes no more letters
    bool finished;    // it has done its last
    size_t open;      // calls that have not ended
    baton_t baton;    // whose turns they are
    bool up;
    char reason[FAULT_TEXT_MAX];
    list_t news;    // calls that zfabric_client_next () has not given out since something came
    size_t notable; // calls whose end it has still to give out
    bool untold;    // of some of the news; the client's thread's
    int bell;       // readable while there are news that were told; -1: nobody has asked for it
    bool rung;      // it is readable
} hub_t;

hub_t *hub_new (void); // NULL: ENOMEM, EMFILE
hub_t *hub_ref (hub_t *self);
void hub_unref (hub_t **self_p);

// Whether the caller is the client's own thread, which must not wait for itself.
bool hub_is_own_thread (hub_t *self);
bool hub_is_own_thread_locked (const hub_t *self); // the lock is held

// The client's thread: it begins, takes no more letters, has done its last.
void hub_begin (hub_t *self);
void hub_close (hub_t *self);
void hub_finish (hub_t *self);

// Until it has.
void hub_wait_finished (hub_t *self);

// The client's thread: a call has news. The lock is held.
void hub_add_news (hub_t *self, list_node_t *news);

// The client's thread: lets those know who wait for news: once for all that came together.
void hub_tell (hub_t *self);

// A call has no news any more. The lock is held.
void hub_remove_news (hub_t *self, list_node_t *news);

// The bell, made when it is first asked for. -1: EMFILE, ENFILE, ENOMEM.
int hub_bell (hub_t *self);

#endif
