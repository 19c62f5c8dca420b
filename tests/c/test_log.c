/* Logs, recorders and replays: what goes in comes out; closing; and what is reported. */
#define _GNU_SOURCE
#include "check.h"
#include "hook.h"
#include <limits.h>

static char folder[PATH_MAX / 2];

static const char *in_folder(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void remove_files(const char *const *names)
{
    for (; *names != NULL; names++)
        CHECK_INT(remove(in_folder(*names)), 0);
}

/* Around the first buffer's size and far beyond it. */
static void test_write_and_read(void)
{
    static const size_t sizes[] = {1, 4000, 4096, 70000, 3000000, 2};
    static const char *const files[] = {"raw.log", NULL};
    mclw_auto_log_writer out = mclw_log_create(in_folder("raw"), NULL);
    mclw_auto_log_reader in = NULL;
    mclw_auto_buffer packed = MCLW_BUFFER_INIT, buffer = MCLW_BUFFER_INIT;
    mcl_received record = mclw_log_record(NULL);
    mcl_log_record entry;
    char *bytes = malloc(3000000);
    size_t i;

    REQUIRE(out != NULL && bytes != NULL);
    for (i = 0; i < 3000000; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        mclw_buffer_clear(&packed);
        mclw_pack_bytes(&packed, bytes, sizes[i]);
        record.topic = i % 2 ? "odd" : NULL;
        record.topic_size = i % 2 ? 3 : 0;
        record.payload = packed.data;
        record.payload_size = packed.size;
        record.time_received = 1463012407000000000 + (int64_t)i * 1000000;
        CHECK_SILENT(mclw_log_write(out, &record), 0);
    }
    CHECK_REPORTED(mclw_log_write(out, NULL), MCL_EINVAL);
    CHECK_REPORTED(mclw_log_write(NULL, &record), MCL_EHANDLE);
    CHECK_SILENT(mclw_log_writer_close(&out), 0);
    CHECK(out == NULL);
    CHECK_SILENT(mclw_log_writer_close(&out), 0);

    in = mclw_log_open(in_folder("raw"));
    REQUIRE(in != NULL);
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const char *got;
        size_t size;

        CHECK_SILENT(mclw_log_read(in, &entry, &buffer), 1);
        CHECK_INT(entry.elapsed, i * 1000000);
        record = mclw_log_record(&entry);
        CHECK(mclw_topic_is(&record, i % 2 ? "odd" : NULL));
        CHECK_INT(record.time_received, entry.elapsed);
        got = mclw_value_bytes(mclw_value_of(&record, NULL), &size);
        CHECK(got != NULL && size == sizes[i] && memcmp(got, bytes, size) == 0);
    }
    CHECK_SILENT(mclw_log_read(in, &entry, &buffer), 0);
    CHECK_REPORTED(mclw_log_read(in, NULL, &buffer), MCL_EINVAL);
    CHECK_REPORTED(mclw_log_read(in, &entry, NULL), MCL_EINVAL);
    CHECK_REPORTED(mclw_log_read(NULL, &entry, &buffer), MCL_EHANDLE);
    record = mclw_log_record(NULL);
    CHECK(record.payload == NULL && record.topic == NULL);
    free(bytes);
    remove_files(files);
}

/* A line that is no entry is reported once, and the next call goes on. */
static void test_bad_line(void)
{
    static const char *const files[] = {"bad.log", NULL};
    mclw_auto_log_writer out = mclw_log_create(in_folder("bad"), NULL);
    mclw_auto_log_reader in = NULL;
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mcl_received record = {NULL, 0, "\x05", 1, 1463012407000000000, {0}, 0, 0};
    mcl_log_record entry;
    FILE *file;

    CHECK_INT(mclw_log_write(out, &record), 0);
    CHECK_INT(mclw_log_writer_close(&out), 0);
    file = fopen(in_folder("bad.log"), "a");
    REQUIRE(file != NULL);
    fputs("no entry\n     1.00000    't'         06\n", file);
    fclose(file);
    in = mclw_log_open(in_folder("bad.log"));
    CHECK_INT(mclw_log_read(in, &entry, &buffer), 1);
    CHECK_REPORTED(mclw_log_read(in, &entry, &buffer), MCL_EFORMAT);
    CHECK(strstr(last_report.text, "bad.log") != NULL);
    CHECK_SILENT(mclw_log_read(in, &entry, &buffer), 1);
    CHECK_INT(entry.elapsed, 1000000000);
    remove_files(files);
}

