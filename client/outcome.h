/*  Results and partials as they are handed to users: public structs with what they point to.
 */
#ifndef CLIENT_OUTCOME_H
#define CLIENT_OUTCOME_H

#include "fabric/frame.h"
#include "fabric/list.h"
#include "fabric/packet.h"
#include "zfabric_client.h"

// Of a RESULT, whose payload is taken; or, `packet` NULL, of a code and words. NULL: ENOMEM.
zfabric_result_t *
outcome_result (const packet_t *packet, frame_t *payload, zfabric_rc_t rc, const char *words);

// What stands for a result for which there was no memory. Not to be destroyed.
extern const zfabric_result_t outcome_no_memory;

// Of a PARTIAL, whose payload is taken. NULL: ENOMEM.
zfabric_partial_t *outcome_partial (const packet_t *packet, frame_t *payload);

// A partial's place in a list, and the way back.
list_node_t *outcome_place (zfabric_partial_t *partial);
zfabric_partial_t *outcome_at (list_node_t *place);

// The codec and encoding of the public headers and of ours.
zfabric_encoding_t outcome_encoding (encoding_t encoding);

#endif
