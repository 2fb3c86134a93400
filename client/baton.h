/*  The baton: who has it does the client's turns (client.c). That is the client's own thread, or a
 *  caller who waits for the only task there is.
 *
 *  Such a caller, in zfabric_client_run (), would be woken by the client's thread, which the
 *  connection woke: while it does the turns itself one waking up is saved, and with the next task
 *  that it runs at once two. So the thread lends the baton to a caller who wants it; the borrower
 *  leaves it for whoever comes next, and the thread takes it back when nobody does.
 *
 *      OWN --offer--> LENT --leave--> FREE --borrow--> LENT
 *       ^              |                |
 *       '-- give back -'--- recall, or nobody came -'
 *
 *  What holds: while LENT, the borrower's call is the only one, so that nobody's callback runs on
 *  a thread that is not the client's; while FREE there is none. A second call ends both.
 *
 *  Threads: all of it is guarded by the hub's lock, which is held in every function. Who has the
 *  baton has the loop, without the lock.
 */
#ifndef CLIENT_BATON_H
#define CLIENT_BATON_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { BATON_OWN, BATON_LENT, BATON_FREE } baton_state_t;

// A caller who wants the baton, on its own stack.
typedef struct {
    pthread_cond_t *changed;    // signalled when it has it
    const atomic_bool *in_vain; // what it waits for has come
    bool has;
} baton_wish_t;

typedef struct {
    baton_state_t state;
    pthread_cond_t returned; // the state is OWN again
    baton_wish_t *wish;      // of one caller at a time; NULL: nobody's
    uint64_t lent;           // how often
    unsigned rests_for;      // how many offers are skipped now
    unsigned rests_after;    // and will be after the next that was in vain
} baton_t;

void baton_init (baton_t *self);
void baton_finish (baton_t *self);

// A caller: wants it, if nobody does, or does not any more.
void baton_want (baton_t *self, baton_wish_t *wish);
void baton_unwant (baton_t *self, const baton_wish_t *wish);

// A caller takes it if it is free. Whether it was.
bool baton_borrow (baton_t *self);

// The borrower leaves it for whoever comes next, or gives it back as others need it.
void baton_leave (baton_t *self);
void baton_give_back (baton_t *self);

// Whoever needs the client's thread: it takes the baton if it is free.
void baton_recall (baton_t *self);

// The client's thread: lends the baton to who wants it.
void baton_offer (baton_t *self);

// The client's thread: until it has it.
void baton_await (baton_t *self, pthread_mutex_t *lock);

#endif
