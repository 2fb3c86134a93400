/*  CZMQ installs handlers for SIGINT and SIGTERM when it is first used. A library has no business
 *  with these: what was there is put back. A program that wants CZMQ's handlers asks for them with
 *  zsys_handler_set () or zsys_catch_interrupts (), before or after.
 */
#define _POSIX_C_SOURCE 200809L

#include "fabric/context.h"

#include <czmq.h>
#include <pthread.h>
#include <signal.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // only one may look and put back at a time

void *context_of_process (void)
{
    struct sigaction interrupt, terminate;

    pthread_mutex_lock (&lock);
    (void)sigaction (SIGINT, NULL, &interrupt); // none of these can fail
    (void)sigaction (SIGTERM, NULL, &terminate);
    void *context = zsys_init ();
    (void)sigaction (SIGINT, &interrupt, NULL);
    (void)sigaction (SIGTERM, &terminate, NULL);
    pthread_mutex_unlock (&lock);
    return context;
}
