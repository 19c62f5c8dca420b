/* The loop: many listeners and descriptors, time, order, and all ways to stop it. */
#define _GNU_SOURCE
#include "check.h"
#include "hook.h"
#include "wait.h"

#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>

struct seen {
    mclw_loop *loop;
    int count;
    int stop_at;  /* the message that stops the loop; 0: none */
    int64_t last;
    char order[400]; /* which handler ran, a letter each */
};

static void note(struct seen *seen, char letter, const mcl_received *record)
{
    size_t at = strlen(seen->order);

    if (at + 1 < sizeof seen->order)
        seen->order[at] = letter;
    seen->last = mclw_read_int(record, NULL, -1);
    if (++seen->count == seen->stop_at)
        mclw_loop_stop(seen->loop);
}

static void on_a(void *context, const mcl_received *record) { note(context, 'a', record); }
static void on_b(void *context, const mcl_received *record) { note(context, 'b', record); }

static void publish_many(mcl_broadcaster *out, int count)
{
    int i;

    for (i = 1; i <= count; i++)
        mclw_publish_int(out, NULL, i);
}

static void test_two_listeners(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_listener a = mclw_listen("ff15::a", 26000, NULL), b = mclw_listen("ff15::b", 26000, NULL);
    mclw_auto_broadcaster to_a = mclw_broadcast("ff15::a", 26000, NULL), to_b = mclw_broadcast("ff15::b", 26000, NULL);
    struct seen seen = {NULL, 0, 3, 0, ""};

    seen.loop = loop;
    REQUIRE(mclw_loop_add(loop, a, on_a, &seen) == 0 && mclw_loop_add(loop, b, on_b, &seen) == 0);
    mclw_publish_int(to_b, NULL, 1);
    mclw_publish_int(to_a, NULL, 2);
    mclw_publish_int(to_b, NULL, 3);
    CHECK_INT(mclw_loop_run(loop, 10000), MCLW_STOPPED);
    CHECK_INT(seen.count, 3);
    CHECK(strchr(seen.order, 'a') != NULL && strchr(seen.order, 'b') != NULL);
}

/* A busy listener gives way: with 300 messages waiting on one, the other one's is not last. */
static void test_fair(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_listener a = mclw_listen("ff15::a", 26000, NULL), b = mclw_listen("ff15::b", 26000, NULL);
    mclw_auto_broadcaster to_a = mclw_broadcast("ff15::a", 26000, NULL), to_b = mclw_broadcast("ff15::b", 26000, NULL);
    struct seen seen = {NULL, 0, 301, 0, ""};

    seen.loop = loop;
    REQUIRE(mclw_loop_add(loop, a, on_a, &seen) == 0 && mclw_loop_add(loop, b, on_b, &seen) == 0);
    publish_many(to_a, 300);
    mclw_publish_int(to_b, NULL, 1);
    wait_queued(a, 300);
    wait_queued(b, 1);
    CHECK_INT(mclw_loop_run(loop, 10000), MCLW_STOPPED);
    CHECK_INT(seen.count, 301);
    CHECK(strchr(seen.order, 'b') - seen.order <= 64);
}

/* What was not handled when the loop stopped waits for the next run, in order. */
static void test_stop_keeps_rest(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_listener a = mclw_listen("ff15::a", 26000, NULL);
    mclw_auto_broadcaster out = mclw_broadcast("ff15::a", 26000, NULL);
    struct seen seen = {NULL, 0, 2, 0, ""};

    seen.loop = loop;
    REQUIRE(mclw_loop_add(loop, a, on_a, &seen) == 0);
    publish_many(out, 5);
    wait_queued(a, 5);
    CHECK_INT(mclw_loop_run(loop, -1), MCLW_STOPPED);
    CHECK_INT(seen.count, 2);
    CHECK_INT(seen.last, 2);
    CHECK_INT(mclw_loop_run(loop, 0), MCLW_TIMEOUT); /* 0: one round of what is there */
    CHECK_INT(seen.count, 5);
    CHECK_INT(seen.last, 5);
    CHECK_INT(mclw_loop_run(loop, 0), MCLW_TIMEOUT);
    CHECK_INT(seen.count, 5);
}

