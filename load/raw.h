/*  What the parts on bare ZeroMQ share. Problems are written into the member's slip.
 */
#ifndef LOAD_RAW_H
#define LOAD_RAW_H

#include <zmq.h>

#include "fabric/buffer.h"
#include "load/parts.h"

#define RAW_PATIENCE_MS 30000 // nothing for so long: something is lost

// A DEALER, connected; NULL after a problem.
void *raw_connect (crew_member_t *member, void *context, const part_t *part);

// Writes a problem down; returns -1. Without words it is what errno says.
int raw_problem (crew_member_t *member, const char *words);

// Sends one frame, made of the buffer, which is finished. 0 or -1.
int raw_send (crew_member_t *member, void *socket, buffer_t *out);

// Receives a frame; `wait`: or a problem after RAW_PATIENCE_MS. 0, or -1 (EAGAIN: nothing).
int raw_receive (crew_member_t *member, void *socket, zmq_msg_t *frame, bool wait);

#endif
