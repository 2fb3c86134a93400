#include "cli/door_options.h"
#include "cli/command.h"
#include "cli/complain.h"

#include <stdlib.h>

#include "transports/address.h"
#include "transports/peer.h"

const option_t door_options[] = {
    {.name = "reasonchip",
     .type = OPTION_FLAG,
     .group = "Doors for legacy peers",
     .help = "Open the doors where ReasonChip's own broker has its defaults: "
             "socket:///tmp/reasonchip-broker-client.sock and json+tcp://[::1]:51500 for clients, "
             "socket:///tmp/reasonchip-broker-worker.sock and json+tcp://[::1]:51510 for workers."},
    {.name = "socket-mode",
     .argument = "MODE",
     .initial = "0600",
     .help = "The mode of socket files, in octal: who may write may connect."},
    {.name = "tls-cert", .argument = "FILE", .help = "Our certificate, and its chain, in PEM."},
    {.name = "tls-key",
     .argument = "FILE",
     .help = "Its key, in PEM. Both are read again at a SIGHUP."},
    {.name = "tls-ca",
     .argument = "FILE",
     .help =
         "Who may have signed a client's certificate, in PEM; without, whom the system trusts."},
    {.name = "tls-require-client-cert",
     .type = OPTION_FLAG,
     .help = "Turn away who has no good certificate."},
    {.name = "tls-ciphers",
     .argument = "LIST",
     .help = "The ciphers of TLS 1.2, as OpenSSL writes them."},
    {.name = "tls-version",
     .type = OPTION_CHOICE,
     .choices = "any|1.2|1.3",
     .initial = "any",
     .help = "The only version of TLS to speak."},
    {.name = "frame-timeout",
     .type = OPTION_MILLISECONDS,
     .low = 1,
     .high = UINT32_MAX,
     .number = PEER_IDLE_MS,
     .help = "How long a frame that has begun may stand still before its connection is closed."},
    {.name = "half-frames",
     .type = OPTION_OCTETS,
     .low = 1,
     .high = INT64_MAX,
     .number = BRIDGE_HALF_FRAMES,
     .help = "What frames that are not whole may hold, of all connections together. Beyond it, who "
             "holds most is thrown out."},
    {.name = "http-token",
     .argument = "FILE",
     .group = "Doors for HTTP",
     .help = "The token that requests must bring (Authorization: Bearer), but those for /healthz: "
             "one line of 16 octets or more, in a file that others can't read. Read again at a "
             "SIGHUP."},
    {.name = "http-origin",
     .argument = "ORIGIN",
     .help = "Whose pages may ask as well, such as https://fleet.example; * for any."},
    {.name = "http-timeout",
     .type = OPTION_MILLISECONDS,
     .low = 1,
     .high = UINT32_MAX,
     .number = BRIDGE_HTTP_TIMEOUT_MS,
     .help = "How long a request's head may take, and its body beyond a second for each 256 KiB."},
    {.name = "http-connections",
     .type = OPTION_NUMBER,
     .low = 1,
     .high = UINT32_MAX,
     .number = BRIDGE_HTTP_CONNECTIONS,
     .help = "How many connections there may be at once."},
    {.name = NULL},
};

static const char *const names[] = {[SIDE_CLIENTS] = "serve", [SIDE_WORKERS] = "listen"};

static const char *const reasonchip[SIDE_COUNT][2] = {
    [SIDE_CLIENTS] = {"socket:///tmp/reasonchip-broker-client.sock", "json+tcp://[::1]:51500"},
    [SIDE_WORKERS] = {"socket:///tmp/reasonchip-broker-worker.sock", "json+tcp://[::1]:51510"},
};

static int sort_side (places_t *self, const options_t *options, side_t side)
{
    size_t count;
    const char *const *texts = options_texts (options, names[side], &count);

    self->doors[side] = (const char **)calloc (count + 2, sizeof (char *));
    self->plain[side] = (const char **)calloc (count + 2, sizeof (char *));
    if (!self->doors[side] || !self->plain[side])
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (address_is_door (texts[i]))
            self->doors[side][self->door_count[side]++] = texts[i];
        else
            self->plain[side][self->plain_count[side]++] = texts[i];
    }
    for (size_t i = 0; i < 2 && options_flag (options, "reasonchip"); i++)
        self->doors[side][self->door_count[side]++] = reasonchip[side][i];
    return 0;
}

int places_init (places_t *self, const options_t *options)
{
    *self = (places_t){0};
    if (sort_side (self, options, SIDE_CLIENTS) || sort_side (self, options, SIDE_WORKERS)) {
        places_finish (self);
        return -1;
    }
    return 0;
}

void places_finish (places_t *self)
{
    for (side_t side = 0; side < SIDE_COUNT; side++) {
        free (self->doors[side]);
        free (self->plain[side]);
    }
    *self = (places_t){0};
}

static int take_tls (const options_t *options, tls_options_t *tls)
{
    static const tls_version_t versions[] = {TLS_SPEAKS_ANY, TLS_SPEAKS_1_2, TLS_SPEAKS_1_3};

    tls->cert = options_text (options, "tls-cert");
    tls->key = options_text (options, "tls-key");
    tls->ca = options_text (options, "tls-ca");
    tls->ciphers = options_text (options, "tls-ciphers");
    tls->version = versions[options_number (options, "tls-version")];
    tls->require_client_cert = options_flag (options, "tls-require-client-cert");
    if (!tls->cert != !tls->key)
        return complain_usage ("--tls-cert and --tls-key belong together");
    return STATUS_OK;
}

int door_options_take (const options_t *options, const places_t *places, bridge_options_t *bridge)
{
    const char *mode = options_text (options, "socket-mode");
    char *end;

    bridge_options_init (bridge);
    for (side_t side = 0; side < SIDE_COUNT; side++) {
        bridge->places[side] = places->doors[side];
        bridge->place_count[side] = places->door_count[side];
    }
    unsigned long bits = strtoul (mode, &end, 8);
    if (*end || end == mode || *mode == '-' || bits > 0777)
        return complain_usage ("--socket-mode: not a mode in octal, like 0660: %s", mode);
    bridge->socket_mode = (unsigned)bits;
    bridge->insecure = options_flag (options, "insecure");
    bridge->max_payload = options_number (options, "max-payload");
    bridge->outbox = options_number (options, "outbox");
    bridge->drain_ms = options_number (options, "drain");
    bridge->idle_ms = options_number (options, "frame-timeout");
    bridge->half_frames = options_number (options, "half-frames");
    bridge->http_token = options_text (options, "http-token");
    bridge->http_origin = options_text (options, "http-origin");
    bridge->http_timeout_ms = options_number (options, "http-timeout");
    bridge->http_connections = options_number (options, "http-connections");
    return take_tls (options, &bridge->tls);
}
