/*  zfabric: a message fabric on ZeroMQ. Include this one header.
 *
 *  A program is a client (it runs tasks), a worker (it serves pipelines), or carries a broker; the
 *  classes are independent of each other. What they speak is docs/PROTOCOL.md.
 */
#ifndef ZFABRIC_H
#define ZFABRIC_H

#include "zfabric_broker.h"
#include "zfabric_client.h"
#include "zfabric_export.h"
#include "zfabric_result.h"
#include "zfabric_version.h"
#include "zfabric_worker.h"

#endif
