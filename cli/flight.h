/*  The broker's flight recorder at the command's side: SIGUSR2 has the last events written to a new
 *  file, and so has an assertion that fails.
 *
 *  The files are DIR/zfabric-PID-N.recording, N counting from 1, and
 * DIR/zfabric-PID-crash.recording. Signals have no owner but the process: there is one of this.
 */
#ifndef CLI_FLIGHT_H
#define CLI_FLIGHT_H

#include "zfabric_broker.h"

/*  From now on the signals are minded. `broker` must live until flight_stop (). 0, or -1 with errno
 *  (ENAMETOOLONG, or what sigaction () says).
 */
int flight_start (zfabric_broker_t *broker, const char *directory);
void flight_stop (void);

// Asks for a recording if there was a SIGUSR2 since the last time. To be called in the main loop.
void flight_look (void);

#endif
