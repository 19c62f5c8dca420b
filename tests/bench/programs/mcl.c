/* mcl.c - libmcl from C.
 *
 *     mcl send       --mode publish | many | coalesce (publishes that may wait a millisecond for others)
 *     mcl receive    --mode callback | queued | batch | recv  [--listeners N, all of one group]
 *     mcl ping, pong --mode callback | recv
 *     mcl send, receive with --streams: each of its own group, by publish and callbacks
 *     mcl open       --count N: opens and closes listeners of N groups
 *
 * Everything that is not said is libmcl's default. */
#include "bench.h"
#include "mcl.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/resource.h>

static __thread mcl_error error;

static void must(int code)
{
    if (code < 0)
        bench_fail(mcl_strerror(code), error.text);
}

static mcl_connection connection(const bench_options *o, int port)
{
    mcl_connection c = MCL_CONNECTION_INIT;
    c.url = o->group;
    c.port = port;
    return c;
}

static mcl_broadcaster *broadcaster(const bench_options *o, int port)
{
    mcl_connection c = connection(o, port);
    mcl_broadcaster_options options = MCL_BROADCASTER_OPTIONS_INIT;
    mcl_broadcaster *b;
    options.coalesce_us = strcmp(o->mode, "coalesce") == 0 ? 1000 : 0;
    must(mcl_broadcaster_open(&c, &options, &b, &error));
    return b;
}

static mcl_listener *listener(const bench_options *o, int port)
{
    mcl_connection c = connection(o, port);
    mcl_listener_options options = MCL_LISTENER_OPTIONS_INIT;
    mcl_listener *l;
    options.queued = strcmp(o->mode, "queued") == 0 ? MCL_ON : MCL_OFF;
    must(mcl_listener_open(&c, &options, &l, &error));
    return l;
}

/* ---- Sending ---- */

static void send_messages(mcl_broadcaster *b, const bench_options *o, const unsigned char *payload, size_t size)
{
    bench_sending s;

    bench_send_begin(&s, o);
    if (strcmp(o->mode, "publish") == 0 || strcmp(o->mode, "coalesce") == 0) {
        for (; bench_send_more(&s, 1); s.sent++)
            must(mcl_broadcaster_publish(b, NULL, 0, payload, size, &error));
    } else if (strcmp(o->mode, "many") == 0) {
        mcl_item items[BATCH_MAX];
        for (int i = 0; i < o->batch; i++)
            items[i] = (mcl_item){.payload = payload, .payload_size = size};
        while (bench_send_more(&s, o->batch)) {
            size_t sent;
            must(mcl_broadcaster_publish_many(b, items, (size_t)o->batch, &sent, &error));
            s.sent += sent;
        }
    } else {
        bench_fail(o->mode, "no mode of sending");
    }
    bench_send_end(&s);
}

static void send_all(const bench_options *o)
{
    size_t length;
    unsigned char *message = bench_message(o->size, &length);
    mcl_broadcaster *b = broadcaster(o, o->port);
    while (bench_send_turn(o))
        send_messages(b, o, message + MESSAGE_HEAD, length - MESSAGE_HEAD);
    mcl_broadcaster_close(b);
    free(message);
}

/* ---- Receiving ---- */

static void count(void *context, const mcl_received *record)
{
    bench_receive_add(context, 1, record->payload_size);
}

static void receive_batches(mcl_listener *l, bench_receiving *r)
{
    mcl_hand hand = MCL_HAND_INIT;
    for (;;) {
        int n = mcl_listener_take(l, POLL_MS, &hand, &error);
        must(n);
        if (n == 0 && bench_receive_over(r))
            break;
        uint64_t bytes = 0;
        for (int i = 0; i < n; i++)
            bytes += hand.records[i].payload_size;
        if (n > 0)
            bench_receive_add(r, (uint64_t)n, bytes);
    }
}

static void receive_each(mcl_listener *l, bench_receiving *r)
{
    size_t size = 16 << 20;
    void *buffer = malloc(size);
    mcl_received record;

    for (;;) {
        int n = mcl_listener_recv(l, POLL_MS, &record, buffer, size, NULL, &error);
        must(n);
        if (n > 0)
            bench_receive_add(r, 1, record.payload_size);
        else if (bench_receive_over(r))
            break;
    }
    free(buffer);
}

