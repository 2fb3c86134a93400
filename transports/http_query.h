/*  What stands in a URL: percent signs resolved, and the parameters behind the question mark.
 *
 *  Pure.
 */
#ifndef TRANSPORTS_HTTP_QUERY_H
#define TRANSPORTS_HTTP_QUERY_H

#include "fabric/buffer.h"

// Appends the octets that `text` stands for. 0, or -1: a percent sign without two hex digits, or
// out->failed.
int http_unescape (slice_t text, buffer_t *out);

/*  Walks "a=1&b&c=": true and the next parameter, as it came, or false at the end. Start with
 *  *rest = the query. A parameter without "=" has a value of {NULL, 0}.
 */
bool http_query_next (slice_t *rest, slice_t *name, slice_t *value);

#endif
