/* Replay: of a log and of what is pushed, into a listener; control, waiting, and what goes wrong. */
#include "scratch.h"

#include <math.h>

#define MS INT64_C(1000000)
#define ORIGIN INT64_C(1463012407123456000)

static mcl_connection at(int port)
{
    mcl_connection c = group();
    c.port = port;
    return c;
}

static mcl_broadcaster *broadcast_at(int port)
{
    mcl_connection c = at(port);
    mcl_broadcaster *b;
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error));
    return b;
}

static mcl_listener *listen_at(int port)
{
    mcl_connection c = at(port);
    mcl_listener *l;
    MUST(mcl_listener_open(&c, NULL, &l, &error));
    return l;
}

/* A log of `count` entries, `step` apart. The payload is the entry's number. */
static const char *make_log(const char *name, const char *type_name, uint8_t count, int64_t step)
{
    mcl_log_writer_options o = MCL_LOG_WRITER_OPTIONS_INIT;
    mcl_log_writer *w;
    o.type_name = type_name, o.has_time_origin = MCL_ON, o.time_origin = ORIGIN;
    MUST(mcl_log_writer_open(in_scratch(name), &o, &w, &error));
    for (uint8_t i = 0; i < count; i++)
        MUST(mcl_log_writer_write(w, i % 2 ? "odd" : NULL, MCL_NUL, &i, 1, ORIGIN + i * step, &error));
    MUST(mcl_log_writer_close(w, NULL, &error));
    return in_scratch(name);
}

static mcl_log_reader *open_log(const char *path)
{
    mcl_log_reader *r;
    MUST(mcl_log_reader_open(path, NULL, &r, &error));
    return r;
}

static mcl_replay *open_replay(mcl_log_reader *reader, double speed)
{
    mcl_replay_options o = MCL_REPLAY_OPTIONS_INIT;
    mcl_replay *p;
    o.quiet = MCL_ON;
    MUST(mcl_replay_open(reader, speed, &o, &p, &error));
    return p;
}

static int push(mcl_replay *p, int64_t elapsed, uint8_t value, int timeout_ms)
{
    mcl_log_record r = {elapsed, "pushed", 6, &value, 1, ""};
    return mcl_replay_push(p, &r, timeout_ms, &error);
}

/* The next message is this number; gives when it arrived. */
static int64_t receives(mcl_listener *l, int value, const char *topic)
{
    mcl_received r = {0};
    char buffer[100];
    EQUAL(1, mcl_listener_recv(l, 10000, &r, buffer, sizeof buffer, NULL, &error));
    EQUAL(1, r.payload_size);
    if (r.payload_size == 1)
        EQUAL(value, ((const uint8_t *)r.payload)[0]);
    EQUAL(topic != NULL ? strlen(topic) : 0, r.topic_size);
    CHECK(topic == NULL || memcmp(r.topic, topic, r.topic_size) == 0);
    return r.time_received;
}

static void receives_nothing(mcl_listener *l, int timeout_ms)
{
    mcl_received r;
    char buffer[100];
    EQUAL(0, mcl_listener_recv(l, timeout_ms, &r, buffer, sizeof buffer, NULL, &error));
}

