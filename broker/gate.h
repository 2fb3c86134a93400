/*  The gate: who may come in where keys are in force (PROTOCOL 8). It answers libzmq's questions
 *  about keys (ZAP, ZeroMQ RFC 27), knows by the folder of certificates what each key may do, and
 *  tells the log who was not let in, and why.
 *
 *  A broker with keys has a ZeroMQ context of its own: there is one ZAP handler to a context, and
 *  whoever else is in the process may have one. The handler stands before any endpoint is bound, or
 *  libzmq would let everybody in.
 *
 *  Owns: its sockets, the folder's thread. Threads: the loop's.
 */
#ifndef BROKER_GATE_H
#define BROKER_GATE_H

#include "broker/keyring.h"
#include "broker/sockets.h"
#include "fabric/moment.h"
#include "fabric/wire.h"

typedef struct {
    void (*log) (void *arg, zfabric_log_level_t level, const char *line);
    // A key's rights are others now; without roles: it may not come in any more, and is about to
    // go.
    void (*changed) (void *arg, card_t *card);
    void *arg;
} gate_hooks_t;

typedef struct gate gate_t;

/*  Reads the broker's own pair of keys and the folder, and answers from then on. `*keys` is the
 * pair, for the sockets; it lives until gate_open (). NULL with errno (EINVAL, EPERM, ENOMEM,
 * those of open () and opendir ()) and a fault that names the file.
 */
gate_t *gate_new (const char *curve,
                  const char *folder,
                  const gate_hooks_t *hooks,
                  moment_t now,
                  const key_pair_t **keys,
                  fault_t *fault);

// The endpoints are bound: says in the log who may come in, and wipes the broker's secret, of which
// libzmq has its own copy by now.
void gate_open (gate_t *self, const char *folder);

/*  After the sockets that it answers for are closed. What they sent has the linger time to leave.
 *  NULL-safe.
 */
void gate_destroy (gate_t **self_p);

// The context that the broker's sockets must be in.
void *gate_context (const gate_t *self);

// What to poll for reading: a ZeroMQ socket, and a descriptor.
void *gate_socket (const gate_t *self);
int gate_descriptor (const gate_t *self);

/*  Does what is due, in each round: answers questions, if the socket fired (`asked`); takes what
 *  the folder says, if the descriptor did (`news`); tells the log what was kept back. True if there
 *  may be more questions, of which the socket will not tell.
 */
bool gate_turn (gate_t *self, moment_t now, bool asked, bool news);

// When the next gate_turn () is due if nothing else happens.
moment_t gate_deadline (const gate_t *self);

// The card of a message's User-Id, if it may come in on that side; NULL otherwise, and the log
// knows.
card_t *gate_admit (gate_t *self, sb_side_t side, const wire_message_t *message);

// Whether the card's key may be on that side.
bool gate_opens (const card_t *card, sb_side_t side);

// What the monitor of a side says.
void gate_heard (gate_t *self, sb_side_t side, const sockets_news_t *news);

// A peer has sent its first packet by that descriptor.
void gate_spoke (gate_t *self, sb_side_t side, int descriptor);

// A line that peers can cause any number of.
void gate_refused (gate_t *self, sb_side_t side, const char *line);

#endif
