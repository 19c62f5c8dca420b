/* Every function, given anything but the handle it wants: an error and never a crash. */
#include "scratch.h"

#include <stdint.h>
#include <sys/random.h>

/* Calls every function that takes a handle of some kind with `p` for it, and checks that all give the same code. */

static void every_type(void *p, int code)
{
    char buffer[100];
    size_t needed;
    mcl_message *m = (void *)1;
    FAILS(code, mcl_type_name(p, buffer, sizeof buffer, &needed, &error));
    FAILS(code, mcl_type_mandatory(p, buffer, sizeof buffer, &needed, &error));
    FAILS(code, mcl_message_new(p, &m, &error));
    CHECK(m == NULL);
    m = (void *)1;
    FAILS(code, mcl_message_decode(p, "\x80", 1, &m, &error));
    CHECK(m == NULL);
    EQUAL(code, mcl_type_close(p));
    if (p == NULL)
        return; /* as an option, NULL means: anything */
    mcl_connection c = group();
    mcl_broadcaster_options bo = MCL_BROADCASTER_OPTIONS_INIT;
    mcl_listener_options lo = MCL_LISTENER_OPTIONS_INIT;
    mcl_broadcaster *b = (void *)1;
    mcl_listener *l = (void *)1;
    bo.type = lo.type = p;
    FAILS(code, mcl_broadcaster_open(&c, &bo, &b, &error));
    FAILS(code, mcl_listener_open(&c, &lo, &l, &error));
    CHECK(b == NULL && l == NULL);
}

static mcl_broadcaster *any_broadcaster;

static void every_message(void *p, int code)
{
    int yes;
    int64_t i;
    uint64_t u;
    double d;
    char buffer[100];
    size_t needed;
    FAILS(code, mcl_message_set_nil(p, "k", 1, &error));
    FAILS(code, mcl_message_set_bool(p, "k", 1, 1, &error));
    FAILS(code, mcl_message_set_int(p, "k", 1, 1, &error));
    FAILS(code, mcl_message_set_uint(p, "k", 1, 1, &error));
    FAILS(code, mcl_message_set_double(p, "k", 1, 1, &error));
    FAILS(code, mcl_message_set_string(p, "k", 1, "", 0, &error));
    FAILS(code, mcl_message_set_bytes(p, "k", 1, "", 0, &error));
    FAILS(code, mcl_message_set_packed(p, "k", 1, "\xc0", 1, &error));
    FAILS(code, mcl_message_touch(p, &error));
    FAILS(code, mcl_message_count(p, &error));
    FAILS(code, mcl_message_key(p, 0, buffer, sizeof buffer, &needed, &error));
    FAILS(code, mcl_message_kind(p, "k", 1, &error));
    FAILS(code, mcl_message_get_bool(p, "k", 1, &yes, &error));
    FAILS(code, mcl_message_get_int(p, "k", 1, &i, &error));
    FAILS(code, mcl_message_get_uint(p, "k", 1, &u, &error));
    FAILS(code, mcl_message_get_double(p, "k", 1, &d, &error));
    FAILS(code, mcl_message_get_string(p, "k", 1, buffer, sizeof buffer, &needed, &error));
    FAILS(code, mcl_message_get_bytes(p, "k", 1, buffer, sizeof buffer, &needed, &error));
    FAILS(code, mcl_message_get_packed(p, "k", 1, buffer, sizeof buffer, &needed, &error));
    FAILS(code, mcl_message_encode(p, buffer, sizeof buffer, &needed, &error));
    FAILS(code, mcl_message_json(p, buffer, sizeof buffer, &needed, &error));
    FAILS(code, mcl_broadcaster_publish_message(any_broadcaster, "t", 1, p, &error));
    EQUAL(code, mcl_message_close(p));
}

static void every_broadcaster(void *p, int code)
{
    mcl_broadcaster_stats stats = {.size = sizeof stats};
    mcl_settings settings = {.size = sizeof settings};
    FAILS(code, mcl_broadcaster_publish(p, "t", 1, "\xc0", 1, &error));
    FAILS(code, mcl_broadcaster_publish_message(p, "t", 1, NULL, &error));
    FAILS(code, mcl_broadcaster_publish_nil(p, "t", 1, &error));
    FAILS(code, mcl_broadcaster_publish_bool(p, "t", 1, 1, &error));
    FAILS(code, mcl_broadcaster_publish_int(p, "t", 1, 1, &error));
    FAILS(code, mcl_broadcaster_publish_uint(p, "t", 1, 1, &error));
    FAILS(code, mcl_broadcaster_publish_double(p, "t", 1, 1, &error));
    FAILS(code, mcl_broadcaster_publish_string(p, "t", 1, "", 0, &error));
    FAILS(code, mcl_broadcaster_publish_bytes(p, "t", 1, "", 0, &error));
    FAILS(code, mcl_broadcaster_set_fragment_size(p, 1000, &error));
    FAILS(code, mcl_broadcaster_get_stats(p, &stats, &error));
    FAILS(code, mcl_broadcaster_get_settings(p, &settings, &error));
    EQUAL(code, mcl_broadcaster_close(p));
}

