#include "bench.h"
#include <getopt.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define QUIET 0.3    /* seconds without an arrival after which what is missing is lost */
#define AHEAD 50e-6  /* seconds: shorter pauses than this are not worth a sleep */
#define HELD_UP 1e-3 /* seconds: who is later than this, or than CATCH_UP calls, goes on from now */
#define CATCH_UP 4

void bench_fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

long bench_check(const char *what, long result)
{
    if (result < 0)
        bench_fail(what, strerror(errno));
    return result;
}

static void parse_streams(bench_options *o, const char *text)
{
    for (int used; *text != '\0'; text += used) {
        bench_stream *s = &o->streams[o->stream_count];
        if (o->stream_count == STREAMS_MAX || sscanf(text, "%lf:%zu%n", &s->rate, &s->size, &used) != 2)
            bench_fail(text, "give PER_SECOND:BYTES, with commas between, of 16 streams at most");
        o->stream_count++;
        used += text[used] == ',';
    }
}

bench_options bench_parse(int argc, char **argv, const char *default_mode)
{
    static const struct option names[] = {
        {"mode", 1, NULL, 'm'},  {"size", 1, NULL, 's'},  {"seconds", 1, NULL, 't'},   {"rate", 1, NULL, 'r'},
        {"count", 1, NULL, 'n'}, {"batch", 1, NULL, 'b'}, {"listeners", 1, NULL, 'l'}, {"group", 1, NULL, 'g'},
        {"port", 1, NULL, 'p'},  {"messages", 1, NULL, 'M'}, {"turns", 1, NULL, 'T'}, {"streams", 1, NULL, 'S'},
        {NULL, 0, NULL, 0},
    };
    bench_options o = {.mode = default_mode, .group = "ff15::be9c", .port = 26000, .size = 64, .seconds = 0.3,
                       .count = 1000, .batch = BATCH_MAX, .listeners = 1};
    int c;

    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'm': o.mode = optarg; break;
        case 's': o.size = strtoul(optarg, NULL, 10); break;
        case 't': o.seconds = atof(optarg); break;
        case 'r': o.rate = atof(optarg); break;
        case 'M': o.messages = atol(optarg); break;
        case 'n': o.count = atol(optarg); break;
        case 'b': o.batch = atoi(optarg); break;
        case 'l': o.listeners = atoi(optarg); break;
        case 'T': o.turns = atoi(optarg); break;
        case 'S': parse_streams(&o, optarg); break;
        case 'g': o.group = optarg; break;
        case 'p': o.port = atoi(optarg); break;
        default: exit(2);
        }
    }
    if (optind != argc - 1 || o.batch < 1 || o.batch > BATCH_MAX)
        bench_fail(argv[0], "give one role, and a batch of 1 to 64");
    o.role = argv[optind];
    prctl(PR_SET_TIMERSLACK, 1); /* nanosleep wakes when it was asked to, not up to 50 us later */
    return o;
}

double bench_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

double bench_resident(void)
{
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (f != NULL)
        fclose(f);
    return (double)kib / 1024;
}

unsigned char *bench_message(size_t size, size_t *length)
{
    unsigned char *m = calloc(1, size + 8), *p = m;
    if (m == NULL)
        bench_fail("calloc", "no memory");
    *p++ = 0x92; /* msgpack: an array of 2 */
    *p++ = 0xc0; /* nil */
    int bytes = size < 256 ? 1 : size < 65536 ? 2 : 4;
    *p++ = bytes == 1 ? 0xc4 : bytes == 2 ? 0xc5 : 0xc6; /* bin */
    while (bytes-- > 0)
        *p++ = (unsigned char)(size >> (8 * bytes));
    *length = (size_t)(p - m) + size;
    return m;
}

