/*  The inside of the switchboard, for the files that it is made of:
 *
 *      switchboard.c       events in: which part handles them; time
 *      parties.c           peers that come, register and go
 *      life.c              a task's life from RUN to its end, as its client sees it
 *      life_running.c      a task in the hands of a worker
 *      answers.c           packets that the broker makes itself
 *      own_pipelines.c     $workers, $tasks, $explain, and the answers to all of the broker's own
 *      own_status.c        $ping, $status, $metrics
 *      switchboard_check.c all invariants
 */
#ifndef BROKER_SWITCHBOARD_STATE_H
#define BROKER_SWITCHBOARD_STATE_H

#include "broker/holders.h"
#include "broker/intake.h"
#include "broker/metrics.h"
#include "broker/roster.h"
#include "broker/stats.h"
#include "broker/switchboard.h"
#include "broker/task.h"
#include "broker/waiting.h"

// Lives while its connection stands or a task of it is open.
typedef struct client {
    list_node_t in_clients;
    sb_peer_t peer;
    bool gone;    // its connection is no more: nothing is sent to it
    list_t tasks; // open ones
    uint64_t open;
    uint64_t number;    // a count: its name in the status
    holder_t *holder;   // whose key it came with; NULL: none
    account_t own;      // where there is no key
    account_t *account; // its own, or the holder's
} client_t;

// Who is behind a peer number.
typedef struct {
    encoding_t codec; // of its latest packet: for answers to what has none
    client_t *client; // a peer of the client side
    worker_t *worker; // one of the worker side, registered or not
    holder_t *holder; // whose key it came with; NULL: none
} party_t;

struct switchboard {
    sb_limits_t limits;
    sb_sink_t sink;
    moment_t now;
    moment_t started;
    uint8_t secret[TABLE_KEY_OCTETS];

    party_t *parties; // by peer number
    size_t parties_size;
    holders_t holders;
    list_t clients; // those that are there
    size_t clients_count;
    uint64_t client_numbers;

    table_t cookies; // tasks; a LINGERING one stands before its successor
    list_t tasks;    // all of them, in order of arrival
    uint64_t arrivals;
    uint64_t open;      // tasks that have not ended for their client
    uint64_t lingering; // tasks that have, but hold a slot
    uint64_t parked;
    roster_t roster;
    waiting_t waiting;
    deadlines_t deadlines;
    stats_t stats;
    metrics_t metrics;

    bool draining;
    bool halted;
    moment_t drain_until;
};

// ---- parties.c

/*  The party of that number, side and key, made if it is not there. NULL: ENOMEM, or EACCES if the
 *  one that is there came with another key.
 */
party_t *party_of (switchboard_t *self, sb_peer_t peer, sb_side_t side, sb_key_t key);

// SB_KEY: a key's rights have come, changed, or gone.
void party_key (switchboard_t *self, const sb_event_t *event);

void party_gone (switchboard_t *self, sb_peer_t peer);
// REGISTER; `address` is where the worker is, or NULL.
void party_register (switchboard_t *self,
                     party_t *party,
                     const packet_t *packet,
                     const char *address);
void party_shutdown (switchboard_t *self, worker_t *worker);

// A worker's promised heartbeat did not come in time; or it did and the alarm is set anew.
void party_silent (switchboard_t *self, worker_t *worker);

/*  Whether the client may see, and cancel, that task: its key's own, or any for an admin. NULL is a
 *  task that is not there, and as little to be seen as another key's: the answers are the same.
 */
static inline bool client_may_see (const client_t *client, const task_t *task)
{
    return holder_may (client->holder, RIGHTS_ADMIN)
           || (task && task->client->holder == client->holder);
}

// One open task less is the client's; frees a client that is gone and has no more.
void client_release (switchboard_t *self, client_t *client);

// ---- life.c

// RUN, PROTOCOL 5.1 to 5.3. Takes the frames of a packet that becomes a task.
void life_submit (switchboard_t *self,
                  client_t *client,
                  const packet_t *packet,
                  frame_t *header,
                  frame_t *payload);

// CANCEL, PROTOCOL 5.6.
void life_cancel (switchboard_t *self, client_t *client, const packet_t *packet);

// Something of the task's has expired.
void life_expired (switchboard_t *self, task_t *task);

// The client is no more: PROTOCOL 5.7.
void life_client_lost (switchboard_t *self, client_t *client);

// Ends what waits (`running`: all that is open) with BROKER_WENT_AWAY.
void life_stop (switchboard_t *self, bool running);

// Ends a task for its client, with an answer by the broker; the slot stays taken if it had one.
void life_conclude (switchboard_t *self, task_t *task, zfabric_rc_t rc, const char *error);

// The open task of that cookie, or NULL.
task_t *life_find (const switchboard_t *self, const cookie_t *cookie);

// ---- life_running.c

// PARTIAL and RESULT, PROTOCOL 5.4 and 5.5. Takes the frames of what is passed on.
void life_partial (switchboard_t *self,
                   worker_t *worker,
                   const packet_t *packet,
                   frame_t *header,
                   frame_t *payload);
void life_result (switchboard_t *self,
                  worker_t *worker,
                  const packet_t *packet,
                  frame_t *header,
                  frame_t *payload);

// Gives the worker what waits for it, as long as it has room.
void life_feed (switchboard_t *self, worker_t *worker);

// The worker is no more: what it held is given to others or ended. It has left the roster then.
void life_worker_lost (switchboard_t *self, worker_t *worker);

// ---- answers.c

/*  RESULT FORBIDDEN: the words are all that the peer learns. `what` is for the log, where it stands
 *  behind the holder's name.
 */
void answer_forbidden (switchboard_t *self,
                       sb_peer_t peer,
                       const holder_t *holder,
                       const packet_t *packet,
                       const char *words,
                       const char *what);

// RESULT with that code to a peer; cookie and error may be NULL.
void answer_result (switchboard_t *self,
                    sb_peer_t peer,
                    encoding_t codec,
                    const cookie_t *cookie,
                    zfabric_rc_t rc,
                    const char *error);

// RESULT OK with a payload in `codec`; takes it.
void answer_document (switchboard_t *self,
                      sb_peer_t peer,
                      encoding_t codec,
                      const cookie_t *cookie,
                      frame_t *payload);

// RESULT `rc` to a packet that can't be a task; counts it if it is a RUN.
void answer_refusal (switchboard_t *self,
                     sb_peer_t peer,
                     const packet_t *packet,
                     zfabric_rc_t rc,
                     const char *error);

// REGISTER with the capacity as granted; a negative one: "I don't know you".
void answer_register (switchboard_t *self, sb_peer_t peer, encoding_t codec, int capacity);

// CANCEL, SHUTDOWN, HEARTBEAT.
void answer_cancel (switchboard_t *self, const worker_t *worker, const cookie_t *cookie);
void answer_bare (switchboard_t *self, sb_peer_t peer, encoding_t codec, packet_type_t type);

// Passes frames on; counts them.
void answer_pass (
    switchboard_t *self, sb_peer_t peer, frame_t *header, frame_t *payload, bool droppable);

// Words for the log.
void switchboard_note (switchboard_t *self, sb_level_t level, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

// ---- own_pipelines.c

// Answers a RUN of a pipeline that starts with '$' (PROTOCOL 7).
void own_pipelines_run (switchboard_t *self,
                        client_t *client,
                        const packet_t *packet,
                        const frame_t *payload);

#endif
