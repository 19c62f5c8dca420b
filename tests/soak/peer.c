/* The soak's peer in C: see run for what it reads and writes.
 *
 *     peer publish NUMBER | listen | churn SEED */
#define _GNU_SOURCE
#include <mclw.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEERS 100 /* numbers of publishers are below */
#define PAD_MAX 150000

static pthread_mutex_t paused = PTHREAD_MUTEX_INITIALIZER; /* held while this is paused, and for each piece of work */
static pthread_mutex_t saying = PTHREAD_MUTEX_INITIALIZER;

static mcl_broadcaster *broadcaster;
static mcl_listener *listener;
static uint64_t seen[PEERS];
static int64_t last[PEERS];
static uint64_t cycles;
static unsigned seed;

static void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&saying);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
    pthread_mutex_unlock(&saying);
    va_end(arguments);
}

static void on_error(void *context, const mcl_error *error)
{
    (void)context;
    /* Publishing fails while the network is away, which is counted. */
    if (error->code != MCL_EROUTE && error->code != MCL_ENOBUFS && error->code != MCL_ESYSTEM && error->code != MCL_EBUSY)
        say("{\"defect\": \"error %d\"}", (int)error->code);
}

static mcl_connection connection(const char *url)
{
    mcl_connection c = MCL_CONNECTION_INIT;
    c.url = url;
    c.interface_ = "lo";
    return c;
}

static void must(int code, const mcl_error *error)
{
    if (code >= 0)
        return;
    say("{\"defect\": \"error %d\"}", code);
    fprintf(stderr, "%s\n", error->text);
    exit(1);
}

/* What a message holds besides its number. */
static char *pad(int from, int n)
{
    static __thread char text[PAD_MAX + 1];
    size_t size = n % 100 == 0 ? PAD_MAX : (size_t)(n % 97);
    memset(text, 'a' + (n + from) % 26, size);
    text[size] = 0;
    return text;
}

/* ---- Publishing ---- */

static void publish(int from, int n)
{
    mclw_buffer b = MCLW_BUFFER_INIT;
    mclw_pack_map(&b, 3);
    mclw_pack_string(&b, "from");
    mclw_pack_int(&b, from);
    mclw_pack_string(&b, "n");
    mclw_pack_int(&b, n);
    mclw_pack_string(&b, "pad");
    mclw_pack_string(&b, pad(from, n));
    mclw_publish_buffer(broadcaster, "soak", &b);
    mclw_buffer_close(&b);
}

static void *publishing(void *number)
{
    for (int n = 0;; n++) {
        pthread_mutex_lock(&paused);
        publish(*(int *)number, n);
        pthread_mutex_unlock(&paused);
        usleep(10000);
    }
    return NULL;
}

static void publisher_stats(void)
{
    mcl_broadcaster_stats s = {.size = sizeof s};
    mcl_error error;
    must(mcl_broadcaster_get_stats(broadcaster, &s, &error), &error);
    say("{\"messages\": %" PRIu64 ", \"datagrams\": %" PRIu64 ", \"send_errors\": %" PRIu64 "}", s.messages, s.datagrams,
        s.send_errors);
}

/* ---- Listening ---- */

static void check(const mcl_received *record)
{
    int64_t from = mclw_read_int(record, "from", -1), n = mclw_read_int(record, "n", -1);
    mclw_value text = mclw_value_of(record, "pad");
    size_t size = 0;
    const char *bytes = mclw_value_bytes(text, &size);
    const char *want = from >= 0 && from < PEERS && n >= 0 ? pad((int)from, (int)n) : NULL;
    if (want == NULL || bytes == NULL || size != strlen(want) || memcmp(bytes, want, size) != 0 || n < last[from]) {
        say("{\"defect\": \"message %" PRId64 " of %" PRId64 " arrived out of order, or damaged\"}", n, from);
        return;
    }
    last[from] = n + 1;
    __atomic_add_fetch(&seen[from], 1, __ATOMIC_SEQ_CST);
}

static void *listening(void *unused)
{
    mclw_buffer buffer = MCLW_BUFFER_INIT;
    mcl_received record;
    (void)unused;
    int code;
    while ((code = mclw_recv(listener, -1, &record, &buffer)) > 0 || code == MCL_EINTR)
        if (code > 0 && mclw_topic_is(&record, "soak"))
            check(&record);
    return NULL;
}

/* The sums of mcl.h, by which every datagram and message is accounted for. */
static void settled(const mcl_listener_stats *s)
{
    uint64_t datagrams = s->filtered + s->repeated + s->evicted + s->assembling + s->joined;
    for (int i = 0; i < MCL_MALFORMED_COUNT; i++)
        datagrams += s->malformed[i];
    if (s->datagrams != datagrams ||
        s->messages != s->delivered + s->rejected + s->dropped_queue + s->discarded + s->queued)
        say("{\"defect\": \"unaccounted datagrams or messages\"}");
}

