/* leaks.c - leaks CYCLES SCRATCH VECTORS: opens, uses and closes each kind of object so many times, and compares what the
 * process has with what it had before: descriptors, threads, goroutines, handles, and memory of C, of Go and in all. */
#define _GNU_SOURCE
#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"
#include "mcl.h"

/* capi/inspect.go */
int64_t mclgo_inspect_goroutines(void);
int64_t mclgo_inspect_handles(void);
int64_t mclgo_inspect_heap(void);
void mclgo_inspect_stacks(void);

static const char *scratch, *vectors;
static mcl_error error;
static long checks, failures;

#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        int code_ = (call);                                                                                            \
        checks++;                                                                                                      \
        if (code_ < 0) {                                                                                               \
            fprintf(stderr, "%s:%d: %s gave %d: %s\n", __FILE__, __LINE__, #call, code_, error.text);                  \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static mcl_connection at(int port)
{
    mcl_connection c = MCL_CONNECTION_INIT;
    c.url = "ff15::1";
    c.port = port;
    c.recv_buffer = 1 << 16;
    return c;
}

/* ---- A cycle of each kind ---- */

static mcl_broadcaster *source; /* open all the time, as are the next two */
static mcl_type *kept_type;
static mcl_message *kept_message;

static void cycle_type(void)
{
    const char *keys[] = {"x", "y"};
    char name[100];
    mcl_connection c = at(5001);
    mcl_type *t, *u;
    MUST(mcl_type_define("Cycle", keys, 2, &c, &t, &error));
    MUST(mcl_type_find("Cycle", &u, &error));
    MUST(mcl_type_name(u, name, sizeof name, NULL, &error));
    MUST(mcl_type_remove("Cycle", &error));
    MUST(mcl_type_close(t));
    MUST(mcl_type_close(u));
}

static void cycle_message(void)
{
    mcl_message *m, *copy;
    char packed[1000];
    size_t size;
    MUST(mcl_message_new(kept_type, &m, &error));
    MUST(mcl_message_set_string(m, "text", MCL_NUL, "some text", MCL_NUL, &error));
    MUST(mcl_message_encode(m, packed, sizeof packed, &size, &error));
    MUST(mcl_message_decode(kept_type, packed, size, &copy, &error));
    MUST(mcl_message_close(m));
    MUST(mcl_message_close(copy));
}

static void cycle_broadcaster(void)
{
    mcl_connection c = at(5002);
    mcl_broadcaster *b;
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error));
    MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    MUST(mcl_broadcaster_publish_message(b, NULL, 0, kept_message, &error));
    MUST(mcl_broadcaster_close(b));
}

/* A large message leaves by sockets of its own, and is put together again. */
static void cycle_large(void)
{
    static char text[100000];
    mcl_connection c = at(5003);
    mcl_broadcaster *b;
    c.recv_buffer = 0;
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error));
    MUST(mcl_broadcaster_publish_bytes(b, "t", 1, text, sizeof text, &error));
    MUST(mcl_broadcaster_close(b));
}

static void cycle_listener(void)
{
    mcl_connection c = at(5000);
    mcl_listener *l;
    mcl_received r;
    char buffer[1000];
    MUST(mcl_listener_open(&c, NULL, &l, &error));
    MUST(mcl_listener_fd(l, &error));
    MUST(mcl_broadcaster_publish_int(source, "t", 1, 1, &error));
    MUST(mcl_listener_recv(l, 10000, &r, buffer, sizeof buffer, NULL, &error));
    MUST(mcl_listener_close(l, NULL));
}

static void post(void *context, const mcl_received *record)
{
    (void)record;
    atomic_fetch_add((atomic_int *)context, 1);
}

static void posted(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1000);
}

static void wait_for(atomic_int *counter)
{
    for (int i = 0; i < 100000 && *counter == 0; i++)
        usleep(100);
    MUST(*counter == 0 ? MCL_ETIMEOUT : 0);
}

/* With callbacks: one that is unsubscribed, one that the close drops. */
static void cycle_callbacks(void)
{
    mcl_connection c = at(5000);
    mcl_listener_options o = MCL_LISTENER_OPTIONS_INIT;
    mcl_listener *l;
    atomic_int first = 0, second = 0;
    mcl_callback one = {&first, post, posted}, two = {&second, post, posted};
    uint64_t id;
    o.queued = MCL_ON;
    MUST(mcl_listener_open(&c, &o, &l, &error));
    MUST(mcl_listener_subscribe(l, &one, &id, &error));
    MUST(mcl_listener_subscribe(l, &two, NULL, &error));
    MUST(mcl_broadcaster_publish_int(source, "t", 1, 1, &error));
    wait_for(&first);
    wait_for(&second);
    MUST(mcl_listener_unsubscribe(l, id, &error));
    MUST(mcl_listener_close(l, NULL));
    MUST(first >= 1000 && second >= 1000 ? 0 : MCL_ETIMEOUT);
}