static void test_failures(void)
{
    CHECK_REPORTED(mclw_log_create(in_folder("none/x"), NULL) == NULL ? last_report.code : 0, MCL_ESYSTEM);
    CHECK_INT(last_report.system, ENOENT);
    CHECK_REPORTED(mclw_log_create(NULL, NULL) == NULL ? last_report.code : 0, MCL_EINVAL);
    CHECK_REPORTED(mclw_log_open(in_folder("none")) == NULL ? last_report.code : 0, MCL_ESYSTEM);
    CHECK(strstr(last_report.text, "none") != NULL);
    CHECK_REPORTED(mclw_log_open(NULL) == NULL ? last_report.code : 0, MCL_EINVAL);
    CHECK_REPORTED(mclw_record(in_folder("x"), "fe80::1", 0) == NULL ? last_report.code : 0, MCL_EADDRESS);
    CHECK_REPORTED(mclw_record_types(folder, NULL, 0) == NULL ? last_report.code : 0, MCL_EINVAL);
    CHECK_REPORTED(mclw_replay(NULL, 1.0) == NULL ? last_report.code : 0, MCL_EHANDLE);
    CHECK_REPORTED(mclw_replay_run(NULL, 0), MCL_EHANDLE);
    CHECK_SILENT(mclw_log_reader_close(NULL) + mclw_log_writer_close(NULL) + mclw_recorder_close(NULL) +
                     mclw_replay_close(NULL), 0);
}

/* Waits until a recorder has got so many messages. */
static void recorded(mcl_recorder *recorder, uint64_t count)
{
    mcl_listener_stats stats;
    int i;

    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    for (i = 0; i < 10000 && stats.messages < count; i++) {
        REQUIRE(mcl_recorder_get_stats(recorder, -1, NULL, &stats, NULL, NULL) == 0);
        usleep(1000);
    }
    CHECK_INT(stats.messages, count);
}

static void test_one_connection(void)
{
    static const char *const files[] = {"one.log", NULL};
    mclw_auto_recorder recorder = mclw_record(in_folder("one"), "ff15::1", 26000);
    mclw_auto_broadcaster out = mclw_broadcast("ff15::1", 26000, NULL);
    mclw_auto_listener in = NULL;
    mclw_auto_log_reader log = NULL;
    mclw_auto_replay replay = NULL;
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mcl_received record;
    int i;

    REQUIRE(recorder != NULL && out != NULL);
    for (i = 0; i < 3; i++)
        CHECK_INT(mclw_publish_int(out, "count", i), 0);
    recorded(recorder, 3);
    CHECK_SILENT(mclw_recorder_close(&recorder), 0);
    CHECK(recorder == NULL);

    in = mclw_listen("ff15::1", 26000, NULL);
    log = mclw_log_open(in_folder("one"));
    replay = mclw_replay(log, 0.0);
    REQUIRE(in != NULL && replay != NULL);
    CHECK_REPORTED(mclw_log_reader_close(&log), MCL_EBUSY);
    CHECK(log != NULL);
    CHECK_INT(mcl_replay_target(replay, "", out, NULL), 0); /* raw data */
    CHECK_SILENT(mclw_replay_run(replay, 10000), 1);
    for (i = 0; i < 3; i++) {
        REQUIRE(mclw_recv(in, 10000, &record, &buffer) == 1);
        CHECK_INT(mclw_read_int(&record, NULL, -1), i);
        CHECK(mclw_topic_is(&record, "count"));
    }
    CHECK_SILENT(mclw_replay_close(&replay), 0);
    CHECK_SILENT(mclw_log_reader_close(&log), 0);
    CHECK(replay == NULL && log == NULL);
    remove_files(files);
}

