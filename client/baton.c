#define _POSIX_C_SOURCE 200809L

#include "client/baton.h"

#include <assert.h>
#include <stddef.h>

#include "fabric/condition.h"

#define LOOK_FIRST_MS 4u   // after so long the client's thread looks whether anybody came
#define LOOK_LAST_MS  64u  // and at the longest, while one task takes its time
#define REST          255u // most offers that are skipped

void baton_init (baton_t *self)
{
    *self = (baton_t){.state = BATON_OWN};
    condition_init (&self->returned);
}

void baton_finish (baton_t *self)
{
    (void)pthread_cond_destroy (&self->returned);
}

// ---- callers

void baton_want (baton_t *self, baton_wish_t *wish)
{
    if (!self->wish)
        self->wish = wish;
}

void baton_unwant (baton_t *self, const baton_wish_t *wish)
{
    if (self->wish == wish)
        self->wish = NULL;
}

bool baton_borrow (baton_t *self)
{
    if (self->state != BATON_FREE)
        return false;
    self->state = BATON_LENT;
    self->lent++;
    self->rests_after = 0;
    return true;
}

void baton_leave (baton_t *self)
{
    assert (self->state == BATON_LENT);
    self->state = BATON_FREE;
}

// To lend them cost two wakings up that saved none.
static void rest (baton_t *self)
{
    self->rests_after = self->rests_after < REST ? 2 * self->rests_after + 1 : REST;
    self->rests_for = self->rests_after;
}

void baton_give_back (baton_t *self)
{
    assert (self->state == BATON_LENT);
    rest (self);
    self->state = BATON_OWN;
    (void)pthread_cond_signal (&self->returned);
}

void baton_recall (baton_t *self)
{
    if (self->state != BATON_FREE)
        return;
    self->state = BATON_OWN;
    (void)pthread_cond_signal (&self->returned);
}

// ---- the client's thread

void baton_offer (baton_t *self)
{
    baton_wish_t *wish = self->wish;

    self->wish = NULL; // who is passed over asks again with the next task
    if (!wish || atomic_load (wish->in_vain))
        return;
    if (self->rests_for > 0) {
        self->rests_for--;
        return;
    }
    self->state = BATON_LENT;
    self->lent++;
    wish->has = true;
    (void)pthread_cond_signal (wish->changed);
}

void baton_await (baton_t *self, pthread_mutex_t *lock)
{
    unsigned ms = LOOK_FIRST_MS;
    uint64_t seen = self->lent;

    while (self->state != BATON_OWN) {
        if (condition_wait (&self->returned, lock, condition_until ((int)ms)))
            continue;
        if (self->lent != seen)
            ms = LOOK_FIRST_MS;
        else if (self->state == BATON_LENT)
            ms = ms < LOOK_LAST_MS ? 2 * ms : LOOK_LAST_MS;
        else if (self->state == BATON_FREE) {
            rest (self);
            self->state = BATON_OWN;
        }
        seen = self->lent;
    }
}
