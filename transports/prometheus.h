/*  The document of `$metrics` (PROTOCOL 7) as Prometheus reads it: its text format, version 0.0.4,
 *  with names and units by its conventions. docs/operating.md lists them.
 *
 *  Pure. Threads: any.
 */
#ifndef TRANSPORTS_PROMETHEUS_H
#define TRANSPORTS_PROMETHEUS_H

#include "fabric/buffer.h"
#include "fabric/fault.h"

#define PROMETHEUS_MEDIA "text/plain; version=0.0.4; charset=utf-8"

/*  Appends the text. What a document of another version does not have is left out. 0, or -1 with a
 *  fault: EPROTO if it is not a JSON object; ENOMEM or EMSGSIZE.
 */
int prometheus_write (slice_t document, buffer_t *out, fault_t *fault);

#endif
