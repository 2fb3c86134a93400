/*  What `$metrics` tells of the process, asked of the kernel when somebody wants to know: a handful
 *  of system calls. What can't be learnt stays 0.
 */
#define _GNU_SOURCE

#include "broker/loop_inner.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

uint64_t loop_calendar_ms (void)
{
    struct timespec now = {0};

    (void)clock_gettime (CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void survey_memory (sb_survey_t *survey)
{
    FILE *file = fopen ("/proc/self/statm", "re");
    unsigned long all, held;

    if (!file)
        return;
    if (fscanf (file, "%lu %lu", &all, &held) == 2) {
        uint64_t page = (uint64_t)sysconf (_SC_PAGESIZE);
        survey->virtual = all * page;
        survey->resident = held * page;
    }
    fclose (file);
}

static uint64_t entries (const char *path)
{
    DIR *directory = opendir (path);
    uint64_t count = 0;

    if (!directory)
        return 0;
    while (readdir (directory))
        count++;
    closedir (directory);
    return count > 3 ? count - 3 : 0; // less ., .. and the directory's own
}

static void survey_descriptors (sb_survey_t *survey)
{
    struct stat status;
    struct rlimit limit;

    // Since Linux 6.2 the folder's size is the number, at no cost.
    if (stat ("/proc/self/fd", &status) == 0 && status.st_size > 0)
        survey->descriptors = (uint64_t)status.st_size;
    else
        survey->descriptors = entries ("/proc/self/fd");
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        survey->descriptors_max = limit.rlim_cur;
}

static uint64_t ms_of (struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_usec / 1000;
}

void loop_survey (void *arg, sb_survey_t *survey)
{
    const loop_t *self = (const loop_t *)arg;
    struct rusage usage;

    for (int side = 0; side < 2; side++) {
        survey->accepted[side] = self->accepted[side];
        survey->closed[side] = self->closed[side];
    }
    survey->started_ms = self->started_ms;
    survey_memory (survey);
    survey_descriptors (survey);
    if (getrusage (RUSAGE_SELF, &usage) == 0)
        survey->processor_ms = ms_of (usage.ru_utime) + ms_of (usage.ru_stime);
}
