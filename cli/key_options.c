#include "cli/key_options.h"
#include "cli/command.h"
#include "cli/complain.h"

#include <errno.h>

const option_t key_options[] = {
    {.name = "curve",
     .argument = "FILE",
     .group = "Keys",
     .help = "The secret certificate of our key, as zfabric keygen made it: NAME.cert_secret. "
             "Everything is encrypted then, and the broker knows us by this key."},
    {.name = "server-key",
     .argument = "FILE",
     .help = "The broker's public certificate. Goes with --curve."},
    {.name = NULL},
};

static int load (keys_t *self, const options_t *options, const char *name)
{
    const char *secret = options_text (options, name);
    const char *server = options_text (options, "server-key");
    fault_t fault;

    *self = (keys_t){0};
    if (!secret && !server)
        return STATUS_OK;
    if (!secret)
        return complain_usage ("--server-key: needs --%s, our own key", name);
    if (!server)
        return complain_usage ("--%s: needs --server-key, the broker's", name);
    self->pair = key_pair_new ();
    if (!self->pair)
        return complain_failed ("--%s: out of memory", name);
    if (key_file_read_pair (secret, self->pair, &fault)) {
        keys_finish (self);
        return complain_failed ("--%s: %s", name, fault.text);
    }
    if (key_file_read_public (server, self->server_key, &fault)) {
        keys_finish (self);
        return complain_failed ("--server-key: %s", fault.text);
    }
    return STATUS_OK;
}

int keys_load (keys_t *self, const options_t *options)
{
    return load (self, options, "curve");
}

int keys_load_as_worker (keys_t *self, const options_t *options)
{
    return load (self, options, options_text (options, "worker-curve") ? "worker-curve" : "curve");
}

void keys_finish (keys_t *self)
{
    key_pair_destroy (&self->pair);
}
