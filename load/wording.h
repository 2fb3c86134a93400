/*  What the peers of a benchmark say: headers and payloads made beforehand, so that to write or
 *  check one costs a copy or a comparison.
 *
 *  The cookie stands first in a header, at the same place in a RUN and its RESULT: it is the
 *  client's token, then the task's number. Of payloads there are some variants, no two of which
 *  agree in any octet of their text; a task's number says which one is its.
 *
 *  Owns: the payloads. A wording is read only once it is made.
 */
#ifndef LOAD_WORDING_H
#define LOAD_WORDING_H

#include "fabric/buffer.h"
#include "fabric/fault.h"
#include "fabric/packet.h"

#define WORDING_PIPELINE "zfabric.bench"
#define WORDING_VARIANTS 61u
#define WORDING_HEADER   256u // octets that any header has at most

typedef struct {
    encoding_t codec;
    size_t cookie_at;  // where it begins, in every header
    size_t cookie_len; // 36 or 16
    size_t number_at;  // where the task's number begins in the cookie
    uint8_t run[WORDING_HEADER];
    size_t run_len;
    uint8_t result[WORDING_HEADER];
    size_t result_len;
    size_t size; // of a payload
    unsigned variants;
    uint8_t *payloads;
} wording_t;

/*  `token` tells clients apart. 0 or -1: ENOMEM, or EINVAL for a codec without headers. To be
 *  finished in either case.
 */
int wording_init (wording_t *self, encoding_t codec, uint64_t token, size_t size);
void wording_finish (wording_t *self);

// The RUN of a task; returns its length.
size_t wording_run (const wording_t *self, uint64_t number, uint8_t out[static WORDING_HEADER]);

// The task's cookie, for the library.
void wording_cookie (const wording_t *self, uint64_t number, char text[static COOKIE_TEXT + 1]);

slice_t wording_payload (const wording_t *self, uint64_t number);

/*  The RESULT OK for the RUN, which may be anybody's, in this wording's codec. Its length, or 0 if
 *  it is no RUN.
 */
size_t wording_answer (const wording_t *self, slice_t run, uint8_t out[static WORDING_HEADER]);

/*  Which task of this client's a RESULT OK is for. 0, or -1 with a fault: it is something else, or
 *  another client's.
 */
int wording_number (const wording_t *self, slice_t result, uint64_t *number, fault_t *fault);

// Other headers, written out: a worker's REGISTER; a RUN that nobody serves, for tests of queues.
void wording_register (const wording_t *self, uint16_t capacity, buffer_t *out);
void wording_waiting (const wording_t *self, uint64_t number, buffer_t *out);
void wording_heartbeat (const wording_t *self, buffer_t *out);

#endif
