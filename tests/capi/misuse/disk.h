/* disk.h - a disk in memory: what is synced thousands of times should not wear a real one. */
#ifndef DISK_H
#define DISK_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Mounts one in a folder, for this process alone (../../netns). Gives its path. */
static inline const char *small_disk(const char *folder)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/disk", folder);
    if (mkdir(path, 0700) != 0 || mount("none", path, "tmpfs", 0, "size=64m") != 0) {
        perror(path);
        exit(2);
    }
    return path;
}

#endif
