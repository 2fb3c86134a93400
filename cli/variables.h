/*  Variables on their way in, and results on their way out: between the JSON text that people type
 *  and read, and the payloads of either codec.
 *
 *  Threads: pure functions, any thread.
 */
#ifndef CLI_VARIABLES_H
#define CLI_VARIABLES_H

#include "fabric/buffer.h"
#include "fabric/fault.h"
#include "fabric/packet.h"

/*  Appends a JSON document as a payload of `codec`, checked to the last octet either way. 0, or -1
 *  (EPROTO, ENOMEM) with a fault that says what is wrong with it, where it calls it `what`.
 */
int variables_encode (
    slice_t json, encoding_t codec, const char *what, buffer_t *out, fault_t *fault);

/*  The same for a line of a list: one that is no JSON document is a string. -1 (EILSEQ) if it is
 *  not UTF-8 either.
 */
int variables_line (slice_t line, encoding_t codec, buffer_t *out, fault_t *fault);

/*  Appends the JSON object of `KEY=VALUE` pairs: a value that is a JSON document is taken as it is,
 *  any other as a string; of equal keys the last one counts. 0, or -1 (EINVAL, EILSEQ, ENOMEM) with
 *  a fault that names the pair.
 */
int variables_build (const char *const *pairs, size_t count, buffer_t *json, fault_t *fault);

/*  Appends a result as text: JSON as it is, msgpack as JSON, raw octets as they are. `one_line`
 *  makes it one line without its newline: JSON always is then, raw octets lose a newline at their
 *  end. 0, or -1 (EPROTO, ENOMEM).
 */
int variables_show (
    slice_t payload, encoding_t encoding, bool one_line, buffer_t *out, fault_t *fault);

#endif
