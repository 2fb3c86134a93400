/*  Endpoints: what `tcp://host:port`, `ipc://path` and `inproc://name` say.
 */
#ifndef FABRIC_ENDPOINT_H
#define FABRIC_ENDPOINT_H

#include "fabric/fault.h"
#include "fabric/slice.h"

#define ENDPOINT_MAX 512 // octets of an endpoint, the final NUL among them

typedef enum { ENDPOINT_TCP, ENDPOINT_IPC, ENDPOINT_INPROC } endpoint_kind_t;

typedef struct {
    endpoint_kind_t kind;
    slice_t host; // tcp: without brackets
    slice_t port; // tcp: digits, or "*"
    slice_t path; // ipc and inproc
} endpoint_t;

// Reads an endpoint; the slices point into `text`. 0, or -1 (EINVAL) with a fault that names it.
int endpoint_parse (const char *text, endpoint_t *endpoint, fault_t *fault);

// Whether it is tcp to an IPv4 address, not to a name or an interface.
bool endpoint_is_ipv4 (const endpoint_t *endpoint);

/*  Whether other hosts could reach what is bound there: any tcp but 127.0.0.0/8, ::1, localhost
 *  and the interface lo.
 */
bool endpoint_beyond_host (const endpoint_t *endpoint);

#endif
