/*  The kernel gives out the lowest free descriptor: a high number says that few are left.
 */
#define _GNU_SOURCE

#include "cli/admission.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EVERYBODYS __attribute__ ((visibility ("default")))

static atomic_uint_fast64_t refused;

uint64_t admission_refused (void)
{
    return atomic_load (&refused);
}

uint64_t admission_limit (void)
{
    struct rlimit limit;

    return getrlimit (RLIMIT_NOFILE, &limit) ? 0 : (uint64_t)limit.rlim_cur;
}

EVERYBODYS int
accept4 (int listener, struct sockaddr *restrict address, socklen_t *restrict size, int flags)
{
    int accepted = (int)syscall (SYS_accept4, listener, address, size, flags);
    uint64_t limit = admission_limit ();

    if (accepted < 0 && errno != EMFILE)
        return -1;
    if (accepted >= 0 && (limit == 0 || (uint64_t)accepted + ADMISSION_RESERVE < limit))
        return accepted;
    if (accepted >= 0) {
        close (accepted);
        atomic_fetch_add (&refused, 1);
    }
    errno = ECONNABORTED; // every listener takes that for a peer that left
    return -1;
}

EVERYBODYS int accept (int listener, struct sockaddr *restrict address, socklen_t *restrict size)
{
    return accept4 (listener, address, size, 0);
}
