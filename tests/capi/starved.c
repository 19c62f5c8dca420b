/* Little memory and few threads: what the library holds stays within its limits, and it needs no thread for each object.
 *
 * Each part is this program again, with the limit of setrlimit(2) that it was started under. */
#include "copy.h"

#include <arpa/inet.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define MiB ((int64_t)1 << 20)
#define THREADS_MAX 64

/* A line of /proc/self/status, in its unit. */
static long status(const char *name)
{
    char line[200];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = atol(line + strlen(name) + 1);
    if (file != NULL)
        fclose(file);
    return value;
}

/* Half a gigabyte of messages that nobody takes, and of fragments that never become whole. */
static void little_memory(void)
{
    enum { MESSAGES = 2500, SIZE = 200000, FRAGMENT = 33000 };
    static unsigned char fragment[FRAGMENT + 16] = {0x94, 0xc0, 1, 100, 0xda, FRAGMENT >> 8, FRAGMENT & 0xff};
    static char text[SIZE];
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(MCL_PORT_DEFAULT)};
    mcl_connection c = group();
    mcl_listener_options options = MCL_LISTENER_OPTIONS_INIT;
    mcl_listener_stats s = {.size = sizeof s};
    mcl_listener *l;
    mcl_broadcaster *b = broadcast_with(NULL);
    long before = status("VmRSS");

    options.queue_bytes = 32 * MiB;
    c.reassembly_bytes = 32 * MiB;
    MUST(mcl_listener_open(&c, &options, &l, &error));
    inet_pton(AF_INET6, GROUP, &to.sin6_addr);
    for (int i = 0; i < MESSAGES; i++) {
        int fd = socket(AF_INET6, SOCK_DGRAM, 0); /* another port, and so another sender */
        MUST(mcl_broadcaster_publish_string(b, NULL, 0, text, SIZE, &error));
        CHECK(sendto(fd, fragment, FRAGMENT + 7, 0, (struct sockaddr *)&to, sizeof to) == FRAGMENT + 7);
        close(fd);
        MUST(mcl_listener_get_stats(l, &s, &error));
        CHECK((int64_t)s.queued_bytes <= 32 * MiB && (int64_t)s.assembling_bytes <= 32 * MiB);
    }
    CHECK(s.dropped_queue > 0 && s.evicted > 0);
    long grown = status("VmRSS") - before;
    fprintf(stderr, "64 MiB of limits: %ld MiB more memory\n", grown >> 10);
    CHECK(grown < 4 * 64 << 10);
    MUST(mcl_listener_close(l, NULL));
    MUST(mcl_broadcaster_close(b));
}

static void few_threads(void)
{
    enum { MANY = 300 };
    static mcl_listener *all[MANY];
    mcl_connection c = group();
    char buffer[100];
    mcl_received r;
    mcl_broadcaster *b = broadcast_with(NULL);
    c.recv_buffer = 100000;
    for (int i = 0; i < MANY; i++)
        MUST(mcl_listener_open(&c, NULL, &all[i], &error));
    for (int i = 0; i < 20; i++)
        MUST(mcl_broadcaster_publish_int(b, NULL, 0, i, &error));
    for (int i = 0; i < MANY; i++)
        for (int n = 0; n < 20; n++)
            EQUAL(1, mcl_listener_recv(all[i], 10000, &r, buffer, sizeof buffer, NULL, &error));
    fprintf(stderr, "%d listeners: %ld threads\n", MANY, status("Threads"));
    CHECK(status("Threads") < 32);
    for (int i = 0; i < MANY; i++)
        MUST(mcl_listener_close(all[i], NULL));
    MUST(mcl_broadcaster_close(b));
}

static void *waits(void *unused)
{
    pause();
    return unused;
}

/* Is the number of threads limited here? */
static int threads_are_limited(void)
{
    pthread_t threads[THREADS_MAX];
    int made = 0, limited = 0;
    while (made < THREADS_MAX && !limited)
        if (pthread_create(&threads[made], NULL, waits, NULL) == 0)
            made++;
        else
            limited = 1;
    for (int i = 0; i < made; i++) {
        pthread_cancel(threads[i]);
        pthread_join(threads[i], NULL);
    }
    return limited;
}

/* Copies this program and the library to where anybody may run them, on a disk that this process alone has (./run): a folder
 * above the one for temporary files may be closed to others. Returns the program's path. */
static const char *copy_for_anybody(void)
{
    Dl_info library;
    CHECK(dladdr((void *)mcl_version, &library) != 0);
    CHECK(mount("none", "/dev/shm", "tmpfs", 0, "mode=755") == 0);
    CHECK(setenv("LIBRARY", library.dli_fname, 1) == 0);
    CHECK(system("cp /proc/$PPID/exe /dev/shm/starved && cp \"$LIBRARY\" /dev/shm/libmcl.so.0 && chmod a+rx /dev/shm/*") == 0);
    CHECK(setenv("LD_LIBRARY_PATH", "/dev/shm", 1) == 0);
    return "/dev/shm/starved";
}

/* Runs a part under a limit. */
static void under(const char *program, const char *part, int resource, rlim_t limit)
{
    int result = -1;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit r = {limit, limit};
        /* Root's threads are not limited; those of who is root in a user namespace only, are, and he can become nobody else. */
        if (resource == RLIMIT_NPROC && setresuid(65534, 65534, 65534) != 0 && errno != EINVAL)
            perror("setresuid");
        else if (setrlimit((__rlimit_resource_t)resource, &r) == 0)
            execl(program, program, part, NULL);
        perror("starved");
        _exit(1);
    }
    CHECK(waitpid(child, &result, 0) == child);
    EQUAL(0, result);
}

#ifndef __SANITIZE_ADDRESS__
/* Go's runtime cannot begin. What it says of that is long; the first line is the library's. */
static void too_few_addresses(void)
{
    int ends[2], status = 0;
    char said[200] = "";
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        if (setrlimit(RLIMIT_AS, &(struct rlimit){400 * MiB, 400 * MiB}) == 0)
            execl("/proc/self/exe", "starved", "memory", NULL);
        _exit(1);
    }
    close(ends[1]);
    CHECK(read(ends[0], said, sizeof said - 1) > 0);
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(strstr(said, "libmcl: less than 800 MiB of addresses are left (ulimit -v)") == said);
}
#endif

int main(int argc, char **argv)
{
    if (argc > 1) {
        if (strcmp(argv[1], "memory") == 0) {
            little_memory();
        } else {
            few_threads();
            CHECK(threads_are_limited());
        }
        return report(argv[1]);
    }
#ifndef SANITIZED /* which takes terabytes of addresses */
    under("/proc/self/exe", "memory", RLIMIT_AS, (rlim_t)2048 * MiB);
    too_few_addresses();
#endif
    under(copy_for_anybody(), "threads", RLIMIT_NPROC, THREADS_MAX);
    return report("starved");
}