static void cycle_refused(void)
{
    mcl_connection c = at(80);
    mcl_listener *l;
    mcl_broadcaster *b;
    mcl_log_reader *r;
    mcl_message *m;
    MUST(mcl_listener_open(&c, NULL, &l, &error) == MCL_EINVAL ? 0 : MCL_EINTERNAL);
    c = at(5000);
    c.interface_ = "no/interface";
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error) == MCL_EINTERFACE ? 0 : MCL_EINTERNAL);
    MUST(mcl_listener_open(&c, NULL, &l, &error) == MCL_EINTERFACE ? 0 : MCL_EINTERNAL);
    MUST(mcl_log_reader_open("/nowhere", NULL, &r, &error) == MCL_ESYSTEM ? 0 : MCL_EINTERNAL);
    MUST(mcl_message_decode(kept_type, "\x91", 1, &m, &error) == MCL_EFORMAT ? 0 : MCL_EINTERNAL);
}

static void cycle_log_writer(void)
{
    char name[512], file[520];
    mcl_log_writer *w;
    snprintf(name, sizeof name, "%s/cycle", scratch);
    snprintf(file, sizeof file, "%s.log", name);
    MUST(mcl_log_writer_open(name, NULL, &w, &error));
    MUST(mcl_log_writer_write(w, "t", 1, "\xc0", 1, 1000000000, &error));
    MUST(mcl_log_writer_close(w, NULL, &error));
    MUST(unlink(file));
}

static void open_log(mcl_log_reader **r)
{
    char name[512];
    snprintf(name, sizeof name, "%s/logs/Imu", vectors);
    MUST(mcl_log_reader_open(name, NULL, r, &error));
}

static void cycle_log_reader(void)
{
    mcl_log_reader *r;
    mcl_log_record records[10];
    char buffer[10000];
    open_log(&r);
    MUST(mcl_log_reader_read(r, records, 10, buffer, sizeof buffer, NULL, &error));
    MUST(mcl_log_reader_close(r));
    snprintf(buffer, sizeof buffer, "%s/logs", vectors);
    MUST(mcl_log_reader_open_directory(buffer, NULL, &r, &error));
    MUST(mcl_log_reader_read(r, records, 10, buffer, sizeof buffer, NULL, &error));
    MUST(mcl_log_reader_close(r));
}

static void cycle_recorder(void)
{
    char name[512], file[520];
    mcl_connection c = at(5000);
    mcl_recorder *r;
    snprintf(name, sizeof name, "%s/recorded", scratch);
    snprintf(file, sizeof file, "%s.log", name);
    MUST(mcl_recorder_open(name, &c, NULL, &r, &error));
    MUST(mcl_broadcaster_publish_int(source, "t", 1, 1, &error));
    mcl_listener_stats in = {.size = sizeof in};
    for (int i = 0; i < 100000 && in.delivered == 0; i++) {
        MUST(mcl_recorder_get_stats(r, -1, NULL, &in, NULL, &error));
        if (in.delivered == 0)
            usleep(100);
    }
    MUST(mcl_recorder_close(r, NULL, NULL, &error));
    MUST(unlink(file));
}

static void cycle_recording(void)
{
    char directory[300], file[310];
    mcl_recorder *r;
    MUST(mcl_recorder_open_network(scratch, &kept_type, 1, NULL, &r, &error));
    MUST(mcl_recorder_directory(r, directory, sizeof directory, NULL, &error));
    MUST(mcl_recorder_close(r, NULL, NULL, &error));
    snprintf(file, sizeof file, "%s/Kept.log", directory);
    unlink(file); /* there is none when nothing was logged */
    MUST(rmdir(directory));
}

static void cycle_replay(void)
{
    mcl_log_reader *reader;
    mcl_replay_options o = MCL_REPLAY_OPTIONS_INIT;
    mcl_replay *r;
    o.quiet = MCL_ON;
    open_log(&reader);
    MUST(mcl_replay_open(reader, 0, &o, &r, &error));
    MUST(mcl_replay_target(r, "ImuMessage", source, &error));
    MUST(mcl_replay_start(r, &error));
    MUST(mcl_replay_wait(r, 10000, &error));
    MUST(mcl_replay_close(r, NULL));
    MUST(mcl_log_reader_close(reader));
}

static void cycle_pushed(void)
{
    const mcl_log_record record = {0, NULL, 0, "\xc0", 1, NULL};
    mcl_replay *r;
    MUST(mcl_replay_open(NULL, 0, NULL, &r, &error));
    MUST(mcl_replay_target(r, "", source, &error));
    MUST(mcl_replay_start(r, &error));
    MUST(mcl_replay_push(r, &record, -1, &error));
    MUST(mcl_replay_end(r, &error));
    MUST(mcl_replay_wait(r, 10000, &error));
    MUST(mcl_replay_close(r, NULL));
}

