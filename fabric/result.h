/*  Result codes by name, for who reads packets.
 */
#ifndef FABRIC_RESULT_H
#define FABRIC_RESULT_H

#include "fabric/slice.h"
#include "fabric/zfabric_result.h"

// Finds the code that `name` spells. 0, or -1 (EINVAL) if there is none.
int result_parse (slice_t name, zfabric_rc_t *rc);

#endif
