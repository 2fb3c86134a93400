#define _POSIX_C_SOURCE 200809L

#include "broker/recording_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define READ_OCTETS 65536

static int write_all (int descriptor, slice_t octets)
{
    while (octets.len) {
        ssize_t written = write (descriptor, octets.ptr, octets.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        octets = slice_of (octets.ptr + written, octets.len - (size_t)written);
    }
    return 0;
}

int recording_file_emit (const recorder_t *recorder, int descriptor)
{
    uint8_t head[RECORDING_HEAD_OCTETS];
    slice_t pieces[RECORDER_PIECES]; // 16 KiB of stack
    size_t count = recorder_pieces (recorder, head, pieces);

    for (size_t i = 0; i < count; i++) {
        if (write_all (descriptor, pieces[i]))
            return -1;
    }
    return 0;
}

int recording_file_write (const recorder_t *recorder, const char *path)
{
    int descriptor = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (descriptor < 0)
        return -1;
    int rc = recording_file_emit (recorder, descriptor);
    int saved = errno;
    if (close (descriptor) && rc == 0) {
        rc = -1;
        saved = errno;
    }
    if (rc)
        (void)unlink (path); // half of it is of no use
    errno = saved;
    return rc;
}

int recording_file_read (const char *path, buffer_t *out)
{
    int descriptor = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 1;

    if (descriptor < 0)
        return -1;
    while (got > 0) {
        uint8_t *place = buffer_reserve (out, READ_OCTETS);
        if (!place)
            break;
        got = read (descriptor, place, READ_OCTETS);
        if (got > 0)
            out->len += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    int saved = out->failed ? out->failed : errno;
    (void)close (descriptor);
    errno = saved;
    return out->failed || got < 0 ? -1 : 0;
}