static void *publishes(void *unused)
{
    (void)unused;
    mcl_broadcaster_publish_int(source, "t", 1, 1, NULL);
    return NULL;
}

/* A thread that calls once and ends: Go has a thread's state of its own for it, which must go with it. */
static void cycle_thread(void)
{
    pthread_t thread;
    MUST(-pthread_create(&thread, NULL, publishes, NULL));
    pthread_join(thread, NULL);
}

static const struct cycle {
    const char *name;
    void (*run)(void);
} cycles[] = {
    {"type", cycle_type},
    {"message", cycle_message},
    {"broadcaster", cycle_broadcaster},
    {"broadcaster of large messages", cycle_large},
    {"listener", cycle_listener},
    {"listener with callbacks", cycle_callbacks},
    {"what is refused", cycle_refused},
    {"log writer", cycle_log_writer},
    {"log reader", cycle_log_reader},
    {"recorder", cycle_recorder},
    {"recording of types", cycle_recording},
    {"replay of a log", cycle_replay},
    {"replay that is pushed", cycle_pushed},
    {"thread", cycle_thread},
};
enum { CYCLES = sizeof cycles / sizeof *cycles };

/* ---- What the process has ---- */

enum { DESCRIPTORS, THREADS, GOROUTINES, HANDLES, C_MEMORY, GO_MEMORY, RESIDENT, HAVE };
static const char *const have_names[HAVE] = {"descriptors", "threads",     "goroutines",    "handles",
                                             "bytes of C",  "bytes of Go", "bytes resident"};
/* How much more there may be after all the cycles. Go starts threads when it sees fit, some at any time; memory has
 * some play, which must not grow with the cycles. */
static const int64_t play[HAVE] = {0, 4, 0, 0, 128 << 10, 256 << 10, 12 << 20};

static int64_t entries_of(const char *folder)
{
    DIR *d = opendir(folder);
    int64_t n = 0;
    while (d != NULL && readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static int64_t resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
        exit(2);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static void look(int64_t have[HAVE])
{
    have[GO_MEMORY] = mclgo_inspect_heap(); /* gives memory back, too */
    malloc_trim(0);
    have[DESCRIPTORS] = entries_of("/proc/self/fd");
    have[THREADS] = entries_of("/proc/self/task");
    have[GOROUTINES] = mclgo_inspect_goroutines();
    have[HANDLES] = mclgo_inspect_handles();
    have[C_MEMORY] = (int64_t)mallinfo2().uordblks;
    have[RESIDENT] = resident();
}

static int more(const int64_t before[HAVE], const int64_t now[HAVE])
{
    int found = 0;
    for (int i = 0; i < HAVE; i++)
        found += now[i] > before[i] + play[i];
    return found;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(const struct cycle *c, long count)
{
    static int64_t before[HAVE], now[HAVE];
    long warm = count < 5000 ? count : 5000; /* until what grows at first has its size */
    double begun = seconds();
    for (long i = 0; i < warm; i++)
        c->run();
    look(before);
    for (long i = 0; i < count; i++)
        c->run();
    for (int i = 0; i < 500; i++) { /* goroutines and threads may end a little later */
        look(now);
        if (!more(before, now))
            break;
        usleep(20000);
    }
    checks += HAVE;
    int found = more(before, now);
    failures += found;
    printf("%s %-30s %ld cycles, %.1f s:", found ? "FAIL" : "ok  ", c->name, count, seconds() - begun);
    for (int i = 0; i < HAVE; i++)
        printf(" %+" PRId64 " %s%s", now[i] - before[i], have_names[i], i < HAVE - 1 ? "," : "\n");
    fflush(stdout);
    if (now[GOROUTINES] > before[GOROUTINES])
        mclgo_inspect_stacks();
}

/* The table of closed handles fills up, and with it what is kept of each. */
static void fill_quarantine(void)
{
    for (int i = 0; i < 5000; i++)
        cycle_message();
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: leaks CYCLES SCRATCH VECTORS\n");
        return 2;
    }
    long count = atol(argv[1]);
    scratch = small_disk(argv[2]);
    vectors = argv[3];
    mcl_connection c = at(5000), t = at(5004);
    MUST(mcl_broadcaster_open(&c, NULL, &source, &error));
    MUST(mcl_type_define("Kept", NULL, 0, &t, &kept_type, &error));
    MUST(mcl_message_new(kept_type, &kept_message, &error));
    fill_quarantine();
    for (int i = 0; i < CYCLES; i++)
        check(&cycles[i], count);
    MUST(mcl_message_close(kept_message));
    MUST(mcl_type_close(kept_type));
    MUST(mcl_broadcaster_close(source));
    checks++;
    if (mclgo_inspect_handles() != 0) {
        fprintf(stderr, "FAIL %" PRId64 " handles at the end\n", mclgo_inspect_handles());
        failures++;
    }
    printf("%ld checks, %ld failed\n", checks, failures);
    return failures != 0 || checks == 0;
}
