/* A program may end at any moment and in any way, whatever the library is doing: with the status that it would have
 * without it, at once, and without a word. Each end of each state is a process of its own:
 *
 *     exits                   every state and end, MCL_EXITS times (default 5; `make exits`: 40)
 *     exits STATE END FOLDER  one of them
 */
#include "exits_states.h"

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

static const char *self;

/* ---- Ends ---- */

static void *exits_with_4(void *unused)
{
    (void)unused;
    exit(4);
}

static void leaves_callback(void *context, const mcl_received *record)
{
    (void)context, (void)record;
    exit(5);
}

/* Some call comes, on a thread of the library. */
static void in_callback(void)
{
    mcl_broadcaster *own = broadcast_with(NULL);
    subscribed(leaves_callback);
    for (;;) {
        MUST(mcl_broadcaster_publish_int(own, "t", 1, 1, &error));
        usleep(10000);
    }
}

static void by_exit(void)
{
    exit(3);
}

static void in_thread(void)
{
    start(exits_with_4, NULL);
    for (;;)
        pause();
}

static void by_os_exit(void)
{
    _exit(6);
}

static void quick(void)
{
    quick_exit(7);
}

/* The process goes on without its first thread. */
static void main_ends_first(void)
{
    start(exits_with_4, NULL);
    pthread_exit(NULL);
}

static void closes_both(void)
{
    if (l != NULL)
        mcl_listener_close(l, NULL);
    if (b != NULL)
        mcl_broadcaster_close(b);
    mcl_connection c = group();
    if (mcl_listener_open(&c, NULL, &l, NULL) != MCL_OK || mcl_listener_close(l, NULL) != MCL_OK)
        abort();
}

static void closes_at_exit(void)
{
    atexit(closes_both);
    exit(3);
}

static void by_sigterm(void)
{
    kill(getpid(), SIGTERM);
    for (;;)
        pause();
}

static void by_fault(void)
{
    volatile int *volatile nowhere = (volatile int *)8;
    *nowhere = 1;
}

static int descriptors_before; /* the library's first use */

/* How many are of kinds that the library opens: Go's own come and go while it is loaded. */
static int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        char link[30], to[PATH_MAX + 1] = "";
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (readlink(link, to, PATH_MAX) > 0)
            count += strstr(to, "socket:") || strstr(to, "[eventfd]") || strstr(to, "[eventpoll]") || strstr(to, "mcl-capi");
    }
    return count;
}

/* The new program has none of the descriptors, and none of the blocked signals. */
static void becomes_another(void)
{
    char before[20];
    snprintf(before, sizeof before, "%d", descriptors_before);
    execl("/proc/self/exe", self, before, (char *)NULL);
}

static int executed(const char *before)
{
    sigset_t mask;
    mcl_received r;
    char buffer[2 << 20];
    EQUAL(atoi(before), descriptors());
    CHECK(sigprocmask(SIG_SETMASK, NULL, &mask) == 0 && sigisemptyset(&mask));
    open_both();
    MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    EQUAL(1, mcl_listener_recv(l, LIMIT * 1000, &r, buffer, sizeof buffer, NULL, &error));
    return failures ? 1 : 8;
}

static void returns(void)
{
}

/* ---- All of them ---- */

static const named ends[] = {
    {"return", returns, 0},
    {"exit", by_exit, 3},
    {"exit in a thread", in_thread, 4},
    {"exit in a callback", in_callback, 5},
    {"_exit", by_os_exit, 6},
    {"quick_exit", quick, 7},
    {"pthread_exit", main_ends_first, 4},
    {"closes in atexit", closes_at_exit, 3},
    {"SIGTERM", by_sigterm, -SIGTERM},
    {"abort", abort, -SIGABRT},
    {"fault", by_fault, -SIGSEGV},
    {"exec", becomes_another, 8},
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const named *find(const named *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    fprintf(stderr, "there is no \"%s\"\n", name);
    exit(1);
}

static int child(const char *state, const char *end)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    alarm(LIMIT); /* kills what hangs */
    descriptors_before = descriptors();
    find(states, COUNT(states), state)->function();
    find(ends, COUNT(ends), end)->function();
    return failures ? 1 : 0;
}

/* Ends that are under way: a few at once, since most of each is waiting. */
enum { AT_ONCE = 4 };
static struct {
    pid_t pid;
    const named *state, *end;
} running[AT_ONCE];

/* Where that of a place says what it should not. */
static const char *log_of(int place)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/stderr-%d", scratch_folder, place);
    return path;
}

static int one_ended(void)
{
    int status, i = 0;
    pid_t pid = wait(&status);
    while (i < AT_ONCE && running[i].pid != pid)
        i++;
    CHECK(i < AT_ONCE);
    int is = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    struct stat s;
    CHECK(stat(log_of(i), &s) == 0);
    checks++;
    if (is != running[i].end->status || s.st_size != 0) {
        failures++;
        char *text = file_text(log_of(i));
        fprintf(stderr, "%s, %s: %d, not %d%s\n%s\n", running[i].state->name, running[i].end->name, is,
                running[i].end->status, is == -SIGALRM ? ": it hung" : "", text);
        free(text);
    }
    running[i].pid = 0;
    return i;
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc == 2)
        return executed(argv[1]);
    if (argc == 4) {
        folder = argv[3];
        return child(argv[1], argv[2]);
    }
    int times = getenv("MCL_EXITS") != NULL ? atoi(getenv("MCL_EXITS")) : 5;
    /* AddressSanitizer would see what is not closed, and handle faults itself. */
    setenv("ASAN_OPTIONS", "detect_leaks=0:handle_segv=0", 1);
    const char *files = in_scratch("");
    int place = 0, started = 0;
    for (int i = 0; i < times; i++)
        for (size_t state = 0; state < COUNT(states); state++)
            for (size_t end = 0; end < COUNT(ends); end++, started++) {
                place = started < AT_ONCE ? started : one_ended();
                char *arguments[] = {argv[0], (char *)states[state].name, (char *)ends[end].name, (char *)files, NULL};
                posix_spawn_file_actions_t actions;
                CHECK(posix_spawn_file_actions_init(&actions) == 0);
                CHECK(posix_spawn_file_actions_addopen(&actions, 2, log_of(place), O_WRONLY | O_CREAT | O_TRUNC, 0600) ==
                      0);
                running[place].state = &states[state];
                running[place].end = &ends[end];
                CHECK(posix_spawn(&running[place].pid, "/proc/self/exe", &actions, NULL, arguments, environ) == 0);
                posix_spawn_file_actions_destroy(&actions);
            }
    for (int i = 0; i < AT_ONCE; i++)
        one_ended();
    EQUAL((size_t)times * COUNT(states) * COUNT(ends), started);
    return report("exits");
}
