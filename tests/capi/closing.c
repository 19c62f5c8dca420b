/* Closing while other threads use the same handle: they return, most with MCL_ECLOSED, none crashes or hangs. */
#include "test.h"

enum { THREADS = 4, ROUNDS = 100 };

static mcl_listener *l;
static mcl_broadcaster *b, *source;
static mcl_message *message;
static atomic_int started, ended;

static int acceptable(int code)
{
    return code >= 0 || code == MCL_ECLOSED;
}

static void *receives(void *unused)
{
    mcl_received r;
    mcl_hand hand = MCL_HAND_INIT;
    char buffer[1000];
    (void)unused;
    started++;
    for (int code = 0; code != MCL_ECLOSED;) {
        code = mcl_listener_take(l, 0, &hand, &error);
        CHECK(acceptable(code) || code == MCL_EUNKNOWN);
        if (code == 0)
            code = mcl_listener_recv(l, -1, &r, buffer, sizeof buffer, NULL, &error);
        CHECK(acceptable(code));
    }
    ended++;
    return NULL;
}

static void *waits(void *unused)
{
    (void)unused;
    started++;
    int code;
    do {
        code = mcl_listener_wait(l, -1, &error);
        CHECK(acceptable(code));
    } while (code >= 0);
    ended++;
    return NULL;
}

static void *looks(void *unused)
{
    mcl_listener_stats s = {.size = sizeof s};
    mcl_settings set = {.size = sizeof set};
    (void)unused;
    started++;
    int code;
    do {
        code = mcl_listener_get_stats(l, &s, &error);
        CHECK(acceptable(code));
        CHECK(acceptable(mcl_listener_get_settings(l, &set, &error)));
        CHECK(acceptable(mcl_listener_fd(l, &error)));
    } while (code >= 0);
    ended++;
    return NULL;
}

static void *publishes(void *unused)
{
    (void)unused;
    started++;
    int code;
    do {
        code = mcl_broadcaster_publish_string(b, "t", 1, "some text", MCL_NUL, &error);
        CHECK(acceptable(code));
        code = code < 0 ? code : mcl_broadcaster_publish_message(b, "t", 1, message, &error);
        CHECK(acceptable(code));
    } while (code >= 0);
    ended++;
    return NULL;
}

static atomic_int closes;
static int fd; /* the listener's */

static void *closes_listener(void *unused)
{
    (void)unused;
    int code = mcl_listener_close(l, NULL);
    CHECK(code == MCL_OK || code == MCL_ECLOSED);
    if (code == MCL_OK) /* no call is left that polls it */
        CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
    closes += code == MCL_OK;
    return NULL;
}

static void *closes_broadcaster(void *unused)
{
    (void)unused;
    int code = mcl_broadcaster_close(b);
    CHECK(code == MCL_OK || code == MCL_ECLOSED);
    closes += code == MCL_OK;
    return NULL;
}

/* Runs `work` in some threads, and then two threads that close what they use. */
static void against(void *(*work)(void *), void *(*close_it)(void *))
{
    pthread_t workers[THREADS], closers[2];
    started = ended = closes = 0;
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&workers[i], NULL, work, NULL) == 0);
    CHECK(reaches(&started, THREADS));
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&closers[i], NULL, close_it, NULL) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(closers[i], NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i], NULL);
    EQUAL(THREADS, ended);
    EQUAL(1, closes);
}

static void *floods(void *stop)
{
    while (!atomic_load((atomic_int *)stop))
        mcl_broadcaster_publish_int(source, "t", 1, 1, NULL);
    return NULL;
}

static void *waits_for_ever(void *unused)
{
    (void)unused;
    started++;
    for (;;)
        mcl_listener_wait(l, -1, NULL);
    return NULL;
}

/* A thread that is cancelled while it waits does not keep the listener from being closed. */
static void cancel_waiter(void)
{
    pthread_t thread;
    void *result;
    l = listen_with(NULL);
    started = 0;
    CHECK(pthread_create(&thread, NULL, waits_for_ever, NULL) == 0);
    CHECK(reaches(&started, 1));
    usleep(20000); /* into its wait, most likely */
    CHECK(pthread_cancel(thread) == 0);
    pthread_join(thread, &result);
    CHECK(result == PTHREAD_CANCELED);
    EQUAL(MCL_OK, mcl_listener_close(l, NULL));
}

/* Threads that die between two calls leave nothing behind that a later one falls over. */
static void *lives_shortly(void *unused)
{
    (void)unused;
    MUST(mcl_broadcaster_publish_int(source, "t", 1, 1, &error));
    return NULL;
}

int main(void)
{
    mcl_connection c = group();
    mcl_type *t;
    c.port = 5001;
    MUST(mcl_type_define("T", NULL, 0, &c, &t, &error));
    MUST(mcl_message_new(t, &message, &error));
    source = broadcast_with(NULL);
    atomic_int stop = 0;
    pthread_t flood;
    CHECK(pthread_create(&flood, NULL, floods, &stop) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        l = listen_with(NULL);
        MUST(fd = mcl_listener_fd(l, &error));
        against(i % 3 == 0 ? receives : i % 3 == 1 ? waits : looks, closes_listener);
        b = broadcast_with(NULL);
        against(publishes, closes_broadcaster);
    }
    stop = 1;
    pthread_join(flood, NULL);
    /* And with nothing arriving, so that they all wait. */
    for (int i = 0; i < ROUNDS; i++) {
        l = listen_with(NULL);
        MUST(fd = mcl_listener_fd(l, &error));
        against(i % 2 == 0 ? receives : waits, closes_listener);
    }
    cancel_waiter();
    for (int i = 0; i < 500; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, lives_shortly, NULL) == 0);
        pthread_join(thread, NULL);
    }
    MUST(mcl_broadcaster_close(source));
    MUST(mcl_message_close(message));
    MUST(mcl_type_close(t));
    return report("closing");
}
