/*  A RUN's header from an HTTP request: the pipeline from its path, the options from its query.
 *
 *      POST /v1/run/PIPELINE?timeout=5000&wait=0&priority=9&retries=1&orphan=cancel&detach&stream
 *
 *  Pure.
 */
#ifndef TRANSPORTS_HTTP_RUN_H
#define TRANSPORTS_HTTP_RUN_H

#include "codec/codec.h"
#include "transports/http_request.h"

/*  Writes the header, in JSON, to `header` (emptied first), and reads it back into `packet`, which
 *  points into it. `cookie` is the task's; `pipeline` the rest of the path, percent signs and all;
 *  `stream` holds unless the query says otherwise. 0, or -1 with a fault: EPROTO, what was asked
 *  for can't be (the fault names the parameter), or ENOMEM.
 */
int http_run_header (const http_request_t *request,
                     slice_t pipeline,
                     const cookie_t *cookie,
                     bool stream,
                     buffer_t *header,
                     packet_t *packet,
                     fault_t *fault);

#endif