static void test_time(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_listener a = mclw_listen("ff15::a", 26000, NULL);
    struct seen seen = {NULL, 0, 0, 0, ""};

    CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_EMPTY);
    CHECK_SILENT(mclw_loop_run(loop, 10), MCLW_TIMEOUT); /* a clock */
    REQUIRE(mclw_loop_add(loop, a, on_a, &seen) == 0);
    CHECK_SILENT(mclw_loop_run(loop, 10), MCLW_TIMEOUT);
    mclw_loop_stop(loop); /* none runs: the next one ends at once, and only that */
    mclw_loop_stop(loop);
    CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_STOPPED);
    CHECK_SILENT(mclw_loop_run(loop, 10), MCLW_TIMEOUT);
    CHECK_SILENT(mclw_loop_remove(loop, a), 0);
    CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_EMPTY);
}

static void on_large(void *context, const mcl_received *record)
{
    size_t *size = context;

    mclw_value_bytes(mclw_value_of(record, NULL), size);
}

static void test_large(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_listener a = mclw_listen("ff15::a", 26000, NULL);
    mclw_auto_broadcaster out = mclw_broadcast("ff15::a", 26000, NULL);
    char *bytes = calloc(1, 1048576);
    size_t size = 0;

    REQUIRE(mclw_loop_add(loop, a, on_large, &size) == 0);
    CHECK_INT(mclw_publish_bytes(out, NULL, bytes, 1048576), 0);
    wait_queued(a, 1);
    CHECK_INT(mclw_loop_run(loop, 0), MCLW_TIMEOUT);
    CHECK_INT(size, 1048576);
    free(bytes);
}

struct pipe_seen {
    mclw_loop *loop;
    short events;
    int calls;
};

static void on_pipe(void *context, int fd, short events)
{
    struct pipe_seen *seen = context;
    char byte;

    seen->events = events;
    seen->calls++;
    if (events & POLLIN)
        CHECK_INT(read(fd, &byte, 1), 1);
    if (!(events & POLLNVAL))
        mclw_loop_stop(seen->loop);
}

static void test_own_descriptors(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    struct pipe_seen seen = {NULL, 0, 0};
    int ends[2];

    seen.loop = loop;
    REQUIRE(pipe(ends) == 0);
    CHECK_SILENT(mclw_loop_add_fd(loop, ends[0], POLLIN, on_pipe, &seen), 0);
    CHECK_REPORTED(mclw_loop_add_fd(loop, ends[0], POLLIN, on_pipe, &seen), MCL_EEXISTS);
    CHECK_INT(mclw_loop_run(loop, 0), MCLW_TIMEOUT);
    CHECK_INT(seen.calls, 0);
    CHECK_INT(write(ends[1], "x", 1), 1);
    CHECK_INT(mclw_loop_run(loop, -1), MCLW_STOPPED);
    CHECK_INT(seen.events, POLLIN);
    close(ends[1]);
    CHECK_INT(mclw_loop_run(loop, -1), MCLW_STOPPED);
    CHECK_INT(seen.events & POLLHUP, POLLHUP);
    close(ends[0]); /* against the rules, without removing it: told once, then it is out */
    CHECK_INT(mclw_loop_run(loop, -1), MCLW_EMPTY);
    CHECK_INT(seen.calls, 3);
    CHECK_INT(seen.events, POLLNVAL);
    CHECK_REPORTED(mclw_loop_remove_fd(loop, ends[0]), MCL_EUNKNOWN);
}

static void on_busy(void *context, int fd, short events)
{
    (void)fd, (void)events;
    ++*(int *)context;
}