static mcl_replay_stats stats_of(mcl_replay *p)
{
    mcl_replay_stats s = {.size = sizeof s};
    MUST(mcl_replay_get_stats(p, &s, &error));
    return s;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The times are those of the recording, divided by the speed: never earlier, and only on a busy machine much later. */
static void a_log(void)
{
    mcl_log_reader *reader = open_log(make_log("log", NULL, 6, 40 * MS));
    mcl_broadcaster *b = broadcast_at(3000);
    mcl_listener *l = listen_at(3000);
    mcl_replay *p = open_replay(reader, 1);
    EQUAL(MCL_REPLAY_STOPPED, mcl_replay_get_state(p, &error));
    EQUAL(1, mcl_replay_wait(p, -1, &error)); /* it is stopped */
    EQUAL(1, mcl_replay_pending(p, &error));
    EQUAL(0, mcl_replay_pause(p, &error));
    EQUAL(0, mcl_replay_stop(p, &error));
    MUST(mcl_replay_target(p, "", b, &error));
    int64_t begun = now_ns();
    EQUAL(1, mcl_replay_start(p, &error));
    EQUAL(0, mcl_replay_start(p, &error));
    EQUAL(0, mcl_replay_wait(p, 1, &error));
    for (int i = 0; i < 6; i++)
        CHECK(receives(l, i, i % 2 ? "odd" : NULL) > begun + i * 40 * MS - MS); /* of two clocks */
    EQUAL(1, mcl_replay_wait(p, 10000, &error));
    EQUAL(MCL_REPLAY_FINISHED, mcl_replay_get_state(p, &error));
    EQUAL(0, mcl_replay_pending(p, &error));
    mcl_replay_stats s = stats_of(p);
    CHECK(s.read == 6 && s.published == 6 && s.errors == 0 && s.buffered == 0 && s.discarded == 0);

    /* Faster, and from the beginning. */
    MUST(mcl_replay_set_speed(p, 0, &error));
    EQUAL(1, mcl_replay_start(p, &error));
    for (int i = 0; i < 6; i++)
        receives(l, i, i % 2 ? "odd" : NULL);
    EQUAL(1, mcl_replay_wait(p, -1, &error));
    MUST(mcl_replay_set_speed(p, 4, &error));
    begun = now_ns();
    EQUAL(1, mcl_replay_start(p, &error));
    for (int i = 0; i < 6; i++)
        CHECK(receives(l, i, i % 2 ? "odd" : NULL) > begun + i * 10 * MS - MS);
    EQUAL(1, mcl_replay_wait(p, -1, &error));

    memset(&s, 0x77, sizeof s);
    s.size = offsetof(mcl_replay_stats, published);
    MUST(mcl_replay_close(p, &s));
    EQUAL(18, s.read);
    EQUAL(0x7777777777777777, s.published);
    EQUAL(MCL_ECLOSED, mcl_replay_close(p, NULL));
    MUST(mcl_log_reader_close(reader));
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_listener_close(l, NULL));
}

/* A reader belongs to its replay until that is closed. What was read but not taken is replayed, too. */
static void the_reader(void)
{
    mcl_log_reader *reader = open_log(make_log("lent", NULL, 4, MS));
    mcl_log_record record;
    char buffer[100];
    mcl_log_header header = {.size = sizeof header};
    char text[4096];
    uint64_t torn;
    EQUAL(1, mcl_log_reader_read(reader, &record, 1, buffer, sizeof buffer, NULL, &error));
    FAILS(MCL_EBUFFER, mcl_log_reader_read(reader, &record, 1, buffer, 0, NULL, &error)); /* 1 is read ahead */
    mcl_replay *p = open_replay(reader, 0), *other = (void *)1;
    FAILS(MCL_EBUSY, mcl_replay_open(reader, 1, NULL, &other, &error));
    CHECK(other == NULL);
    FAILS(MCL_EBUSY, mcl_log_reader_read(reader, &record, 1, buffer, sizeof buffer, NULL, &error));
    SAYS("replay");
    FAILS(MCL_EBUSY, mcl_log_reader_pending(reader, &error));
    FAILS(MCL_EBUSY, mcl_log_reader_reset(reader, &error));
    EQUAL(MCL_EBUSY, mcl_log_reader_close(reader));
    MUST(mcl_log_reader_get_header(reader, 0, &header, text, sizeof text, NULL, &error));
    MUST(mcl_log_reader_torn(reader, &torn, &error));
    FAILS(MCL_EINVAL, mcl_replay_push(p, &record, 0, &error)); /* it has a reader */
    FAILS(MCL_EINVAL, mcl_replay_end(p, &error));

    mcl_broadcaster *b = broadcast_at(3001);
    mcl_listener *l = listen_at(3001);
    MUST(mcl_replay_target(p, "", b, &error));
    EQUAL(1, mcl_replay_start(p, &error));
    receives(l, 1, "odd");
    receives(l, 2, NULL);
    receives(l, 3, "odd");
    EQUAL(1, mcl_replay_wait(p, -1, &error));
    MUST(mcl_replay_close(p, NULL));
    EQUAL(0, mcl_log_reader_pending(reader, &error));
    MUST(mcl_log_reader_reset(reader, &error));
    EQUAL(1, mcl_log_reader_read(reader, &record, 1, buffer, sizeof buffer, NULL, &error));
    EQUAL(0, record.elapsed);
    MUST(mcl_log_reader_close(reader));
    FAILS(MCL_ECLOSED, mcl_replay_open(reader, 1, NULL, &p, &error));
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_listener_close(l, NULL));
}

