/* A fault ends the process by its own signal, wherever it happens, or is for the program's handler: as without the library.
 * Each case is this program again:
 *
 *     faults             all cases
 *     faults FAULT PLACE HANDLER
 */
#include "copy.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

/* ---- Faults ---- */

#define WILD ((void *)0x123456000) /* nothing is mapped there */

static volatile int zero, seven = 7;
static mcl_broadcaster *b;
static __typeof__(mcl_broadcaster_publish) *publish = mcl_broadcaster_publish;

static void null_pointer(void)
{
    *(volatile int *)8 = 1;
}

__attribute__((no_sanitize_address)) static void wild_pointer(void)
{
    *(volatile int *)WILD = 1;
}

/* No address of this form exists: the kernel tells none. */
static void no_address(void)
{
#if UINTPTR_MAX > UINT32_MAX
    *(volatile int *)0x8000000000000000 = 1;
#else
    wild_pointer();
#endif
}

static void behind_end_of_file(void)
{
    volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, memfd_create("empty", 0), 0);
    (void)page[0];
}

static void division(void)
{
#if defined __x86_64__ || defined __i386__
    seven = seven / zero;
#endif
    raise(SIGFPE); /* other processors give 0 */
}

__attribute__((noinline)) static int endless_recursion(int depth)
{
    volatile char frame[4096];
    frame[depth % 4096] = 1;
    return depth < 0 ? depth : endless_recursion(depth + 1) + frame[0];
}

static void no_stack_left(void)
{
    seven = endless_recursion(1);
}

static void illegal(void)
{
    __builtin_trap();
}

static void raises_trap(void)
{
    raise(SIGTRAP);
}

/* As a watchdog does, to get a core file. */
static void killed_from_outside(void)
{
    kill(getpid(), SIGSEGV);
    sleep(10);
}

/* The library reads what the program points to: in C, and a large payload in Go. */
static void wild_small_payload(void)
{
    publish(b, WILD, MCL_NUL, "\xc0", 1, NULL);
}

static void wild_large_payload(void)
{
    publish(b, NULL, 0, WILD, 300000, NULL);
}

static void payload_without_address(void)
{
    publish(b, NULL, 0, (void *)0x8000000000000000, 300000, NULL);
}

static const struct fault {
    const char *name;
    void (*happens)(void);
    int signal;
    int handled; /* also with handlers */
} all_faults[] = {
    {"null pointer", null_pointer, SIGSEGV, 1},
    {"wild pointer", wild_pointer, SIGSEGV, 1},
    {"no address", no_address, SIGSEGV, 0},
    {"behind the end of a file", behind_end_of_file, SIGBUS, 1},
    {"division", division, SIGFPE, 1},
    {"no stack left", no_stack_left, SIGSEGV, 0},
    {"illegal instruction", illegal, SIGILL, 0},
    {"trap", raises_trap, SIGTRAP, 0},
    {"abort", abort, SIGABRT, 0},
    {"kill", killed_from_outside, SIGSEGV, 1},
    {"wild topic", wild_small_payload, SIGSEGV, 0},
    {"wild payload", wild_large_payload, SIGSEGV, 1},
    {"payload without an address", payload_without_address, SIGSEGV, 0},
};
static const struct fault *fault;

/* ---- Places ---- */

static void call(void *context, const mcl_received *record)
{
    (void)context, (void)record;
    fault->happens();
}

static void ignore(void *context, const mcl_received *record)
{
    (void)context, (void)record;
}

static void drop(void *context)
{
    (void)context;
    fault->happens();
}

static void *on_thread(void *unused)
{
    fault->happens();
    return unused;
}

static void in_main(void)
{
    fault->happens();
}

static void in_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, on_thread, NULL);
    pthread_join(thread, NULL);
}

/* On a thread that has called the library before. */
static void after_a_call(void)
{
    mcl_broadcaster_publish_int(b, NULL, 0, 1, NULL);
    fault->happens();
}

static void subscribed(int32_t queued, const mcl_callback *callback)
{
    mcl_listener_options options = MCL_LISTENER_OPTIONS_INIT;
    options.queued = queued;
    mcl_listener *l = listen_with(&options);
    MUST(mcl_listener_subscribe(l, callback, NULL, &error));
    MUST(mcl_broadcaster_publish_int(b, NULL, 0, 1, &error));
    if (callback->drop == NULL)
        sleep(10);
    mcl_listener_close(l, NULL);
}

static void in_callback(void)
{
    subscribed(MCL_OFF, &(mcl_callback){NULL, call, NULL});
}

static void in_queued_callback(void)
{
    subscribed(MCL_ON, &(mcl_callback){NULL, call, NULL});
}

