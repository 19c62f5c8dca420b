/* exits_states.h - what the library may be doing when a program ends. For exits.c. */
#ifndef EXITS_STATES_H
#define EXITS_STATES_H

#include "scratch.h"

#include <poll.h>

typedef struct {
    const char *name;
    void (*function)(void);
    int status; /* of an end; negative: the signal */
} named;

enum { LIMIT = 30 }; /* seconds until an end is taken for a hang */

static const char *folder;
static mcl_listener *l;
static mcl_broadcaster *b;
static atomic_int called;
static pthread_mutex_t kept = PTHREAD_MUTEX_INITIALIZER; /* by the main thread */

static void counts(void *context, const mcl_received *record)
{
    (void)context, (void)record;
    called++;
}

static void sleeps(void *context, const mcl_received *record)
{
    counts(context, record);
    sleep(LIMIT);
}

static void spins(void *context, const mcl_received *record)
{
    counts(context, record);
    for (;;)
        __asm__ volatile("");
}

static void publishes(void *context, const mcl_received *record)
{
    for (;;) {
        mcl_broadcaster_publish(b, "t", 1, record->payload, record->payload_size, NULL);
        counts(context, record);
    }
}

static void waits_for_main(void *context, const mcl_received *record)
{
    counts(context, record);
    pthread_mutex_lock(&kept);
}

static mcl_listener *subscribed(void (*call)(void *, const mcl_received *))
{
    mcl_callback callback = {NULL, call, NULL};
    mcl_listener *own = listen_with(NULL);
    MUST(mcl_listener_subscribe(own, &callback, NULL, &error));
    return own;
}

static void open_both(void)
{
    l = listen_with(NULL);
    b = broadcast_with(NULL);
}

static void nothing(void)
{
}

static void opened(void)
{
    open_both();
    MUST(mcl_listener_fd(l, &error));
    MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
}

static void all_closed(void)
{
    opened();
    MUST(mcl_listener_close(l, NULL));
    MUST(mcl_broadcaster_close(b));
}

static void in_a(void (*call)(void *, const mcl_received *))
{
    pthread_mutex_lock(&kept);
    open_both();
    subscribed(call);
    MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    CHECK(reaches(&called, 1));
}

static void in_a_sleep(void)
{
    in_a(sleeps);
}

static void in_a_loop(void)
{
    in_a(spins);
}

static void in_a_publish(void)
{
    in_a(publishes);
}

static void in_a_lock(void)
{
    in_a(waits_for_main);
}

static void start(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, function, argument) == 0);
}

static char large[1 << 20];

/* What another thread may have closed, it is told (MCL_ECLOSED); so these go on. */
static void *sends(void *size)
{
    for (;;)
        mcl_broadcaster_publish_bytes(b, "t", 1, large, (size_t)size, NULL);
    return NULL;
}

/* Waits of all kinds, by turns. */
static void *receives(void *kind)
{
    static char buffers[4][1 << 21];
    mcl_received r;
    for (;;) {
        struct pollfd ready = {.fd = mcl_listener_fd(l, NULL), .events = POLLIN};
        if ((size_t)kind == 0)
            mcl_listener_wait(l, -1, NULL);
        if ((size_t)kind == 1)
            poll(&ready, 1, 1000);
        called += mcl_listener_recv(l, (size_t)kind == 2 ? 100 : -1, &r, buffers[(size_t)kind], sizeof buffers[0], NULL,
                                    NULL) > 0;
    }
    return NULL;
}

static void traffic(void)
{
    open_both();
    subscribed(counts);
    start(sends, (void *)10);
    start(sends, (void *)10);
    for (size_t kind = 0; kind < 4; kind++)
        start(receives, (void *)kind);
    CHECK(reaches(&called, 100));
}

static void large_traffic(void)
{
    open_both();
    subscribed(counts);
    start(sends, (void *)sizeof large);
    start(receives, (void *)3);
    CHECK(reaches(&called, 3));
}

static void waiting(void)
{
    open_both();
    for (size_t kind = 0; kind < 4; kind++)
        start(receives, (void *)kind);
}

