#include "transports/address.h"

#include <errno.h>

typedef struct {
    const char *scheme;
    const char *door;
    const char *carrier;
    const char *plain; // the scheme that fabric/endpoint.h knows, for the rest
} row_t;

static const row_t rows[] = {
    {"json+tcp://", "json", "tcp", "tcp://"},   {"json+tls://", "json", "tls", "tcp://"},
    {"json+unix://", "json", "unix", "ipc://"}, {"socket://", "json", "unix", "ipc://"},
    {"http://", "http", "tcp", "tcp://"},       {"https://", "http", "tls", "tcp://"},
    {"http+unix://", "http", "unix", "ipc://"}, {"grpc://", "grpc", "tcp", "tcp://"},
    {"grpcs://", "grpc", "tls", "tcp://"},      {"grpc+unix://", "grpc", "unix", "ipc://"},
};

static const row_t *row_of (const char *text)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strncmp (text, rows[i].scheme, strlen (rows[i].scheme)) == 0)
            return &rows[i];
    }
    return NULL;
}

bool address_is_door (const char *text)
{
    return row_of (text) != NULL;
}

int address_parse (const char *text, address_t *address, fault_t *fault)
{
    const row_t *row = row_of (text);
    char plain[ENDPOINT_MAX];

    if (!row || strlen (text) >= sizeof plain)
        goto error;
    const char *rest = text + strlen (row->scheme);
    if (strcmp (row->carrier, "unix") == 0) {
        if (rest[0] != '/' || rest[1] == '\0')
            goto error;
        address->at = (endpoint_t){.kind = ENDPOINT_IPC, .path = slice_text (rest)};
    } else {
        size_t prefix = strlen (row->plain);
        memcpy (plain, row->plain, prefix);
        memcpy (plain + prefix, rest, strlen (rest) + 1);
        if (endpoint_parse (plain, &address->at, NULL))
            goto error;
        // The slices into the copy become slices into the text.
        address->at.host.ptr =
            (const uint8_t *)rest + (address->at.host.ptr - (uint8_t *)plain) - prefix;
        address->at.port.ptr =
            (const uint8_t *)rest + (address->at.port.ptr - (uint8_t *)plain) - prefix;
    }
    address->door = slice_text (row->door);
    address->carrier = slice_text (row->carrier);
    return 0;
error:
    fault_set (fault,
               "%s: not a door (json+tcp://HOST:PORT, json+tls://HOST:PORT, json+unix:///PATH, "
               "socket:///PATH, http://HOST:PORT, https://HOST:PORT, http+unix:///PATH, "
               "grpc://HOST:PORT, grpcs://HOST:PORT, grpc+unix:///PATH)",
               text);
    errno = EINVAL;
    return -1;
}

bool address_beyond_host (const address_t *address)
{
    return endpoint_beyond_host (&address->at);
}
