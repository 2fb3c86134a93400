/*  The keys of a benchmark with CURVE: a pair for the broker, and one for all of its peers, in a
 *  folder of their own that goes with them.
 *
 *  Owns: the folder and the pair.
 */
#ifndef LOAD_KEYS_H
#define LOAD_KEYS_H

#include "fabric/key_file.h"

typedef struct {
    char folder[64];     // "": there is none
    char broker[96];     // the broker's secret certificate, for --curve
    char authorized[96]; // the folder for --authorized, with the peers' certificate
    char server_key[KEY_TEXT + 1];
    key_pair_t *pair; // the peers'
} keys_t;

// 0, or -1 with errno and a fault; to be removed in either case.
int keys_make (keys_t *self, fault_t *fault);
void keys_remove (keys_t *self);

#endif
