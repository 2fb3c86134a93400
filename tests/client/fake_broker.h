/*  A broker that does what a test tells it: a raw ROUTER, in the test's thread or in one of its
 * own.
 *
 *  HEARTBEATs are answered while it waits for something else.
 */
#ifndef TESTS_CLIENT_FAKE_BROKER_H
#define TESTS_CLIENT_FAKE_BROKER_H

#include <pthread.h>

#include "codec/codec.h"
#include "fabric/endpoint.h"
#include "fabric/wire.h"

#define PATIENCE_MS 30000 // longer than anything takes that works

typedef struct {
    void *context; // its own, so that its end can be waited for
    void *socket;
    char endpoint[ENDPOINT_MAX];
    wire_message_t message; // the last packet, and its view
    packet_t packet;
    unsigned beats; // HEARTBEATs that came
    bool mute;      // they are not answered
    pthread_t thread;
    int stop[2];         // a pipe that ends the thread
    char secret_key[41]; // CURVE, from the next bind on; "": none
} fake_broker_t;

void fake_broker_open (fake_broker_t *self);
void fake_broker_close (fake_broker_t *self); // what it has sent arrives

// Binds again where it was.
void fake_broker_reopen (fake_broker_t *self);

// Waits for the next packet but HEARTBEATs: it is in self->packet.
packet_type_t fake_broker_next (fake_broker_t *self);

// Waits for a HEARTBEAT, and answers it.
void fake_broker_beat (fake_broker_t *self);

slice_t fake_broker_payload (const fake_broker_t *self);

// Answers the sender of the last packet, in its codec; `packet` with the keys to be sent.
void fake_broker_send (fake_broker_t *self, packet_t *packet, const char *payload);

// The same for the task of this cookie; `error` may be NULL.
void fake_broker_result (fake_broker_t *self,
                         const cookie_t *cookie,
                         zfabric_rc_t rc,
                         const char *payload,
                         const char *error);
void fake_broker_partial (fake_broker_t *self,
                          const cookie_t *cookie,
                          uint64_t seq,
                          const char *payload);

// These octets, as they are.
void fake_broker_send_octets (fake_broker_t *self, const char *octets, size_t len, bool payload);

/*  Serves in a thread of its own until stopped: "echo" gives the payload back, "count" two PARTIALs
 *  before it, "never" ends when it is cancelled; detached ones are taken without a word. Every
 * other CANCEL is of no task.
 */
void fake_broker_serve (fake_broker_t *self);
void fake_broker_stop (fake_broker_t *self);

#endif
