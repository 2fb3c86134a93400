#include "cli/command.h"
#include "cli/complain.h"

#include "zfabric_version.h"

#include <stdio.h>
#include <zmq.h>

static int run (options_t *options)
{
    int major, minor, patch;

    (void)options;
    zmq_version (&major, &minor, &patch);
    printf ("zfabric %s\nprotocol %d\nlibzmq %d.%d.%d\n", ZFABRIC_VERSION, ZFABRIC_PROTOCOL, major,
            minor, patch);
    return complain_unwritten ();
}

static const option_t *const tables[] = {NULL};

const command_t command_version = {
    .name = "version",
    .summary = "print the versions of zfabric, its protocol and libzmq",
    .arguments = "",
    .description = "Prints the versions of zfabric, of the protocol that it speaks, and of the "
                   "libzmq that it runs with.",
    .example = "zfabric version",
    .options = tables,
    .run = run,
};
