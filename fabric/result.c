#include "fabric/result.h"

#include <errno.h>

static const struct {
    const char *name;
    const char *meaning;
} codes[] = {
#define X(name, meaning) {#name, meaning},
    ZFABRIC_RESULT_CODES (X)
#undef X
};

const char *zfabric_rc_name (zfabric_rc_t rc)
{
    return (unsigned)rc < ZFABRIC_RESULT_COUNT ? codes[rc].name : "?";
}

const char *zfabric_rc_meaning (zfabric_rc_t rc)
{
    return (unsigned)rc < ZFABRIC_RESULT_COUNT ? codes[rc].meaning : "?";
}

int result_parse (slice_t name, zfabric_rc_t *rc)
{
    for (unsigned i = 0; i < ZFABRIC_RESULT_COUNT; i++) {
        if (slice_equal (name, slice_text (codes[i].name))) {
            *rc = (zfabric_rc_t)i;
            return 0;
        }
    }
    errno = EINVAL;
    return -1;
}