/* A directory of typed logs goes out on the types that are registered, or where it is told; others are errors. */
static void by_type(void)
{
    mcl_connection c = at(3002);
    mcl_type *imu;
    mcl_log_reader *reader;
    CHECK(mkdir(in_scratch("types"), 0700) == 0);
    mcl_listener *registered = listen_at(3002), *target = listen_at(3003);
    mcl_broadcaster *b = broadcast_at(3003);
    MUST(mcl_type_define("Imu", NULL, 0, &c, &imu, &error));
    mcl_message *message;
    char packed[200];
    size_t size;
    MUST(mcl_message_new(imu, &message, &error));
    MUST(mcl_message_encode(message, packed, sizeof packed, &size, &error));
    const char *names[] = {"Gps", "Imu", "Nobodys"};
    for (int i = 0; i < 3; i++) {
        char name[40];
        snprintf(name, sizeof name, "types/%s", names[i]);
        mcl_log_writer_options o = MCL_LOG_WRITER_OPTIONS_INIT;
        mcl_log_writer *w;
        o.type_name = names[i], o.has_time_origin = MCL_ON, o.time_origin = ORIGIN;
        MUST(mcl_log_writer_open(in_scratch(name), &o, &w, &error));
        for (int k = 0; k < 3; k++)
            MUST(mcl_log_writer_write(w, names[i], MCL_NUL, packed, size, ORIGIN + k * MS, &error));
        MUST(mcl_log_writer_close(w, NULL, &error));
    }
    MUST(mcl_log_reader_open_directory(in_scratch("types"), NULL, &reader, &error));
    mcl_replay *p = open_replay(reader, 1);
    MUST(mcl_replay_target(p, "Gps", b, &error));
    EQUAL(1, mcl_replay_start(p, &error));
    EQUAL(1, mcl_replay_wait(p, 10000, &error));
    mcl_replay_stats s = stats_of(p);
    CHECK(s.published == 6 && s.errors == 3);
    mcl_received r;
    char buffer[1000];
    for (int i = 0; i < 3; i++) {
        EQUAL(1, mcl_listener_recv(registered, 10000, &r, buffer, sizeof buffer, NULL, &error));
        CHECK(r.topic_size == 3 && memcmp(r.topic, "Imu", 3) == 0 && r.payload_size == size);
        EQUAL(1, mcl_listener_recv(target, 10000, &r, buffer, sizeof buffer, NULL, &error));
        CHECK(r.topic_size == 3 && memcmp(r.topic, "Gps", 3) == 0);
    }
    MUST(mcl_replay_target(p, "Gps", NULL, &error)); /* forgotten: the next run has nobody for it */
    MUST(mcl_replay_set_speed(p, 0, &error));
    EQUAL(1, mcl_replay_start(p, &error));
    EQUAL(1, mcl_replay_wait(p, 10000, &error));
    s = stats_of(p);
    CHECK(s.published == 9 && s.errors == 9);
    /* A target that is closed is an error for each entry, and no more. */
    MUST(mcl_replay_target(p, "Gps", b, &error));
    MUST(mcl_broadcaster_close(b));
    EQUAL(1, mcl_replay_start(p, &error));
    EQUAL(1, mcl_replay_wait(p, 10000, &error));
    s = stats_of(p);
    CHECK(s.published == 12 && s.errors == 15);
    FAILS(MCL_ECLOSED, mcl_replay_target(p, "Gps", b, &error));
    FAILS(MCL_EHANDLE, mcl_replay_target(p, "Gps", (void *)registered, &error));
    FAILS(MCL_EINVAL, mcl_replay_target(p, NULL, b, &error));
    MUST(mcl_replay_close(p, NULL));
    MUST(mcl_log_reader_close(reader));
    MUST(mcl_message_close(message));
    MUST(mcl_type_close(imu));
    MUST(mcl_type_remove("Imu", &error));
    MUST(mcl_listener_close(registered, NULL));
    MUST(mcl_listener_close(target, NULL));
}