static void receive_all(const bench_options *o)
{
    mcl_listener **listeners = malloc((size_t)o->listeners * sizeof *listeners);
    bench_receiving *receiving = calloc((size_t)o->listeners, sizeof *receiving), sum = {0};
    mcl_settings settings = {.size = sizeof settings};
    uint64_t dropped = 0;

    int callbacks = strcmp(o->mode, "callback") == 0 || strcmp(o->mode, "queued") == 0;
    if (!callbacks && o->listeners > 1)
        bench_fail(o->mode, "several listeners need callbacks");
    for (int i = 0; i < o->listeners; i++) {
        mcl_callback callback = {.context = &receiving[i], .call = count};
        listeners[i] = listener(o, o->port);
        if (callbacks)
            must(mcl_listener_subscribe(listeners[i], &callback, NULL, &error));
    }
    must(mcl_listener_get_settings(listeners[0], &settings, &error));
    bench_receive_ready(&sum);
    if (callbacks) {
        bench_receive_wait(&receiving[0]);
        for (int i = 1; i < o->listeners; i++) { /* each is to have as many as the first was told */
            receiving[i].told = 1;
            receiving[i].sent = receiving[0].sent;
            receiving[i].quiet_since = bench_clock();
            bench_receive_wait(&receiving[i]);
        }
    } else {
        (strcmp(o->mode, "batch") == 0 ? receive_batches : receive_each)(listeners[0], &receiving[0]);
    }
    double cpu = sum.cpu;
    for (int i = 0; i < o->listeners; i++) {
        mcl_listener_stats stats = {.size = sizeof stats};
        must(mcl_listener_close(listeners[i], &stats));
        dropped += stats.dropped_kernel;
        sum.messages += receiving[i].messages;
        sum.bytes += receiving[i].bytes;
        if (i == 0 || receiving[i].first < sum.first)
            sum.first = receiving[i].first;
        if (receiving[i].last > sum.last)
            sum.last = receiving[i].last;
    }
    sum.cpu = cpu;
    bench_receive_end(&sum, settings.recv_buffer, dropped);
    free(receiving);
    free(listeners);
}

/* ---- Many streams ---- */

static bench_options group_of(const bench_options *o, int stream)
{
    static char groups[STREAMS_MAX][64];
    bench_options own = *o;
    snprintf(groups[stream], sizeof groups[stream], "%s:%x", o->group, stream + 1);
    own.group = groups[stream];
    return own;
}

static void send_streams(const bench_options *o)
{
    mcl_broadcaster *out[STREAMS_MAX];
    unsigned char *messages[STREAMS_MAX];
    size_t lengths[STREAMS_MAX];

    for (int i = 0; i < o->stream_count; i++) {
        bench_options own = group_of(o, i);
        out[i] = broadcaster(&own, o->port);
        messages[i] = bench_message(o->streams[i].size, &lengths[i]);
    }
    while (bench_send_turn(o)) {
        bench_sending s;
        bench_send_begin(&s, o);
        for (int i; (i = bench_send_stream(&s, o)) >= 0; s.sent++)
            must(mcl_broadcaster_publish(out[i], NULL, 0, messages[i] + MESSAGE_HEAD, lengths[i] - MESSAGE_HEAD,
                                         &error));
        bench_send_end(&s);
    }
    for (int i = 0; i < o->stream_count; i++) {
        mcl_broadcaster_close(out[i]);
        free(messages[i]);
    }
}

/* Each listener calls back on a thread of its own. */
static void count_among_others(void *context, const mcl_received *record)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    count(context, record);
    pthread_mutex_unlock(&lock);
}

static void receive_streams(const bench_options *o)
{
    mcl_listener *in[STREAMS_MAX];
    bench_receiving r = {0};
    mcl_callback callback = {.context = &r, .call = count_among_others};

    for (int i = 0; i < o->stream_count; i++) {
        bench_options own = group_of(o, i);
        in[i] = listener(&own, o->port);
        must(mcl_listener_subscribe(in[i], &callback, NULL, &error));
    }
    bench_receive_ready(&r);
    bench_receive_wait(&r);
    bench_receive_end(&r, RECV_BUFFER, 0);
    for (int i = 0; i < o->stream_count; i++)
        mcl_listener_close(in[i], NULL);
}

/* ---- Round trips ---- */

static int by_callback(const bench_options *o)
{
    return strcmp(o->mode, "callback") == 0;
}

static void answer(void *context, const mcl_received *record)
{
    must(mcl_broadcaster_publish(context, NULL, 0, record->payload, record->payload_size, &error));
}

static void pong(const bench_options *o)
{
    mcl_broadcaster *out = broadcaster(o, o->port + 1);
    mcl_listener *in = listener(o, o->port);
    mcl_callback callback = {.context = out, .call = answer};
    struct pollfd over = {.fd = STDIN_FILENO, .events = POLLIN};
    static unsigned char buffer[1 << 16];
    mcl_received record;

    if (by_callback(o))
        must(mcl_listener_subscribe(in, &callback, NULL, &error));
    puts("ready");
    fflush(stdout);
    if (by_callback(o))
        poll(&over, 1, -1);
    else
        while (poll(&over, 1, 0) == 0)
            for (int n; (n = mcl_listener_recv(in, POLL_MS, &record, buffer, sizeof buffer, NULL, &error)) != 0;) {
                must(n);
                answer(out, &record);
            }
    mcl_listener_close(in, NULL);
    mcl_broadcaster_close(out);
}