static void never(void *context, const mcl_received *record)
{
    (void)context, (void)record;
    CHECK(!"called");
}

static void never_dropped(void *context)
{
    (void)context;
    CHECK(!"dropped");
}

static void every_listener(void *p, int code)
{
    mcl_callback callback = {NULL, never, never_dropped};
    mcl_listener_stats stats = {.size = sizeof stats};
    mcl_settings settings = {.size = sizeof settings};
    mcl_received record;
    char buffer[100];
    size_t needed;
    uint64_t id;
    FAILS(code, mcl_listener_subscribe(p, &callback, &id, &error));
    FAILS(code, mcl_listener_unsubscribe(p, 1, &error));
    FAILS(code, mcl_listener_fd(p, &error));
    FAILS(code, mcl_listener_wait(p, 0, &error));
    FAILS(code, mcl_listener_recv(p, 0, &record, buffer, sizeof buffer, &needed, &error));
    FAILS(code, mcl_listener_get_stats(p, &stats, &error));
    FAILS(code, mcl_listener_get_settings(p, &settings, &error));
    EQUAL(code, mcl_listener_close(p, &stats));
    EQUAL(0, stats.datagrams);
}

static void every_log_writer(void *p, int code)
{
    mcl_log_writer_stats stats = {.size = sizeof stats};
    mcl_error last;
    FAILS(code, mcl_log_writer_write(p, "t", 1, "\xc0", 1, 0, &error));
    FAILS(code, mcl_log_writer_flush(p, &error));
    FAILS(code, mcl_log_writer_get_stats(p, &stats, &last, &error));
    FAILS(code, mcl_log_writer_close(p, &stats, &error));
    EQUAL(0, stats.entries);
}

static void every_log_reader(void *p, int code)
{
    mcl_log_record record;
    mcl_log_header header = {.size = sizeof header};
    char buffer[100];
    size_t needed;
    uint64_t torn;
    mcl_replay *replay = (void *)1;
    FAILS(code, mcl_log_reader_read(p, &record, 1, buffer, sizeof buffer, &needed, &error));
    FAILS(code, mcl_log_reader_pending(p, &error));
    FAILS(code, mcl_log_reader_reset(p, &error));
    FAILS(code, mcl_log_reader_get_header(p, 0, &header, buffer, sizeof buffer, &needed, &error));
    FAILS(code, mcl_log_reader_torn(p, &torn, &error));
    EQUAL(code, mcl_log_reader_close(p));
    if (p == NULL)
        return; /* as what to replay, NULL means: what is pushed */
    FAILS(code, mcl_replay_open(p, 1, NULL, &replay, &error));
    CHECK(replay == NULL);
}

static void every_recorder(void *p, int code)
{
    mcl_log_writer_stats log = {.size = sizeof log};
    mcl_listener_stats in = {.size = sizeof in};
    char buffer[100];
    FAILS(code, mcl_recorder_directory(p, buffer, sizeof buffer, NULL, &error));
    FAILS(code, mcl_recorder_get_stats(p, 0, &log, &in, NULL, &error));
    FAILS(code, mcl_recorder_close(p, &log, &in, &error));
    EQUAL(0, log.entries + in.datagrams);
}

static void every_replay(void *p, int code)
{
    mcl_replay_stats stats = {.size = sizeof stats};
    const mcl_log_record record = {0, NULL, 0, "\xc0", 1, NULL};
    FAILS(code, mcl_replay_target(p, "T", NULL, &error));
    FAILS(code, mcl_replay_push(p, &record, 0, &error));
    FAILS(code, mcl_replay_push(p, &record, -1, &error));
    FAILS(code, mcl_replay_end(p, &error));
    FAILS(code, mcl_replay_start(p, &error));
    FAILS(code, mcl_replay_pause(p, &error));
    FAILS(code, mcl_replay_stop(p, &error));
    FAILS(code, mcl_replay_set_speed(p, 1, &error));
    FAILS(code, mcl_replay_get_state(p, &error));
    FAILS(code, mcl_replay_pending(p, &error));
    FAILS(code, mcl_replay_wait(p, -1, &error));
    FAILS(code, mcl_replay_get_stats(p, &stats, &error));
    EQUAL(code, mcl_replay_close(p, &stats));
    EQUAL(0, stats.read);
}

static void every_kind(void *p, int code)
{
    every_type(p, code);
    every_message(p, code);
    every_broadcaster(p, code);
    every_listener(p, code);
    every_log_writer(p, code);
    every_log_reader(p, code);
    every_recorder(p, code);
    every_replay(p, code);
}

