/*  Which pages may ask a door for HTTP: by what their browser says of them.
 *
 *  Pure.
 */
#ifndef TRANSPORTS_HTTP_ORIGIN_H
#define TRANSPORTS_HTTP_ORIGIN_H

#include <stdbool.h>

#include "fabric/slice.h"

// Whether a request's Origin field (ptr NULL: it has none) names another place than its Host.
bool http_origin_is_foreign (slice_t origin, slice_t host);

/*  Whether a Host field is a name that its owner may have pointed at this host while a page of his
 *  was open in a browser here, whose requests then count as the door's own page's ("rebinding"). An
 *  address, or a name without a dot, can't be that; nor can the name of the `allowed` origin (NULL:
 *  there is none; "*": any).
 */
bool http_host_is_doubtful (slice_t host, const char *allowed);

#endif