typedef struct pinging {
    mcl_broadcaster *out;
    unsigned char *message;
    size_t length;
    long wanted;
    double began; /* of the trip at hand */
    bench_trips trips;
    sem_t over;
} pinging;

static void serve(pinging *p)
{
    p->began = bench_clock();
    must(mcl_broadcaster_publish(p->out, NULL, 0, p->message + MESSAGE_HEAD, p->length - MESSAGE_HEAD, &error));
}

static void came_back(pinging *p)
{
    p->trips.times[p->trips.count++] = bench_clock() - p->began;
}

/* The next trip begins where the last one ended, as programs go on in their callbacks. */
static void serve_again(void *context, const mcl_received *record)
{
    pinging *p = context;
    (void)record;
    came_back(p);
    if (p->trips.count < p->wanted)
        serve(p);
    else
        sem_post(&p->over);
}

static void ping_by_callback(pinging *p, mcl_listener *in)
{
    mcl_callback callback = {.context = p, .call = serve_again};
    struct timespec until;
    long before;

    must(mcl_listener_subscribe(in, &callback, NULL, &error));
    serve(p);
    do {
        before = p->trips.count;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += TRIP_MAX_MS / 1000;
        if (sem_timedwait(&p->over, &until) == 0)
            return;
    } while (p->trips.count > before);
    p->trips.lost = p->wanted - p->trips.count; /* one was lost, and with it all after it */
}

static void ping_by_recv(pinging *p, mcl_listener *in)
{
    static unsigned char buffer[1 << 16];
    mcl_received record;

    for (long i = 0; i < p->wanted; i++) {
        serve(p);
        int n = mcl_listener_recv(in, TRIP_MAX_MS, &record, buffer, sizeof buffer, NULL, &error);
        must(n);
        if (n > 0)
            came_back(p);
        else
            p->trips.lost++;
    }
}

static void ping(const bench_options *o)
{
    mcl_listener *in = listener(o, o->port + 1);
    pinging p = {.out = broadcaster(o, o->port), .wanted = o->count};

    p.message = bench_message(o->size, &p.length);
    p.trips.times = malloc((size_t)o->count * sizeof(double));
    sem_init(&p.over, 0, 0);
    (by_callback(o) ? ping_by_callback : ping_by_recv)(&p, in);
    mcl_listener_close(in, NULL);
    mcl_broadcaster_close(p.out);
    bench_trips_end(&p.trips);
    free(p.trips.times);
    free(p.message);
}

/* ---- Many listeners ---- */

static void open_many(const bench_options *o)
{
    struct rlimit files;
    mcl_listener **all = malloc((size_t)o->count * sizeof *all);

    getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur != RLIM_INFINITY && files.rlim_cur < (rlim_t)(2 * o->count + 100)) {
        files.rlim_cur = (rlim_t)(2 * o->count + 100);
        if (files.rlim_max < files.rlim_cur)
            files.rlim_max = files.rlim_cur; /* root may */
        bench_check("setrlimit", setrlimit(RLIMIT_NOFILE, &files));
    }
    double began = bench_clock();
    for (long i = 0; i < o->count; i++) {
        char group[64];
        mcl_connection c = MCL_CONNECTION_INIT;
        snprintf(group, sizeof group, "ff15::be9c:%lx", i + 1);
        c.url = group;
        c.port = o->port;
        must(mcl_listener_open(&c, NULL, &all[i], &error));
    }
    double opened = bench_clock() - began, memory = bench_resident();
    usleep(200000); /* what was begun by opening ends */
    double cpu = bench_cpu();
    usleep((useconds_t)(o->seconds * 1e6));
    cpu = bench_cpu() - cpu;
    began = bench_clock();
    for (long i = 0; i < o->count; i++)
        must(mcl_listener_close(all[i], NULL));
    double closed = bench_clock() - began;
    printf("{\"resident\": %.2f, \"idle_cpu\": %.6f, \"seconds\": %.6f, \"open\": %.2f, \"close\": %.2f}\n", memory,
           cpu, o->seconds, opened / (double)o->count * 1e6, closed / (double)o->count * 1e6);
    free(all);
}

int main(int argc, char **argv)
{
    bench_options o = bench_parse(argc, argv, "callback");

    if (strcmp(o.role, "send") == 0)
        (o.stream_count > 0 ? send_streams : send_all)(&o);
    else if (strcmp(o.role, "receive") == 0)
        (o.stream_count > 0 ? receive_streams : receive_all)(&o);
    else if (strcmp(o.role, "ping") == 0)
        ping(&o);
    else if (strcmp(o.role, "pong") == 0)
        pong(&o);
    else if (strcmp(o.role, "open") == 0)
        open_many(&o);
    else
        bench_fail(o.role, "no role of this program");
    return 0;
}