static void pushing(void)
{
    mcl_broadcaster *b = broadcast_at(3004);
    mcl_listener *l = listen_at(3004);
    mcl_replay_options o = MCL_REPLAY_OPTIONS_INIT;
    mcl_replay *p;
    o.buffer = 3, o.quiet = MCL_ON;
    MUST(mcl_replay_open(NULL, 1, &o, &p, &error));
    MUST(mcl_replay_target(p, "", b, &error));
    for (uint8_t i = 0; i < 3; i++)
        EQUAL(1, push(p, i * 20 * MS, i, 0));
    EQUAL(0, push(p, 60 * MS, 3, 0));
    double begun = seconds();
    EQUAL(0, push(p, 60 * MS, 3, 30));
    CHECK(seconds() - begun > 0.029);
    EQUAL(1, mcl_replay_start(p, &error));
    EQUAL(1, push(p, 60 * MS, 3, -1)); /* waits for the first to go out */
    EQUAL(1, push(p, 80 * MS, 4, 10000));
    for (uint8_t i = 0; i < 5; i++)
        receives(l, i, "pushed");
    EQUAL(0, mcl_replay_wait(p, 10, &error)); /* more may come */
    EQUAL(MCL_REPLAY_RUNNING, mcl_replay_get_state(p, &error));
    mcl_log_record bad = {0, NULL, 0, "\x01\x02", 2, NULL};
    FAILS(MCL_EFORMAT, mcl_replay_push(p, &bad, 0, &error));
    bad.payload = NULL;
    FAILS(MCL_EINVAL, mcl_replay_push(p, &bad, 0, &error));
    bad.payload = "\x05", bad.payload_size = 1, bad.topic_size = 1;
    FAILS(MCL_EINVAL, mcl_replay_push(p, &bad, 0, &error));
    bad.topic_size = 0; /* no topic, no type: raw data */
    bad.elapsed = 90 * MS;
    EQUAL(1, mcl_replay_push(p, &bad, 0, &error));
    FAILS(MCL_EINVAL, mcl_replay_push(p, NULL, 0, &error));
    receives(l, 5, NULL);
    MUST(mcl_replay_end(p, &error));
    FAILS(MCL_ECLOSED, mcl_replay_push(p, &bad, 0, &error));
    EQUAL(1, mcl_replay_wait(p, 10000, &error));
    EQUAL(MCL_REPLAY_FINISHED, mcl_replay_get_state(p, &error));

    /* A stop discards, and takes the end back. */
    mcl_replay_stop(p, &error);
    EQUAL(1, push(p, 0, 7, 0));
    EQUAL(1, mcl_replay_start(p, &error));
    receives(l, 7, "pushed");
    EQUAL(1, push(p, 3600000 * MS, 8, 0));
    EQUAL(1, mcl_replay_pending(p, &error));
    EQUAL(1, mcl_replay_stop(p, &error));
    EQUAL(0, mcl_replay_stop(p, &error));
    mcl_replay_stats s = {.size = sizeof s};
    MUST(mcl_replay_close(p, &s));
    CHECK(s.read == 8 && s.published == 7 && s.discarded == 1 && s.buffered == 0 && s.errors == 0);
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_listener_close(l, NULL));
}

/* It runs on for a while when all is published. */
static void lingering(void)
{
    mcl_broadcaster *b = broadcast_at(3005);
    mcl_listener *l = listen_at(3005);
    mcl_replay_options o = MCL_REPLAY_OPTIONS_INIT;
    mcl_replay *p;
    o.linger = 50 * MS;
    MUST(mcl_replay_open(NULL, 1, &o, &p, &error));
    MUST(mcl_replay_target(p, "", b, &error));
    push(p, 0, 0, 0);
    MUST(mcl_replay_end(p, &error));
    double begun = seconds();
    EQUAL(1, mcl_replay_start(p, &error));
    receives(l, 0, "pushed");
    EQUAL(1, mcl_replay_wait(p, -1, &error));
    CHECK(seconds() - begun > 0.049);
    EQUAL(MCL_REPLAY_FINISHED, mcl_replay_get_state(p, &error));
    MUST(mcl_replay_close(p, NULL));
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_listener_close(l, NULL));
}

