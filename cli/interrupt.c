/*  The handler counts, and writes an octet into a pipe: both are allowed in a handler, on whichever
 *  thread it runs.
 */
#define _GNU_SOURCE

#include "cli/interrupt.h"
#include "cli/command.h"

#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t count;
static volatile sig_atomic_t leave_at_second;
static volatile sig_atomic_t hangups;
static int ends[2] = {-1, -1};

static void on_signal (int number)
{
    int saved = errno;

    (void)number;
    count = count + 1;
    if (count > 1 && leave_at_second)
        _exit (STATUS_INTERRUPTED);
    (void)!write (ends[1], "", 1); // a full pipe is readable all the same
    errno = saved;
}

int interrupt_start (bool leave)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    zsys_handler_set (NULL);
    leave_at_second = leave;
    if (pipe2 (ends, O_CLOEXEC | O_NONBLOCK))
        return -1;
    sigemptyset (&action.sa_mask);
    if (sigaction (SIGINT, &action, NULL) || sigaction (SIGTERM, &action, NULL))
        return -1;
    return ends[0];
}

unsigned interrupt_count (void)
{
    char octets[16];
    int saved = errno;

    while (ends[0] >= 0 && read (ends[0], octets, sizeof octets) > 0)
        ;
    errno = saved;
    return (unsigned)count;
}

static void on_hangup (int number)
{
    int saved = errno;

    (void)number;
    hangups = 1;
    (void)!write (ends[1], "", 1);
    errno = saved;
}

int hangup_start (void)
{
    struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};

    sigemptyset (&action.sa_mask);
    return sigaction (SIGHUP, &action, NULL);
}

bool hangup_came (void)
{
    bool came = hangups;

    hangups = 0;
    return came;
}
