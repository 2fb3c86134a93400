/*  Configuration files: the options of a command as ZPL (ZeroMQ RFC 4), the format of CZMQ's
 *  zconfig, which keeps no line numbers for what its reader makes of the values.
 *
 *      # Any option by its long name. A flag is `yes` or `no`, or its name alone.
 *      queue = 20000
 *      insecure = no
 *      # What may be repeated is repeated, or has children, whose names mean nothing.
 *      listen = tcp://127.0.0.1:51530
 *      listen
 *          1 = ipc:///run/zfabric/workers
 *          2 = "ipc:///run/zfabric/with # in it"
 *
 *  Threads: pure functions, any thread.
 */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "cli/options.h"

/*  Sets the options that `text` names, as OPTION_FROM_FILE; `file` is its name in a fault, which
 *  begins with it and the line: "zfabric.conf:12: unknown option quue; did you mean queue?"
 *  0, or -1 (EINVAL, ENOMEM); options from lines before the bad one are set.
 */
int config_read (options_t *options, slice_t text, const char *file, fault_t *fault);

#endif
