/*  Between a command's octets and a task's payloads: what a command prints as a payload in the
 *  worker's codec, and a payload as what a command reads. Commands speak text or JSON, whatever the
 *  codec.
 *
 *  Pure. Errors: -1 with errno (EPROTO, EMSGSIZE, ENOMEM) and a fault.
 */
#ifndef WORKER_DOCUMENT_H
#define WORKER_DOCUMENT_H

#include "fabric/buffer.h"
#include "fabric/packet.h"

typedef enum {
    DOCUMENT_AUTO, // output: as it is if it is one JSON document, else as a string
    DOCUMENT_TEXT, // output: always a string; input: a string without its quotes and escapes
    DOCUMENT_JSON, // output: must be one JSON document; input: JSON text as it is
    DOCUMENT_RAW   // output: octets that nobody looks into
} document_mode_t;

/*  Makes a payload of `output`, which is finished or moved to `payload` (not initialised before; to
 *  be finished also after a failure). Octets of a string that are not UTF-8 become U+FFFD. `limit`:
 *  octets of the payload.
 */
int document_of_output (buffer_t *output,
                        document_mode_t mode,
                        encoding_t codec,
                        size_t limit,
                        buffer_t *payload,
                        encoding_t *encoding,
                        fault_t *fault);

/*  What a command reads for a payload, AUTO being JSON: `*input` points into the payload or into
 *  `store`, which is not initialised before, and to be finished in any case.
 */
int document_to_input (slice_t payload,
                       encoding_t encoding,
                       document_mode_t mode,
                       buffer_t *store,
                       slice_t *input,
                       fault_t *fault);

#endif
