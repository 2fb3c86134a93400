/*  The post: sends packets to peers without ever waiting, and keeps what they have no room for.
 *
 *  What is on its way to one peer is bounded twice: libzmq holds at most `limit` octets of larger
 *  payloads for it (and its high-water mark of messages), and the peer's outbox at most `limit`
 *  more. Beyond that, PARTIALs are left out, and a peer is let go that takes nothing for
 *  POST_PATIENCE_MS, not an octet. One that is slow, or late, is kept: what waits for a worker is
 *  bounded by its capacity and was in memory before; all clients together may have POST_SPARE times
 *  `limit` beyond their own bounds, have less patience from a quarter of that on, and at the end of
 *  it one of them goes with the next packet that is for it.
 *
 *  A ROUTER does not tell when a peer has room again: stalled peers are tried by timer.
 *
 *  Owns: nothing but its numbers. Time: told by the caller.
 */
#ifndef BROKER_POST_H
#define BROKER_POST_H

#include "broker/peers.h"

#define POST_PATIENCE_MS       3000u
#define POST_PATIENCE_SHORT_MS 1000u
#define POST_SPARE             32u

// The peer can't be kept: it does not read.
typedef void (post_kick_fn) (peer_t *peer, void *arg);

typedef struct {
    peers_t *peers;
    void *routers[2]; // by sb_side_t, as wire_send () takes them
    uint64_t limit;   // octets for one peer
    post_kick_fn *kick;
    void *arg;
    moment_t retry_at; // stalled peers; MOMENT_NEVER if there is none
    span_t retry_pause;
    bool used[2];     // a side's ROUTER was sent to; the caller clears it
    uint64_t dropped; // packets left out since somebody looked
} post_t;

void post_init (post_t *self, peers_t *peers, uint64_t limit, post_kick_fn *kick, void *arg);

/*  Sends, or keeps, or leaves out; takes the frames in any case. A peer that proves gone is
 *  convicted.
 */
void post_send (
    post_t *self, peer_t *peer, frame_t *header, frame_t *payload, bool droppable, moment_t now);

// Tries the stalled again if it is time, or (`retry_at` of the past) at once.
void post_flush (post_t *self, moment_t now);

#endif
