/*  A folder in /tmp for nobody but this process, for its sockets. One that a killed process left
 *  behind is removed by the next that makes one: its lock file is not locked any more.
 *
 *  Threads: one. Owns: the folder and what is in it.
 */
#ifndef CLI_PRIVATE_FOLDER_H
#define CLI_PRIVATE_FOLDER_H

#define PRIVATE_FOLDER_PATH_MAX 32 // octets

typedef struct {
    char path[PRIVATE_FOLDER_PATH_MAX]; // "" if there is none
    int lock;                           // descriptor
} private_folder_t;

// 0, or -1 with errno.
int private_folder_make (private_folder_t *self);

// With every file in it. Nothing if there is none.
void private_folder_remove (private_folder_t *self);

#endif
