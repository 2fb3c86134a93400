/*  A call: one task as its caller holds it, and what the client's thread shares with it.
 *
 *  A call has up to three holders: its owner, the client's thread from start to end, and its letter
 *  on the way to that thread. What they share is guarded by the hub's lock; calls may
 *  outlive their client, and keep the hub.
 */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include "client/hub.h"
#include "client/multiplexor.h"
#include "zfabric_client.h"

#define CALL_PARTIALS_MAX   10000u                // kept for an owner who does not take them
#define CALL_PARTIAL_OCTETS (16u * 1024u * 1024u) // and their payloads

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
    // The client's thread's, with the letter while it is open:
    list_node_t opened;
    bool starts;
    bool cancels;
    atomic_uint refs;
    atomic_bool ended; // the result stands; set with the hub's lock held
    bool notify;       // its end has still to be given out by zfabric_client_next (); its owner's
    // Guarded by the hub's lock:
    list_node_t letter; // in the mailbox
    bool in_mail;
    bool start; // what the letter says
    bool cancel;
    bool cancelled; // it has said so once
    list_node_t news;
    const zfabric_result_t *result; // since the end
    call_waiter_t *waiters;
    list_t partials;
    unsigned partials_count;
    size_t partials_octets;
};

// A call with that cookie, one reference, and one more of the hub. NULL: ENOMEM.
zfabric_call_t *call_new (hub_t *hub, const cookie_t *cookie, session_kind_t kind);
void call_unref (zfabric_call_t **self_p);

/*  Hands calls, listed by their letters, to the client's thread, which holds them as well from then
 *  on: as many as may be open. Returns how
 *  many; errno says why not all: EAGAIN, or ESHUTDOWN. What was not handed over stays in the list.
 *  With `let_go` the caller's reference of each goes with it.
 */
size_t call_post_all (hub_t *hub, list_t *letters, size_t max_open, bool let_go);

/*  Hands over one call, and takes the baton with it if that is free: whether it did is in
 *  *has_baton. 0, or -1 with errno as above.
 */
int call_post_alone (hub_t *hub, zfabric_call_t *call, size_t max_open, bool *has_baton);

// The client's thread: opens the letters, moved to `opened` in their order. What they say is in
// `starts` and `cancels` of their calls, which are to be unreferenced.
void call_open_letters (hub_t *hub, list_t *opened);

// The same for who has borrowed the baton: false, and nothing is opened, if there is another call.
bool call_open_letters_alone (hub_t *hub, list_t *opened);

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
