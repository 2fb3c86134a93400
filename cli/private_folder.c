#define _GNU_SOURCE // mkdtemp, O_PATH

#include "cli/private_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARENT "/tmp"
#define PREFIX "zfabric-door-"
#define LOCK   "lock"

// The lock of a folder, without waiting; -1 if somebody has it, or it has none.
static int take_lock (int folder, int flags)
{
    int fd = openat (folder, LOCK, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);

    if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB)) {
        close (fd);
        return -1;
    }
    return fd;
}

// All files but the lock, and that at the very end: who has it still has the folder.
static void clear (int folder)
{
    int copy = fcntl (folder, F_DUPFD_CLOEXEC, 0);
    DIR *list = copy < 0 ? NULL : fdopendir (copy);

    for (struct dirent *entry; list && (entry = readdir (list));) {
        if (strcmp (entry->d_name, LOCK) != 0)
            (void)unlinkat (folder, entry->d_name, 0); // not "." and ".."
    }
    if (list)
        closedir (list);
    else if (copy >= 0)
        close (copy);
    (void)unlinkat (folder, LOCK, 0);
}

static int open_folder (int parent, const char *name)
{
    return openat (parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

// If it is ours and nobody's any more.
static void sweep_one (int parent, const char *name)
{
    struct stat status;
    int folder = open_folder (parent, name);

    if (folder < 0)
        return;
    if (fstat (folder, &status) == 0 && status.st_uid == geteuid ()) {
        int lock = take_lock (folder, 0);
        if (lock >= 0) {
            clear (folder);
            (void)unlinkat (parent, name, AT_REMOVEDIR);
            close (lock);
        }
    }
    close (folder);
}

static void sweep (void)
{
    DIR *list = opendir (PARENT);

    for (struct dirent *entry; list && (entry = readdir (list));) {
        if (strncmp (entry->d_name, PREFIX, strlen (PREFIX)) == 0)
            sweep_one (dirfd (list), entry->d_name);
    }
    if (list)
        closedir (list);
}

int private_folder_make (private_folder_t *self)
{
    char path[] = PARENT "/" PREFIX "XXXXXX";

    self->path[0] = '\0';
    sweep ();
    if (!mkdtemp (path))
        return -1;
    int folder = open_folder (AT_FDCWD, path);
    self->lock = folder < 0 ? -1 : take_lock (folder, O_CREAT);
    int problem = errno;
    if (folder >= 0)
        close (folder);
    if (self->lock < 0) {
        (void)rmdir (path);
        errno = problem;
        return -1;
    }
    memcpy (self->path, path, sizeof path);
    return 0;
}

void private_folder_remove (private_folder_t *self)
{
    if (!self->path[0])
        return;
    int folder = open_folder (AT_FDCWD, self->path);
    if (folder >= 0) {
        clear (folder);
        close (folder);
    }
    (void)rmdir (self->path);
    close (self->lock);
    self->path[0] = '\0';
}
