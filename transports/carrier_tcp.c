/*  Hosts that vanish are noticed by the kernel: keep-alives on connections that are still, the user
 *  timeout on those with something on its way.
 */
#define _GNU_SOURCE // SOCK_CLOEXEC, TCP_USER_TIMEOUT

#include "transports/carrier.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG         4096
#define USER_TIMEOUT_MS 10000
#define KEEP_IDLE_S     5
#define KEEP_INTERVAL_S 2
#define KEEP_COUNT      3

static void set_number (int fd, int level, int option, int value)
{
    (void)setsockopt (fd, level, option, &value, sizeof value); // a wish
}

static int open_socket (const struct addrinfo *info)
{
    int fd = socket (info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    set_number (fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bind (fd, info->ai_addr, info->ai_addrlen) == 0 && listen (fd, BACKLOG) == 0)
        return fd;
    int problem = errno;
    close (fd);
    errno = problem;
    return -1;
}

static int resolve (const address_t *address, struct addrinfo **found)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    char host[ENDPOINT_MAX], port[8];
    bool any = slice_equal (address->at.host, slice_text ("*"));
    bool free_port = slice_equal (address->at.port, slice_text ("*"));

    snprintf (host, sizeof host, "%.*s", (int)address->at.host.len,
              (const char *)address->at.host.ptr);
    snprintf (port, sizeof port, "%.*s", (int)address->at.port.len,
              (const char *)address->at.port.ptr);
    return getaddrinfo (any ? NULL : host, free_port ? "0" : port, &hints, found);
}

static unsigned bound_port (int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;

    if (getsockname (fd, (struct sockaddr *)&address, &size))
        return 0;
    return address.ss_family == AF_INET6
               ? ntohs (((struct sockaddr_in6 *)(void *)&address)->sin6_port)
               : ntohs (((struct sockaddr_in *)(void *)&address)->sin_port);
}

int carrier_tcp_listen (const char *text,
                        const address_t *address,
                        const carrier_options_t *options,
                        carrier_place_t *place,
                        fault_t *fault)
{
    struct addrinfo *found;
    int rc = resolve (address, &found);

    (void)options;
    if (rc) {
        fault_set (fault, "%s: %s", text, gai_strerror (rc));
        errno = EINVAL;
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *info = found; info && fd < 0; info = info->ai_next)
        fd = open_socket (info);
    int problem = errno;
    freeaddrinfo (found);
    if (fd < 0) {
        fault_set (fault, "%s: %s", text, strerror (problem));
        errno = problem;
        return -1;
    }
    size_t head = strlen (text) - address->at.port.len;
    *place = (carrier_place_t){.fd = fd};
    snprintf (place->name, sizeof place->name, "%.*s%u", (int)head, text, bound_port (fd));
    return 0;
}

void carrier_tcp_tune (int fd)
{
    set_number (fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_number (fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
    set_number (fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_number (fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
    set_number (fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
    set_number (fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT);
}

static struct bufferevent *wrap (struct event_base *base, int fd, const carrier_options_t *options)
{
    (void)options;
    carrier_tcp_tune (fd);
    struct bufferevent *octets = bufferevent_socket_new (base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!octets)
        close (fd);
    return octets;
}

void carrier_tcp_leave (carrier_place_t *place)
{
    if (place->fd >= 0)
        close (place->fd);
    place->fd = -1;
}

const carrier_t carrier_tcp = {
    .name = "tcp",
    .any_name = true,
    .listen = carrier_tcp_listen,
    .tune = carrier_tcp_tune,
    .wrap = wrap,
    .leave = carrier_tcp_leave,
};
