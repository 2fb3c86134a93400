#include "cli/command.h"
#include "cli/complain.h"
#include "cli/connection.h"

#include <czmq.h>
#include <errno.h>

#include "fabric/cookie.h"

static int cancel (zfabric_client_t *client, const char *cookie)
{
    zfabric_call_t *call = zfabric_client_cancel (client, cookie);
    const zfabric_result_t *result = call ? zfabric_call_wait (call, -1) : NULL;
    int status = result ? connection_report (result)
                        : complain_failed ("can't cancel %s: %s", cookie, strerror (errno));

    zfabric_call_destroy (&call);
    return status;
}

static int run (options_t *options)
{
    const char *text = options_argument (options, 0);
    cookie_t cookie;

    if (cookie_parse (slice_text (text), &cookie))
        return complain_usage ("COOKIE: \"%s\" is no UUID", text);
    zsys_handler_set (NULL); // a Ctrl-C ends the command, as it would without CZMQ
    int status = STATUS_OK;
    zfabric_client_t *client = connection_open (options, NULL, &status);
    if (client)
        status = cancel (client, text);
    zfabric_client_destroy (&client);
    return status;
}

static const option_t *const tables[] = {CONNECTION_OPTIONS, NULL};

const command_t command_cancel = {
    .name = "cancel",
    .summary = "cancel a task",
    .arguments = "COOKIE",
    .least = 1,
    .most = 1,
    .description =
        "Asks the broker to end the task with that cookie, whoever started it. Whoever waits for "
        "its result gets CANCELLED, or the result if the worker was quicker.\n"
        "The exit status is 0 if the task was there, and 14 (COOKIE_NOT_FOUND) if it was not.",
    .example = "cookie=$(zfabric run --detach resize --set width=640)\n"
               "zfabric cancel \"$cookie\"",
    .options = tables,
    .run = run,
};
