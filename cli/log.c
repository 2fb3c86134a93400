#define _POSIX_C_SOURCE 200809L

#include "cli/log.h"
#include "cli/safe_text.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_OCTETS 4096 // a longer event is not worth its line

zfabric_log_level_t log_level_of (uint64_t verbose)
{
    return verbose ? ZFABRIC_LOG_DEBUG : ZFABRIC_LOG_INFO;
}

void log_format (uint64_t time_ms, zfabric_log_level_t level, const char *text, buffer_t *out)
{
    static const char *const names[] = {[ZFABRIC_LOG_ERROR] = "ERROR",
                                        [ZFABRIC_LOG_WARNING] = "WARNING",
                                        [ZFABRIC_LOG_INFO] = "INFO",
                                        [ZFABRIC_LOG_DEBUG] = "DEBUG"};
    char stamp[64];
    struct tm when;
    time_t seconds = (time_t)(time_ms / 1000);

    gmtime_r (&seconds, &when);
    size_t len = strftime (stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &when);
    snprintf (stamp + len, sizeof stamp - len, ".%03uZ ", (unsigned)(time_ms % 1000));
    buffer_text (out, stamp);
    buffer_text (out, names[level]);
    buffer_octet (out, ' ');
    safe_text_append (slice_text (text), out);
    buffer_octet (out, '\n');
}

void log_write (zfabric_log_level_t level, const char *text, void *arg)
{
    const log_t *self = (const log_t *)arg;
    struct timespec now;
    buffer_t line;

    if (level > self->level)
        return;
    clock_gettime (CLOCK_REALTIME, &now);
    buffer_init (&line, LINE_MAX_OCTETS);
    log_format ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, level, text, &line);
    if (line.failed && line.len > 0)
        line.data[line.len - 1] = '\n';
    // There is nobody to tell that the log can't be written.
    ssize_t written = line.len ? write (STDERR_FILENO, line.data, line.len) : 0;
    (void)written;
    buffer_finish (&line);
}
