/*  What a benchmark is to do, and what came of it: plain values.
 */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include "fabric/packet.h"
#include "load/histogram.h"

typedef struct {
    uint32_t workers;      // processes
    uint32_t capacity;     // of each
    uint32_t clients;      // processes
    uint32_t window;       // tasks of a client on their way at once
    uint64_t count;        // tasks, of all clients
    size_t size;           // octets of a payload
    encoding_t codec;      // of headers and payloads
    bool library;          // the peers use libzfabric; without, bare ZeroMQ
    bool tcp;              // or ipc; of a broker of our own
    bool curve;            // it has keys, and so have its peers
    uint32_t idle_clients; // connections that do nothing
    uint64_t waiting;      // tasks that wait for nobody
    const char *program;   // what to start as the broker; NULL: `zfabric broker`
    const char *serve;     // endpoints of a broker that runs already; NULL: start one
    const char *listen;
    int32_t pid; // of that broker; 0: not known
} load_plan_t;

typedef struct {
    uint64_t tasks;
    double seconds;
    histogram_t latency;     // ns
    bool broker_known;       // what follows of it is known
    uint64_t broker_cpu_ns;  // processor time while the tasks ran
    uint64_t workers_cpu_ns; // of all of them
    uint64_t clients_cpu_ns;
    uint64_t memory_start;   // octets of the broker that are in memory: as it was found,
    uint64_t memory_idle;    // then with the idle clients,
    uint64_t memory_waiting; // then with the waiting tasks,
    uint64_t memory_end;     // then after the run
    uint64_t memory_most;    // ever
} load_report_t;

#endif
