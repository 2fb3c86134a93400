#define _POSIX_C_SOURCE 200809L

#include "cli/slurp.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define CHUNK 65536 // octets asked for at once

int slurp_open (const char *name)
{
    return strcmp (name, "-") == 0 ? STDIN_FILENO : open (name, O_RDONLY | O_CLOEXEC);
}

int slurp (const char *name, buffer_t *out)
{
    int file = slurp_open (name);
    ssize_t count = 1;

    if (file < 0)
        return -1;
    while (count > 0) {
        uint8_t chunk[CHUNK];
        count = read (file, chunk, sizeof chunk);
        if (count < 0 && errno == EINTR)
            count = 1;
        else if (count > 0)
            buffer_append (out, chunk, (size_t)count);
        if (out->failed) {
            errno = out->failed;
            count = -1;
        }
    }
    int saved = errno;
    if (file != STDIN_FILENO)
        close (file);
    errno = saved;
    return count < 0 ? -1 : 0;
}
