/*  A letter: a PARTIAL or RESULT on its way to a broker.
 *
 *  Owns: payload and words. The RESULT of a task is part of the task, so that there is always
 *  memory for it; other letters are made by letter_new ().
 */
#ifndef WORKER_LETTER_H
#define WORKER_LETTER_H

#include "fabric/frame.h"
#include "fabric/list.h"
#include "fabric/packet.h"
#include "worker/zfabric_worker.h"

typedef struct {
    list_node_t place;
    zfabric_task_t *task; // whose it is; NULL: a RESULT of something that never became a task
    bool partial;         // else a RESULT
    cookie_t cookie;
    uint64_t seq;    // of a PARTIAL, as the next
    size_t octets;   // of its payload, which is gone when it has been sent
    zfabric_rc_t rc; // of a RESULT, as the two that follow
    char *error;     // NULL: none
    buffer_t lines;  // of the stack trace, each ended by a NUL
    encoding_t encoding;
    frame_t payload;
} letter_t;

// One without payload and words. NULL: ENOMEM.
letter_t *letter_new (const cookie_t *cookie);
void letter_destroy (letter_t **self_p);

// The same for one that is part of something else. After init everything may be set.
void letter_init (letter_t *self, const cookie_t *cookie);
void letter_finish (letter_t *self);

// Sets the words, from texts that may be of any length: what a header never has room for is left
// out. -1 (ENOMEM): without them.
int letter_say (letter_t *self, const char *error, const char *const *lines, size_t count);

// Appends the header. Errors: in out->failed.
void letter_write (const letter_t *self, encoding_t codec, buffer_t *out);

#endif
