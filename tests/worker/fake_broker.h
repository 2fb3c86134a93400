/*  A broker that does what a test tells it: a raw ROUTER, and nothing that thinks.
 *
 *  HEARTBEATs are answered while it waits for something else, unless it is told not to.
 */
#ifndef TESTS_WORKER_FAKE_BROKER_H
#define TESTS_WORKER_FAKE_BROKER_H

#include "codec/codec.h"
#include "fabric/moment.h"
#include "fabric/wire.h"

#define PATIENCE_MS 20000u // longer than anything takes that works

typedef struct {
    char directory[64]; // of the ipc socket
    char endpoint[128];
    void *context; // of its own, so that its end can be waited for
    void *socket;
    encoding_t codec;       // of what it sends
    bool mute;              // HEARTBEATs are not answered
    unsigned beats;         // HEARTBEATs that came
    void (*wait) (void);    // for a message, where the worker has no thread of its own; or NULL
    wire_id_t worker;       // whom it sends to: who sent the last packet
    wire_message_t message; // the last packet, and its view
    packet_t packet;
} fake_broker_t;

void fake_broker_open (fake_broker_t *self, encoding_t codec);
void fake_broker_close (fake_broker_t *self);

// Closes its socket, and binds again where it was.
void fake_broker_die (fake_broker_t *self);
void fake_broker_revive (fake_broker_t *self);

// Waits for the next packet but HEARTBEATs. It is in self->packet.
packet_type_t fake_broker_next (fake_broker_t *self);

// The same, which must be of this type (which may be HEARTBEAT).
void fake_broker_expect (fake_broker_t *self, packet_type_t type);

// Waits until the worker registers with this capacity, and answers.
void fake_broker_register (fake_broker_t *self, unsigned capacity);

// Whether nothing but HEARTBEATs comes in the time that it takes for `beats` of them.
void fake_broker_expect_quiet (fake_broker_t *self, unsigned beats);

// The RESULT of this task, with this code and payload (NULL: any).
void fake_broker_expect_result (fake_broker_t *self,
                                const cookie_t *cookie,
                                zfabric_rc_t rc,
                                const char *payload);

// The next PARTIAL of this task.
void fake_broker_expect_partial (fake_broker_t *self,
                                 const cookie_t *cookie,
                                 uint64_t seq,
                                 const char *payload);

// The error of the last RESULT contains these words; a line of its stack trace is this.
void fake_broker_error_has (fake_broker_t *self, const char *words);
void fake_broker_stack_has (fake_broker_t *self, const char *line);

slice_t fake_broker_payload (const fake_broker_t *self);

// Sends a packet without more keys than its type has here. `capacity` -1: none.
void fake_broker_send (fake_broker_t *self, const packet_t *packet, const char *payload);
void fake_broker_send_type (fake_broker_t *self, packet_type_t type);
void fake_broker_cancel (fake_broker_t *self, const cookie_t *cookie);
void fake_broker_grant (fake_broker_t *self, int capacity);

// Sends a RUN; the cookie is made.
void fake_broker_run (
    fake_broker_t *self, const char *pipeline, const char *payload, bool stream, cookie_t *cookie);

#endif
