/*  Stories of a multiplexor: what happens to it, in made-up time, and what its sink then said.
 */
#ifndef TESTS_CLIENT_MULTIPLEXOR_STORY_H
#define TESTS_CLIENT_MULTIPLEXOR_STORY_H

#include "client/multiplexor.h"

#define CONNECT_MS 5000

extern multiplexor_t mux;
extern moment_t now;
extern unsigned room;  // how many sends are taken before the pipe is full
extern uint64_t beats; // HEARTBEATs sent on this connection

typedef struct {
    session_t session;
    char name[16];
} named_t;

int story_begin (void **state);
int story_end (void **state);

// What the sink has said since it was last asked.
void hears (const char *expected);
void forget (void);

// Named for its cookie: the first letter.
void init (named_t *self, const char *name, session_kind_t kind);
named_t *make (const char *name, session_kind_t kind);

void add (named_t *named);
void connection (void);
void comes (packet_type_t type, const char *cookie, zfabric_rc_t rc, unsigned seq);
void result (const char *cookie, zfabric_rc_t rc);
void answer (void); // to a HEARTBEAT
void pass (span_t ms);

extern const multiplexor_sink_t story_sink;

#endif
