#define _GNU_SOURCE

#include "tests/worker/children.h"

#include "tests/support/testing.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "fabric/moment.h"

#define PATIENCE_MS 10000u

bool children_is_alive (long pid)
{
    char path[64], text[512] = "";

    snprintf (path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen (path, "r");
    if (!file)
        return false;
    size_t got = fread (text, 1, sizeof text - 1, file);
    fclose (file);
    const char *state = got ? strrchr (text, ')') : NULL;
    return state && state[2] != 'Z' && state[2] != 'X';
}

void children_expect_dead (long pid)
{
    moment_t until = moment_after (moment_now (), PATIENCE_MS);

    assert_true (pid > 1);
    while (children_is_alive (pid)) {
        if (moment_now () > until)
            fail_msg ("process %ld is still there", pid);
        (void)poll (NULL, 0, 1); // a kill has no event for strangers
    }
}

void children_expect_none (void)
{
    errno = 0;
    assert_int_equal (waitpid (-1, NULL, WNOHANG), -1);
    assert_int_equal (errno, ECHILD);
}

unsigned children_count_descriptors (void)
{
    DIR *directory = opendir ("/proc/self/fd");
    unsigned count = 0;

    assert_non_null (directory);
    while (readdir (directory))
        count++;
    closedir (directory);
    return count;
}
