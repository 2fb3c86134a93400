/*  The log of a command: one line an event on stderr,
 *
 *      2026-11-23T10:00:00.123Z INFO text
 *
 *  with the time in UTC and the text made safe for a terminal: most of it comes from peers.
 *
 *  Threads: any; a line is one write (), so lines of several threads don't mix.
 */
#ifndef CLI_LOG_H
#define CLI_LOG_H

#include "fabric/buffer.h"
#include "zfabric_broker.h"

typedef struct {
    zfabric_log_level_t level; // events beyond it are not written
} log_t;

// What -v, given `verbose` times, asks for: INFO without, DEBUG with.
zfabric_log_level_t log_level_of (uint64_t verbose);

// Writes one event with the time of now. `arg` is a `const log_t *`; fits zfabric_log_fn.
void log_write (zfabric_log_level_t level, const char *text, void *arg);

// The pure part: one line with its newline. `time_ms`: since 1970 in UTC.
void log_format (uint64_t time_ms, zfabric_log_level_t level, const char *text, buffer_t *out);

#endif
