/*  HTTP/1.0 and 1.1 requests from octets, one after the other.
 *
 *      slice_t in = what came;
 *      while ((news = http_request_next (&request, &in)) != HTTP_MORE)
 *          switch (news) ...
 *
 *  The head is looked at as strictly as RFC 9112 lets a server, so that nobody before or behind it
 *  reads the same octets in another way (request smuggling): every line ends with CR LF, none is
 *  folded, there is no space before a colon, one Host, one Content-Length of digits only and none
 *  beside a Transfer-Encoding, which is "chunked" and nothing else. Then http_parser takes it, and
 *  the chunks of the body.
 *
 *  Pure. Owns: the head's octets.
 */
#ifndef TRANSPORTS_HTTP_REQUEST_H
#define TRANSPORTS_HTTP_REQUEST_H

#include <http_parser.h>

#include "fabric/buffer.h"
#include "fabric/fault.h"

#define HTTP_HEAD_MAX   (64u * 1024) // octets
#define HTTP_FIELDS_MAX 100u
#define HTTP_CHUNKED    UINT64_MAX // a length that is not known beforehand

typedef enum {
    HTTP_MORE,      // `in` is empty: come again with more
    HTTP_HEAD_DONE, // all but the body is there
    HTTP_END,       // the request is over; the next call goes on with the next one
    HTTP_BAD        // it can't be gone on with: `status` and `fault` say why
} http_news_t;

typedef struct {
    slice_t name;  // as it was spelt
    slice_t value; // without the spaces around it
} http_field_t;

typedef struct {
    // Of the request, from HTTP_HEAD_DONE to the call after HTTP_END. Slices point into `head`.
    slice_t method;
    slice_t path;  // as it came, percent signs and all; "*" perhaps
    slice_t query; // behind the question mark
    http_field_t fields[HTTP_FIELDS_MAX];
    size_t field_count;
    bool old;        // HTTP/1.0
    bool keep_alive; // the connection may go on afterwards
    uint64_t length; // of the body, or HTTP_CHUNKED
    // Of HTTP_BAD.
    unsigned status;
    fault_t fault;
    // Where a body goes: 0, or -1 if it takes no more (it says why in `status` and `fault`).
    int (*body) (void *arg, slice_t octets);
    void *arg;
    // The module's own.
    http_parser parser;
    buffer_t head;
    size_t scanned;       // octets of it in which its end is not
    unsigned empty_lines; // before it
    int phase;
    bool over; // http_parser has seen the end
} http_request_t;

void http_request_init (http_request_t *self, int (*body) (void *arg, slice_t octets), void *arg);
void http_request_finish (http_request_t *self);

// Takes octets off the front of *in up to the next news. After HTTP_BAD it must not be called.
http_news_t http_request_next (http_request_t *self, slice_t *in);

// Whether a request has begun that has not ended, and whether its head has not.
bool http_request_begun (const http_request_t *self);
bool http_request_in_head (const http_request_t *self);

// The value of the first field of that name; {NULL, 0} if there is none. Case does not matter.
slice_t http_request_field (const http_request_t *self, const char *name);

// How many fields have the name.
size_t http_request_count (const http_request_t *self, const char *name);

// Whether a list, "text/html, application/x-ndjson;q=0.5", has the word (parameters aside). Case
// does not matter. All fields of that name are one list.
bool http_request_lists (const http_request_t *self, const char *name, const char *word);

// Compares without case.
bool http_is (slice_t text, const char *word);

#endif
