/* Signals are the program's: the library's threads block them, a call changes nothing of the caller's mask, handlers of
 * any kind may run at any time, and only waits are interrupted. */
#include "test.h"

#include <dirent.h>
#include <sys/time.h>
#include <sys/wait.h>

static mcl_listener *l;
static mcl_broadcaster *b;

/* A line such as "SigBlk:\t0000..." of a status file of /proc. */
static uint64_t signal_set(const char *task, const char *line)
{
    char path[300], text[200];
    uint64_t set = 0;
    int found = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return UINT64_MAX; /* the thread has ended */
    while (fgets(text, sizeof text, f))
        if (strncmp(text, line, strlen(line)) == 0)
            found = sscanf(text + strlen(line), ":%lx", &set);
    fclose(f);
    CHECK(found == 1);
    return set;
}

#define BIT(signal) (UINT64_C(1) << ((signal)-1))

static void threads_block(void)
{
    /* Not to be blocked: what a thread raises itself, and glibc's own two. */
    uint64_t open = BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGSYS) | BIT(SIGKILL) |
                    BIT(SIGSTOP) | BIT(32) | BIT(33);
    int others = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *d; (d = readdir(tasks)) != NULL;) {
        if (d->d_name[0] == '.')
            continue;
        uint64_t blocked = signal_set(d->d_name, "SigBlk");
        if (atoi(d->d_name) == getpid()) {
            EQUAL(0, blocked);
        } else {
            others++;
            for (int s = 1; s <= 64; s++) {
                checks++;
                if (!(open & BIT(s)) && !(blocked & BIT(s))) {
                    failures++;
                    fprintf(stderr, "thread %s does not block signal %d (%s)\n", d->d_name, s, strsignal(s));
                }
            }
        }
    }
    closedir(tasks);
    CHECK(others >= 2);
    /* Of handlers, only those of what Go turns into panics are installed. */
    char me[20];
    snprintf(me, sizeof me, "%d", getpid());
    EQUAL(0, signal_set(me, "SigCgt") & ~(BIT(SIGALRM) | BIT(32) | BIT(33) | BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL)));
}

/* A thread's first call into Go, and those after it. */
static void *calls_with_mask(void *mask)
{
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, mask, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    for (int i = 0; i < 3; i++) {
        MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
        EQUAL(0, mcl_listener_wait(l, 0, &error) < 0);
        pthread_sigmask(SIG_SETMASK, NULL, &after);
        for (int s = 1; s <= 64; s++)
            EQUAL(sigismember(&before, s), sigismember(&after, s));
    }
    return NULL;
}

static void masks_stay(void)
{
    sigset_t masks[3];
    sigemptyset(&masks[0]);
    sigfillset(&masks[1]);
    sigemptyset(&masks[2]);
    sigaddset(&masks[2], SIGCHLD); /* as a program does that takes it by signalfd */
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, calls_with_mask, &masks[i]) == 0);
        pthread_join(thread, NULL);
    }
}

static atomic_int handled;
static pthread_t handled_by;

/* Uses more stack than a goroutine begins with. */
static void handler(int s)
{
    char stack[16384];
    memset(stack, s, sizeof stack);
    __asm__ volatile("" : : "r"(stack) : "memory");
    handled_by = pthread_self();
    handled++;
}

static void handle(int s, int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    CHECK(sigaction(s, &action, NULL) == 0);
}

/* Waits end with MCL_EINTR, with SA_RESTART too, as poll does; what does not wait is never interrupted. */
static void interrupts(void)
{
    mcl_received r;
    char buffer[10];
    struct itimerval soon = {.it_value = {0, 20000}};
    mcl_connection quiet = group();
    quiet.port = 5003;
    mcl_listener *q;
    MUST(mcl_listener_open(&quiet, NULL, &q, &error));
    handle(SIGALRM, SA_RESTART);
    for (int i = 0; i < 3; i++) {
        handled = 0;
        setitimer(ITIMER_REAL, &soon, NULL);
        double begun = seconds();
        if (i == 0)
            FAILS(MCL_EINTR, mcl_listener_wait(q, 5000, &error));
        if (i == 1)
            FAILS(MCL_EINTR, mcl_listener_wait(q, -1, &error));
        if (i == 2)
            FAILS(MCL_EINTR, mcl_listener_recv(q, 5000, &r, buffer, sizeof buffer, NULL, &error));
        CHECK(seconds() - begun < 4);
        EQUAL(1, handled);
        CHECK(pthread_equal(handled_by, pthread_self()));
    }
    MUST(mcl_listener_close(q, NULL));
}

static void *publishes_too(void *stop)
{
    while (!atomic_load((atomic_int *)stop))
        if (mcl_broadcaster_publish_int(b, "t", 1, 1, NULL) != 0)
            failures++;
    return NULL;
}

/* Handlers without SA_ONSTACK, thousands of times in the middle of calls. On one of Go's stacks each would overwrite
 * what lies below it, and the process would crash. */
static void handlers_in_calls(void)
{
    atomic_int stop = 0;
    pthread_t thread;
    handled = 0;
    handle(SIGALRM, 0);
    CHECK(pthread_create(&thread, NULL, publishes_too, &stop) == 0);
    struct itimerval often = {{0, 100}, {0, 100}}, never = {0};
    setitimer(ITIMER_REAL, &often, NULL);
    double end = seconds() + 3;
    while (seconds() < end) {
        MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
        mcl_received r;
        char buffer[10];
        CHECK(mcl_listener_recv(l, 0, &r, buffer, sizeof buffer, NULL, &error) >= 0);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    stop = 1;
    pthread_join(thread, NULL);
    CHECK(handled > 1000);
}

/* Handlers that the program had before are still its own. */
static void handlers_stay(void)
{
    for (int s = 1; s < 32; s++) {
        struct sigaction now;
        if (s == SIGKILL || s == SIGSTOP || s == SIGSEGV || s == SIGBUS || s == SIGFPE || s == SIGALRM)
            continue;
        CHECK(sigaction(s, NULL, &now) == 0);
        CHECK(now.sa_handler == SIG_DFL);
    }
    /* A broken pipe ends a program as it does without the library. */
    pid_t child = fork();
    if (child == 0) {
        int ends[2];
        CHECK(pipe(ends) == 0);
        close(ends[0]);
        _exit(write(ends[1], "x", 1) == 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

int main(void)
{
    l = listen_with(NULL);
    b = broadcast_with(NULL);
    handlers_stay();
    threads_block();
    masks_stay();
    interrupts();
    handlers_in_calls();
    threads_block();
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_listener_close(l, NULL));
    return report("signals");
}
