/*  The handler of SIGUSR2 only counts. That of SIGABRT runs in a process that is about to die, with
 *  who knows what lock taken: it opens a file whose name was made beforehand, and writes.
 */
#define _GNU_SOURCE

#include "cli/flight.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_OCTETS 4096 // what Linux takes

static volatile sig_atomic_t wanted;
static zfabric_broker_t *volatile recorded; // NULL: none
static char folder[PATH_OCTETS - 64];
static char crash_path[PATH_OCTETS];

static void on_wish (int number)
{
    (void)number;
    wanted = wanted + 1;
}

static void on_abort (int number)
{
    zfabric_broker_t *broker = recorded;
    int file = broker ? open (crash_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;

    if (file >= 0) {
        (void)zfabric_broker_emit (broker, file);
        close (file);
    }
    // The default action is back: abort () goes on, and a SIGABRT from elsewhere ends the process.
    (void)raise (number);
}

int flight_start (zfabric_broker_t *broker, const char *directory)
{
    struct sigaction wish = {.sa_handler = on_wish, .sa_flags = SA_RESTART};
    struct sigaction crash = {.sa_handler = on_abort, .sa_flags = (int)SA_RESETHAND};

    if (strlen (directory) >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy (folder, directory, strlen (directory) + 1);
    snprintf (crash_path, sizeof crash_path, "%s/zfabric-%ld-crash.recording", folder,
              (long)getpid ());
    sigemptyset (&wish.sa_mask);
    sigemptyset (&crash.sa_mask);
    recorded = broker;
    return sigaction (SIGUSR2, &wish, NULL) || sigaction (SIGABRT, &crash, NULL) ? -1 : 0;
}

void flight_stop (void)
{
    recorded = NULL;
}

void flight_look (void)
{
    static unsigned count;
    char path[PATH_OCTETS];

    if (!wanted || !recorded)
        return;
    wanted = 0;
    snprintf (path, sizeof path, "%s/zfabric-%ld-%u.recording", folder, (long)getpid (), ++count);
    (void)zfabric_broker_record (recorded, path); // its log tells
}
