/*  Tells what happens to a switchboard, a line an event and a line an action, in the words of
 *  tests/support/trace.h:
 *
 *      +12 w3 REGISTER capacity=1
 *      > w3 REGISTER capacity=1
 *      +0 c4 RUN k1 sum : [1,2]
 *
 *  c4 and w3 are peers by their numbers, k1 is the first cookie that came up, and +12 the ms since
 *  the event before.
 */
#ifndef TESTS_SIMULATION_STORY_H
#define TESTS_SIMULATION_STORY_H

#include <stdio.h>

#include "broker/recording.h"

typedef struct story story_t;

// Tells to `file`, or nobody if it is NULL. Ends the program if memory is out, here and below.
story_t *story_new (FILE *file);
void story_destroy (story_t **self_p);

void story_event (story_t *self, const recording_event_t *event);
void story_action (story_t *self, sb_peer_t peer, const frame_t *header, const frame_t *payload);

// A line of other words.
void story_words (story_t *self, const char *words);

#endif
