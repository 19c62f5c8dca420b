/* player.c - making a call, and judging what came of it. */
#include "play.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>

enum { PLAYERS = 64, TEXT = 1000, HANGS_MS = 60000, FUNCTIONS = 400 };

uint64_t seed;
const char *trace_folder;
atomic_int failures;
atomic_long calls_made, results_of[2];
static atomic_int succeeded[FUNCTIONS], failed[FUNCTIONS];

static player *all_players[PLAYERS];
static atomic_int player_count;
static player *free_players; /* for callbacks */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* protects free_players, and the making of players */
static __thread int depth; /* of callbacks on this thread */

int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void fail(player *p, const char *format, ...)
{
    char text[500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (failures++ < 20)
        fprintf(stderr, "FAIL %.900s\n     %s\n", p->text, text);
}

/* What each player is doing lies in a file, for the time after a crash. */
static char *trace_line(int i)
{
    static char *lines;
    if (lines == NULL) {
        char name[512];
        snprintf(name, sizeof name, "%s/trace", trace_folder);
        int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0600);
        if (fd < 0 || ftruncate(fd, PLAYERS * TEXT) < 0) {
            perror(name);
            exit(2);
        }
        lines = mmap(NULL, PLAYERS * TEXT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    return lines + (size_t)i * TEXT;
}

/* The mutex is held. */
static player *make(int thread)
{
    int i = player_count;
    if (i == PLAYERS) {
        fprintf(stderr, "more callbacks run at a time than this test has players\n");
        exit(2);
    }
    player *p = calloc(1, sizeof *p);
    p->thread = thread;
    p->text = trace_line(i);
    all_players[i] = p;
    player_count++;
    return p;
}

player *player_new(int thread)
{
    pthread_mutex_lock(&mutex);
    player *p = make(thread);
    pthread_mutex_unlock(&mutex);
    return p;
}

static void seed_call(player *p, uint64_t number)
{
    p->number = number;
    p->seed = seed * 1000003 + (uint64_t)(p->thread + 1);
    p->seed = random_bits(p) + number;
    p->seed = random_bits(p);
}

player *borrow_player(void)
{
    static uint64_t number;
    pthread_mutex_lock(&mutex);
    player *p = free_players;
    if (p != NULL)
        free_players = p->next_free;
    else
        p = make(-1);
    uint64_t n = number++;
    pthread_mutex_unlock(&mutex);
    p->depth = ++depth;
    snprintf(p->text, TEXT, "callback %llu", (unsigned long long)n);
    seed_call(p, n << 20);
    return p;
}

void return_player(player *p)
{
    depth--;
    pthread_mutex_lock(&mutex);
    p->next_free = free_players;
    free_players = p;
    pthread_mutex_unlock(&mutex);
}

/* The arguments are drawn: what is opened, closed or woken from now on counts. */
void begin(player *p)
{
    p->tick = tick();
    if (p->endless)
        p->waits_on = p->uses[0].known;
    atomic_store(&p->began, now_ms());
}

int look_at_text(player *p, const char *text)
{
    if (text == NULL && strcmp(p->function->name, "mcl_malformed_name") != 0)
        fail(p, "NULL for a text");
    else if (text != NULL && (strlen(text) == 0 || strlen(text) > 100))
        fail(p, "a text of %zu bytes", strlen(text));
    return MCL_OK;
}

static void judge_error(player *p, int result)
{
    const mcl_error *e = p->error;
    if (e == NULL)
        return;
    if (result >= 0) {
        for (size_t i = 0; i < sizeof *e; i++)
            if (((const uint8_t *)e)[i] != 0xa5) {
                fail(p, "gives %d, but writes an error", result);
                return;
            }
        return;
    }
    size_t name = strlen(p->function->name);
    if (e->code != result || memchr(e->text, 0, sizeof e->text) == NULL ||
        strncmp(e->text, p->function->name, name) != 0 || e->text[name] != ':' || e->text[name + 1] != ' ')
        fail(p, "gives %d, but the error %d: %.200s", result, (int)e->code, e->text);
}

static void judge(player *p, int result)
{
    const function *f = p->function;
    if (result < 0 && (result < -31 || (f->codes & CODE(result)) == 0))
        fail(p, "gives %d (%s: %s), which the header does not name for it", result, mcl_strerror(result),
             p->error != NULL ? p->error->text : "");
    if (result > f->most)
        fail(p, "gives %d, more than %d", result, f->most);
    if (result == MCL_EBUFFER && p->needed != NULL && *p->needed <= p->room)
        fail(p, "finds %zu bytes too few for %zu", p->room, *p->needed);
    judge_error(p, result);
    judge_subscription(p, result);
}

static void start(player *p, const function *f)
{
    p->function = f;
    p->use_count = p->rooms_used = p->endless = p->withdrawn = 0;
    p->error = NULL;
    p->opened = NULL;
    p->serial = 0;
    p->path[0] = 0;
    p->subscription = NULL;
    p->needed = NULL;
    p->room = 0;
    p->waits_on = NULL;
    p->used = 0;
    if (p->depth == 0)
        say(p, "thread %d, call %llu: ", p->thread, (unsigned long long)p->number);
    else
        say(p, "in a callback, %d deep: ", p->depth);
    say(p, "%s(", f->name);
}

static void count(player *p, int result)
{
    calls_made++;
    results_of[result < 0]++;
    if (p->function >= functions && p->function < functions + function_count)
        (result < 0 ? failed : succeeded)[p->function - functions] = 1;
}

void play(player *p, const function *f)
{
    start(p, f);
    int result = f->play(p);
    atomic_store(&p->began, 0);
    count(p, result);
    judge(p, result);
    if (result >= 0 && strcmp(f->name, "mcl_log_make_directory") == 0)
        remove_path(p->room_at);
    if (result >= 0 && (strcmp(f->name, "mcl_recorder_open_network") == 0 && p->opened != NULL)) {
        size_t needed;
        mcl_recorder_directory(*p->opened, p->path, sizeof p->path, &needed, NULL);
    }
    judge_handles(p, result);
    check_rooms(p);
}

/* Closes one handle, as by a call that is drawn. */
static int play_given_close(player *p)
{
    begin(p);
    return close_handle(p->uses[0].known->kind, p->uses[0].known->value);
}

void play_close(player *p, handle *h)
{
    static const function closing = {
        "close", play_given_close, CODE(MCL_EBUSY) | CODE(MCL_ECLOSED) | CODE(MCL_ESYSTEM), 0, -1, -1};
    start(p, &closing);
    give(p, h, CLOSE, h->kind);
    say(p, "%s %p", kind_names[h->kind], h->value);
    int result = play_given_close(p);
    atomic_store(&p->began, 0);
    count(p, result);
    judge_handles(p, result);
}

void play_any(player *p)
{
    enum { FEW = 4, ENOUGH = 12 };
    seed_call(p, p->number + 1);
    const function *f = &functions[below(p, (unsigned)function_count)];
    /* Objects live for some calls: of what there is little, something is opened rather than closed. */
    if (f->closes >= 0 && live_count(f->closes) < FEW && chance(p, 80)) {
        int kind = f->closes;
        do
            f = &functions[below(p, (unsigned)function_count)];
        while (f->opens != kind);
    }
    if (f->opens >= 0 && live_count(f->opens) >= ENOUGH) {
        handle *h = any_live(f->opens);
        if (h != NULL)
            play_close(p, h);
        return;
    }
    play(p, f);
}

/* Names the functions that never succeeded, or never failed though they can. */
static int is_missed(int i)
{
    int can_fail = strstr(functions[i].name, "version") == NULL && strstr(functions[i].name, "strerror") == NULL &&
                   strstr(functions[i].name, "malformed_name") == NULL;
    return !succeeded[i] || (can_fail && !failed[i]);
}

int functions_missed(void)
{
    int missed = 0;
    for (int i = 0; i < function_count; i++)
        if (is_missed(i)) {
            missed++;
            fprintf(stderr, "%s never %s\n", functions[i].name, succeeded[i] ? "failed" : "succeeded");
        }
    return missed;
}

int play_missed(player *p)
{
    int first = 0;
    while (first < function_count && !is_missed(first))
        first++;
    if (first == function_count)
        return 0;
    seed_call(p, p->number + 1);
    play(p, &functions[first]);
    return 1;
}

/* ---- Calls that wait ---- */

static void end_hanging(player *p, int64_t since)
{
    fprintf(stderr, "FAIL hangs for %lld ms: %.900s\n", (long long)since, p->text);
    for (int i = 0; i < player_count; i++)
        if (all_players[i]->began != 0)
            fprintf(stderr, "     beside: %.900s\n", all_players[i]->text);
    abort();
}

void watch(player *watcher)
{
    int64_t now = now_ms();
    for (int i = 0; i < player_count; i++) {
        player *p = all_players[i];
        int64_t began = p->began;
        if (began == 0 || p == watcher)
            continue;
        if (now - began > HANGS_MS)
            end_hanging(p, now - began);
        handle *h = p->waits_on;
        if (p->endless && h != NULL && now - began > 50 && h->open)
            play_close(watcher, h);
    }
}
