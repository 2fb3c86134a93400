#define _POSIX_C_SOURCE 200809L

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/descriptors.h"
#include "cli/doors.h"
#include "cli/interrupt.h"
#include "cli/key_options.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "fabric/limits.h"
#include "transports/bridge.h"

#define LOOK_MS 500 // how often it looks whether the bridge has ended by itself

static const option_t rows[] = {
    {.name = "serve",
     .repeatable = true,
     .argument = "DOOR",
     .group = "Doors",
     .help = "Where legacy clients connect: json+tcp://HOST:PORT, json+tls://HOST:PORT, "
             "json+unix:///PATH or socket:///PATH (the same); or by HTTP: http://HOST:PORT, "
             "https://HOST:PORT, http+unix:///PATH; or, workers as well, by gRPC: "
             "grpc://HOST:PORT, grpcs://HOST:PORT, grpc+unix:///PATH. HOST is an address (IPv6 in "
             "brackets), a name "
             "or *; PORT may be * for a free one."},
    {.name = "listen",
     .repeatable = true,
     .argument = "DOOR",
     .help = "Where legacy workers connect."},
    {.name = "insecure",
     .type = OPTION_FLAG,
     .help = "Open tcp beyond loopback although no certificates are asked for: whoever reaches the "
             "port may run tasks and serve pipelines."},
    {.name = "broker",
     .letter = 'b',
     .repeatable = true,
     .argument = "ENDPOINT",
     .initial = DEFAULT_SERVE,
     .group = "Broker",
     .help = "Where the broker serves clients. Of several, one is used at a time."},
    {.name = "worker-broker",
     .repeatable = true,
     .argument = "ENDPOINT",
     .initial = DEFAULT_LISTEN,
     .help = "Where it listens for workers."},
    {.name = NULL},
};

static const option_t limit_rows[] = {
    {.name = "max-payload",
     .type = OPTION_OCTETS,
     .low = 1,
     .high = 1024u * 1024 * 1024,
     .number = DEFAULT_MAX_PAYLOAD,
     .group = "Limits",
     .help = "The largest variables or result."},
    {.name = "outbox",
     .type = OPTION_OCTETS,
     .high = INT64_MAX,
     .number = DEFAULT_OUTBOX,
     .help = "What is kept for one peer that does not read, before it is thrown out."},
    {.name = "drain",
     .type = OPTION_MILLISECONDS,
     .high = UINT64_MAX,
     .number = DEFAULT_DRAIN_MS,
     .help = "How long running tasks have when the bridge stops."},
    {.name = NULL},
};

// Beside --curve, since a key is either a client's or a worker's.
static const option_t worker_key_rows[] = {
    {.name = "worker-curve",
     .argument = "FILE",
     .help = "The secret certificate of the key that workers come with, if there are doors for "
             "both: --curve is then the clients'."},
    {.name = NULL},
};
static const option_t *const tables[] = {rows,       door_options, key_options, worker_key_rows,
                                         limit_rows, NULL};

// The first signal lets running tasks finish, the second does not.
static int watch (bridge_t *bridge, int interrupts, log_t *log)
{
    struct pollfd item = {.fd = interrupts, .events = POLLIN};
    unsigned count = 0;

    for (;;) {
        bool came = poll (&item, 1, count ? 0 : LOOK_MS) == 1;
        if (came)
            count = interrupt_count ();
        if (hangup_came ())
            doors_reload_bridge (bridge, log);
        if (count > 1)
            bridge_halt (bridge);
        else if (came && count)
            bridge_drain (bridge);
        if (bridge_wait (bridge, count ? LOOK_MS / 10 : 0))
            return count ? STATUS_OK : complain_failed ("the bridge stopped by itself");
    }
}

