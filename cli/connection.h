/*  What the commands that are clients share: the options that say which broker, the client made
 *  from them, and how a task's end is told on stderr.
 */
#ifndef CLI_CONNECTION_H
#define CLI_CONNECTION_H

#include "cli/key_options.h"
#include "zfabric_client.h"

// The tables to put into a command's list.
extern const option_t connection_options[];
#define CONNECTION_OPTIONS connection_options, key_options

/*  A client as the options say; `client_options` may be NULL. NULL after a complaint, and the exit
 *  status in *status.
 */
zfabric_client_t *connection_open (const options_t *options,
                                   const zfabric_client_options_t *client_options,
                                   int *status);

// What a task's code means as the exit status of a command.
int connection_status (zfabric_rc_t rc);

/*  Says "CODE: message" and the stack trace on stderr, made safe for a terminal, unless the code
 *  is OK. The exit status.
 */
int connection_report (const zfabric_result_t *result);

#endif
