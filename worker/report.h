/*  The headers that a worker sends.
 *
 *  Pure: each function appends one header to `out`, whose limit is LIMIT_HEADER_OCTETS.
 *  Errors: in out->failed.
 */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include "fabric/buffer.h"
#include "fabric/packet.h"

// What a worker says of itself.
typedef struct {
    const slice_t *patterns; // borrowed
    size_t pattern_count;
    const char *name; // NULL: none
    uint64_t heartbeat_ms;
} report_self_t;

// Words about a failure: lines follow each other, each ended by a NUL.
typedef struct {
    slice_t error; // empty: none
    slice_t lines;
} report_words_t;

void report_register (encoding_t codec,
                      const report_self_t *worker,
                      unsigned capacity,
                      buffer_t *out);

void report_shutdown (encoding_t codec, buffer_t *out);

// `encoding` of the payload; named in the header if it is not the codec.
void report_partial (
    encoding_t codec, const cookie_t *cookie, uint64_t seq, encoding_t encoding, buffer_t *out);

/*  `words` may be NULL. What of them does not fit is left out: the end of the error, and the last
 *  lines, with a line that says so.
 */
void report_result (encoding_t codec,
                    const cookie_t *cookie,
                    zfabric_rc_t rc,
                    encoding_t encoding,
                    const report_words_t *words,
                    buffer_t *out);

#endif
