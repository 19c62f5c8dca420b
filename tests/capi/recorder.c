/* Recorders: what is published is in the logs, exactly once, with the kernel's times; and what goes wrong. */
#include "scratch.h"

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

static mcl_recorder *record(const char *name, int port, const mcl_recorder_options *options)
{
    mcl_connection c = at(port);
    mcl_recorder *r;
    MUST(mcl_recorder_open(in_scratch(name), &c, options, &r, &error));
    return r;
}

/* Waits until so many messages have arrived. */
static void arrived(mcl_recorder *r, int index, uint64_t messages)
{
    mcl_listener_stats s = {.size = sizeof s};
    for (int i = 0; i < 10000; i++) {
        MUST(mcl_recorder_get_stats(r, index, NULL, &s, NULL, &error));
        if (s.messages >= messages)
            return;
        usleep(1000);
    }
    CHECK(!"all arrived");
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#define MANY 5000

static void one_connection(void)
{
    mcl_broadcaster *b = broadcast_at(3000);
    mcl_recorder *r = record("one", 3000, NULL);
    char folder[PATH_MAX], *large = malloc(200000);
    size_t needed;
    memset(large, 'x', 200000);
    int64_t begun = now_ns();
    for (int i = 0; i < MANY; i++) {
        MUST(mcl_broadcaster_publish_int(b, i % 2 ? "odd" : NULL, MCL_NUL, i, &error));
        if (i % 500 == 499) /* no more than a socket's buffer holds */
            arrived(r, 0, (uint64_t)i + 1);
    }
    MUST(mcl_broadcaster_publish_bytes(b, "it's\n", MCL_NUL, large, 200000, &error));
    arrived(r, -1, MANY + 1);

    MUST(mcl_recorder_directory(r, folder, sizeof folder, &needed, &error));
    EQUAL(0, strcmp(folder, scratch_folder));
    EQUAL(strlen(folder) + 1, needed);
    memset(folder, '#', sizeof folder);
    FAILS(MCL_EBUFFER, mcl_recorder_directory(r, folder, needed - 1, &needed, &error));
    EQUAL('#', folder[0]);
    MUST(mcl_recorder_directory(r, folder, needed, NULL, &error));
    EQUAL('#', folder[needed]);

    mcl_log_writer_stats log = {.size = sizeof log};
    mcl_listener_stats in = {.size = sizeof in};
    mcl_error last = {.code = 1};
    for (int i = 0; i < 100; i++) { /* at every moment */
        MUST(mcl_recorder_get_stats(r, 0, &log, &in, &last, &error));
        EQUAL(in.delivered, log.entries + log.buffered + log.dropped);
    }
    EQUAL(MCL_OK, last.code);
    FAILS(MCL_EINVAL, mcl_recorder_get_stats(r, 1, &log, &in, &last, &error));
    FAILS(MCL_EINVAL, mcl_recorder_get_stats(r, -2, &log, &in, &last, &error));
    FAILS(MCL_EINVAL, mcl_recorder_get_stats(r, INT_MIN, &log, &in, &last, &error));
    log.size = 0;
    FAILS(MCL_EINVAL, mcl_recorder_get_stats(r, 0, &log, NULL, NULL, &error));
    FAILS(MCL_EINVAL, mcl_recorder_close(r, &log, NULL, &error)); /* closes nothing */
    in.size = 1;
    FAILS(MCL_EINVAL, mcl_recorder_get_stats(r, 0, NULL, &in, NULL, &error));
    MUST(mcl_recorder_get_stats(r, 0, NULL, NULL, NULL, &error));

    memset(&log, 0x77, sizeof log);
    log.size = offsetof(mcl_log_writer_stats, bytes);
    in.size = sizeof in;
    MUST(mcl_recorder_close(r, &log, &in, &error));
    EQUAL(MANY + 1, log.entries);
    EQUAL(0x7777777777777777, log.bytes);
    EQUAL(MANY + 1, in.delivered);
    EQUAL(0, in.dropped_kernel);
    FAILS(MCL_ECLOSED, mcl_recorder_close(r, NULL, NULL, &error));
    FAILS(MCL_ECLOSED, mcl_recorder_get_stats(r, 0, NULL, NULL, NULL, &error));
    CHECK(exists(in_scratch("one.log")) && !exists(in_scratch("one.tmp")));

    mcl_log_reader *reader;
    mcl_log_record record;
    mcl_log_header header = {.size = sizeof header};
    char *buffer = malloc(300000);
    MUST(mcl_log_reader_open(in_scratch("one"), NULL, &reader, &error));
    MUST(mcl_log_reader_get_header(reader, 0, &header, buffer, 300000, NULL, &error));
    int64_t origin = header.created, before = 0;
    EQUAL(0, header.type_name[0]);
    CHECK(origin > begun - 1000000 && origin < now_ns());
    for (int i = 0; i < MANY; i++) {
        EQUAL(1, mcl_log_reader_read(reader, &record, 1, buffer, 300000, NULL, &error));
        const uint8_t *p = record.payload;
        int value = p[0] < 0x80 ? p[0] : p[0] == 0xcc ? p[1] : p[1] << 8 | p[2];
        EQUAL(i, value);
        EQUAL(i % 2 ? 3 : 0, record.topic_size);
        CHECK(record.elapsed >= before && origin + record.elapsed < now_ns());
        before = record.elapsed;
    }
    EQUAL(1, mcl_log_reader_read(reader, &record, 1, buffer, 300000, NULL, &error));
    CHECK(record.topic_size == 5 && memcmp(record.topic, "it's\n", 5) == 0);
    CHECK(record.payload_size == 200005 && memcmp((const char *)record.payload + 5, large, 200000) == 0);
    EQUAL(0, mcl_log_reader_read(reader, &record, 1, buffer, 300000, NULL, &error));
    MUST(mcl_log_reader_close(reader));
    MUST(mcl_broadcaster_close(b));
    free(buffer), free(large);
}

/* Topics, a type, and the log's own options. */
static void with_options(void)
{
    mcl_connection c = at(3001);
    mcl_type *type;
    mcl_message *message;
    MUST(mcl_type_new("Imu", (const char *[]){"gyro"}, 1, &c, &type, &error));
    mcl_log_writer_options log = MCL_LOG_WRITER_OPTIONS_INIT;
    log.revision = "abc", log.max_entries = 2, log.has_time_origin = MCL_ON;
    log.time_origin = now_ns() - 10 * INT64_C(1000000000);
    mcl_listener_options listener = MCL_LISTENER_OPTIONS_INIT;
    listener.type = type, listener.topics = (const char *[]){"a", "b"}, listener.topic_count = 2, listener.quiet = MCL_ON;
    mcl_recorder_options o = MCL_RECORDER_OPTIONS_INIT;
    o.log = &log, o.listener = &listener;
    mcl_recorder *r;
    MUST(mcl_recorder_open(in_scratch("typed"), NULL, &o, &r, &error)); /* on the type's connection */
    mcl_broadcaster *b = broadcast_at(3001);
    MUST(mcl_message_new(type, &message, &error));
    MUST(mcl_broadcaster_publish_message(b, "a", 1, message, &error));
    MUST(mcl_broadcaster_publish_message(b, "b", 1, message, &error));
    MUST(mcl_broadcaster_publish_message(b, "c", 1, message, &error));
    MUST(mcl_broadcaster_publish_message(b, NULL, 0, message, &error));
    MUST(mcl_broadcaster_publish_int(b, "a", 1, 5, &error)); /* no message of the type */
    MUST(mcl_broadcaster_publish_message(b, "a", 1, message, &error));
    arrived(r, 0, 4);
    mcl_log_writer_stats written = {.size = sizeof written};
    mcl_listener_stats in = {.size = sizeof in};
    MUST(mcl_recorder_close(r, &written, &in, &error));
    EQUAL(4, written.entries); /* what does not fit the type, too */
    EQUAL(2, written.files);
    EQUAL(0, in.rejected);
    EQUAL(2, in.filtered);
    CHECK(exists(in_scratch("typed_000.log")) && exists(in_scratch("typed_001.log")));
    mcl_log_reader *reader;
    mcl_log_header header = {.size = sizeof header};
    mcl_log_record records[4];
    char buffer[4096];
    MUST(mcl_log_reader_open(in_scratch("typed"), NULL, &reader, &error));
    MUST(mcl_log_reader_get_header(reader, 0, &header, buffer, sizeof buffer, NULL, &error));
    EQUAL(log.time_origin / 1000 * 1000, header.created);
    EQUAL(0, strcmp("abc", header.revision));
    EQUAL(4, mcl_log_reader_read(reader, records, 4, buffer, sizeof buffer, NULL, &error));
    EQUAL(0, strcmp("Imu", records[0].type_name));
    CHECK(records[0].elapsed >= 10 * INT64_C(1000000000));
    mcl_message *again;
    MUST(mcl_message_decode(type, records[3].payload, records[3].payload_size, &again, &error));
    CHECK(records[2].payload_size == 1 && *(const char *)records[2].payload == 5);
    MUST(mcl_message_close(again));
    MUST(mcl_log_reader_close(reader));
    MUST(mcl_message_close(message));
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_type_close(type));
}