static void listener_stats(void)
{
    mcl_listener_stats s = {.size = sizeof s};
    mcl_error error;
    char numbers[PEERS * 32] = "";
    size_t at = 0;
    must(mcl_listener_get_stats(listener, &s, &error), &error);
    settled(&s);
    for (int i = 0; i < PEERS; i++)
        if (seen[i] > 0)
            at += (size_t)sprintf(numbers + at, "%s\"%d\": %" PRIu64, at > 0 ? ", " : "", i,
                                  __atomic_load_n(&seen[i], __ATOMIC_SEQ_CST));
    say("{\"datagrams\": %" PRIu64 ", \"dropped_kernel\": %" PRIu64 ", \"dropped_queue\": %" PRIu64
        ", \"queued\": %" PRIu64 ", \"evicted\": %" PRIu64 ", \"assembling_bytes\": %" PRIu64 ", \"seen\": {%s}}",
        s.datagrams, s.dropped_kernel, s.dropped_queue, s.queued, s.evicted, s.assembling_bytes, numbers);
}

/* ---- Coming and going ---- */

static void slow(void *context, const mcl_received *record)
{
    (void)context, (void)record;
    usleep(1000);
}

static void cycle(void)
{
    mcl_connection c = connection("ff15::50:b"), other = connection("ff15::50:e");
    mcl_listener_options options = MCL_LISTENER_OPTIONS_INIT;
    mcl_listener_stats s = {.size = sizeof s};
    mcl_callback callback = {NULL, slow, NULL};
    const char *keys[] = {"x"};
    mcl_listener *l;
    mcl_broadcaster *b;
    mcl_type *type;
    mcl_message *message;
    mcl_error error;
    char bytes[200] = "";

    options.queued = rand_r(&seed) % 2 ? MCL_ON : MCL_OFF;
    options.policy = 1 + rand_r(&seed) % 3;
    options.queue_messages = 1 + rand_r(&seed) % 100;
    must(mcl_listener_open(&c, &options, &l, &error), &error);
    must(mcl_broadcaster_open(&c, NULL, &b, &error), &error);
    must(mcl_type_new("Churn", keys, 1, &other, &type, &error), &error);
    must(mcl_message_new(type, &message, &error), &error);
    if (rand_r(&seed) % 2)
        must(mcl_listener_subscribe(l, &callback, NULL, &error), &error);
    else if (rand_r(&seed) % 2)
        must(mcl_listener_fd(l, &error), &error);
    for (int i = rand_r(&seed) % 50; i > 0; i--)
        mcl_broadcaster_publish_bytes(b, NULL, 0, bytes, (size_t)(rand_r(&seed) % 200), NULL);
    must(mcl_message_set_int(message, "x", MCL_NUL, 1, &error), &error);
    mcl_broadcaster_publish_message(b, "churn", MCL_NUL, message, NULL);
    must(mcl_message_close(message), &error);
    must(mcl_type_close(type), &error);
    must(mcl_broadcaster_close(b), &error);
    int code = mcl_listener_close(l, &s);
    must(code == MCL_EBUSY ? 0 : code, &error);
    settled(&s);
    cycles++;
}

static void *churning(void *unused)
{
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&paused);
        cycle();
        pthread_mutex_unlock(&paused);
        usleep(20000);
    }
    return NULL;
}

static void churn_stats(void)
{
    say("{\"cycles\": %" PRIu64 "}", cycles);
}

static void ignore(int number)
{
    (void)number;
}

int main(int argc, char **argv)
{
    const char *role = argc > 1 ? argv[1] : "";
    int number = argc > 2 ? atoi(argv[2]) : 0;
    mcl_connection c = connection("ff15::50:a");
    struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
    mcl_error error;
    pthread_t worker;
    char line[32];
    void (*stats)(void);

    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGPROF, &action, NULL);
    mclw_on_error(on_error, NULL);
    seed = (unsigned)number;
    if (strcmp(role, "publish") == 0) {
        must(mcl_broadcaster_open(&c, NULL, &broadcaster, &error), &error);
        pthread_create(&worker, NULL, publishing, &number);
        stats = publisher_stats;
    } else if (strcmp(role, "listen") == 0) {
        must(mcl_listener_open(&c, NULL, &listener, &error), &error);
        pthread_create(&worker, NULL, listening, NULL);
        stats = listener_stats;
    } else {
        pthread_create(&worker, NULL, churning, NULL);
        stats = churn_stats;
    }
    say("{\"ready\": true}");
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strcmp(line, "go\n") == 0) {
            pthread_mutex_unlock(&paused);
            continue;
        }
        if (strcmp(line, "pause\n") == 0)
            pthread_mutex_lock(&paused);
        stats();
    }
    return 0;
}