/* Pause halts recorded time; a change of speed takes effect at once. */
static void control(void)
{
    mcl_broadcaster *b = broadcast_at(3005);
    mcl_listener *l = listen_at(3005);
    mcl_replay *p = open_replay(NULL, 1);
    MUST(mcl_replay_target(p, "", b, &error));
    push(p, 0, 0, 0);
    push(p, 100 * MS, 1, 0);
    push(p, 3600000 * MS, 2, 0);
    EQUAL(1, mcl_replay_start(p, &error));
    receives(l, 0, "pushed");
    EQUAL(1, mcl_replay_pause(p, &error));
    EQUAL(0, mcl_replay_pause(p, &error));
    EQUAL(MCL_REPLAY_PAUSED, mcl_replay_get_state(p, &error));
    receives_nothing(l, 200);
    EQUAL(0, mcl_replay_wait(p, 10, &error)); /* a pause ends no wait */
    EQUAL(1, mcl_replay_start(p, &error));
    receives(l, 1, "pushed");
    receives_nothing(l, 50); /* the next is due in an hour: */
    MUST(mcl_replay_set_speed(p, 0, &error));
    receives(l, 2, "pushed");
    const double bad[] = {-1, 1e-10, 1e10, NAN, INFINITY, -INFINITY, -0.01};
    mcl_replay *none = (void *)1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        FAILS(MCL_EINVAL, mcl_replay_set_speed(p, bad[i], &error));
        SAYS("speed");
        FAILS(MCL_EINVAL, mcl_replay_open(NULL, bad[i], NULL, &none, &error));
        CHECK(none == NULL);
    }
    MUST(mcl_replay_set_speed(p, MCL_REPLAY_SPEED_MIN, &error));
    MUST(mcl_replay_set_speed(p, MCL_REPLAY_SPEED_MAX, &error));

    mcl_replay_options o = MCL_REPLAY_OPTIONS_INIT;
    o.buffer = -1;
    FAILS(MCL_EINVAL, mcl_replay_open(NULL, 1, &o, &none, &error));
    SAYS("buffer");
    o.buffer = 0, o.quiet = 2;
    FAILS(MCL_EINVAL, mcl_replay_open(NULL, 1, &o, &none, &error));
    SAYS("options.quiet");
    o.quiet = 0, o.linger = -1;
    FAILS(MCL_EINVAL, mcl_replay_open(NULL, 1, &o, &none, &error));
    SAYS("(linger)");
    o.linger = 0, o.size = 0;
    FAILS(MCL_EINVAL, mcl_replay_open(NULL, 1, &o, &none, &error));
    FAILS(MCL_EINVAL, mcl_replay_open(NULL, 1, NULL, NULL, &error));
    o.size = offsetof(mcl_replay_options, quiet), o.quiet = 2, o.linger = -1; /* an older header's */
    MUST(mcl_replay_open(NULL, 1, &o, &none, &error));
    mcl_replay_stats s = {.size = 0};
    FAILS(MCL_EINVAL, mcl_replay_get_stats(none, &s, &error));
    FAILS(MCL_EINVAL, mcl_replay_get_stats(none, NULL, &error));
    EQUAL(MCL_EINVAL, mcl_replay_close(none, &s)); /* closes nothing */
    MUST(mcl_replay_close(none, NULL));
    struct {
        mcl_replay_options known;
        unsigned char tail[8];
    } grown = {.known = MCL_REPLAY_OPTIONS_INIT, .tail = {1}};
    grown.known.size = sizeof grown;
    FAILS(MCL_EINVAL, mcl_replay_open(NULL, 1, &grown.known, &none, &error));
    SAYS("does not have");

    MUST(mcl_replay_close(p, NULL));
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_listener_close(l, NULL));
}

/* A line that is no entry is counted, and the rest is replayed. */
static void bad_lines(void)
{
    make_log("bad", NULL, 2, MS);
    FILE *file = fopen(in_scratch("bad.log"), "a");
    CHECK(file != NULL && fputs("no entry\n     0.00500    ''          02\n", file) >= 0 && fclose(file) == 0);
    mcl_log_reader *reader = open_log(in_scratch("bad"));
    mcl_broadcaster *b = broadcast_at(3006);
    mcl_listener *l = listen_at(3006);
    mcl_replay *p = open_replay(reader, 0);
    MUST(mcl_replay_target(p, "", b, &error));
    EQUAL(1, mcl_replay_start(p, &error));
    receives(l, 0, NULL);
    receives(l, 1, "odd");
    receives(l, 2, NULL);
    EQUAL(1, mcl_replay_wait(p, -1, &error));
    mcl_replay_stats s = stats_of(p);
    CHECK(s.read == 4 && s.published == 3 && s.errors == 1);
    MUST(mcl_replay_close(p, NULL));
    MUST(mcl_log_reader_close(reader));
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_listener_close(l, NULL));
}

