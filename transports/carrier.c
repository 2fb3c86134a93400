#include "transports/carrier.h"

static const carrier_t *const carriers[] = {&carrier_tcp, &carrier_tls, &carrier_unix};

const carrier_t *carrier_of (slice_t name)
{
    for (size_t i = 0; i < sizeof carriers / sizeof *carriers; i++) {
        if (slice_equal (name, slice_text (carriers[i]->name)))
            return carriers[i];
    }
    return NULL;
}
