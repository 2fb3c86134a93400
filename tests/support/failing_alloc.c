#include "tests/support/failing_alloc.h"

#include <errno.h>
#include <stddef.h>

void *__real_malloc (size_t size);
void *__real_calloc (size_t count, size_t size);
void *__real_realloc (void *old, size_t size);
char *__real_strdup (const char *text);

void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t count, size_t size);
void *__wrap_realloc (void *old, size_t size);
char *__wrap_strdup (const char *text);

static enum { NEVER, ONCE, FROM } mode;
static unsigned long fail_at, asked;
static bool failed;

static void start (int new_mode, unsigned long n)
{
    mode = new_mode;
    fail_at = n;
    asked = 0;
    failed = false;
}

void alloc_fail_at (unsigned long n)
{
    start (ONCE, n);
}

void alloc_fail_from (unsigned long n)
{
    start (FROM, n);
}

void alloc_fail_never (void)
{
    start (NEVER, 0);
}

bool alloc_failed (void)
{
    return failed;
}

unsigned long alloc_count (void)
{
    return asked;
}

static bool fails_now (void)
{
    unsigned long n = asked++;

    if (mode == NEVER || n < fail_at || (mode == ONCE && n != fail_at))
        return false;
    failed = true;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc (size_t size)
{
    return fails_now () ? NULL : __real_malloc (size);
}

void *__wrap_calloc (size_t count, size_t size)
{
    return fails_now () ? NULL : __real_calloc (count, size);
}

void *__wrap_realloc (void *old, size_t size)
{
    return fails_now () ? NULL : __real_realloc (old, size);
}

char *__wrap_strdup (const char *text)
{
    return fails_now () ? NULL : __real_strdup (text);
}