/* The time ends although something is always ready. */
static void test_time_under_load(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    int ends[2], calls = 0;

    REQUIRE(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
    CHECK_SILENT(mclw_loop_add_fd(loop, ends[0], POLLIN, on_busy, &calls), 0);
    CHECK_SILENT(mclw_loop_run(loop, 20), MCLW_TIMEOUT);
    CHECK(calls > 1);
    close(ends[0]);
    close(ends[1]);
}

struct stopping {
    mclw_loop *loop;
    long runner;
    int signal_number; /* 0: by the function */
};

static void *stop_when_polling(void *context)
{
    struct stopping *stopping = context;

    wait_asleep(stopping->runner);
    if (stopping->signal_number != 0)
        kill(getpid(), stopping->signal_number);
    else
        mclw_loop_stop(stopping->loop);
    return NULL;
}

static int run_and_stop(mclw_loop *loop, int signal_number)
{
    struct stopping stopping;
    pthread_t thread;
    int result;

    stopping.loop = loop;
    stopping.runner = this_thread();
    stopping.signal_number = signal_number;
    pthread_create(&thread, NULL, stop_when_polling, &stopping);
    result = mclw_loop_run(loop, -1);
    pthread_join(thread, NULL);
    return result;
}

static volatile sig_atomic_t program_handler_ran;

static void program_handler(int signal_number)
{
    (void)signal_number;
    program_handler_ran = 1;
}

static void test_stop_from_elsewhere(void)
{
    mclw_loop *loop = mclw_loop_new(), *second = mclw_loop_new();
    mclw_auto_listener a = mclw_listen("ff15::a", 26000, NULL);
    struct seen seen = {NULL, 0, 0, 0, ""};

    REQUIRE(mclw_loop_add(loop, a, on_a, &seen) == 0);
    CHECK_SILENT(run_and_stop(loop, 0), MCLW_STOPPED);

    signal(SIGUSR1, program_handler);
    CHECK_SILENT(mclw_loop_stop_on(loop, SIGUSR1), 0);
    CHECK_SILENT(mclw_loop_stop_on(loop, SIGUSR1), 0);
    CHECK_SILENT(mclw_loop_stop_on(loop, SIGTERM), 0);
    CHECK_SILENT(run_and_stop(loop, SIGUSR1), MCLW_STOPPED);
    CHECK_SILENT(run_and_stop(loop, SIGTERM), MCLW_STOPPED);
    raise(SIGUSR1); /* none runs */
    CHECK_SILENT(mclw_loop_run(loop, -1), MCLW_STOPPED);
    CHECK_INT(program_handler_ran, 0);

    CHECK_REPORTED(mclw_loop_stop_on(second, SIGUSR1), MCL_EEXISTS);
    CHECK_REPORTED(mclw_loop_stop_on(loop, SIGKILL), MCL_EINVAL);
    CHECK_REPORTED(mclw_loop_stop_on(loop, 0), MCL_EINVAL);
    CHECK_REPORTED(mclw_loop_stop_on(loop, 1000), MCL_EINVAL);
    CHECK_REPORTED(mclw_loop_stop_on(NULL, SIGUSR1), MCL_EHANDLE);

    CHECK_SILENT(mclw_loop_close(&loop), 0); /* gives the signals back */
    raise(SIGUSR1);
    CHECK_INT(program_handler_ran, 1);
    CHECK_SILENT(mclw_loop_stop_on(second, SIGUSR1), 0);
    CHECK_SILENT(mclw_loop_close(&second), 0);
}

static void on_misuse(void *context, const mcl_received *record)
{
    mclw_loop **loop = context;

    (void)record;
    CHECK_REPORTED(mclw_loop_run(*loop, 0), MCL_EBUSY);
    CHECK_REPORTED(mclw_loop_close(loop), MCL_EBUSY);
    CHECK(*loop != NULL);
    mclw_loop_stop(*loop);
}

static void test_misuse_in_handler(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_listener a = mclw_listen("ff15::a", 26000, NULL);
    mclw_auto_broadcaster out = mclw_broadcast("ff15::a", 26000, NULL);

    REQUIRE(mclw_loop_add(loop, a, on_misuse, &loop) == 0);
    mclw_publish_int(out, NULL, 1);
    CHECK_INT(mclw_loop_run(loop, -1), MCLW_STOPPED);
}

/* When the process has no descriptor left, that is said, and nothing else breaks. */
static void test_no_descriptor(void)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_listener a = mclw_listen("ff15::a", 26000, NULL);
    struct rlimit before, none;
    struct seen seen = {NULL, 0, 0, 0, ""};
    mclw_loop *refused = NULL;

    REQUIRE(loop != NULL && a != NULL && getrlimit(RLIMIT_NOFILE, &before) == 0);
    none = before;
    none.rlim_cur = 3; /* stdin, stdout and stderr have them */
    CHECK(mcl_listener_fd(a, NULL) >= 0);
    setrlimit(RLIMIT_NOFILE, &none);
    CHECK_REPORTED((refused = mclw_loop_new()) == NULL ? last_report.code : 0, MCL_EDESCRIPTORS);
    CHECK_REPORTED(mclw_loop_add(loop, a, on_a, &seen), MCL_EDESCRIPTORS);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(refused == NULL);
    CHECK_SILENT(mclw_loop_add(loop, a, on_a, &seen), 0);
}

int main(void)
{
    mclw_on_error(remember, NULL);
    test_two_listeners();
    test_fair();
    test_stop_keeps_rest();
    test_time();
    test_large();
    test_own_descriptors();
    test_time_under_load();
    test_stop_from_elsewhere();
    test_misuse_in_handler();
    test_no_descriptor();
    return done();
}
