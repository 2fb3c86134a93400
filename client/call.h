/*  A call: one task as its caller holds it, and what the client's thread shares with it.
 *
 *  A call has up to three holders: its owner, the client's thread from start to end, and a wish for
 *  its end on its way to that thread. What they share is guarded by the hub's lock; calls may
 *  outlive their client, and keep the hub.
 */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include <pthread.h>

#include "client/multiplexor.h"
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

typedef enum { LETTER_START, LETTER_CANCEL } letter_kind_t;

// What goes through the mailbox.
typedef struct {
    list_node_t place;
    letter_kind_t kind;
    zfabric_call_t *call;
} letter_t;

struct zfabric_call {
    session_t session; // the client's thread's
    letter_t start;
    letter_t cancel;
    frame_t header; // until it is sent
    frame_t payload;
    zfabric_result_fn *on_result;
    zfabric_partial_fn *on_partial;
    void *arg;
    hub_t *hub;
    pthread_cond_t changed; // a partial has come, or the end
    unsigned refs;
    bool cancel_posted;
    bool ended;
    const zfabric_result_t *result; // since the end
    list_t partials;
    size_t partials_count;
    size_t partials_octets;
    char cookie[COOKIE_TEXT + 1];
};

// A call with that cookie, one reference, and one more of the hub. NULL: ENOMEM.
zfabric_call_t *call_new (hub_t *hub, const cookie_t *cookie, session_kind_t kind);
void call_unref (zfabric_call_t **self_p);

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
