/*  What there is behind a door for HTTP: one row for each method and path.
 *
 *  Pure.
 */
#ifndef TRANSPORTS_HTTP_ROUTE_H
#define TRANSPORTS_HTTP_ROUTE_H

#include "codec/codec.h"

typedef enum {
    HTTP_RUN,    // the rest of the path is a pipeline
    HTTP_CANCEL, // the rest of the path is a cookie
    HTTP_STREAM, // the body is a legacy packet
    HTTP_ASK,    // one of the broker's own pipelines
    HTTP_WATCH,  // what the broker knows, as events, again and again
    HTTP_SHOW    // a text of ours
} http_action_t;

typedef struct {
    const char *method;
    const char *path; // the whole, or with a star at its end how it begins
    http_action_t action;
    bool open; // for who has no token as well
    // Of HTTP_ASK:
    const char *pipeline;
    bool cookie; // the rest of the path is a cookie, which is asked about
    /*  Makes the answer of what the broker said when it said OK: appends the body to `out`. Its
     *  status. NULL: what the broker said, as it is.
     */
    unsigned (*shape) (slice_t answer, buffer_t *out);
    const char *type; // of the body that shape () makes, or of the text
    // Of HTTP_SHOW:
    slice_t (*text) (void);
    // The text asks for a token itself: who brings none gets it as well, with a 401.
    bool asks;
    bool page; // it is HTML, with a policy
} http_route_t;

/*  The row for a request, and the rest of the path behind the star; NULL if there is none, and
 *  *allowed then says which methods there are for the path ("" if there is nothing at all). HEAD is
 *  allowed where GET is, and is the same row.
 */
#define HTTP_ALLOWED_MAX 64 // octets
const http_route_t *
http_route_of (slice_t method, slice_t path, slice_t *rest, char allowed[HTTP_ALLOWED_MAX]);

#endif
