/*  The inside of a client: its thread's loop, and the headers that it writes.
 *
 *  Threads: a loop belongs to the thread that runs it, but for `stop` and the hub.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <stdatomic.h>

#include "client/call.h"
#include "client/multiplexor.h"
#include "fabric/link.h"

#define CLIENT_CONNECT_TIMEOUT_MS 5000u
#define CLIENT_MAX_OPEN           10000u

typedef struct {
    hub_t *hub;
    link_t *link;
    multiplexor_t multiplexor;
    wire_message_t message;
    zfabric_client_options_t options; // the callbacks; its texts are not kept
    encoding_t codec;
    span_t connect_timeout_ms;
    bool ended;             // a call has, in this turn
    bool waited;            // the last turn looked at the descriptors
    unsigned lingers_in;    // how many ends it does not linger after now
    unsigned lingers_after; // and will not after it was in vain again
    atomic_bool stop;       // rung for by the mailbox
} client_loop_t;

// Random octets for cookies, fetched many at a time: that is a system call.
typedef struct {
    pthread_mutex_t lock;
    size_t left; // of the octets
    uint8_t octets[64 * COOKIE_OCTETS];
} client_random_t;

struct zfabric_client {
    client_loop_t *loop; // the actor's
    hub_t *hub;          // the loop's
    struct _zactor_t *actor;
    encoding_t codec;
    uint32_t max_open;
    uint64_t max_payload;
    client_random_t random;
};

// NULL with errno (EINVAL, ENOMEM, EMFILE) and a fault.
client_loop_t *client_loop_new (const link_options_t *link,
                                const zfabric_client_options_t *options,
                                fault_t *fault);
void client_loop_destroy (client_loop_t **self_p);

// Until `stop`. All calls have ended then.
void client_loop_run (client_loop_t *self);

/*  A caller who has the baton, for its call: does the turns until that has ended or others need it.
 *  It has it no more after this, and the client may be gone.
 */
void client_loop_borrowed (client_loop_t *self, const zfabric_call_t *call);

/*  Waits, without callbacks and for ever, for the end of a call; with the baton, if it has or gets
 *  it.
 */
void client_wait_alone (client_loop_t *self, zfabric_call_t *call, bool has_baton);

// The header of a CANCEL. 0 or -1 (ENOMEM); the frame is empty then.
int client_cancel_header (encoding_t codec, const cookie_t *cookie, frame_t *header);

// The header of a RUN. 0, or -1: EINVAL (an option that is none), ENOMEM; the frame is empty then.
int client_run_header (encoding_t codec,
                       const cookie_t *cookie,
                       const char *pipeline,
                       const zfabric_run_options_t *options,
                       frame_t *header);

// Puts the `retries` and the time that are left now into the header of a RUN that was sent before.
// Without memory it stays as it is.
void client_again_header (frame_t *header, const session_t *session, moment_t now);

#endif
