/*  Recordings as files.
 *
 *  Files are made with the permissions 0600 and never written over: a recording has what clients
 *  sent, and its name can be guessed by whoever wants to put a link in its place.
 */
#ifndef BROKER_RECORDING_FILE_H
#define BROKER_RECORDING_FILE_H

#include "broker/recorder.h"
#include "fabric/buffer.h"

// Writes what the recorder holds to a new file. 0, or -1 with errno (EEXIST if it is there) and no
// such file is left.
int recording_file_write (const recorder_t *recorder, const char *path);

// Writes it to a descriptor, with write () only. 0, or -1 with errno. Async-signal-safe.
int recording_file_emit (const recorder_t *recorder, int descriptor);

// Reads a whole file. 0, or -1 with errno; EMSGSIZE beyond the buffer's limit.
int recording_file_read (const char *path, buffer_t *out);

#endif
