#include "transports/door.h"

static const door_t *const doors[] = {&door_json, &door_http, &door_grpc};

const door_t *door_of (slice_t name)
{
    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++) {
        if (slice_equal (name, slice_text (doors[i]->name)))
            return doors[i];
    }
    return NULL;
}