static int serve (bridge_options_t *options)
{
    log_t log = {.level = log_level_of (0)};
    fault_t fault;
    int interrupts = interrupt_start (false);

    if (interrupts < 0 || hangup_start ())
        return complain_failed ("no signals: %s", strerror (errno));
    descriptors_raise ();
    options->say = doors_say;
    options->say_arg = &log;
    bridge_t *bridge = bridge_new (options, &fault);
    if (!bridge)
        return complain_failed ("%s", fault.text);
    doors_say_places (bridge, &log);
    puts ("ready");
    // Nobody may be reading it: no reason to end.
    (void)fflush (stdout);
    int status = watch (bridge, interrupts, &log);
    bridge_destroy (&bridge);
    return status;
}

static void take_broker (const options_t *options,
                         const char *name,
                         const char *const *initial,
                         const keys_t *keys,
                         link_options_t *link)
{
    link->endpoints = options_texts (options, name, &link->endpoint_count);
    if (!link->endpoint_count) {
        link->endpoints = initial;
        link->endpoint_count = 1;
    }
    link->codec = ENCODING_JSON;
    link->max_payload = options_number (options, "max-payload");
    link->server_key = keys_server (keys);
    link->public_key = keys_public (keys);
    link->secret_key = keys_secret (keys);
}

static int start_with (const options_t *options, bridge_options_t *bridge, keys_t keys[SIDE_COUNT])
{
    static const char *const clients[] = {DEFAULT_SERVE}, *const workers[] = {DEFAULT_LISTEN};
    int status = STATUS_OK;

    // Who has doors for workers only needs their key only.
    if (bridge->place_count[SIDE_CLIENTS] || options_text (options, "curve")
        || !options_text (options, "worker-curve"))
        status = keys_load (&keys[SIDE_CLIENTS], options);
    if (status == STATUS_OK)
        status = keys_load_as_worker (&keys[SIDE_WORKERS], options);
    if (status != STATUS_OK)
        return status;
    take_broker (options, "broker", clients, &keys[SIDE_CLIENTS], &bridge->broker[SIDE_CLIENTS]);
    take_broker (options, "worker-broker", workers, &keys[SIDE_WORKERS],
                 &bridge->broker[SIDE_WORKERS]);
    return serve (bridge);
}

static int start (const options_t *options, const places_t *places)
{
    bridge_options_t bridge;
    keys_t keys[SIDE_COUNT] = {{0}, {0}};

    if (places->plain_count[SIDE_CLIENTS])
        return complain_usage ("--serve: not a door: %s", places->plain[SIDE_CLIENTS][0]);
    if (places->plain_count[SIDE_WORKERS])
        return complain_usage ("--listen: not a door: %s", places->plain[SIDE_WORKERS][0]);
    if (!places_have_doors (places))
        return complain_usage ("no door: give --serve, --listen or --reasonchip");
    int status = door_options_take (options, places, &bridge);
    if (status == STATUS_OK)
        status = start_with (options, &bridge, keys);
    for (side_t side = 0; side < SIDE_COUNT; side++)
        keys_finish (&keys[side]);
    return status;
}

static int run (options_t *options)
{
    places_t places;

    if (places_init (&places, options))
        return complain_failed ("out of memory");
    int status = start (options, &places);
    places_finish (&places);
    return status;
}

const command_t command_bridge = {
    .name = "bridge",
    .summary = "doors for clients and workers of the legacy protocol",
    .arguments = "",
    .description =
        "Lets clients and workers that speak framed JSON over TCP, TLS or UNIX sockets, as "
        "ReasonChip's do, in gRPC as well, and clients that speak HTTP, take part in a fabric. "
        "They are ordinary peers to the broker.\n"
        "Prints `ready` on standard output when every door is open; logs to standard error. The "
        "first SIGTERM or SIGINT lets running tasks finish, for --drain at the longest; a second "
        "one does not. SIGHUP has the certificates read again.",
    .example = "zfabric bridge --reasonchip\n"
               "zfabric bridge --broker tcp://127.0.0.1:51520 --serve json+tcp://127.0.0.1:51500",
    .options = tables,
    .run = run,
};
