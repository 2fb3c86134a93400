/*  The description of the door for HTTP, transports/openapi.json, which the build puts in here.
 *
 *  Threads: any.
 */
#ifndef TRANSPORTS_OPENAPI_H
#define TRANSPORTS_OPENAPI_H

#include "fabric/slice.h"

// For openapi_text ().
extern const uint8_t openapi_octets[];
extern const size_t openapi_size;

static inline slice_t openapi_text (void)
{
    return slice_of (openapi_octets, openapi_size);
}

#endif
