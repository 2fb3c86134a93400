/*  The options of a peer that has a key, --curve and --server-key, and the keys that they name.
 */
#ifndef CLI_KEY_OPTIONS_H
#define CLI_KEY_OPTIONS_H

#include "cli/options.h"

#include "fabric/key_file.h"

// The table to put into a command's list.
extern const option_t key_options[];

typedef struct {
    key_pair_t *pair;              // NULL: no keys are used
    char server_key[KEY_TEXT + 1]; // the broker's
} keys_t;

// Reads what the options name. STATUS_OK, or the exit status after a complaint.
int keys_load (keys_t *self, const options_t *options);

// The same for who has --worker-curve as well: that key if it was given, else --curve's.
int keys_load_as_worker (keys_t *self, const options_t *options);

// Wipes the secret; NULL-safe inside.
void keys_finish (keys_t *self);

static inline const char *keys_server (const keys_t *self)
{
    return self->pair ? self->server_key : NULL;
}

static inline const char *keys_public (const keys_t *self)
{
    return self->pair ? self->pair->public_key : NULL;
}

static inline const char *keys_secret (const keys_t *self)
{
    return self->pair ? self->pair->secret_key : NULL;
}

#endif