static void a_network(void)
{
    const char *names[] = {"Imu", "Gps", "Sonar"};
    mcl_type *types[3];
    mcl_broadcaster *b[3];
    for (int i = 0; i < 3; i++) {
        mcl_connection c = at(3010 + i);
        MUST(mcl_type_new(names[i], NULL, 0, &c, &types[i], &error));
        b[i] = broadcast_at(3010 + i);
    }
    mcl_recorder *r = (void *)1;
    FAILS(MCL_EINVAL, mcl_recorder_open_network(in_scratch(""), types, 0, NULL, &r, &error));
    CHECK(r == NULL);
    FAILS(MCL_EINVAL, mcl_recorder_open_network(in_scratch(""), NULL, 1, NULL, &r, &error));
    FAILS(MCL_EINVAL, mcl_recorder_open_network(NULL, types, 3, NULL, &r, &error));
    FAILS(MCL_EINVAL, mcl_recorder_open_network(in_scratch(""), types, 3, NULL, NULL, &error));
    FAILS(MCL_EINVAL, mcl_recorder_open_network(in_scratch(""), (mcl_type *[]){types[0], types[0]}, 2, NULL, &r, &error));
    SAYS("Imu");
    FAILS(MCL_EHANDLE, mcl_recorder_open_network(in_scratch(""), (mcl_type *[]){types[0], NULL}, 2, NULL, &r, &error));
    FAILS(MCL_EHANDLE, mcl_recorder_open_network(in_scratch(""), (mcl_type *[]){types[0], (void *)b[0]}, 2, NULL, &r, &error));
    FAILS(MCL_ESYSTEM, mcl_recorder_open_network(in_scratch("none"), types, 3, NULL, &r, &error));
    mcl_log_writer_options log = MCL_LOG_WRITER_OPTIONS_INIT;
    mcl_listener_options listener = MCL_LISTENER_OPTIONS_INIT;
    mcl_recorder_options o = MCL_RECORDER_OPTIONS_INIT;
    o.log = &log, o.listener = &listener;
    log.type_name = "Imu";
    FAILS(MCL_EINVAL, mcl_recorder_open_network(in_scratch(""), types, 3, &o, &r, &error));
    log.type_name = NULL, listener.type = types[0];
    FAILS(MCL_EINVAL, mcl_recorder_open_network(in_scratch(""), types, 3, &o, &r, &error));
    listener.type = NULL;

    /* Names by which it would be recorded elsewhere, or nowhere. */
    char tall[251];
    memset(tall, 'x', 250), tall[250] = 0;
    const char *out[] = {"../Imu", "/tmp/Imu", "Imu/", ".", "..", ".Imu", "Imu\nGps", "Imu.log", tall};
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        mcl_connection c = at(3014);
        mcl_type *odd;
        MUST(mcl_type_new(out[i], NULL, 0, &c, &odd, &error));
        FAILS(out[i] == tall ? MCL_ESYSTEM : MCL_EINVAL,
              mcl_recorder_open_network(in_scratch(""), (mcl_type *[]){types[0], odd}, 2, NULL, &r, &error));
        MUST(mcl_type_close(odd));
    }

    /* All or none: the last has a network interface that cannot exist. */
    const char *root = in_scratch("network");
    CHECK(mkdir(root, 0700) == 0);
    mcl_connection lost = at(3013);
    lost.interface_ = "no/such";
    mcl_type *nowhere;
    MUST(mcl_type_new("Lost", NULL, 0, &lost, &nowhere, &error));
    FAILS(MCL_EINTERFACE, mcl_recorder_open_network(root, (mcl_type *[]){types[0], types[1], nowhere}, 3, NULL, &r, &error));
    SAYS("no/such");
    CHECK(rmdir(root) == 0 && mkdir(root, 0700) == 0); /* it is empty */

    MUST(mcl_recorder_open_network(root, types, 3, &o, &r, &error));
    for (int i = 0; i < 3; i++)
        MUST(mcl_type_close(types[i]));
    MUST(mcl_type_close(nowhere));
    char folder[PATH_MAX];
    MUST(mcl_recorder_directory(r, folder, sizeof folder, NULL, &error));
    CHECK(strncmp(folder, root, strlen(root)) == 0 && exists(folder));
    mcl_message *message;
    mcl_type *type;
    mcl_connection c = at(3010);
    for (int i = 0; i < 3; i++) {
        c.port = 3010 + i;
        MUST(mcl_type_new(names[i], NULL, 0, &c, &type, &error));
        MUST(mcl_message_new(type, &message, &error));
        for (int k = 0; k <= i; k++)
            MUST(mcl_broadcaster_publish_message(b[i], NULL, 0, message, &error));
        MUST(mcl_message_close(message));
        MUST(mcl_type_close(type));
    }
    mcl_log_writer_stats written = {.size = sizeof written};
    mcl_listener_stats in = {.size = sizeof in};
    for (int i = 0; i < 3; i++) {
        arrived(r, i, (uint64_t)i + 1);
        MUST(mcl_recorder_get_stats(r, i, &written, &in, NULL, &error));
        EQUAL(i + 1, in.messages);
    }
    FAILS(MCL_EINVAL, mcl_recorder_get_stats(r, 3, &written, &in, NULL, &error));
    MUST(mcl_recorder_get_stats(r, -1, NULL, &in, NULL, &error));
    EQUAL(6, in.messages);
    MUST(mcl_recorder_close(r, &written, &in, &error));
    EQUAL(6, written.entries);
    EQUAL(3, written.files);
    EQUAL(6, in.delivered);
    mcl_log_reader *reader;
    mcl_log_record records[10];
    char buffer[4096];
    MUST(mcl_log_reader_open_directory(folder, NULL, &reader, &error));
    EQUAL(6, mcl_log_reader_read(reader, records, 10, buffer, sizeof buffer, NULL, &error));
    EQUAL(0, strcmp("Imu", records[0].type_name));
    EQUAL(0, strcmp("Sonar", records[5].type_name));
    MUST(mcl_log_reader_close(reader));
    for (int i = 0; i < 3; i++)
        MUST(mcl_broadcaster_close(b[i]));
}

