/*  A socket file that nobody listens on is left from a process that was killed: it is replaced. One
 *  that somebody listens on is not, nor is anything that is no socket.
 *
 *  The file has its mode from its first moment: fchmod () of the socket before bind () takes rights
 *  away, and chmod () after it gives what the umask held back.
 */
#define _GNU_SOURCE // SOCK_CLOEXEC

#include "transports/carrier.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096

static int open_socket (void)
{
    return socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

// Whether somebody listens there.
static bool is_live (const struct sockaddr_un *address)
{
    int fd = open_socket ();

    if (fd < 0)
        return true; // who can't look must not remove
    // EAGAIN: its queue is full.
    bool live = connect (fd, (const struct sockaddr *)address, sizeof *address) == 0
                || errno != ECONNREFUSED;
    close (fd);
    return live;
}

// Removes what is in the way, if it may be. 0 or -1 with errno.
static int make_room (const struct sockaddr_un *address)
{
    struct stat status;

    if (lstat (address->sun_path, &status))
        return errno == ENOENT ? 0 : -1;
    if (!S_ISSOCK (status.st_mode)) {
        errno = EEXIST;
        return -1;
    }
    if (is_live (address)) {
        errno = EADDRINUSE;
        return -1;
    }
    return unlink (address->sun_path) && errno != ENOENT ? -1 : 0;
}

static int bind_there (int fd, const struct sockaddr_un *address, mode_t mode)
{
    if (fchmod (fd, mode) || bind (fd, (const struct sockaddr *)address, sizeof *address))
        return -1;
    if (chmod (address->sun_path, mode) == 0 && listen (fd, BACKLOG) == 0)
        return 0;
    int problem = errno;
    (void)unlink (address->sun_path);
    errno = problem;
    return -1;
}

static int listen_unix (const char *text,
                        const address_t *address,
                        const carrier_options_t *options,
                        carrier_place_t *place,
                        fault_t *fault)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct stat status;
    int fd = -1;

    errno = ENAMETOOLONG;
    if (address->at.path.len >= sizeof at.sun_path)
        goto error;
    memcpy (at.sun_path, address->at.path.ptr, address->at.path.len);
    fd = open_socket ();
    if (fd < 0 || make_room (&at) || bind_there (fd, &at, options->mode))
        goto error;
    *place = (carrier_place_t){.fd = fd};
    snprintf (place->name, sizeof place->name, "%s", text);
    if (stat (at.sun_path, &status) == 0) {
        snprintf (place->path, sizeof place->path, "%s", at.sun_path);
        place->device = status.st_dev;
        place->inode = status.st_ino;
    }
    return 0;
error:
    fault_set (fault, "%s: %s", text,
               errno == EEXIST ? "there is a file, and it is no socket" : strerror (errno));
    int problem = errno;
    if (fd >= 0)
        close (fd);
    errno = problem;
    return -1;
}

static struct bufferevent *wrap (struct event_base *base, int fd, const carrier_options_t *options)
{
    struct bufferevent *octets = bufferevent_socket_new (base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)options;
    if (!octets)
        close (fd);
    return octets;
}

static void leave (carrier_place_t *place)
{
    struct stat status;

    // Somebody may have put another one in its place.
    if (place->path[0] && lstat (place->path, &status) == 0 && status.st_dev == place->device
        && status.st_ino == place->inode)
        (void)unlink (place->path);
    if (place->fd >= 0)
        close (place->fd);
    place->fd = -1;
}

const carrier_t carrier_unix = {
    .name = "unix",
    .listen = listen_unix,
    .wrap = wrap,
    .leave = leave,
};