/* Whoever waits is told of a stop, a close, and a signal. */
static mcl_replay *waited_for;
static atomic_int waiting;

static void *waits(void *result)
{
    waiting++;
    *(int *)result = mcl_replay_wait(waited_for, -1, NULL);
    return NULL;
}

static void *pushes(void *result)
{
    static const mcl_log_record r = {0, NULL, 0, "\x01", 1, NULL};
    waiting++;
    *(int *)result = mcl_replay_push(waited_for, &r, -1, NULL);
    return NULL;
}

static atomic_int handled, interrupted;

static void handler(int signal)
{
    (void)signal;
    handled++;
}

static void waiters(void)
{
    mcl_replay_options o = MCL_REPLAY_OPTIONS_INIT;
    o.buffer = 1;
    for (int i = 0; i < 60; i++) {
        pthread_t thread[4];
        int result[4] = {0};
        MUST(mcl_replay_open(NULL, 1, &o, &waited_for, &error));
        EQUAL(1, push(waited_for, 0, 1, 0));
        EQUAL(1, mcl_replay_start(waited_for, &error));
        EQUAL(1, mcl_replay_pause(waited_for, &error));
        push(waited_for, 0, 1, 0); /* the first may have gone out before the pause */
        waiting = 0;
        for (int k = 0; k < 4; k++)
            CHECK(pthread_create(&thread[k], NULL, k % 2 ? pushes : waits, &result[k]) == 0);
        CHECK(reaches(&waiting, 4));
        if (i % 3 == 0)
            usleep(2000); /* into their polls, most of the time */
        int stopped = i % 2 == 0;
        if (stopped)
            EQUAL(1, mcl_replay_stop(waited_for, &error));
        else
            EQUAL(MCL_OK, mcl_replay_close(waited_for, NULL));
        for (int k = 0; k < 4; k += 2) {
            pthread_join(thread[k], NULL);
            EQUAL(stopped ? 1 : MCL_ECLOSED, result[k]);
        }
        if (stopped) /* for a push that came after the stop, and found the room taken by the other */
            EQUAL(MCL_OK, mcl_replay_close(waited_for, NULL));
        for (int k = 1; k < 4; k += 2) {
            pthread_join(thread[k], NULL);
            CHECK(result[k] == MCL_ECLOSED || (stopped && result[k] == 1));
        }
    }
}

static void *interrupts(void *thread)
{
    while (!interrupted) {
        pthread_kill(*(pthread_t *)thread, SIGUSR1);
        usleep(1000);
    }
    return NULL;
}

static void signals(void)
{
    struct sigaction action = {.sa_handler = handler}; /* without SA_RESTART, or with: */
    pthread_t self = pthread_self(), other;
    mcl_replay_options o = MCL_REPLAY_OPTIONS_INIT;
    mcl_replay *p;
    o.buffer = 1;
    MUST(mcl_replay_open(NULL, 1, &o, &p, &error));
    EQUAL(1, push(p, 0, 1, 0));
    for (int i = 0; i < 4; i++) {
        action.sa_flags = i % 2 ? SA_RESTART : 0;
        sigaction(SIGUSR1, &action, NULL);
        handled = interrupted = 0;
        if (i == 2) {
            EQUAL(1, mcl_replay_start(p, &error));
            EQUAL(1, mcl_replay_pause(p, &error));
        }
        CHECK(pthread_create(&other, NULL, interrupts, &self) == 0);
        if (i < 2)
            EQUAL(MCL_EINTR, push(p, 0, 2, -1));
        else
            FAILS(MCL_EINTR, mcl_replay_wait(p, -1, &error));
        interrupted = 1;
        pthread_join(other, NULL);
        CHECK(handled > 0);
    }
    MUST(mcl_replay_close(p, NULL));
}

int main(void)
{
    a_log();
    the_reader();
    by_type();
    pushing();
    lingering();
    control();
    bad_lines();
    waiters();
    signals();
    return report("replay");
}