static void sleep_until(double when)
{
    struct timespec t = {.tv_sec = (time_t)when, .tv_nsec = (long)((when - (double)(time_t)when) * 1e9)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

int bench_send_turn(const bench_options *o)
{
    static int done;
    char line[64];
    if (done++ == 0) {
        if (!o->turns)
            return 1;
        puts("ready");
        fflush(stdout);
    }
    return o->turns && fgets(line, sizeof line, stdin) != NULL;
}

void bench_send_begin(bench_sending *s, const bench_options *o)
{
    *s = (bench_sending){.interval = o->rate > 0 ? 1 / o->rate : 0, .cpu = bench_cpu(), .began = bench_clock()};
    s->end = s->began + o->seconds;
    s->due = s->began;
    for (int i = 0; i < o->stream_count; i++) /* not all at once */
        s->dues[i] = s->began + i / (o->streams[i].rate * o->stream_count);
    s->messages = o->messages > 0 ? (uint64_t)o->messages : UINT64_MAX;
}

int bench_send_more(bench_sending *s, int n)
{
    double now = bench_clock();
    if (s->interval > 0) {
        double few = CATCH_UP * n * s->interval;
        if (s->due > now + AHEAD) {
            sleep_until(s->due);
            now = bench_clock();
        } else if (now > s->due + (few < HELD_UP ? few : HELD_UP)) {
            s->due = now;
        }
        s->due += s->interval * n;
    }
    return now < s->end && s->sent < s->messages;
}

int bench_send_stream(bench_sending *s, const bench_options *o)
{
    int next = 0;
    for (int i = 1; i < o->stream_count; i++)
        if (s->dues[i] < s->dues[next])
            next = i;
    if (s->dues[next] >= s->end)
        return -1;
    sleep_until(s->dues[next]);
    s->dues[next] += 1 / o->streams[next].rate;
    return next;
}

void bench_send_end(bench_sending *s)
{
    double cpu = bench_cpu() - s->cpu;
    double seconds = bench_clock() - s->began;
    printf("{\"sent\": %llu, \"seconds\": %.6f, \"cpu\": %.6f, \"resident\": %.2f}\n", (unsigned long long)s->sent,
           seconds, cpu, bench_resident());
    fflush(stdout);
}

void bench_receive_ready(bench_receiving *r)
{
    puts("ready");
    fflush(stdout);
    r->cpu = bench_cpu();
}

void bench_receive_add(bench_receiving *r, uint64_t messages, uint64_t bytes)
{
    r->last = bench_clock();
    if (r->first == 0)
        r->first = r->last;
    atomic_fetch_add_explicit(&r->messages, messages, memory_order_relaxed);
    atomic_fetch_add_explicit(&r->bytes, bytes, memory_order_relaxed);
}

int bench_receive_over(bench_receiving *r)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    uint64_t now_seen = atomic_load(&r->messages);
    double now = bench_clock();

    if (!r->told) {
        char line[64];
        if (poll(&in, 1, 0) == 0)
            return 0;
        unsigned long long sent = 0;
        if (fgets(line, sizeof line, stdin) == NULL || sscanf(line, "sent %llu", &sent) != 1)
            bench_fail("receive", "standard input ended before it told how many were sent");
        r->told = 1;
        r->sent = sent;
        r->quiet_since = now;
    }
    if (now_seen >= r->sent)
        return 1;
    if (now_seen != r->seen) {
        r->seen = now_seen;
        r->quiet_since = now;
    }
    return now - r->quiet_since > QUIET;
}

void bench_receive_wait(bench_receiving *r)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    if (!r->told)
        poll(&in, 1, -1); /* not even a wake-up while it is measured */
    while (!bench_receive_over(r))
        usleep(POLL_MS * 1000); /* silence cannot be waited for */
}

void bench_receive_end(bench_receiving *r, long buffer, uint64_t dropped)
{
    double cpu = bench_cpu() - r->cpu;
    printf("{\"received\": %llu, \"bytes\": %llu, \"seconds\": %.6f, \"cpu\": %.6f, ", (unsigned long long)r->messages,
           (unsigned long long)r->bytes, r->last - r->first, cpu);
    printf("\"buffer\": %ld, \"dropped\": %llu, \"resident\": %.2f}\n", buffer, (unsigned long long)dropped,
           bench_resident());
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_trips_end(bench_trips *t)
{
    if (t->count == 0)
        bench_fail("round trip", "nothing came back");
    qsort(t->times, (size_t)t->count, sizeof *t->times, ascending);
    printf("{\"count\": %ld, \"lost\": %ld, \"p50\": %.2f, \"p99\": %.2f}\n", t->count, t->lost,
           t->times[t->count / 2] * 1e6, t->times[t->count * 99 / 100] * 1e6);
}
