/* Storms of signals, from a timer, from another process and at single threads, while all is at work. Whatever the flags of the
 * handlers: they run on the program's own threads alone, nothing is lost or damaged by them, and only waits tell of them. */
#include "scratch.h"

#include <sys/time.h>
#include <sys/wait.h>

static atomic_int handled, strays, interrupted, stop, published, large_published, called, large_called;
static __thread int is_mine; /* a thread of the program */
static sigset_t both; /* SIGUSR1 and SIGPROF */

/* Uses more stack than one of Go's has left; on another thread's stack it would damage what is there. */
static void handler(int s)
{
    int before = errno;
    char stack[16384];
    memset(stack, s, sizeof stack);
    __asm__ volatile("" : : "r"(stack) : "memory");
    handled++;
    if (!is_mine)
        strays++;
    errno = before;
}

static void handle(void (*action)(int), int flags)
{
    struct sigaction a = {.sa_handler = action, .sa_flags = flags};
    CHECK(sigaction(SIGUSR1, &a, NULL) == 0);
    CHECK(sigaction(SIGPROF, &a, NULL) == 0);
}

/* Begins each of the program's threads, which are made with the signals blocked. SA_ONSTACK is of no effect without. */
static void have_own_stack(void)
{
    stack_t own = {.ss_sp = malloc(65536), .ss_size = 65536};
    CHECK(sigaltstack(&own, NULL) == 0);
    is_mine = 1;
    CHECK(pthread_sigmask(SIG_UNBLOCK, &both, NULL) == 0);
}

static pthread_t start(void *(*function)(void *))
{
    pthread_t thread;
    CHECK(pthread_sigmask(SIG_BLOCK, &both, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, function, NULL) == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &both, NULL) == 0);
    return thread;
}

static void leave_own_stack(void)
{
    stack_t own, none = {.ss_flags = SS_DISABLE};
    CHECK(pthread_sigmask(SIG_BLOCK, &both, NULL) == 0);
    CHECK(sigaltstack(&none, &own) == 0);
    free(own.ss_sp);
}

/* ---- What is at work ---- */

static mcl_connection at(int port)
{
    mcl_connection c = group();
    c.port = port;
    return c;
}

enum { SMALL = 5000, LARGE = 5001, LARGE_SIZE = 200000 };
static mcl_broadcaster *small_b, *large_b;

static void counts(void *context, const mcl_received *record)
{
    atomic_int *counter = context;
    const uint8_t *bytes = record->payload;
    size_t header = record->payload_size == 1 ? 0 : 5; /* of a large bin */
    for (size_t i = header; i < record->payload_size; i++)
        if (bytes[i] != 7)
            strays++;
    (*counter)++;
}

static void *publishes(void *unused)
{
    have_own_stack();
    while (!stop) {
        MUST(mcl_broadcaster_publish(small_b, "t", 1, "\x07", 1, &error));
        if (++published % 20 == 0) /* so slowly that nothing is lost */
            usleep(1000);
    }
    leave_own_stack();
    return unused;
}

static void *publishes_large(void *unused)
{
    static uint8_t bytes[LARGE_SIZE];
    have_own_stack();
    memset(bytes, 7, sizeof bytes);
    while (!stop) {
        MUST(mcl_broadcaster_publish_bytes(large_b, "t", 1, bytes, sizeof bytes, &error));
        large_published++;
        usleep(2000);
    }
    leave_own_stack();
    return unused;
}

static pthread_t main_thread, threads[2];

static void *aims(void *unused) /* at single threads */
{
    have_own_stack();
    while (!stop) {
        pthread_kill(main_thread, SIGUSR1);
        pthread_kill(threads[0], SIGUSR1);
        pthread_kill(threads[1], SIGUSR1);
        usleep(50);
    }
    leave_own_stack();
    return unused;
}

static pid_t other_process(void)
{
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        alarm(60);
        while (kill(parent, SIGUSR1) == 0)
            usleep(50);
        _exit(0);
    }
    CHECK(child > 0);
    return child;
}

/* How many whole messages a listener has had, when there will be no more. */
static uint64_t messages_of(mcl_listener *l, uint64_t expected)
{
    mcl_listener_stats s = {.size = sizeof s};
    for (int i = 0; i < 10000; i++) {
        int code = mcl_listener_get_stats(l, &s, &error);
        MUST(code);
        if (s.messages + s.dropped_kernel >= expected)
            break;
        usleep(1000);
    }
    EQUAL(0, s.dropped_queue);
    return s.messages + s.dropped_kernel;
}