static void garbage(void)
{
    every_kind(NULL, MCL_EHANDLE);
    every_kind((void *)1, MCL_EHANDLE);
    every_kind((void *)UINTPTR_MAX, MCL_EHANDLE);
    every_kind(&checks, MCL_EHANDLE);
    /* Addresses where Go has its heap: as pointers, those would stop its garbage collector. */
    for (uintptr_t p = 0xc000000000; p < 0xc000000000 + 20 * 8200; p += 8200)
        every_kind((void *)p, MCL_EHANDLE);
    for (int i = 0; i < 50; i++) {
        uintptr_t p;
        CHECK(getrandom(&p, sizeof p, 0) == sizeof p);
        every_kind((void *)p, MCL_EHANDLE);
    }
}

/* The handles of logs, recorders and replays, against each other. */
static void of_logs(void)
{
    mcl_connection c = group();
    mcl_log_writer *w;
    mcl_log_reader *r;
    mcl_recorder *rec;
    mcl_replay *p;
    MUST(mcl_log_writer_open(in_scratch("written"), NULL, &w, &error));
    MUST(mcl_log_reader_open("../vectors/logs/Imu", NULL, &r, &error));
    MUST(mcl_recorder_open(in_scratch("recorded"), &c, NULL, &rec, &error));
    MUST(mcl_replay_open(NULL, 1, NULL, &p, &error));
    void *all[] = {w, r, rec, p};
    for (int i = 0; i < 4; i++) {
        every_type(all[i], MCL_EHANDLE);
        every_message(all[i], MCL_EHANDLE);
        every_broadcaster(all[i], MCL_EHANDLE);
        every_listener(all[i], MCL_EHANDLE);
        if (i != 0)
            every_log_writer(all[i], MCL_EHANDLE);
        if (i != 1)
            every_log_reader(all[i], MCL_EHANDLE);
        if (i != 2)
            every_recorder(all[i], MCL_EHANDLE);
        if (i != 3)
            every_replay(all[i], MCL_EHANDLE);
    }
    SAYS("mcl_replay");
    EQUAL(MCL_OK, mcl_log_writer_close(w, NULL, &error));
    every_log_writer(w, MCL_ECLOSED);
    EQUAL(MCL_OK, mcl_log_reader_close(r));
    every_log_reader(r, MCL_ECLOSED);
    EQUAL(MCL_OK, mcl_recorder_close(rec, NULL, NULL, &error));
    every_recorder(rec, MCL_ECLOSED);
    EQUAL(MCL_OK, mcl_replay_close(p, NULL));
    every_replay(p, MCL_ECLOSED);
    every_log_reader(p, MCL_EHANDLE);
}

int main(void)
{
    mcl_connection c = group();
    mcl_type *t;
    mcl_message *m;
    mcl_listener *l = listen_with(NULL);
    mcl_broadcaster *b = any_broadcaster = broadcast_with(NULL);
    MUST(mcl_type_define("T", NULL, 0, &c, &t, &error));
    MUST(mcl_message_new(t, &m, &error));

    garbage();
    of_logs();

    every_type(m, MCL_EHANDLE);
    SAYS("mcl_message");
    every_type(b, MCL_EHANDLE);
    every_type(l, MCL_EHANDLE);
    every_message(t, MCL_EHANDLE);
    every_message(b, MCL_EHANDLE);
    every_message(l, MCL_EHANDLE);
    every_broadcaster(t, MCL_EHANDLE);
    every_broadcaster(m, MCL_EHANDLE);
    every_broadcaster(l, MCL_EHANDLE);
    every_listener(t, MCL_EHANDLE);
    every_listener(m, MCL_EHANDLE);
    every_listener(b, MCL_EHANDLE);

    EQUAL(MCL_OK, mcl_message_close(m));
    every_message(m, MCL_ECLOSED);
    every_type(m, MCL_EHANDLE);
    EQUAL(MCL_OK, mcl_type_close(t));
    every_type(t, MCL_ECLOSED);
    EQUAL(MCL_OK, mcl_listener_close(l, NULL));
    every_listener(l, MCL_ECLOSED);
    every_message(l, MCL_EHANDLE);
    EQUAL(MCL_OK, mcl_broadcaster_close(b));
    any_broadcaster = NULL;
    every_broadcaster(b, MCL_ECLOSED);

    /* A closed handle stays known as such while thousands of others come and go. */
    MUST(mcl_type_find("T", &t, &error));
    MUST(mcl_message_new(t, &m, &error));
    MUST(mcl_message_close(m));
    for (int i = 0; i < 4000; i++) {
        mcl_message *other_message;
        MUST(mcl_message_new(t, &other_message, &error));
        CHECK(other_message != m);
        MUST(mcl_message_close(other_message));
    }
    FAILS(MCL_ECLOSED, mcl_message_touch(m, &error));
    MUST(mcl_type_close(t));
    return report("handles");
}
