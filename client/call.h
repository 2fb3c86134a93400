/*  A call: one task as its caller holds it, and what the client's thread shares with it.
 *
 *  A call has up to three holders: its owner, the client's thread from start to end, and its letter
 *  on the way to that thread. What they share is guarded by the hub's lock; calls may
 *  outlive their client, and keep the hub.
 */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include <pthread.h>

#include "client/multiplexor.h"
#include "fabric/fault.h"
#include "fabric/mailbox.h"
#include "zfabric_client.h"

#define CALL_PARTIALS_MAX   10000u                // kept for an owner who does not take them
#define CALL_PARTIAL_OCTETS (16u * 1024u * 1024u) // and their payloads

// What a client and its calls have in common.
typedef struct {
    pthread_mutex_t lock; // of all below, and of what calls share
    unsigned refs;
    pthread_t thread; // the client's own
    bool running;     // the thread takes letters
    mailbox_t *mail;  // NULL once the client is gone
    size_t open;      // calls that have not ended
    bool up;
    char reason[FAULT_TEXT_MAX];
} hub_t;

hub_t *hub_new (void); // NULL: ENOMEM, EMFILE
void hub_unref (hub_t **self_p);

// Whether the caller is the client's own thread, which must not wait for itself.
bool hub_is_own_thread (hub_t *self);

// A thread that waits for a call, on its own stack.
typedef struct call_waiter {
    struct call_waiter *next;
    pthread_cond_t changed;
} call_waiter_t;

struct zfabric_call {
    session_t session; // the client's thread's
    frame_t header;    // until it is sent
    frame_t payload;
    zfabric_result_fn *on_result;
    zfabric_partial_fn *on_partial;
    void *arg;
    hub_t *hub;
    char cookie[COOKIE_TEXT + 1];
    // Guarded by the hub's lock:
    list_node_t letter; // in the mailbox
    bool in_mail;
    bool start; // what the letter says
    bool cancel;
    bool cancelled; // it has said so once
    bool ended;
    unsigned refs;
    const zfabric_result_t *result; // since the end
    call_waiter_t *waiters;
    list_t partials;
    unsigned partials_count;
    size_t partials_octets;
};

// A call with that cookie, one reference, and one more of the hub. NULL: ENOMEM.
zfabric_call_t *call_new (hub_t *hub, const cookie_t *cookie, session_kind_t kind);
void call_unref (zfabric_call_t **self_p);

// Hands the call to the client's thread, which holds it as well from then on. 0, or -1 (EAGAIN:
// `max_open` calls are open).
int call_post (zfabric_call_t *self, size_t max_open);

// The client's thread: the call whose letter this is, to be unreferenced, and what it says.
zfabric_call_t *call_read_letter (list_node_t *letter, bool *start, bool *cancel);

// The client's thread: a partial has come, or the end; both take what the payload holds.
void call_partial (zfabric_call_t *self, const packet_t *packet, frame_t *payload);
void call_end (zfabric_call_t *self,
               const packet_t *packet,
               frame_t *payload,
               zfabric_rc_t rc,
               const char *words);

// Takes the result away from a call that has ended. NULL: ENOMEM.
zfabric_result_t *call_take_result (zfabric_call_t *self);

#endif