static void errors(void)
{
    mcl_connection c = at(3000);
    mcl_recorder *r = (void *)1;
    FAILS(MCL_EINVAL, mcl_recorder_open(NULL, &c, NULL, &r, &error));
    CHECK(r == NULL);
    FAILS(MCL_EINVAL, mcl_recorder_open(in_scratch("x"), NULL, NULL, &r, &error));
    SAYS("options.listener->type");
    FAILS(MCL_EINVAL, mcl_recorder_open(in_scratch("x"), &c, NULL, NULL, &error));
    FAILS(MCL_EEXISTS, mcl_recorder_open(in_scratch("one"), &c, NULL, &r, &error));
    FAILS(MCL_ESYSTEM, mcl_recorder_open(in_scratch("none/x"), &c, NULL, &r, &error));
    EQUAL(ENOENT, error.system);
    mcl_recorder_options o = MCL_RECORDER_OPTIONS_INIT;
    mcl_log_writer_options log = MCL_LOG_WRITER_OPTIONS_INIT;
    mcl_listener_options listener = MCL_LISTENER_OPTIONS_INIT;
    o.log = &log, o.listener = &listener;
    log.has_time_origin = 5;
    FAILS(MCL_EINVAL, mcl_recorder_open(in_scratch("x"), &c, &o, &r, &error));
    SAYS("options.log.has_time_origin");
    log.has_time_origin = 0, log.size = 0;
    FAILS(MCL_EINVAL, mcl_recorder_open(in_scratch("x"), &c, &o, &r, &error));
    SAYS("options.log");
    log.size = sizeof log, listener.policy = 9;
    FAILS(MCL_EINVAL, mcl_recorder_open(in_scratch("x"), &c, &o, &r, &error));
    listener.policy = 0, listener.quiet = 7;
    FAILS(MCL_EINVAL, mcl_recorder_open(in_scratch("x"), &c, &o, &r, &error));
    SAYS("options.listener.quiet");
    listener.quiet = 0, listener.size = 3;
    FAILS(MCL_EINVAL, mcl_recorder_open(in_scratch("x"), &c, &o, &r, &error));
    SAYS("options.listener");
    listener.size = sizeof listener, o.size = 1;
    FAILS(MCL_EINVAL, mcl_recorder_open(in_scratch("x"), &c, &o, &r, &error));
    o.size = offsetof(mcl_recorder_options, listener), o.listener = (void *)1; /* an older header's */
    MUST(mcl_recorder_open(in_scratch("x"), &c, &o, &r, &error));
    MUST(mcl_recorder_close(r, NULL, NULL, &error));
    CHECK(!exists(in_scratch("x.log"))); /* nothing came, so there is no file */
    struct {
        mcl_recorder_options known;
        unsigned char tail[8];
    } grown = {.known = MCL_RECORDER_OPTIONS_INIT, .tail = {1}};
    grown.known.size = sizeof grown;
    FAILS(MCL_EINVAL, mcl_recorder_open(in_scratch("x"), &c, &grown.known, &r, &error));
    SAYS("does not have");
    c.port = 1;
    FAILS(MCL_EINVAL, mcl_recorder_open(in_scratch("x"), &c, NULL, &r, &error));
    SAYS("port");
    c.url = "::1";
    FAILS(MCL_EADDRESS, mcl_recorder_open(in_scratch("x"), &c, NULL, &r, &error));
}

