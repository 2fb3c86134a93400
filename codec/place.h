/*  A place in a document, in the words of a fault: `variables.a[3]`. Long ones are cut.
 */
#ifndef CODEC_PLACE_H
#define CODEC_PLACE_H

#include "fabric/fault.h"
#include "fabric/slice.h"

#define PLACE_STEPS 16 // levels of which a place tells

typedef struct {
    char text[FAULT_TEXT_MAX / 2];
    size_t len;
    bool cut;
} place_t;

void place_init (place_t *self, slice_t root);
void place_key (place_t *self, slice_t key);
void place_index (place_t *self, uint32_t index);

#endif
