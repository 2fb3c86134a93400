/*  One datagram a message, lines of NAME=VALUE. The address is a path, or with @ for the first
 *  octet a name in Linux's abstract space.
 *
 *  There is no watchdog: what could be told here is that this thread lives, not that the broker's
 *  does, and a manager would be lulled.
 */
#define _GNU_SOURCE // SOCK_CLOEXEC

#include "cli/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GRACE_MS 10000u // for what comes after that time: lingering sends, the end of threads

static void tell (const char *words)
{
    const char *name = getenv ("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = name ? strlen (name) : 0;

    if (len < 2 || (*name != '/' && *name != '@') || len >= sizeof address.sun_path)
        return;
    memcpy (address.sun_path, name, len);
    if (*name == '@')
        address.sun_path[0] = '\0';
    int to = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (to < 0)
        return;
    // Nobody is there any more, or refuses: nothing that could be done about it.
    (void)sendto (to, words, strlen (words), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                  (socklen_t)(offsetof (struct sockaddr_un, sun_path) + len));
    close (to);
}

void notify_ready (void)
{
    tell ("READY=1\nSTATUS=serving");
}

void notify_stopping (uint64_t at_most_ms)
{
    char words[128];
    uint64_t ms =
        at_most_ms < UINT64_MAX / 1000 - GRACE_MS ? at_most_ms + GRACE_MS : UINT64_MAX / 1000;

    snprintf (words, sizeof words,
              "STOPPING=1\nSTATUS=running tasks finish\nEXTEND_TIMEOUT_USEC=%" PRIu64, ms * 1000);
    tell (words);
}
