/*  The method EstablishConnection: each of its calls is a guest. Its first packet says of which
 *  side.
 *
 *  Threads: the loop's. A stream frees itself when its call is over.
 */
#ifndef TRANSPORTS_RPC_STREAM_H
#define TRANSPORTS_RPC_STREAM_H

#include "transports/rpc_call.h"
#include "transports/rpc_hall.h"

#define RPC_STREAM_PATH "/reasonchip.ReasonChipService/EstablishConnection"

void rpc_stream_open (rpc_hall_t *hall, rpc_call_t *call);

// The bridge is leaving: clients end when they have their answers, workers are told.
void rpc_streams_leave (rpc_hall_t *hall);

// Tasks that streams have under way as workers.
size_t rpc_streams_busy (const rpc_hall_t *hall);

// All end, with a status.
void rpc_streams_end (rpc_hall_t *hall);

#endif
