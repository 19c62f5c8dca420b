/* scratch.h - a folder for a program's files, which is gone when the program ends; and what the files hold. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "test.h"

#include <ftw.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>

static char scratch_folder[PATH_MAX / 2];
static pid_t scratch_owner;

static int scratch_remove_one(const char *path, const struct stat *s, int kind, struct FTW *where)
{
    (void)s, (void)kind, (void)where;
    return remove(path);
}

static void scratch_remove(void)
{
    if (getpid() == scratch_owner)
        nftw(scratch_folder, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* The template of a name in the folder for temporary files, for mkstemp and mkdtemp. */
static inline char *temporary(char template[PATH_MAX / 2])
{
    const char *folder = getenv("TMPDIR");
    snprintf(template, PATH_MAX / 2, "%s/mcl-capi-XXXXXX", folder != NULL ? folder : "/tmp");
    return template;
}

/* A path in the folder; of the last eight, each has memory of its own. */
static inline const char *in_scratch(const char *name)
{
    static char paths[8][PATH_MAX];
    static unsigned next;
    if (scratch_owner == 0) {
        CHECK(mkdtemp(temporary(scratch_folder)) != NULL);
        scratch_owner = getpid();
        atexit(scratch_remove);
    }
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_folder, name);
    return path;
}

static inline int exists(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0;
}

/* A whole file, ended by NUL; to be freed. */
static inline char *file_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    size_t room = 1 << 20, size = 0, got;
    char *text = malloc(room);
    while ((got = fread(text + size, 1, room - size - 1, file)) > 0) {
        size += got;
        if (room - size < 2)
            text = realloc(text, room *= 2);
    }
    text[size] = 0;
    fclose(file);
    return text;
}

static inline void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* A file system of so many bytes on a folder of this name, for this process alone (./run). */
static inline const char *small_disk(const char *name, int size)
{
    const char *path = in_scratch(name);
    char options[40];
    snprintf(options, sizeof options, "size=%d", size);
    CHECK(mkdir(path, 0700) == 0);
    CHECK(mount("none", path, "tmpfs", 0, options) == 0);
    return path;
}

#endif