/* A full disk is told and counted; recording goes on when there is room again. */
static void full_disk(void)
{
    const char *disk = small_disk("disk", 1 << 20);
    char prefix[PATH_MAX], ballast[PATH_MAX], payload[2000] = {0};
    snprintf(prefix, sizeof prefix, "%s/log", disk);
    snprintf(ballast, sizeof ballast, "%s/ballast", disk);
    int fd = open(ballast, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0 && posix_fallocate(fd, 0, 900 * 1024) == 0 && close(fd) == 0);
    mcl_connection c = at(3002);
    mcl_listener_options listener = MCL_LISTENER_OPTIONS_INIT;
    listener.quiet = MCL_ON;
    mcl_recorder_options o = MCL_RECORDER_OPTIONS_INIT;
    o.listener = &listener;
    mcl_recorder *r;
    MUST(mcl_recorder_open(prefix, &c, &o, &r, &error));
    mcl_broadcaster *b = broadcast_at(3002);
    for (int i = 0; i < 100; i++)
        MUST(mcl_broadcaster_publish_bytes(b, NULL, 0, payload, sizeof payload, &error));
    arrived(r, 0, 100);
    mcl_log_writer_stats s = {.size = sizeof s};
    mcl_error last = {0};
    for (int i = 0; i < 1000 && last.code == 0; i++) {
        MUST(mcl_recorder_get_stats(r, 0, &s, NULL, &last, &error));
        usleep(10000);
    }
    EQUAL(MCL_ESYSTEM, last.code);
    EQUAL(ENOSPC, last.system);
    CHECK(strstr(last.text, "mcl_recorder_get_stats:") == last.text && strstr(last.text, disk) != NULL);
    CHECK(s.errors > 0 && s.buffered > 0);
    CHECK(unlink(ballast) == 0);
    MUST(mcl_broadcaster_publish_int(b, NULL, 0, 1, &error));
    for (int i = 0; i < 1000 && last.code != 0; i++) {
        MUST(mcl_recorder_get_stats(r, 0, &s, NULL, &last, &error));
        usleep(10000);
    }
    EQUAL(MCL_OK, last.code);
    mcl_listener_stats in = {.size = sizeof in};
    MUST(mcl_recorder_close(r, &s, &in, &error));
    EQUAL(101, s.entries);
    EQUAL(0, s.dropped);
    EQUAL(101, in.delivered);
    MUST(mcl_broadcaster_close(b));

    /* And when there is none until the end, closing says so. */
    fd = open(ballast, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0 && posix_fallocate(fd, 0, 500 * 1024) == 0 && close(fd) == 0);
    snprintf(prefix, sizeof prefix, "%s/log2", disk);
    MUST(mcl_recorder_open(prefix, &c, &o, &r, &error));
    b = broadcast_at(3002);
    for (int i = 0; i < 100; i++)
        MUST(mcl_broadcaster_publish_bytes(b, NULL, 0, payload, sizeof payload, &error));
    arrived(r, 0, 100);
    FAILS(MCL_ESYSTEM, mcl_recorder_close(r, &s, &in, &error));
    CHECK(s.entries < 100 && s.entries + s.buffered + s.dropped == 100);
    EQUAL(100, in.delivered);
    MUST(mcl_broadcaster_close(b));
    CHECK(umount(disk) == 0);
}

