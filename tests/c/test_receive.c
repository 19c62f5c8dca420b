/* Receiving one by one: buffers that grow, time limits, signals, and a close from another thread. */
#define _GNU_SOURCE
#include "check.h"
#include "hook.h"
#include "wait.h"

#include <pthread.h>
#include <sys/time.h>
#include <time.h>

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void test_small(void)
{
    mclw_auto_listener in = mclw_listen("ff15::1", 26000, NULL);
    mclw_auto_broadcaster out = mclw_broadcast("ff15::1", 26000, "usual");
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mcl_received record;

    REQUIRE(in != NULL && out != NULL);
    CHECK_INT(mclw_publish_int(out, NULL, 42), 0);
    REQUIRE(mclw_recv(in, 5000, &record, &buffer) == 1);
    CHECK_INT(mclw_read_int(&record, NULL, 0), 42);
    CHECK(mclw_topic_is(&record, "usual"));
    CHECK(!mclw_topic_is(&record, "usua") && !mclw_topic_is(&record, "usuals") && !mclw_topic_is(&record, NULL));
    CHECK_INT(mclw_publish_int(out, "other", 1), 0);
    REQUIRE(mclw_recv(in, 5000, &record, &buffer) == 1);
    CHECK(mclw_topic_is(&record, "other"));
}

static void test_topics(void)
{
    mclw_auto_listener in = mclw_listen("ff15::1", 26000, "mine");
    mclw_auto_broadcaster out = mclw_broadcast("ff15::1", 26000, NULL);
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mcl_received record;

    REQUIRE(in != NULL && out != NULL);
    mclw_publish_int(out, NULL, 1);
    mclw_publish_int(out, "other", 2);
    mclw_publish_int(out, "mine", 3);
    REQUIRE(mclw_recv(in, 5000, &record, &buffer) == 1);
    CHECK_INT(mclw_read_int(&record, NULL, 0), 3);
}

/* Around the first buffer's size and far beyond it; then a small one again. */
static void test_growing(void)
{
    static const size_t sizes[] = {1, 4000, 4090, 4096, 5000, 70000, 1048576, 8000000, 3};
    mclw_auto_listener in = mclw_listen("ff15::1", 26000, NULL);
    mclw_auto_broadcaster out = mclw_broadcast("ff15::1", 26000, "large");
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    unsigned char *bytes = malloc(8000000);
    size_t i;

    REQUIRE(in != NULL && out != NULL && bytes != NULL);
    for (i = 0; i < 8000000; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 251);
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        mcl_received record;
        const char *got;
        size_t size;

        CHECK_INT(mclw_publish_bytes(out, NULL, bytes, sizes[i]), 0);
        REQUIRE(mclw_recv(in, 10000, &record, &buffer) == 1);
        got = mclw_value_bytes(mclw_value_of(&record, NULL), &size);
        CHECK_INT(size, sizes[i]);
        CHECK(got != NULL && size == sizes[i] && memcmp(got, bytes, size) == 0);
        CHECK(mclw_topic_is(&record, "large"));
    }
    free(bytes);
}

static void test_time(void)
{
    mclw_auto_listener in = mclw_listen("ff15::1", 26000, NULL);
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mcl_received record;
    long long start = now_ms();

    CHECK_SILENT(mclw_recv(in, 0, &record, &buffer), 0);
    CHECK_SILENT(mclw_recv(in, 30, &record, &buffer), 0);
    CHECK(now_ms() - start >= 29);
}

static void nothing(int signal_number) { (void)signal_number; }

static void test_signal(void)
{
    mclw_auto_listener in = mclw_listen("ff15::1", 26000, NULL);
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mcl_received record;
    struct sigaction action;
    /* again and again, since the first may come before the wait begins */
    const struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};

    memset(&action, 0, sizeof action);
    action.sa_handler = nothing;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    CHECK_SILENT(mclw_recv(in, -1, &record, &buffer), MCL_EINTR);
    setitimer(ITIMER_REAL, &never, NULL);
}

struct closing {
    mcl_listener *listener;
    long waiter;
};

static void *close_when_waiting(void *context)
{
    struct closing *closing = context;

    wait_asleep(closing->waiter);
    CHECK_INT(mclw_listener_close(&closing->listener), 0);
    return NULL;
}

static void test_closed_meanwhile(void)
{
    mcl_listener *in = mclw_listen("ff15::1", 26000, NULL);
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    struct closing closing;
    mcl_received record;
    pthread_t thread;

    REQUIRE(in != NULL);
    closing.listener = in;
    closing.waiter = this_thread();
    pthread_create(&thread, NULL, close_when_waiting, &closing);
    CHECK_SILENT(mclw_recv(in, -1, &record, &buffer), MCL_ECLOSED);
    pthread_join(thread, NULL);
    CHECK(closing.listener == NULL);
    CHECK(mclw_recv(in, 0, &record, &buffer) < 0);
}

int main(void)
{
    mclw_on_error(remember, NULL);
    test_small();
    test_topics();
    test_growing();
    test_time();
    test_signal();
    test_closed_meanwhile();
    return done();
}
