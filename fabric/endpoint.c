#define _POSIX_C_SOURCE 200809L

#include "fabric/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>

static bool starts_with (const char *text, const char *prefix)
{
    return strncmp (text, prefix, strlen (prefix)) == 0;
}

static bool port_valid (slice_t port)
{
    unsigned value = 0;

    if (slice_equal (port, slice_text ("*")))
        return true;
    if (port.len < 1 || port.len > 5)
        return false;
    for (size_t i = 0; i < port.len; i++) {
        if (port.ptr[i] < '0' || port.ptr[i] > '9')
            return false;
        value = value * 10 + (unsigned)(port.ptr[i] - '0');
    }
    return value <= 65535;
}

static int parse_tcp (const char *rest, endpoint_t *endpoint)
{
    const char *colon = strrchr (rest, ':');

    if (!colon || colon == rest)
        return -1;
    endpoint->host = slice_of (rest, (size_t)(colon - rest));
    endpoint->port = slice_text (colon + 1);
    if (rest[0] == '[') {
        if (endpoint->host.len < 3 || colon[-1] != ']')
            return -1;
        endpoint->host = slice_of (rest + 1, endpoint->host.len - 2);
    } else if (memchr (rest, ':', endpoint->host.len)) {
        return -1; // an IPv6 address without its brackets
    }
    return port_valid (endpoint->port) ? 0 : -1;
}

int endpoint_parse (const char *text, endpoint_t *endpoint, fault_t *fault)
{
    *endpoint = (endpoint_t){0};
    if (strlen (text) >= ENDPOINT_MAX)
        goto error;
    if (starts_with (text, "tcp://")) {
        endpoint->kind = ENDPOINT_TCP;
        if (parse_tcp (text + 6, endpoint))
            goto error;
        return 0;
    }
    if (starts_with (text, "ipc://") && text[6]) {
        endpoint->kind = ENDPOINT_IPC;
        endpoint->path = slice_text (text + 6);
        return 0;
    }
    if (starts_with (text, "inproc://") && text[9]) {
        endpoint->kind = ENDPOINT_INPROC;
        endpoint->path = slice_text (text + 9);
        return 0;
    }
error:
    fault_set (
        fault,
        "%s: not an endpoint (tcp://HOST:PORT, tcp://[IPV6]:PORT, ipc://PATH, inproc://NAME)",
        text);
    errno = EINVAL;
    return -1;
}

// The host as a text of its own; "" if it is longer than any address.
static void copy_host (const endpoint_t *endpoint, char host[static INET6_ADDRSTRLEN])
{
    size_t len = endpoint->host.len < INET6_ADDRSTRLEN ? endpoint->host.len : 0;

    if (len)
        memcpy (host, endpoint->host.ptr, len);
    host[len] = '\0';
}

bool endpoint_is_ipv4 (const endpoint_t *endpoint)
{
    char host[INET6_ADDRSTRLEN];
    struct in_addr address;

    copy_host (endpoint, host);
    return inet_pton (AF_INET, host, &address) == 1;
}

bool endpoint_beyond_host (const endpoint_t *endpoint)
{
    char host[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;

    if (endpoint->kind != ENDPOINT_TCP)
        return false;
    if (slice_equal (endpoint->host, slice_text ("localhost"))
        || slice_equal (endpoint->host, slice_text ("lo")))
        return false;
    copy_host (endpoint, host);
    if (inet_pton (AF_INET, host, &v4) == 1)
        return ntohl (v4.s_addr) >> 24 != 127;
    if (inet_pton (AF_INET6, host, &v6) != 1)
        return true;
    // ::ffff:127.0.0.1 is what an IPv6 socket calls 127.0.0.1.
    if (IN6_IS_ADDR_V4MAPPED (&v6))
        return v6.s6_addr[12] != 127;
    return memcmp (&v6, &in6addr_loopback, sizeof v6) != 0;
}
