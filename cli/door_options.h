/*  The options of doors, which `zfabric broker` and `zfabric bridge` share: where they are, and how
 *  they are kept.
 */
#ifndef CLI_DOOR_OPTIONS_H
#define CLI_DOOR_OPTIONS_H

#include "cli/options.h"
#include "transports/bridge.h"

// The table to put into a command's list. The command has --serve, --listen, --insecure,
// --max-payload, --outbox and --drain of its own.
extern const option_t door_options[];

// What --serve and --listen name, sorted: doors, and what a broker binds itself.
typedef struct {
    const char **doors[SIDE_COUNT];
    size_t door_count[SIDE_COUNT];
    const char **plain[SIDE_COUNT]; // with room for one more
    size_t plain_count[SIDE_COUNT];
} places_t;

// 0, or -1: ENOMEM. The texts are the options'.
int places_init (places_t *self, const options_t *options);
void places_finish (places_t *self);

static inline bool places_have_doors (const places_t *self)
{
    return self->door_count[SIDE_CLIENTS] + self->door_count[SIDE_WORKERS] > 0;
}

// STATUS_OK, or the exit status after a complaint. What it fills in borrows from both.
int door_options_take (const options_t *options, const places_t *places, bridge_options_t *bridge);

#endif
