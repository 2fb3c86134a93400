/*  The folder with the certificates of those who may come in (`--authorized`), read by a thread of
 *  its own: a slow disk holds up nobody.
 *
 *  Every file in it is a certificate, but for those whose names start with a dot or end in `~` or
 *  `_secret`. It is looked at twice a second; what has changed is there within a second, as long as
 *  the disk keeps up. A file that is bad and only just written may be half of one: it is looked at
 *  again before it counts. A folder that can't be read, for lack of descriptors, say, changes
 *  nothing; one that is not there any more has no keys.
 *
 *  Owns: the thread. Threads: all functions on one.
 */
#ifndef BROKER_KEY_FOLDER_H
#define BROKER_KEY_FOLDER_H

#include "broker/keyring.h"
#include "fabric/fault.h"

#define KEY_FOLDER_KEYS_MAX   65536u // certificates
#define KEY_FOLDER_COMPLAINTS 10     // that are told of one reading
#define KEY_FOLDER_LOOK_MS    500

typedef struct {
    key_list_t keys;
    bool failed; // it could not be read: `complaints` say why, and `keys` say nothing
    size_t complained;
    fault_t complaints[KEY_FOLDER_COMPLAINTS]; // the first of them
} key_reading_t;

void key_reading_destroy (key_reading_t **self_p);

typedef struct key_folder key_folder_t;

/*  Reads the folder for the first time, and watches it from then on. NULL with errno (EPERM if
 *  everybody may write to it, EINVAL, ENOMEM, those of opendir ()) and a fault that names it.
 */
key_folder_t *key_folder_new (const char *path, fault_t *fault);
void key_folder_destroy (key_folder_t **self_p);

// A descriptor that is readable when there is something to take.
int key_folder_descriptor (const key_folder_t *self);

// The latest reading, which is the caller's to destroy; NULL if there is none that is new.
key_reading_t *key_folder_take (key_folder_t *self);

#endif
