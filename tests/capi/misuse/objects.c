/* objects.c - what tells one object from another of its kind, as the library tells it; and the files that they leave. */
#include "play.h"

#include <ftw.h>

const char *scratch, *vectors;

static uint64_t hash(const char *text, size_t size)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        h = (h ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    return h | 1;
}

/* A type's name, a message's "id", the limit of a broadcaster or listener, a reader's or a recorder's path. The rest has
 * nothing that a program could know it by: 0. */
uint64_t serial_of(int kind, void *value, int *code)
{
    char text[4000];
    size_t needed = 0;
    mcl_settings settings = {.size = sizeof settings};
    mcl_log_header header = {.size = sizeof header};
    uint64_t id = 0;
    *code = MCL_OK;
    switch (kind) {
    case KIND_type:
        *code = mcl_type_name(value, text, sizeof text, &needed, NULL);
        return hash(text, needed);
    case KIND_message:
        *code = mcl_message_get_uint(value, "id", 2, &id, NULL);
        return id;
    case KIND_broadcaster:
        *code = mcl_broadcaster_get_settings(value, &settings, NULL);
        return (uint64_t)settings.message_max;
    case KIND_listener:
        *code = mcl_listener_get_settings(value, &settings, NULL);
        return (uint64_t)settings.message_max;
    case KIND_log_reader:
        *code = mcl_log_reader_get_header(value, 0, &header, text, sizeof text, &needed, NULL);
        if (*code == MCL_EUNKNOWN) { /* one file of a split log */
            *code = MCL_OK;
            return 0;
        }
        return *code < 0 ? 0 : hash(header.path, strlen(header.path));
    case KIND_recorder:
        *code = mcl_recorder_directory(value, text, sizeof text, &needed, NULL);
        return hash(text, needed);
    }
    return 0;
}

void mark(mcl_message *message, uint64_t serial)
{
    mcl_message_set_uint(message, "id", 2, serial, NULL);
}

static int remove_one(const char *path, const struct stat *s, int flag, struct FTW *where)
{
    (void)s, (void)flag, (void)where;
    return remove(path), 0;
}

/* A log by its prefix, or a folder. */
void remove_path(const char *path)
{
    char name[512];
    if (path[0] == '/' && strncmp(path, scratch, strlen(scratch)) != 0)
        return;
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    for (int i = -2; i < 10; i++) {
        if (i < 0)
            snprintf(name, sizeof name, "%s.%s", path, i == -2 ? "tmp" : "log");
        else
            snprintf(name, sizeof name, "%s_%03d.log", path, i);
        remove(name);
    }
}
