/* fork: the child is told, keeps nothing of the parent's sockets, and the parent goes on. exec is not affected. */
#include "scratch.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/wait.h>

static mcl_listener *l;
static mcl_broadcaster *b;
static mcl_type *type;
static mcl_message *message;
static mcl_log_writer *writer;
static mcl_log_reader *reader;
static mcl_recorder *recorder;
static mcl_replay *replay;

static int descriptors_of_type(mode_t type)
{
    int count = 0;
    for (int fd = 3; fd < 1024; fd++) {
        struct stat s;
        count += fstat(fd, &s) == 0 && (s.st_mode & S_IFMT) == type;
    }
    return count;
}

/* How many of the process's descriptors are sockets. */
static int sockets(void)
{
    return descriptors_of_type(S_IFSOCK);
}

static void never(void *context, const mcl_received *record)
{
    (void)context, (void)record;
}

static void of_logs_refuse(void)
{
    const int f = MCL_EFORKED;
    mcl_connection c = group();
    mcl_type *none_t;
    mcl_log_writer *none_w;
    mcl_log_reader *none_r;
    mcl_recorder *none_rec;
    mcl_replay *none_p;
    mcl_log_writer_stats log = {.size = sizeof log};
    mcl_listener_stats in = {.size = sizeof in};
    mcl_replay_stats out = {.size = sizeof out};
    mcl_log_header h = {.size = sizeof h};
    mcl_log_record r = {0, NULL, 0, "\x01", 1, NULL};
    char buffer[4096];
    size_t n;
    uint64_t torn;

    FAILS(f, mcl_type_new("X", NULL, 0, &c, &none_t, &error));
    FAILS(f, mcl_log_writer_open(in_scratch("child"), NULL, &none_w, &error));
    FAILS(f, mcl_log_writer_write(writer, NULL, 0, "\x02", 1, 0, &error));
    FAILS(f, mcl_log_writer_flush(writer, &error));
    FAILS(f, mcl_log_writer_get_stats(writer, &log, NULL, &error));
    FAILS(f, mcl_log_writer_close(writer, &log, &error));
    FAILS(f, mcl_log_reader_open("../vectors/logs/Imu", NULL, &none_r, &error));
    FAILS(f, mcl_log_reader_open_directory("../vectors/logs", NULL, &none_r, &error));
    FAILS(f, mcl_log_reader_read(reader, &r, 1, buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_log_reader_pending(reader, &error));
    FAILS(f, mcl_log_reader_reset(reader, &error));
    FAILS(f, mcl_log_reader_get_header(reader, 0, &h, buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_log_reader_torn(reader, &torn, &error));
    EQUAL(f, mcl_log_reader_close(reader));
    FAILS(f, mcl_log_make_directory(in_scratch(""), 0, buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_recorder_open(in_scratch("child"), &c, NULL, &none_rec, &error));
    FAILS(f, mcl_recorder_open_network(in_scratch(""), &type, 1, NULL, &none_rec, &error));
    FAILS(f, mcl_recorder_directory(recorder, buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_recorder_get_stats(recorder, -1, &log, &in, NULL, &error));
    FAILS(f, mcl_recorder_close(recorder, &log, &in, &error));
    FAILS(f, mcl_replay_open(NULL, 1, NULL, &none_p, &error));
    FAILS(f, mcl_replay_target(replay, "", NULL, &error));
    FAILS(f, mcl_replay_push(replay, &r, -1, &error));
    FAILS(f, mcl_replay_end(replay, &error));
    FAILS(f, mcl_replay_start(replay, &error));
    FAILS(f, mcl_replay_pause(replay, &error));
    FAILS(f, mcl_replay_stop(replay, &error));
    FAILS(f, mcl_replay_set_speed(replay, 1, &error));
    FAILS(f, mcl_replay_get_state(replay, &error));
    FAILS(f, mcl_replay_pending(replay, &error));
    FAILS(f, mcl_replay_wait(replay, -1, &error));
    FAILS(f, mcl_replay_get_stats(replay, &out, &error));
    EQUAL(f, mcl_replay_close(replay, &out));
}

static void every_function_refuses(void)
{
    mcl_connection c = group();
    mcl_callback callback = {NULL, never, NULL};
    mcl_listener *none_l;
    mcl_broadcaster *none_b;
    mcl_type *none_t;
    mcl_message *none_m;
    mcl_received r;
    char buffer[100];
    size_t n;
    int yes;
    int64_t i;
    uint64_t u;
    double d;
    mcl_hand hand = MCL_HAND_INIT;
    mcl_listener_stats ls = {.size = sizeof ls};
    mcl_broadcaster_stats bs = {.size = sizeof bs};
    mcl_settings set = {.size = sizeof set};
    mcl_item item = {.payload = "\xc0", .payload_size = 1};
    const int f = MCL_EFORKED;

    FAILS(f, mcl_connection_check(&c, &error));
    SAYS("exec");
    FAILS(f, mcl_type_define("X", NULL, 0, &c, &none_t, &error));
    FAILS(f, mcl_type_find("T", &none_t, &error));
    FAILS(f, mcl_type_list(buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_type_remove("T", &error));
    FAILS(f, mcl_type_name(type, buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_type_mandatory(type, buffer, sizeof buffer, &n, &error));
    EQUAL(f, mcl_type_close(type));
    FAILS(f, mcl_message_new(type, &none_m, &error));
    FAILS(f, mcl_message_decode(type, "\x80", 1, &none_m, &error));
    EQUAL(f, mcl_message_close(message));
    FAILS(f, mcl_message_set_nil(message, "k", 1, &error));
    FAILS(f, mcl_message_set_bool(message, "k", 1, 1, &error));
    FAILS(f, mcl_message_set_int(message, "k", 1, 1, &error));
    FAILS(f, mcl_message_set_uint(message, "k", 1, 1, &error));
    FAILS(f, mcl_message_set_double(message, "k", 1, 1, &error));
    FAILS(f, mcl_message_set_string(message, "k", 1, "", 0, &error));
    FAILS(f, mcl_message_set_bytes(message, "k", 1, "", 0, &error));
    FAILS(f, mcl_message_set_packed(message, "k", 1, "\xc0", 1, &error));
    FAILS(f, mcl_packed_check("\xc0", 1, &error));
    FAILS(f, mcl_message_touch(message, &error));
    FAILS(f, mcl_message_count(message, &error));
    FAILS(f, mcl_message_key(message, 0, buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_message_kind(message, "k", 1, &error));
    FAILS(f, mcl_message_get_bool(message, "k", 1, &yes, &error));
    FAILS(f, mcl_message_get_int(message, "k", 1, &i, &error));
    FAILS(f, mcl_message_get_uint(message, "k", 1, &u, &error));
    FAILS(f, mcl_message_get_double(message, "k", 1, &d, &error));
    FAILS(f, mcl_message_get_string(message, "k", 1, buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_message_get_bytes(message, "k", 1, buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_message_get_packed(message, "k", 1, buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_message_encode(message, buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_message_json(message, buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_broadcaster_open(&c, NULL, &none_b, &error));
    FAILS(f, mcl_broadcaster_publish(b, "t", 1, "\xc0", 1, &error));
    FAILS(f, mcl_broadcaster_publish_message(b, "t", 1, message, &error));
    FAILS(f, mcl_broadcaster_publish_nil(b, "t", 1, &error));
    FAILS(f, mcl_broadcaster_publish_bool(b, "t", 1, 1, &error));
    FAILS(f, mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    FAILS(f, mcl_broadcaster_publish_uint(b, "t", 1, 1, &error));
    FAILS(f, mcl_broadcaster_publish_double(b, "t", 1, 1, &error));
    FAILS(f, mcl_broadcaster_publish_string(b, "t", 1, "", 0, &error));
    FAILS(f, mcl_broadcaster_publish_bytes(b, "t", 1, "", 0, &error));
    FAILS(f, mcl_broadcaster_publish_within(b, "t", 1, "\xc0", 1, -1, &error));
    FAILS(f, mcl_broadcaster_publish_many(b, &item, 1, &n, &error));
    FAILS(f, mcl_broadcaster_set_fragment_size(b, 1000, &error));
    FAILS(f, mcl_broadcaster_publish_many_within(b, &item, 1, &n, -1, &error));
    FAILS(f, mcl_broadcaster_flush(b, &error));
    FAILS(f, mcl_broadcaster_flush_within(b, -1, &error));
    FAILS(f, mcl_broadcaster_get_stats(b, &bs, &error));
    FAILS(f, mcl_broadcaster_get_settings(b, &set, &error));
    EQUAL(f, mcl_broadcaster_close(b));
    FAILS(f, mcl_listener_open(&c, NULL, &none_l, &error));
    FAILS(f, mcl_listener_subscribe(l, &callback, &u, &error));
    FAILS(f, mcl_listener_unsubscribe(l, 1, &error));
    FAILS(f, mcl_listener_fd(l, &error));
    FAILS(f, mcl_listener_wait(l, -1, &error));
    FAILS(f, mcl_listener_recv(l, -1, &r, buffer, sizeof buffer, &n, &error));
    FAILS(f, mcl_listener_take(l, -1, &hand, &error));
    FAILS(f, mcl_listener_settle(l, &hand, 0, 0, &error));
    FAILS(f, mcl_listener_get_stats(l, &ls, &error));
    FAILS(f, mcl_listener_get_settings(l, &set, &error));
    EQUAL(f, mcl_listener_close(l, &ls));
    of_logs_refuse();

    EQUAL(0, strcmp(mcl_version(), MCL_VERSION));
    CHECK(strstr(mcl_strerror(f), "fork") != NULL);
    CHECK(mcl_malformed_name(0) != NULL);
}

static void *floods(void *stop)
{
    while (!atomic_load((atomic_int *)stop))
        mcl_broadcaster_publish_int(b, "t", 1, 1, NULL);
    return NULL;
}

static void *opens(void *stop)
{
    mcl_connection c = group();
    while (!atomic_load((atomic_int *)stop)) {
        mcl_listener *other;
        if (mcl_listener_open(&c, NULL, &other, NULL) == 0)
            mcl_listener_close(other, NULL);
    }
    return NULL;
}

/* The failures of a child become the parent's. */
static void join(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void still_works(void)
{
    mcl_received r;
    char buffer[10];
    while (mcl_listener_recv(l, 0, &r, buffer, sizeof buffer, NULL, &error) == 1)
        ;
    MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    EQUAL(1, mcl_listener_recv(l, 5000, &r, buffer, sizeof buffer, NULL, &error));
}

/* The child neither wrote what waited in the parent, nor moved where it reads. */
static void logs_go_on(void)
{
    mcl_log_record r[20];
    char buffer[4096];
    MUST(mcl_log_writer_write(writer, NULL, 0, "\x03", 1, 0, &error));
    MUST(mcl_log_writer_close(writer, NULL, &error));
    CHECK(mcl_log_reader_read(reader, r, 20, buffer, sizeof buffer, NULL, &error) > 1);
    EQUAL(50000000, r[0].elapsed);
    MUST(mcl_log_reader_close(reader));
    MUST(mcl_log_reader_open(in_scratch("written"), NULL, &reader, &error));
    EQUAL(3, mcl_log_reader_read(reader, r, 20, buffer, sizeof buffer, NULL, &error));
    for (int i = 0; i < 3; i++)
        EQUAL(i + 1, *(const char *)r[i].payload);
    MUST(mcl_log_reader_close(reader));
    EQUAL(MCL_REPLAY_RUNNING, mcl_replay_get_state(replay, &error));
    MUST(mcl_replay_close(replay, NULL));
    MUST(mcl_recorder_close(recorder, NULL, NULL, &error));
}

/* A callback may fork; its child is one as any other. */
static atomic_int forked_in_callback;

static void forks(void *context, const mcl_received *record)
{
    (void)context;
    pid_t child = fork();
    if (child == 0) {
        FAILS(MCL_EFORKED, mcl_broadcaster_publish(b, NULL, 0, record->payload, record->payload_size, &error));
        _exit(failures);
    }
    join(child);
    forked_in_callback++;
}

static void from_a_callback(void)
{
    mcl_connection c = group();
    mcl_callback callback = {NULL, forks, NULL};
    mcl_listener *other;
    MUST(mcl_listener_open(&c, NULL, &other, &error));
    MUST(mcl_listener_subscribe(other, &callback, NULL, &error));
    MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    CHECK(reaches(&forked_in_callback, 1));
    EQUAL(MCL_OK, mcl_listener_close(other, NULL));
}

/* A socket that was opened by no call of the program, since its interface appeared late and was made anew. */
static void of_a_network_that_changes(void)
{
    mcl_connection c = group();
    mcl_settings set = {.size = sizeof set};
    mcl_listener *other;
    int before = sockets(), index = 0;
    c.interface_ = "late0";
    mcl_listener_options quiet = MCL_LISTENER_OPTIONS_INIT;
    quiet.quiet = MCL_ON;
    MUST(mcl_listener_open(&c, &quiet, &other, &error));
    for (int i = 0; i < 3; i++) {
        CHECK(system("ip link del late0 2>/dev/null; ip link add late0 type veth peer name late1 && ip link set late0 up") == 0);
        for (int wait = 0; wait < 2000 && (set.interface_index == index || set.interface_index == 0); wait++) {
            usleep(10000);
            MUST(mcl_listener_get_settings(other, &set, &error));
        }
        CHECK(set.interface_index != index && set.interface_index != 0);
        index = set.interface_index;
        for (int wait = 0; wait < 2000 && sockets() != before + 1; wait++)
            usleep(10000);
        EQUAL(before + 1, sockets()); /* the one before is closed */
        pid_t child = fork();
        if (child == 0) {
            EQUAL(0, sockets());
            _exit(failures);
        }
        join(child);
    }
    MUST(mcl_listener_close(other, NULL));
    CHECK(system("ip link del late0") == 0);
    EQUAL(before, sockets());
}

static mcl_listener *waited_for;

static void *looks(void *stop) /* again and again, as a loop does that has other work as well */
{
    char buffer[100];
    mcl_received r;
    while (!*(atomic_int *)stop)
        CHECK(mcl_listener_recv(waited_for, 0, &r, buffer, sizeof buffer, NULL, NULL) == 0);
    return NULL;
}

/* How many descriptors that are no files or sockets a child has. */
static int others_in_child(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(descriptors_of_type(0));
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* What a wait opens is closed in a child, and threads that wait all the time do not keep the program from forking. */
static void beside_waits(void)
{
    enum { THREADS = 16, FORKS = 50 };
    atomic_int stop = 0;
    pthread_t threads[THREADS];
    mcl_connection c = group();
    c.port = 5004; /* nothing arrives */
    MUST(mcl_listener_open(&c, NULL, &waited_for, &error));
    int without = others_in_child();
    EQUAL(0, mcl_listener_wait(waited_for, 1, &error));
    EQUAL(without, others_in_child());
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, looks, &stop) == 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        join(child);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    MUST(mcl_listener_close(waited_for, NULL));
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* after exec: all is new, and nothing of the parent's is open */
        EQUAL(atoi(argv[1]), sockets());
        l = listen_with(NULL);
        b = broadcast_with(NULL);
        still_works();
        return failures;
    }
    int before = sockets();
    char sockets_before[20];
    snprintf(sockets_before, sizeof sockets_before, "%d", before);
    mcl_connection c = group();
    c.port = 5002;
    MUST(mcl_type_define("T", NULL, 0, &c, &type, &error));
    MUST(mcl_message_new(type, &message, &error));
    l = listen_with(NULL);
    b = broadcast_with(NULL);
    int fd = mcl_listener_fd(l, &error);
    MUST(fd);
    EQUAL(before + 4, sockets()); /* theirs, and two by which the network is watched */

    /* A log that is written and holds one entry back, one that is read, a recorder, a replay that waits for the next
     * entry. */
    int files = descriptors_of_type(S_IFREG), others = descriptors_of_type(0);
    mcl_connection recorded = group();
    mcl_log_record first = {0, NULL, 0, "\x01", 1, ""}, last = {INT64_C(3600000000000), NULL, 0, "\x01", 1, ""};
    char buffer[4096];
    recorded.port = 5003;
    MUST(mcl_log_writer_open(in_scratch("written"), NULL, &writer, &error));
    MUST(mcl_log_writer_write(writer, NULL, 0, "\x01", 1, 0, &error));
    MUST(mcl_log_writer_flush(writer, &error));
    MUST(mcl_log_writer_write(writer, NULL, 0, "\x02", 1, 0, &error));
    MUST(mcl_log_reader_open("../vectors/logs/Imu", NULL, &reader, &error));
    MUST(mcl_log_reader_read(reader, &first, 1, buffer, sizeof buffer, NULL, &error));
    first = (mcl_log_record){0, NULL, 0, "\x01", 1, ""};
    MUST(mcl_recorder_open(in_scratch("recorded"), &recorded, NULL, &recorder, &error));
    MUST(mcl_replay_open(NULL, 1, NULL, &replay, &error));
    MUST(mcl_replay_target(replay, "", b, &error));
    EQUAL(1, mcl_replay_push(replay, &first, 0, &error));
    EQUAL(1, mcl_replay_push(replay, &last, 0, &error));
    EQUAL(1, mcl_replay_start(replay, &error));
    EQUAL(0, mcl_replay_wait(replay, 1, &error)); /* it has its descriptor then */
    EQUAL(files + 2, descriptors_of_type(S_IFREG));
    CHECK(descriptors_of_type(0) > others);

    pid_t child = fork();
    if (child == 0) {
        every_function_refuses();
        EQUAL(before, sockets());
        EQUAL(files, descriptors_of_type(S_IFREG));
        CHECK(fcntl(fd, F_GETFD) == -1);
        pid_t grandchild = fork(); /* a child of the child is one, too */
        if (grandchild == 0) {
            FAILS(MCL_EFORKED, mcl_connection_check(&c, &error));
            _exit(failures);
        }
        join(grandchild);
        _exit(failures);
    }
    join(child);
    still_works();
    logs_go_on();

    from_a_callback();
    of_a_network_that_changes();
    beside_waits();

    /* From a busy parent, which opens and closes all the while; and a child that execs. */
    atomic_int stop = 0;
    pthread_t threads[2];
    CHECK(pthread_create(&threads[0], NULL, floods, &stop) == 0);
    CHECK(pthread_create(&threads[1], NULL, opens, &stop) == 0);
    for (int i = 0; i < 200; i++) {
        child = fork();
        if (child == 0) {
            FAILS(MCL_EFORKED, mcl_connection_check(&c, &error));
            FAILS(MCL_EFORKED, mcl_listener_wait(l, 0, &error));
            if (i % 20 == 0)
                execl("/proc/self/exe", argv[0], sockets_before, (char *)NULL);
            _exit(failures);
        }
        join(child);
    }
    stop = 1;
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    still_works();

    /* What was closed is not closed again in a child: its number may be another file's by now. */
    MUST(mcl_listener_close(l, NULL));
    MUST(mcl_broadcaster_close(b));
    int own[40], pipes = 20;
    for (int i = 0; i < pipes; i++)
        CHECK(pipe(own + 2 * i) == 0);
    child = fork();
    if (child == 0) {
        for (int i = 0; i < 2 * pipes; i++)
            CHECK(fcntl(own[i], F_GETFD) != -1);
        _exit(failures);
    }
    join(child);
    return report("fork");
}
