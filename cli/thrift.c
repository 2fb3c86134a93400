/*  What is in use is told by the allocator, which takes a while and its locks; so it is asked only
 *  while the process holds a lot. After malloc_trim () it still calls free what it gave back, so
 *  what the process really holds is asked of the kernel.
 */
#define _GNU_SOURCE

#include "cli/thrift.h"

#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define WORTH_IT (8u * 1024 * 1024)  // octets
#define CODE     (10u * 1024 * 1024) // of what a process holds: libraries, stacks
#define LOOKS    4u                  // in a row: what is free just now may be needed again at once

// Octets of memory that the process holds; 0 if nobody knows.
static size_t resident (void)
{
    FILE *file = fopen ("/proc/self/statm", "re");
    unsigned long pages = 0;

    if (!file)
        return 0;
    if (fscanf (file, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose (file);
    return pages * (size_t)sysconf (_SC_PAGESIZE);
}

static bool wasteful (void)
{
    size_t held = resident ();

    if (held < CODE + WORTH_IT)
        return false;
    struct mallinfo2 info = mallinfo2 ();
    size_t used = info.uordblks + info.hblkhd;
    size_t spare = held - CODE > used ? held - CODE - used : 0;
    return spare > used && spare > WORTH_IT;
}

void thrift_look (void)
{
    static unsigned looks;

    looks = wasteful () ? looks + 1 : 0;
    if (looks < LOOKS)
        return;
    (void)malloc_trim (0); // whether there was anything to give
    looks = 0;
}
