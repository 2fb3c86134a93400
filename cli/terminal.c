#define _GNU_SOURCE

#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool terminal_is (int file)
{
    const char *kind = getenv ("TERM");

    return isatty (file) && kind && *kind && strcmp (kind, "dumb") != 0;
}

void terminal_size (int file, size_t *width, size_t *height)
{
    struct winsize size = {0};

    (void)ioctl (file, TIOCGWINSZ, &size); // what it does not say stays 0
    if (width)
        *width = size.ws_col ? size.ws_col : 80;
    if (height)
        *height = size.ws_row ? size.ws_row : 24;
}
