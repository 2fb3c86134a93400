/*  gRPC's health checking protocol: Check, which is asked once, and Watch, which is told of every
 *  change. SERVING: there is a broker, and neither that nor the bridge is about to leave.
 *
 *  Threads: the loop's. A watcher frees itself when its call is over.
 */
#ifndef TRANSPORTS_RPC_HEALTH_H
#define TRANSPORTS_RPC_HEALTH_H

#include "transports/rpc_call.h"
#include "transports/rpc_hall.h"

#define RPC_HEALTH_CHECK_PATH "/grpc.health.v1.Health/Check"
#define RPC_HEALTH_WATCH_PATH "/grpc.health.v1.Health/Watch"

void rpc_health_open (rpc_hall_t *hall, rpc_call_t *call, bool watches);

// The broker has come or gone, or the bridge is leaving.
void rpc_health_changed (rpc_hall_t *hall);

// Those that watch end, with a status.
void rpc_health_end (rpc_hall_t *hall);

#endif