static void in_drop(void)
{
    subscribed(MCL_OFF, &(mcl_callback){NULL, ignore, drop});
}

static const struct {
    const char *name;
    void (*goes_there)(void);
} places[] = {
    {"main", in_main},
    {"thread", in_thread},
    {"after a call", after_a_call},
    {"callback", in_callback},
    {"queued callback", in_queued_callback},
    {"drop", in_drop},
};

/* ---- Handlers ---- */

#define HANDLED 42

static void handler(int s, siginfo_t *info, void *context)
{
    (void)context;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    int as_asked = sigismember(&mask, s) == 1 && sigismember(&mask, SIGUSR1) == 1;
    int told = info->si_signo == s && (fault->happens != wild_pointer || info->si_addr == WILD);
    _exit(as_asked && told ? HANDLED : 1);
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESETHAND};
    sigaddset(&action.sa_mask, SIGUSR1);
    CHECK(sigaction(fault->signal, &action, NULL) == 0);
}

/* The library is loaded when a program of its begins. So that handlers are there first, a copy of it is loaded, whose
 * callbacks and signals are its own. */
static void before_loading(void)
{
    struct sigaction other;
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, _exit);
    install();
    void *library = dlopen(getenv("COPY"), RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    sigaction(SIGUSR1, NULL, &other);
    if (other.sa_handler != SIG_IGN)
        exit(2);
    sigaction(SIGUSR2, NULL, &other);
    if (other.sa_handler != _exit || other.sa_flags & SA_ONSTACK) /* the program's other handlers run where they did */
        exit(3);
    __typeof__(mcl_listener_open) *open_listener = dlsym(library, "mcl_listener_open");
    __typeof__(mcl_broadcaster_open) *open_broadcaster = dlsym(library, "mcl_broadcaster_open");
    __typeof__(mcl_listener_subscribe) *subscribe = dlsym(library, "mcl_listener_subscribe");
    publish = dlsym(library, "mcl_broadcaster_publish");
    mcl_connection c = group();
    mcl_callback callback = {NULL, call, NULL};
    mcl_listener *l;
    MUST(open_listener(&c, NULL, &l, &error));
    MUST(open_broadcaster(&c, NULL, &b, &error));
    MUST(subscribe(l, &callback, NULL, &error));
    MUST(publish(b, NULL, 0, "\xc0", 1, &error));
    sleep(10);
}

static int one(char **argv)
{
    size_t place = (size_t)atoi(argv[2]);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* crashes on purpose leave no file */
    fault = &all_faults[atoi(argv[1])];
    alarm(20);
    if (strcmp(argv[3], "before") == 0)
        before_loading();
    b = broadcast_with(NULL);
    if (strcmp(argv[3], "after") == 0)
        install();
    places[place].goes_there();
    return 1;
}

/* ---- All of them ---- */

static void expect(size_t f, size_t place, const char *with)
{
    char first[20], second[20];
    snprintf(first, sizeof first, "%zu", f);
    snprintf(second, sizeof second, "%zu", place);
    char *arguments[] = {"faults", first, second, (char *)with, NULL};
    int handled = strcmp(with, "no handler") != 0, status = 0;
    pid_t child;
    CHECK(posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    checks++;
    if (handled ? WIFEXITED(status) && WEXITSTATUS(status) == HANDLED
                : WIFSIGNALED(status) && WTERMSIG(status) == all_faults[f].signal)
        return;
    failures++;
    fprintf(stderr, "%s, %s, %s: %s %d\n", all_faults[f].name, places[place].name, with,
            WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* Go's own panic stays an error. */
static void a_panic_is_an_error(void)
{
    b = broadcast_with(NULL);
    FAILS(MCL_EINTERNAL, mcl_broadcaster_publish(b, NULL, 0, (void *)64, 300000, &error));
    MUST(mcl_broadcaster_publish_int(b, NULL, 0, 1, &error));
    MUST(mcl_broadcaster_close(b));
}

int main(int argc, char **argv)
{
    enum { FAULTS = sizeof all_faults / sizeof *all_faults, PLACES = sizeof places / sizeof *places, IN_CALLBACK = 3 };
    if (argc > 1)
        return one(argv);
    a_panic_is_an_error();
    setenv("COPY", copied_library(), 1);
    /* AddressSanitizer has handlers of its own. */
    setenv("ASAN_OPTIONS", "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0:detect_leaks=0", 1);
    for (size_t f = 0; f < FAULTS; f++) {
        for (size_t place = 0; place < PLACES; place++)
            expect(f, place, "no handler");
        if (all_faults[f].handled) {
            expect(f, 0, "after");
            expect(f, IN_CALLBACK, "after");
            expect(f, IN_CALLBACK, "before");
        }
    }
    return report("faults");
}
