/*  A program outside of the tree: starts a broker in itself, runs one of its own pipelines.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <zfabric.h>

#if CHAR_BIT != 8
#    error "the public headers' folder has a limits.h"
#endif

int main (void)
{
    static const char *const serve[] = {"inproc://clients"}, *const listen[] = {"inproc://workers"};
    zfabric_broker_options_t options;
    char problem[256];

    zfabric_broker_options_init (&options);
    options.serve = serve, options.serve_count = 1;
    options.listen = listen, options.listen_count = 1;
    zfabric_broker_t *broker = zfabric_broker_new (&options, problem, sizeof problem);
    if (!broker) {
        fprintf (stderr, "%s\n", problem);
        return 1;
    }
    zfabric_client_t *client = zfabric_client_new (serve[0], NULL, problem, sizeof problem);
    zfabric_result_t *result = client ? zfabric_client_run (client, "$ping", NULL, 0, NULL) : NULL;
    bool right = result && result->rc == ZFABRIC_OK && memchr (result->payload, '{', result->size);
    if (right)
        printf ("%.*s\n", (int)result->size, (const char *)result->payload);
    else
        fprintf (stderr, "%s\n", result ? zfabric_rc_name (result->rc) : problem);
    zfabric_result_destroy (&result);
    zfabric_client_destroy (&client);
    zfabric_broker_destroy (&broker);
    return right ? 0 : 1;
}
