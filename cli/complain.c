#include "cli/complain.h"
#include "cli/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_OCTETS 1024 // a longer line is cut

static void complain_list (const char *format, va_list args)
{
    char text[LINE_MAX_OCTETS];

    vsnprintf (text, sizeof text, format, args);
    for (char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    }
    fprintf (stderr, "zfabric: %s\n", text);
}

void complain (const char *format, ...)
{
    va_list args;

    va_start (args, format);
    complain_list (format, args);
    va_end (args);
}

int complain_usage (const char *format, ...)
{
    va_list args;

    va_start (args, format);
    complain_list (format, args);
    va_end (args);
    return STATUS_USAGE;
}

int complain_failed (const char *format, ...)
{
    va_list args;

    va_start (args, format);
    complain_list (format, args);
    va_end (args);
    return STATUS_FAILED;
}

int complain_unwritten (void)
{
    bool failed = ferror (stdout) != 0;

    errno = 0;
    if (fflush (stdout) || failed)
        return complain_failed ("can't write to standard output: %s",
                                strerror (errno ? errno : EIO));
    return STATUS_OK;
}
