/*  What `zfabric run` was asked to do, with one task or with many.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/options.h"
#include "fabric/packet.h"
#include "zfabric_client.h"

typedef struct {
    const options_t *options;
    const char *pipeline;
    encoding_t codec; // of headers and documents: JSON or MSGPACK
    bool raw;         // variables are octets, not documents
    uint64_t max_payload;
    zfabric_run_options_t task; // what every task is started with
    int interrupts;             // readable when there was a Ctrl-C; a second one leaves by itself
} run_t;

// A client for it, with room for `open` calls; NULL after a complaint, with the exit status.
zfabric_client_t *run_open (const run_t *self, uint32_t open, int *status);

// The encoding of a payload as the codecs name it.
encoding_t run_encoding (zfabric_encoding_t encoding);

// `--each`: a task for every line. The exit status.
int run_each (const run_t *self);

#endif
