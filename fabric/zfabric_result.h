/*  The result codes of the fabric protocol (docs/PROTOCOL.md section 4).
 *
 *  Threads: any.
 */
#ifndef ZFABRIC_RESULT_H
#define ZFABRIC_RESULT_H

#include "zfabric_export.h"

#ifdef __cplusplus
extern "C" {
#endif

// The one table of codes: name, meaning.
#define ZFABRIC_RESULT_CODES(X)                                                                    \
    X (OK, "done")                                                                                 \
    X (BAD_PACKET, "the packet breaks the protocol")                                               \
    X (UNSUPPORTED_PACKET_TYPE, "the packet's type is not for this side")                          \
    X (NO_CAPACITY, "the queue is full, the wait is over, or too many tasks are open")             \
    X (COOKIE_NOT_FOUND, "no such task")                                                           \
    X (COOKIE_COLLISION, "a task with this cookie is there already")                               \
    X (WORKER_WENT_AWAY, "the worker died or left, and no retries are left")                       \
    X (BROKER_WENT_AWAY, "the broker is stopping, or the connection to it is lost")                \
    X (PROCESSOR_EXCEPTION, "the pipeline raised an error of its own")                             \
    X (EXCEPTION, "something else went wrong in running it")                                       \
    X (CANCELLED, "it was cancelled")                                                              \
    X (TIMED_OUT, "its timeout is over")                                                           \
    X (FORBIDDEN, "the peer's key may not do that")

typedef enum {
#define X(name, meaning) ZFABRIC_##name,
    ZFABRIC_RESULT_CODES (X)
#undef X
        ZFABRIC_RESULT_COUNT // how many codes there are; no code itself
} zfabric_rc_t;

// The code's name as on the wire ("NO_CAPACITY"), or "?" for a number that is no code.
ZFABRIC_EXPORT const char *zfabric_rc_name (zfabric_rc_t rc);

// What the code means, for a person; "?" for a number that is no code.
ZFABRIC_EXPORT const char *zfabric_rc_meaning (zfabric_rc_t rc);

#ifdef __cplusplus
}
#endif
#endif
