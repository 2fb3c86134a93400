/*  The flight recorder: the last events that went into the switchboard, for when something went
 *  wrong that nobody can explain.
 *
 *  A ring of RECORDER_EVENTS events in RECORDER_OCTETS octets: when either is used up the oldest
 *  go. What is kept of each, broker/recording.h says. REGISTERs that go are kept aside, one for
 *  each worker that is still there, and what each key may do, for a prelude: RECORDER_WORKERS of
 * them, of at most RECORDER_REGISTER_OCTETS each; where there are more or longer ones, those
 * workers are missing.
 *
 *  The ring is kept as a recording is written, so writing one takes no memory and is only a few
 *  pieces of octets: recorder_pieces () is safe in a signal handler.
 *
 *  Owns: all its memory, 4.6 MiB, from its making on; used pages only are touched.
 *  Threads: one. recorder_pieces () may be called from another one, or a handler, when all is lost:
 *  it reads no memory that isn't the recorder's, but the newest event may be garbled.
 */
#ifndef BROKER_RECORDER_H
#define BROKER_RECORDER_H

#include "broker/recording.h"

#define RECORDER_EVENTS          4096u
#define RECORDER_OCTETS          (4u * 1024 * 1024) // 1,024 for each of 4,096 events
#define RECORDER_WORKERS         1024u
#define RECORDER_REGISTER_OCTETS 512u // a REGISTER with some ten pipelines
#define RECORDER_PIECES          (3u + RECORDER_WORKERS)

typedef struct recorder recorder_t;

// NULL if memory is out.
recorder_t *recorder_new (void);
void recorder_destroy (recorder_t **self_p);

// A switchboard was made: with these limits, at that time.
void recorder_start (recorder_t *self, const sb_limits_t *limits, moment_t now);

// An event will go into the switchboard. To be called before it does: it may move the frames away.
void recorder_event (recorder_t *self, const sb_event_t *event);

// An action came out of it.
void recorder_action (recorder_t *self,
                      sb_peer_t peer,
                      const frame_t *header,
                      const frame_t *payload);

/*  The recording as pieces of octets, to be written one after another. `head` is memory for the
 *  first of them. Returns how many there are. Async-signal-safe.
 */
size_t recorder_pieces (const recorder_t *self,
                        uint8_t head[static RECORDING_HEAD_OCTETS],
                        slice_t pieces[static RECORDER_PIECES]);

// How many events it holds, and how many it had to let go.
uint32_t recorder_events (const recorder_t *self);
uint64_t recorder_missing (const recorder_t *self);

#endif
