/* Few descriptors: the first use of anything works or is an error, and works as soon as there are enough. It never ends the
 * process, as Go's runtime does when it gets none. Each case is this program again:
 *
 *     descriptors                     all cases
 *     descriptors USE FREE [COPY]     with so many free; COPY is a copy of the library that is loaded only then
 */
#include "copy.h"

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

enum { LIMIT = 64 };

/* ---- Uses ---- */

static void *library = RTLD_DEFAULT; /* or a copy */
#define CALL(function) ((__typeof__(function) *)dlsym(library, #function))

static mcl_connection connection; /* of group() */
static const char *folder;        /* with a log, "log" */

/* A path in the folder. */
static const char *at(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int listener(void)
{
    mcl_listener *l;
    int code = CALL(mcl_listener_open)(&connection, NULL, &l, &error);
    if (code == 0) {
        code = CALL(mcl_listener_wait)(l, 0, &error);
        CALL(mcl_listener_close)(l, NULL);
    }
    return code;
}

static int broadcaster(void)
{
    static char large[300000];
    mcl_broadcaster *b;
    int code = CALL(mcl_broadcaster_open)(&connection, NULL, &b, &error);
    if (code == 0) {
        code = CALL(mcl_broadcaster_publish_bytes)(b, NULL, 0, large, sizeof large, &error);
        CALL(mcl_broadcaster_close)(b);
    }
    return code;
}

static int writer(void)
{
    mcl_log_writer *w;
    remove(at("new.log"));
    remove(at("new.tmp"));
    int code = CALL(mcl_log_writer_open)(at("new"), NULL, &w, &error);
    if (code == 0) {
        CALL(mcl_log_writer_write)(w, NULL, 0, "\xc0", 1, 0, NULL); /* it may wait for a descriptor: no error */
        code = CALL(mcl_log_writer_close)(w, NULL, &error);
    }
    return code;
}

static int reader(void)
{
    mcl_log_reader *r;
    mcl_log_record record;
    char buffer[100];
    int code = CALL(mcl_log_reader_open)(at("log"), NULL, &r, &error);
    if (code == 0) {
        code = CALL(mcl_log_reader_read)(r, &record, 1, buffer, sizeof buffer, NULL, &error);
        CALL(mcl_log_reader_close)(r);
    }
    return code;
}

static int directory(void)
{
    mcl_log_reader *r;
    int code = CALL(mcl_log_reader_open_directory)(folder, NULL, &r, &error);
    if (code == 0)
        CALL(mcl_log_reader_close)(r);
    return code;
}

static int recorder(void)
{
    mcl_recorder *r;
    int code = CALL(mcl_recorder_open)(at("recorded"), &connection, NULL, &r, &error);
    if (code == 0)
        code = CALL(mcl_recorder_close)(r, NULL, NULL, &error);
    return code;
}

static int replay(void)
{
    mcl_replay *r;
    int code = CALL(mcl_replay_open)(NULL, 1, NULL, &r, &error);
    if (code == 0) {
        code = CALL(mcl_replay_wait)(r, 0, &error);
        CALL(mcl_replay_close)(r, NULL);
    }
    return code;
}

static int type(void)
{
    mcl_type *t;
    int code = CALL(mcl_type_new)("Type", NULL, 0, &connection, &t, &error);
    if (code == 0)
        CALL(mcl_type_close)(t);
    return code;
}

static int (*const uses[])(void) = {listener, broadcaster, writer, reader, directory, recorder, replay, type};
static const char *const names[] = {"listener", "broadcaster", "writer", "reader", "directory", "recorder", "replay", "type"};
enum { USES = sizeof uses / sizeof *uses };

/* ---- One ---- */

static int held[LIMIT], count;

static void hold_all_but(int free)
{
    int fd;
    CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){LIMIT, LIMIT}) == 0);
    while ((fd = open("/dev/null", O_RDONLY)) >= 0)
        held[count++] = fd;
    while (free-- > 0)
        close(held[--count]);
}

static int free_descriptors(void)
{
    int free = 0;
    for (int fd = 0; fd < LIMIT; fd++)
        free += fcntl(fd, F_GETFD) < 0;
    return free;
}

static int one(char **argv)
{
    int use = atoi(argv[1]), free = atoi(argv[2]);
    alarm(60);
    connection = group();
    folder = getenv("FOLDER");
    hold_all_but(free);
    if (argv[3] != NULL) {
        library = dlopen(argv[3], RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) { /* the loader needs one itself */
            EQUAL(0, free);
            while (count > 0)
                close(held[--count]);
            return report("descriptors");
        }
    }
    int before = free_descriptors(), code = uses[use]();
    if (code < 0) {
        EQUAL(MCL_EDESCRIPTORS, code);
        EQUAL(EMFILE, error.system);
        SAYS("ulimit -n");
        SAYS("may have 64");
        if (argv[3] == NULL)
            EQUAL(before, free_descriptors());
        CHECK(free < MCL_OPEN_DESCRIPTORS);
    }
    while (count > 0)
        close(held[--count]);
    if ((code = uses[use]()) < 0)
        fprintf(stderr, "%s, which had failed: %s\n", names[use], error.text);
    CHECK(code >= 0);
    return report("descriptors");
}

/* ---- All of them ---- */

static void run(int use, int free, const char *copy)
{
    char first[20], second[20];
    snprintf(first, sizeof first, "%d", use);
    snprintf(second, sizeof second, "%d", free);
    char *arguments[] = {"descriptors", first, second, (char *)copy, NULL};
    int status = -1;
    pid_t child;
    CHECK(posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    if (status != 0)
        fprintf(stderr, "%s, %d free%s: status %#x\n", names[use], free, copy == NULL ? "" : " when it is loaded", status);
    EQUAL(0, status);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return one(argv);
    folder = in_scratch("");
    setenv("FOLDER", folder, 1);
    mcl_log_writer *w;
    MUST(mcl_log_writer_open(at("log"), NULL, &w, &error));
    MUST(mcl_log_writer_write(w, NULL, 0, "\xc0", 1, 0, &error));
    MUST(mcl_log_writer_close(w, NULL, &error));
    const char *copy = copied_library();
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* which takes descriptors, and time */
    for (int use = 0; use < USES; use++)
        for (int free = 0; free <= MCL_OPEN_DESCRIPTORS; free++) {
            run(use, free, NULL);
            run(use, free, copy);
        }
    return report("descriptors");
}
