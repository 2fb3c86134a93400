/*  Holders: the keys that peers came with, as the switchboard knows them: numbers with rights
 *  (PROTOCOL 8). Who the numbers are, the loop knows (broker/gate.h).
 *
 *  A holder has what a client has where there are no keys: a bound on its open tasks, and its
 * turns; all connections with its key share them.
 *
 *  Lives while its key is known or a connection or task of it is left. Threads: the switchboard's.
 */
#ifndef BROKER_HOLDERS_H
#define BROKER_HOLDERS_H

#include "broker/switchboard_io.h"
#include "broker/waiting.h"
#include "fabric/list.h"
#include "fabric/rights.h"

#define HOLDER_NAME_MAX 64 // octets that are kept, the final NUL among them

// What is counted for each client: a connection or, where keys are in force, a key.
typedef struct {
    uint64_t open; // tasks
    turns_t turns;
} account_t;

typedef struct holder {
    table_node_t by_number;
    list_node_t in_all;
    sb_key_t number;
    bool known; // its key is among those that may come in
    size_t users;
    rights_t rights; // none if it is not known
    account_t account;
    char name[HOLDER_NAME_MAX]; // for people
} holder_t;

typedef struct {
    table_t by_number;
    list_t all;
    const uint8_t *secret;
} holders_t;

// `secret` must outlive it. 0 or -1 (ENOMEM).
int holders_init (holders_t *self, const uint8_t *secret);
void holders_finish (holders_t *self);

/*  A key is known, with these rights from now on (`name` for people, may be NULL), or no more (no
 *  text). Rights that can't be read are none. The holder, which may be gone after holders_settle
 *  (); NULL if memory is out: what was allowed before is not any more.
 */
holder_t *holders_tell (holders_t *self, sb_key_t number, slice_t rights, const char *name);

// A user more, of a key that may be unknown and has no rights then. NULL: ENOMEM.
holder_t *holders_join (holders_t *self, sb_key_t number);

// A user less; `holder` may be NULL.
void holders_leave (holders_t *self, holder_t *holder);

// Forgets the holder if nobody knows or uses it.
void holders_settle (holders_t *self, holder_t *holder);

/*  Whether a holder may do that; NULL, where no keys are in force or the peer is the broker's own,
 *  may do all.
 */
bool holder_may (const holder_t *holder, unsigned any_role);
bool holder_may_enter (const holder_t *holder, sb_side_t side);
bool holder_may_run (const holder_t *holder, slice_t pipeline);

#endif
