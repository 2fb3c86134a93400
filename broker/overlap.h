/*  The overlap of what a worker registers and what its key may serve (PROTOCOL 8), as the key of a
 *  group (broker/groups.h).
 */
#ifndef BROKER_OVERLAP_H
#define BROKER_OVERLAP_H

#include "fabric/buffer.h"
#include "fabric/rights.h"

// Enough for what comes of a header's patterns and a certificate's.
#define OVERLAP_KEY_MAX (3 * LIMIT_HEADER_OCTETS)

/*  Appends the overlap of the patterns in the key `asked` with the rights, in order. `rights` NULL:
 *  all of them. 0, or -1: ENOMEM, or EACCES if there is none.
 */
int overlap_key (slice_t asked, const rights_t *rights, buffer_t *key);

#endif
