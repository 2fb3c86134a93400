/*  Doors for legacy peers in the broker's own process: a bridge, and a private endpoint of each
 * side between it and the broker. The connection that all clients share is over inproc, which takes
 * a quarter less of the processor for a task; those of workers, which come and go, over ipc: over
 *  inproc the broker learns of a peer's end by and by only.
 */
#ifndef CLI_DOORS_H
#define CLI_DOORS_H

#include "cli/door_options.h"
#include "cli/log.h"
#include "cli/private_folder.h"

#define DOORS_PATH_MAX 64 // octets

typedef struct {
    places_t places;
    bridge_options_t options;
    private_folder_t folder;
    char inner[SIDE_COUNT][DOORS_PATH_MAX];
    const char *endpoints[SIDE_COUNT]; // those, as lists of one
    bridge_t *bridge;
} doors_t;

/*  Sorts what the options name: what is left for the broker to bind is put into its options, with
 *  the private endpoints if there are doors. STATUS_OK, or the exit status after a complaint; to be
 *  finished in any case.
 */
int doors_init (doors_t *self, const options_t *options, zfabric_broker_options_t *broker);

// Opens the doors, once the broker is there. STATUS_OK, or the exit status after a complaint.
int doors_start (doors_t *self, log_t *log);

// Reads the certificates again.
void doors_reload (doors_t *self, log_t *log);

// The broker is about to end.
void doors_retire (doors_t *self);

// The broker has ended: its last answers are passed on, for a few seconds at the longest.
void doors_drain (doors_t *self);

// Closes them: what was said already has a moment to get out.
void doors_finish (doors_t *self);

// For bridge_options_t.say: `arg` is the log.
void doors_say (const char *text, void *log);

// Log lines of any bridge: where its doors are, and of its certificates.
void doors_say_places (const bridge_t *bridge, log_t *log);
void doors_reload_bridge (bridge_t *bridge, log_t *log);

#endif