static void *opens_and_closes(void *unused)
{
    mcl_connection c = group();
    mcl_callback callback = {NULL, counts, NULL};
    (void)unused;
    for (;;) {
        mcl_listener *own_l;
        mcl_broadcaster *own_b;
        if (mcl_listener_open(&c, NULL, &own_l, NULL) == MCL_OK) {
            mcl_listener_subscribe(own_l, &callback, NULL, NULL);
            mcl_listener_close(own_l, NULL);
        }
        if (mcl_broadcaster_open(&c, NULL, &own_b, NULL) == MCL_OK)
            mcl_broadcaster_close(own_b);
    }
    return NULL;
}

static void opening_and_closing(void)
{
    traffic();
    start(opens_and_closes, NULL);
    start(opens_and_closes, NULL);
}

static const char *own_file(const char *name)
{
    static char path[2][PATH_MAX];
    static int next;
    snprintf(path[next % 2], sizeof path[0], "%s/%s-%d", folder, name, getpid());
    return path[next++ % 2];
}

static void recording(void)
{
    mcl_connection c = group();
    mcl_recorder *recorder;
    MUST(mcl_recorder_open(own_file("recorded"), &c, NULL, &recorder, &error));
    traffic();
}

static mcl_log_writer *writer;

static void *writes(void *unused)
{
    (void)unused;
    while (mcl_log_writer_write(writer, NULL, 0, "\x01", 1, 0, NULL) == MCL_OK)
        called++;
    return NULL;
}

static void writing(void)
{
    open_both();
    MUST(mcl_log_writer_open(own_file("written"), NULL, &writer, &error));
    start(writes, NULL);
    CHECK(reaches(&called, 100));
}

/* A replay by a log, without end since it is so slow; and one that is pushed, by a thread that waits for room. */
static void *pushes(void *replay)
{
    for (int64_t i = 0;; i++) {
        mcl_log_record r = {i * 1000000, NULL, 0, "\x01", 1, ""};
        mcl_replay_push(replay, &r, -1, NULL);
    }
    return NULL;
}

static void replaying(void)
{
    mcl_replay *pushed, *slow;
    mcl_log_writer *w;
    mcl_log_reader *reader;
    mcl_replay_options quiet = MCL_REPLAY_OPTIONS_INIT;
    quiet.quiet = MCL_ON; /* when its broadcaster is closed */
    open_both();
    subscribed(counts);
    const char *path = own_file("replayed");
    MUST(mcl_log_writer_open(path, NULL, &w, &error));
    for (int i = 0; i < 100; i++)
        MUST(mcl_log_writer_write(w, NULL, 0, "\x01", 1, INT64_C(1000000000) * (i + 1), &error));
    MUST(mcl_log_writer_close(w, NULL, &error));
    MUST(mcl_log_reader_open(path, NULL, &reader, &error));
    MUST(mcl_replay_open(reader, 1, &quiet, &slow, &error));
    MUST(mcl_replay_target(slow, "", b, &error));
    MUST(mcl_replay_start(slow, &error));
    MUST(mcl_replay_open(NULL, 1, &quiet, &pushed, &error));
    MUST(mcl_replay_target(pushed, "", b, &error));
    start(pushes, pushed);
    MUST(mcl_replay_start(pushed, &error));
    CHECK(reaches(&called, 5));
}

static const named states[] = {
    {"nothing", nothing, 0},
    {"opened", opened, 0},
    {"closed", all_closed, 0},
    {"callback sleeps", in_a_sleep, 0},
    {"callback spins", in_a_loop, 0},
    {"callback publishes", in_a_publish, 0},
    {"callback waits for a lock", in_a_lock, 0},
    {"waiting", waiting, 0},
    {"traffic", traffic, 0},
    {"large traffic", large_traffic, 0},
    {"opening and closing", opening_and_closing, 0},
    {"recording", recording, 0},
    {"writing a log", writing, 0},
    {"replaying", replaying, 0},
};

#endif
