/*  The keyring: the keys that may come in, and what each may do. A pure table; who reads the
 *  certificates gives it a list of them now and then (broker/key_folder.h).
 *
 *  Owns: its cards. Threads: one.
 */
#ifndef BROKER_KEYRING_H
#define BROKER_KEYRING_H

#include "broker/switchboard_io.h"
#include "fabric/key.h"
#include "fabric/list.h"
#include "fabric/table.h"

#define KEY_NAME_MAX 64 // octets of a key's name, the final NUL among them

// A key as a certificate tells it.
typedef struct {
    fabric_key_t key;
    unsigned roles;          // rights_role_t
    slice_t rights;          // rights_write (); its memory is owned
    char name[KEY_NAME_MAX]; // its file's, for people
} key_entry_t;

typedef struct {
    key_entry_t *entries;
    size_t count;
} key_list_t;

void key_list_finish (key_list_t *self);

// A key that may come in.
typedef struct {
    table_node_t by_key;
    list_node_t in_all;
    key_entry_t entry;
    sb_key_t number;         // its alone, for ever
    char text[KEY_TEXT + 1]; // Z85
    bool told;               // the switchboard knows of it: kept by the caller
    bool listed;             // while an update runs
} card_t;

#define KEYRING_MET 256u // a power of two

typedef struct {
    table_t by_key;
    list_t all;
    size_t count;
    sb_key_t numbers; // source of numbers
    uint8_t secret[TABLE_KEY_OCTETS];
    card_t *met[KEYRING_MET]; // found by their texts, the latest in each place; or NULL
} keyring_t;

// 0 or -1 (ENOMEM).
int keyring_init (keyring_t *self, const uint8_t secret[static TABLE_KEY_OCTETS]);
void keyring_finish (keyring_t *self);

card_t *keyring_find (const keyring_t *self, const fabric_key_t *key);

// The same by its text (Z85, with a NUL), as it stands beside every packet: one that was found
// before costs a comparison.
card_t *keyring_find_text (keyring_t *self, const char *text);

typedef struct {
    size_t added;
    size_t changed;
    size_t removed;
} keyring_news_t;

/*  Makes the ring what the list says, whose entries it takes. `changed` is told of each card that
 *  was there and has other rights now, or (without roles and rights) is about to go. Of a key that
 *  is there twice the first counts. 0, or -1 (ENOMEM): what could not be entered may not come in.
 */
typedef void (keyring_changed_fn) (card_t *card, void *arg);
int keyring_update (keyring_t *self,
                    key_list_t *list,
                    keyring_changed_fn *changed,
                    void *arg,
                    keyring_news_t *news);

#endif