/* Stats, publishing and closing at the same time. */
static atomic_int stop;

static void *asks(void *recorder)
{
    while (!stop) {
        mcl_log_writer_stats log = {.size = sizeof log};
        mcl_listener_stats in = {.size = sizeof in};
        mcl_error mine;
        int code = mcl_recorder_get_stats(recorder, -1, &log, &in, NULL, &mine);
        if (code == 0)
            EQUAL(in.delivered, log.entries + log.buffered + log.dropped);
        else
            EQUAL(MCL_ECLOSED, code);
    }
    return NULL;
}

static void *publishes(void *broadcaster)
{
    while (!stop)
        mcl_broadcaster_publish_int(broadcaster, "t", 1, 1, NULL);
    return NULL;
}

static void threads(void)
{
    mcl_broadcaster *b = broadcast_at(3003);
    for (int i = 0; i < 10; i++) {
        char name[20];
        snprintf(name, sizeof name, "threads%d", i);
        mcl_recorder *r = record(name, 3003, NULL);
        pthread_t thread[3];
        stop = 0;
        CHECK(pthread_create(&thread[0], NULL, asks, r) == 0);
        CHECK(pthread_create(&thread[1], NULL, asks, r) == 0);
        CHECK(pthread_create(&thread[2], NULL, publishes, b) == 0);
        arrived(r, 0, 200);
        mcl_log_writer_stats log = {.size = sizeof log};
        mcl_listener_stats in = {.size = sizeof in};
        MUST(mcl_recorder_close(r, &log, &in, &error));
        EQUAL(in.delivered, log.entries);
        stop = 1;
        for (int k = 0; k < 3; k++)
            pthread_join(thread[k], NULL);
    }
    MUST(mcl_broadcaster_close(b));
}

int main(void)
{
    one_connection();
    with_options();
    a_network();
    errors();
    full_disk();
    threads();
    return report("recorder");
}
