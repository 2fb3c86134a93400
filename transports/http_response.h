/*  HTTP responses: heads, chunks, lines and events.
 *
 *  Pure. Failures are in out->failed.
 */
#ifndef TRANSPORTS_HTTP_RESPONSE_H
#define TRANSPORTS_HTTP_RESPONSE_H

#include "codec/codec.h"
#include "fabric/moment.h"

#define HTTP_NO_LENGTH UINT64_MAX // chunked; to an HTTP/1.0 client: until the end of the connection

typedef struct {
    unsigned status;
    const char *type;       // Content-Type; NULL: there is no body
    uint64_t length;        // octets of the body, or HTTP_NO_LENGTH
    bool old;               // the request was HTTP/1.0
    bool keep_alive;        // the connection goes on
    const cookie_t *cookie; // NULL: none
    const char *origin;     // Access-Control-Allow-Origin; NULL: none
    const char *more;       // more fields, each with its CR LF; NULL: none
    int64_t now;            // seconds since 1970, for the Date
} http_head_t;

void http_put_head (const http_head_t *head, buffer_t *out);

// 200 for OK, and so on (PROTOCOL 9).
unsigned http_status_of (zfabric_rc_t rc);

// A chunk, if there are octets; and the end of a chunked body.
void http_put_chunk (slice_t octets, buffer_t *out);
void http_put_last_chunk (buffer_t *out);

/*  A packet as a line, or as a Server-Sent Event: `json` is one
 *  JSON object, whose line breaks (it has them between its members only) become spaces.
 */
void http_put_line (slice_t json, buffer_t *out);
void http_put_event (const char *name, slice_t json, buffer_t *out);

/*  The object of a failed task: rc, error, stacktrace, cookie. `packet` is a RESULT from the
 *  broker, read from JSON; or NULL, and `words` say it (which may be NULL). `cookie` may be NULL.
 */
void http_put_failure (zfabric_rc_t rc,
                       const packet_t *packet,
                       const char *words,
                       const cookie_t *cookie,
                       buffer_t *out);

#endif
