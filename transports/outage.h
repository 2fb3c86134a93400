/*  What keeps the doors of one side from their broker, for the log: each reason when it comes, and
 *  again once a minute while it lasts, however many connections say it how often.
 *
 *  Threads: the loop's. Owns: nothing.
 */
#ifndef TRANSPORTS_OUTAGE_H
#define TRANSPORTS_OUTAGE_H

#include "fabric/fault.h"
#include "fabric/moment.h"

#define OUTAGE_AGAIN_MS 60000u

typedef struct {
    const char *whom;                          // "clients", "workers"
    void (*say) (const char *text, void *arg); // NULL: nobody listens
    void *arg;
    char said[FAULT_TEXT_MAX]; // "": nothing yet
    moment_t until;            // when it may be said again
} outage_t;

void outage_tell (outage_t *self, const char *reason, moment_t now);

#endif
