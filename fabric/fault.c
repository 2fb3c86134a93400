#include "fabric/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// vsnprintf cuts anywhere: go back to the start of the character that lost its tail.
static void cut_at_character (char *text)
{
    size_t end = strlen (text);
    size_t start = end;

    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (lead >= 0xc0 && end - (start - 1) < wanted)
        text[start - 1] = '\0';
}

void fault_set (fault_t *fault, const char *format, ...)
{
    int saved = errno;
    va_list args;

    if (!fault)
        return;
    va_start (args, format);
    int wanted = vsnprintf (fault->text, sizeof fault->text, format, args);
    va_end (args);
    if (wanted >= (int)sizeof fault->text)
        cut_at_character (fault->text);
    for (char *at = fault->text; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    }
    errno = saved;
}
