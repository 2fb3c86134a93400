/*  Counts and rates of the broker, for `$status`.
 *
 *  Counters only grow. Rates are means over the last 1, 10 and 60 whole seconds.
 */
#ifndef BROKER_STATS_H
#define BROKER_STATS_H

#include "fabric/moment.h"
#include "fabric/result.h"

// Why a packet was dropped, or refused without being a task.
#define STATS_DROPS(X)                                                                             \
    X (BAD_PACKET, "bad_packet")                                                                   \
    X (UNSUPPORTED, "unsupported_type")                                                            \
    X (UNKNOWN_WORKER, "unknown_worker")                                                           \
    X (RESULT_FOREIGN, "result_of_another_worker")                                                 \
    X (RESULT_LATE, "result_after_the_end")                                                        \
    X (RESULT_ORPHAN, "result_without_client")                                                     \
    X (PARTIAL_FOREIGN, "partial_of_another_worker")                                               \
    X (PARTIAL_LATE, "partial_after_the_end")                                                      \
    X (PARTIAL_UNWANTED, "partial_not_asked_for")                                                  \
    X (PARTIAL_UNSAYABLE, "partial_not_transcodable")                                              \
    X (PEER_FULL, "peer_does_not_read")

typedef enum {
#define X(id, name) STATS_DROP_##id,
    STATS_DROPS (X)
#undef X
        STATS_DROP_COUNT
} stats_drop_t;

#define STATS_SECONDS 64 // of history: 60 whole ones, and the one that is not over

typedef struct {
    uint64_t second; // since the clock's start
    uint64_t accepted;
    uint64_t ended;
} stats_second_t;

typedef struct {
    uint64_t accepted;                      // RUNs that became tasks
    uint64_t ended[ZFABRIC_RESULT_COUNT];   // tasks by how they ended
    uint64_t refused[ZFABRIC_RESULT_COUNT]; // RUNs that did not become tasks
    uint64_t dropped[STATS_DROP_COUNT];
    uint64_t requeued;
    uint64_t partials; // passed on
    uint64_t packets_in;
    uint64_t packets_out;
    uint64_t octets_in; // headers and payloads
    uint64_t octets_out;
    stats_second_t seconds[STATS_SECONDS];
} stats_t;

void stats_accepted (stats_t *self, moment_t now);
void stats_ended (stats_t *self, moment_t now, zfabric_rc_t rc);

typedef struct {
    double accepted; // tasks a second
    double ended;
} stats_rate_t;

// Over the last `seconds` whole seconds, 60 at most.
stats_rate_t stats_rate (const stats_t *self, moment_t now, unsigned seconds);

const char *stats_drop_name (stats_drop_t drop);

#endif