static int received_one(mcl_listener *l, int milliseconds)
{
    mcl_received r;
    char buffer[100];
    int got = mcl_listener_recv(l, milliseconds, &r, buffer, sizeof buffer, NULL, &error);
    if (got == MCL_EINTR)
        interrupted++;
    else
        CHECK(got == 0 || got == 1);
    CHECK(got != 1 || *(const char *)r.payload == 7);
    return got == 1;
}

static void storm(void (*action)(int), int flags, double length)
{
    static int number;
    char name[20];
    mcl_connection c = at(SMALL), big = at(LARGE);
    mcl_callback callback = {&called, counts, NULL}, large_callback = {&large_called, counts, NULL};
    mcl_listener *calls, *calls_large, *receives;
    mcl_recorder *recorder;
    mcl_log_writer_stats logged = {.size = sizeof logged};
    mcl_listener_stats in = {.size = sizeof in};
    stop = handled = interrupted = published = large_published = called = large_called = 0;
    handle(action, flags);
    MUST(mcl_listener_open(&c, NULL, &receives, &error));
    MUST(mcl_listener_open(&c, NULL, &calls, &error));
    MUST(mcl_listener_subscribe(calls, &callback, NULL, &error));
    MUST(mcl_listener_open(&big, NULL, &calls_large, &error));
    MUST(mcl_listener_subscribe(calls_large, &large_callback, NULL, &error));
    snprintf(name, sizeof name, "log%d", number++);
    MUST(mcl_recorder_open(in_scratch(name), &c, NULL, &recorder, &error));
    MUST(mcl_broadcaster_open(&c, NULL, &small_b, &error));
    MUST(mcl_broadcaster_open(&big, NULL, &large_b, &error));
    threads[0] = start(publishes);
    threads[1] = start(publishes_large);
    pid_t sender = other_process();
    pthread_t aiming = start(aims);
    struct itimerval often = {{0, 1000}, {0, 1000}}, never = {0};
    setitimer(ITIMER_PROF, &often, NULL);
    int received = 0;
    for (double end = seconds() + length; seconds() < end || (action != SIG_IGN && handled < 1000 && seconds() < end + 20);)
        received += received_one(receives, 5);
    setitimer(ITIMER_PROF, &never, NULL);
    stop = 1;
    pthread_join(aiming, NULL);
    CHECK(kill(sender, SIGKILL) == 0);
    while (waitpid(sender, NULL, 0) != sender)
        CHECK(errno == EINTR);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);

    CHECK(published > 100 && large_published > 10);
    EQUAL(published, messages_of(receives, (uint64_t)published));
    EQUAL(published, messages_of(calls, (uint64_t)published));
    messages_of(calls_large, (uint64_t)large_published);
    while (received_one(receives, 0))
        received++;
    MUST(mcl_listener_get_stats(receives, &in, &error));
    EQUAL(in.messages, received);
    MUST(mcl_listener_get_stats(calls, &in, &error));
    CHECK(reaches(&called, (int)in.messages));
    MUST(mcl_listener_get_stats(calls_large, &in, &error));
    CHECK(in.messages > 0 && reaches(&large_called, (int)in.messages));
    for (int i = 0; i < 10000; i++) {
        MUST(mcl_recorder_get_stats(recorder, -1, &logged, &in, NULL, &error));
        if (in.messages + in.dropped_kernel >= (uint64_t)published)
            break;
        usleep(1000);
    }
    MUST(mcl_recorder_close(recorder, &logged, &in, &error));
    EQUAL(published, logged.entries + in.dropped_kernel);
    EQUAL(0, strays);
    if (action == SIG_IGN) {
        EQUAL(0, handled);
        EQUAL(0, interrupted);
    } else {
        CHECK(handled >= 1000);
        CHECK(interrupted > 0);
    }
    MUST(mcl_broadcaster_close(small_b));
    MUST(mcl_broadcaster_close(large_b));
    MUST(mcl_listener_close(receives, NULL));
    MUST(mcl_listener_close(calls, NULL));
    MUST(mcl_listener_close(calls_large, NULL));
}

int main(void)
{
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigaddset(&both, SIGPROF);
    have_own_stack();
    main_thread = pthread_self();
    storm(handler, 0, 0.5);
    storm(handler, SA_ONSTACK, 0.5);
    storm(handler, SA_RESTART, 0.5);
    storm(handler, SA_ONSTACK | SA_RESTART, 0.5);
    storm(SIG_IGN, 0, 0.5);
    leave_own_stack();
    return report("storms");
}