/* A network of two types, recorded, and replayed on the types that are defined. */
static void test_types(void)
{
    mclw_auto_type imu = mclw_define("Imu", "gyro", "ff15::1", 26001), gps = mclw_define("Gps", NULL, "ff15::1", 26002);
    mcl_type *types[2];
    mclw_auto_recorder recorder = NULL;
    mclw_auto_broadcaster out = mclw_broadcast_type(imu);
    mclw_auto_message message = mclw_message(imu);
    mclw_auto_listener in = NULL;
    mclw_auto_log_reader log = NULL;
    mclw_auto_replay replay = NULL;
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mcl_log_record entry;
    mcl_received record;
    char directory[200], path[220];
    int i;

    types[0] = imu;
    types[1] = gps;
    recorder = mclw_record_types(folder, types, 2);
    REQUIRE(recorder != NULL && message != NULL);
    CHECK_INT(mcl_recorder_directory(recorder, directory, sizeof directory, NULL, NULL), 0);
    for (i = 0; i < 2; i++) {
        mclw_set_int(message, "gyro", i);
        CHECK_INT(mclw_publish_message(out, NULL, message), 0);
    }
    recorded(recorder, 2);
    CHECK_SILENT(mclw_recorder_close(&recorder), 0);

    log = mclw_log_open(directory);
    REQUIRE(log != NULL);
    CHECK_SILENT(mclw_log_read(log, &entry, &buffer), 1);
    CHECK_TEXT(entry.type_name, "Imu");
    record = mclw_log_record(&entry);
    CHECK_INT(mclw_read_int(&record, "gyro", -1), 0);
    in = mclw_listen_type(imu);
    replay = mclw_replay(log, 1.0); /* from where the reader stands */
    REQUIRE(in != NULL && replay != NULL);
    CHECK_SILENT(mclw_replay_run(replay, -1), 1);
    REQUIRE(mclw_recv(in, 10000, &record, &buffer) == 1);
    CHECK_INT(mclw_read_int(&record, "gyro", -1), 1);
    snprintf(path, sizeof path, "%s/Imu.log", directory);
    CHECK_INT(remove(path), 0);
    CHECK_INT(rmdir(directory), 0); /* of Gps nothing came, so there is no log */
    mcl_type_remove("Imu", NULL);
    mcl_type_remove("Gps", NULL);
}

static void on_alarm(int number) { (void)number; }

/* The time is over, and a signal: neither is reported, and the replay goes on. */
static void test_time_and_signal(void)
{
    static const char *const files[] = {"slow.log", NULL};
    mclw_auto_log_writer log = mclw_log_create(in_folder("slow"), NULL);
    mclw_auto_log_reader reader = NULL;
    mclw_auto_replay replay = NULL;
    mclw_auto_broadcaster out = mclw_broadcast("ff15::1", 26000, NULL);
    mcl_received record = {NULL, 0, "\x05", 1, 1463012407000000000, {0}, 0, 0};
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, NULL);
    CHECK_INT(mclw_log_write(log, &record), 0);
    record.time_received += 3600000000000;
    CHECK_INT(mclw_log_write(log, &record), 0);
    CHECK_INT(mclw_log_writer_close(&log), 0);
    reader = mclw_log_open(in_folder("slow"));
    replay = mclw_replay(reader, 1.0);
    REQUIRE(replay != NULL);
    CHECK_INT(mcl_replay_target(replay, "", out, NULL), 0);
    CHECK_SILENT(mclw_replay_run(replay, 0), 0);
    CHECK_SILENT(mclw_replay_run(replay, 20), 0);
    CHECK_INT(mcl_replay_get_state(replay, NULL), MCL_REPLAY_RUNNING);
    alarm(1);
    CHECK_SILENT(mclw_replay_run(replay, -1), MCL_EINTR);
    remove_files(files);
}

int main(void)
{
    const char *temporary = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%s/mclw-log-XXXXXX", temporary != NULL ? temporary : "/tmp");
    REQUIRE(mkdtemp(folder) != NULL);
    mclw_on_error(remember, NULL);
    test_write_and_read();
    test_bad_line();
    test_failures();
    test_one_connection();
    test_types();
    test_time_and_signal();
    CHECK_INT(rmdir(folder), 0);
    return done();
}
