#include "transports/http_origin.h"

// Whether the origin is this host's, by whatever scheme.
static bool is_of (slice_t origin, slice_t host)
{
    return origin.len >= host.len + 3
           && memcmp (origin.ptr + origin.len - host.len, host.ptr, host.len) == 0
           && memcmp (origin.ptr + origin.len - host.len - 3, "://", 3) == 0;
}

bool http_origin_is_foreign (slice_t origin, slice_t host)
{
    return origin.ptr && !is_of (origin, host);
}

bool http_host_is_doubtful (slice_t host, const char *allowed)
{
    bool letters = false, dots = false;

    if (host.len > 0 && host.ptr[0] == '[')
        return false;
    for (size_t i = 0; i < host.len && host.ptr[i] != ':'; i++) {
        letters |= host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9');
        dots |= host.ptr[i] == '.';
    }
    if (!letters || !dots)
        return false;
    return !allowed || (strcmp (allowed, "*") != 0 && !is_of (slice_text (allowed), host));
}
