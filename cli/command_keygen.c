#include "cli/command.h"
#include "cli/complain.h"

#include <errno.h>
#include <stdio.h>

#include "fabric/key_file.h"

static const option_t rows[] = {
    {.name = "role",
     .argument = "ROLES",
     .group = "What its holder may do",
     .help =
         "client, worker or admin, or several of them with commas between. An admin may see all "
         "workers and tasks and cancel any. Without a role the key opens nothing: that is right "
         "for a broker's own."},
    {.name = "pipelines",
     .argument = "PATTERNS",
     .help = "Pipelines that a client may run and a worker may serve: names, or prefixes that end "
             "in *, with commas between. Without, all of them."},
    {.name = NULL},
};
static const option_t *const tables[] = {rows, NULL};

static int run (options_t *options)
{
    const char *name = options_argument (options, 0);
    fault_t fault;

    if (!*name)
        return complain_usage ("NAME is empty");
    if (options_given (options, "pipelines") && !options_given (options, "role"))
        return complain_usage ("--pipelines says nothing without --role");
    if (key_file_make (name, options_text (options, "role"), options_text (options, "pipelines"),
                       &fault))
        return errno == EINVAL ? complain_usage ("%s", fault.text)
                               : complain_failed ("%s", fault.text);
    printf ("%s.cert\n%s.cert_secret\n", name, name);
    return complain_unwritten ();
}

const command_t command_keygen = {
    .name = "keygen",
    .summary = "make a pair of keys",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .description =
        "Makes a pair of keys and writes NAME.cert, the public certificate, and NAME.cert_secret, "
        "which only you may read. Neither may exist. Prints the names of both.\n"
        "Give the broker the public one, in its --authorized directory; keep the secret one on the "
        "host where it was made, for --curve.",
    .example = "zfabric keygen broker\n"
               "zfabric keygen alice --role client --pipelines 'text.*,sum'\n"
               "cp alice.cert /etc/zfabric/authorized/",
    .options = tables,
    .run = run,
};
