#include "cli/connection.h"
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/safe_text.h"

#include <errno.h>
#include <stdio.h>

#include "fabric/limits.h"

const option_t connection_options[] = {
    {.name = "broker",
     .letter = 'b',
     .argument = "ENDPOINT",
     .initial = DEFAULT_SERVE,
     .group = "Connection",
     .help = "Where the broker serves clients. Of several, separated by commas, one is used at a "
             "time."},
    {.name = NULL},
};

zfabric_client_t *connection_open (const options_t *options,
                                   const zfabric_client_options_t *client_options,
                                   int *status)
{
    char problem[512] = "";
    keys_t keys;

    *status = keys_load (&keys, options);
    if (*status != STATUS_OK)
        return NULL;
    zfabric_client_options_t given =
        client_options ? *client_options : (zfabric_client_options_t){0};
    given.server_key = keys_server (&keys);
    given.public_key = keys_public (&keys);
    given.secret_key = keys_secret (&keys);
    zfabric_client_t *client =
        zfabric_client_new (options_text (options, "broker"), &given, problem, sizeof problem);
    int saved = errno;
    keys_finish (&keys);
    errno = saved;
    if (!client)
        *status = errno == EINVAL ? complain_usage ("--broker: %s", problem)
                                  : complain_failed ("%s", problem);
    return client;
}

int connection_status (zfabric_rc_t rc)
{
    return rc == ZFABRIC_OK ? STATUS_OK : STATUS_RESULT + (int)rc;
}

static void put_line (const char *indent, const char *text)
{
    buffer_t line;

    buffer_init (&line, SIZE_MAX);
    buffer_text (&line, indent);
    safe_text_append (slice_text (text), &line);
    buffer_octet (&line, '\n');
    fwrite (line.data, 1, line.len, stderr);
    buffer_finish (&line);
}

int connection_report (const zfabric_result_t *result)
{
    if (result->rc == ZFABRIC_OK)
        return STATUS_OK;
    const char *words = *result->error ? result->error : zfabric_rc_meaning (result->rc);
    fprintf (stderr, "%s: ", zfabric_rc_name (result->rc));
    put_line ("", words);
    for (size_t i = 0; i < result->stacktrace_count; i++)
        put_line ("    ", result->stacktrace[i]);
    return connection_status (result->rc);
}
