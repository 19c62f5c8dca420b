/* Taking messages in hand, and settling them: of a listener with a queue of its own, of one without, and of one for a type. */
#include "test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/time.h>

static mcl_listener *l;
static mcl_broadcaster *b;

/* In one piece, so that they come by one read. */
static void publish(int from, int to)
{
    char packed[8][4]; /* {"n": i} */
    mcl_item items[8];
    for (int i = from; i < to; i++) {
        memcpy(packed[i], "\x81\xa1n", 3);
        packed[i][3] = (char)i;
        items[i - from] = (mcl_item){"t", 1, packed[i], 4};
    }
    MUST(mcl_broadcaster_publish_many(b, items, (size_t)(to - from), NULL, &error));
}

static mcl_listener_stats stats(void)
{
    mcl_listener_stats s = {.size = sizeof s};
    MUST(mcl_listener_get_stats(l, &s, &error));
    EQUAL(s.messages, s.delivered + s.rejected + s.dropped_queue + s.discarded + s.queued);
    return s;
}

static int number(const mcl_received *r)
{
    CHECK(r->payload_size == 4 && r->topic_size == 1 && r->topic[0] == 't');
    return ((const char *)r->payload)[3];
}

/* Takes what was published, in order from `first`. */
static mcl_hand take(int first, int count)
{
    mcl_hand hand = MCL_HAND_INIT;
    EQUAL(count, mcl_listener_take(l, 10000, &hand, &error));
    CHECK(hand.number != 0 && hand.count == (size_t)count);
    for (size_t i = 0; i < hand.count; i++)
        EQUAL(first + (int)i, number(&hand.records[i]));
    return hand;
}

static void settling(void)
{
    mcl_hand hand = MCL_HAND_INIT;
    mcl_listener_stats before = stats();
    EQUAL(0, mcl_listener_take(l, 0, &hand, &error));
    EQUAL(0, mcl_listener_take(l, 20, &hand, &error));
    CHECK(hand.number == 0 && hand.count == 0);
    publish(0, 5);
    hand = take(0, 5);
    mcl_listener_stats s = stats();
    EQUAL(before.queued + 5, s.queued);
    FAILS(MCL_EINVAL, mcl_listener_settle(l, &hand, 4, 2, &error));
    FAILS(MCL_EINVAL, mcl_listener_settle(l, &hand, (size_t)-1, 2, &error));
    SAYS("in hand");
    mcl_hand stale = hand;
    MUST(mcl_listener_settle(l, &hand, 2, 1, &error)); /* 3 and 4 go back */
    CHECK(hand.number == 0);
    FAILS(MCL_EUNKNOWN, mcl_listener_settle(l, &hand, 0, 0, &error));
    FAILS(MCL_EUNKNOWN, mcl_listener_settle(l, &stale, 0, 0, &error));
    FAILS(MCL_EUNKNOWN, mcl_listener_take(l, 0, &stale, &error));
    s = stats();
    EQUAL(before.delivered + 2, s.delivered);
    EQUAL(before.rejected + 1, s.rejected);
    EQUAL(2, s.queued);
    publish(5, 8);
    /* What went back comes first. */
    for (int next = 3; next < 8;) {
        MUST(mcl_listener_take(l, 10000, &hand, &error));
        for (size_t i = 0; i < hand.count; i++)
            EQUAL(next++, number(&hand.records[i]));
    }
    EQUAL(0, mcl_listener_take(l, 0, &hand, &error)); /* settles the last */
    s = stats();
    EQUAL(before.delivered + 7, s.delivered);
    EQUAL(0, s.queued);
    EQUAL(0, s.queued_bytes);
}

/* One behind the other, each after its topic; and some of them. */
static void streams(void)
{
    publish(0, 7);
    mcl_hand hand = MCL_HAND_INIT;
    hand.wants_stream = MCL_ON;
    hand.most = 3;
    for (int next = 0; next < 7;) {
        MUST(mcl_listener_take(l, 10000, &hand, &error));
        CHECK(hand.count >= 1 && hand.count <= 3 && hand.stream != NULL);
        EQUAL(5 * hand.count, hand.stream_size);
        const char *at = hand.stream;
        for (size_t i = 0; i < hand.count; i++, at += 5) {
            CHECK(memcmp(at, "t\x81\xa1n", 4) == 0);
            EQUAL(next++, at[4]);
            CHECK(hand.records[i].topic == at && hand.records[i].payload == at + 1);
        }
        if (next == 3)
            MUST(mcl_listener_settle(l, &hand, 3, 0, &error));
    }
    EQUAL(0, mcl_listener_take(l, 0, &hand, &error));
}

/* What is put back polls readable, and is there for the other ways to receive. */
static void mixed_ways(void)
{
    publish(0, 2);
    mcl_hand hand = take(0, 2);
    MUST(mcl_listener_settle(l, &hand, 1, 0, &error));
    EQUAL(1, mcl_listener_wait(l, 0, &error));
    struct pollfd fd = {.fd = mcl_listener_fd(l, &error), .events = POLLIN};
    EQUAL(1, poll(&fd, 1, 0));
    mcl_received r;
    char buffer[10];
    EQUAL(1, mcl_listener_recv(l, 0, &r, buffer, sizeof buffer, NULL, &error));
    EQUAL(1, number(&r));
    EQUAL(0, poll(&fd, 1, 0));
    publish(2, 3);
    EQUAL(1, poll(&fd, 1, 10000));
    hand = take(2, 1);
    EQUAL(0, poll(&fd, 1, 0)); /* it is in hand */
    MUST(mcl_listener_settle(l, &hand, 0, 0, &error));
    EQUAL(1, poll(&fd, 1, 0));
    hand = take(2, 1);
    MUST(mcl_listener_settle(l, &hand, 1, 0, &error));
}

/* A message of several datagrams, and what comes behind it. */
static void large(void)
{
    static char packed[200000];
    memcpy(packed, "\x81\xa1n\xc6\x00\x03\x0d\x38", 8); /* {"n": bytes} */
    for (size_t i = 8; i < sizeof packed; i++)
        packed[i] = (char)(i * 31 >> 3);
    for (int i = 0; i < 3; i++)
        MUST(mcl_broadcaster_publish(b, "large", 5, packed, sizeof packed, &error));
    publish(0, 1);
    mcl_hand hand = MCL_HAND_INIT;
    int n = 0;
    for (; n < 4;) {
        MUST(mcl_listener_take(l, 10000, &hand, &error));
        for (size_t i = 0; i < hand.count; i++, n++)
            CHECK(n == 3 || (hand.records[i].payload_size == sizeof packed && hand.records[i].topic_size == 5 &&
                             memcmp(hand.records[i].payload, packed, sizeof packed) == 0));
    }
    MUST(mcl_listener_settle(l, &hand, hand.count, 0, &error));
    mcl_listener_stats s = stats();
    EQUAL(s.datagrams, s.joined);
    EQUAL(0, s.queued_bytes);
}

#define TAKERS 4
#define MANY 20000
static atomic_int seen[MANY], left;

static void *takes(void *unused)
{
    mcl_hand hand = MCL_HAND_INIT;
    (void)unused;
    while (left > 0) {
        int n = mcl_listener_take(l, 20, &hand, &error);
        MUST(n);
        size_t keep = n > 1 && (n & 1) ? (size_t)n - 1 : (size_t)n; /* some go back */
        for (size_t i = 0; i < keep; i++) {
            uint32_t v;
            memcpy(&v, (const char *)hand.records[i].payload + 1, 4);
            seen[ntohl(v)]++;
            left--;
        }
        if (n > 0) {
            MUST(mcl_listener_settle(l, &hand, keep, 0, &error));
        }
    }
    return NULL;
}

static void threads(void)
{
    pthread_t takers[TAKERS];
    memset(seen, 0, sizeof seen);
    left = MANY;
    for (int i = 0; i < TAKERS; i++)
        CHECK(pthread_create(&takers[i], NULL, takes, NULL) == 0);
    for (int i = 0; i < MANY; i++) {
        unsigned char packed[] = {0xce, 0, 0, (unsigned char)(i >> 8), (unsigned char)i};
        MUST(mcl_broadcaster_publish(b, NULL, 0, packed, sizeof packed, &error));
        while (i - (MANY - left) > 1000)
            sched_yield();
    }
    for (int i = 0; i < TAKERS; i++)
        pthread_join(takers[i], NULL);
    int wrong = 0;
    for (int i = 0; i < MANY; i++)
        wrong += seen[i] != 1;
    EQUAL(0, wrong);
    EQUAL(0, stats().queued);
}

static void in_callback(void *context, const mcl_received *r)
{
    mcl_hand hand = MCL_HAND_INIT;
    (void)r;
    FAILS(MCL_EBUSY, mcl_listener_take(l, -1, &hand, &error));
    *(atomic_int *)context = 1;
}

static atomic_int waiting;

static void *waits(void *unused)
{
    mcl_hand hand = MCL_HAND_INIT;
    (void)unused;
    waiting = 1;
    FAILS(MCL_EBUSY, mcl_listener_take(l, -1, &hand, &error));
    return NULL;
}

/* Callbacks take what an owner has put back, and an owner what they leave. */
static void beside_callbacks(void)
{
    atomic_int called = 0;
    mcl_callback callback = {&called, in_callback, NULL};
    uint64_t id;
    pthread_t waiter;
    waiting = 0;
    CHECK(pthread_create(&waiter, NULL, waits, NULL) == 0);
    CHECK(reaches(&waiting, 1));
    MUST(mcl_listener_subscribe(l, &callback, &id, &error));
    pthread_join(waiter, NULL);
    publish(0, 1);
    CHECK(reaches(&called, 1));
    MUST(mcl_listener_unsubscribe(l, id, &error));
    publish(1, 2);
    mcl_hand hand = take(1, 1);
    MUST(mcl_listener_settle(l, &hand, 0, 0, &error));
    called = 0;
    MUST(mcl_listener_subscribe(l, &callback, &id, &error));
    CHECK(reaches(&called, 1));
    MUST(mcl_listener_unsubscribe(l, id, &error));
}

/* What is in hand outlives its listener. */
static void closing(void)
{
    publish(0, 3);
    mcl_hand hand = take(0, 3), again = hand, none = MCL_HAND_INIT, odd = MCL_HAND_INIT;
    odd.number = 12345678901;
    FAILS(MCL_EUNKNOWN, mcl_listener_settle(l, &odd, 0, 0, &error));
    FAILS(MCL_EUNKNOWN, mcl_listener_take(l, 0, &odd, &error));
    EQUAL(12345678901, odd.number);
    mcl_listener *before = l;
    mcl_listener_stats s = {.size = sizeof s};
    MUST(mcl_listener_close(l, &s));
    EQUAL(s.messages, s.delivered + s.rejected + s.dropped_queue + s.discarded + s.queued);
    EQUAL(3, s.discarded + s.queued);
    for (int i = 0; i < 3; i++)
        EQUAL(i, number(&hand.records[i]));
    FAILS(MCL_ECLOSED, mcl_listener_take(before, 0, &none, &error));
    FAILS(MCL_ECLOSED, mcl_listener_settle(before, &hand, 3, 0, &error));
    FAILS(MCL_ECLOSED, mcl_listener_settle(before, &again, 0, 0, &error));
    FAILS(MCL_EHANDLE, mcl_listener_take(NULL, 0, &none, &error));
    FAILS(MCL_EHANDLE, mcl_listener_settle((mcl_listener *)&failures, &odd, 0, 0, &error));
    FAILS(MCL_EINVAL, mcl_listener_take(before, 0, NULL, &error));
    odd.size = 8;
    FAILS(MCL_EINVAL, mcl_listener_take(before, 0, &odd, &error));
    SAYS("MCL_HAND_INIT");
    FAILS(MCL_EINVAL, mcl_listener_settle(before, &odd, 0, 0, &error));
}

static atomic_int flooding;

static void *floods(void *unused)
{
    while (flooding)
        MUST(mcl_broadcaster_publish_int(b, "other", 5, 1, &error));
    return unused;
}

static void handle(int signal)
{
    (void)signal;
}

/* What is not wanted comes all the while: a wait ends in time, and by a signal, all the same. */
static void flood(mcl_connection c, mcl_listener_options o)
{
    const char *topics[] = {"t"};
    mcl_hand hand = MCL_HAND_INIT;
    pthread_t sender;
    o.topics = topics;
    o.topic_count = 1;
    MUST(mcl_listener_open(&c, &o, &l, &error));
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error));
    flooding = 1;
    CHECK(pthread_create(&sender, NULL, floods, NULL) == 0);
    for (int i = 0; i < 5; i++)
        EQUAL(0, mcl_listener_take(l, 20, &hand, &error));
    struct sigaction action = {.sa_handler = handle};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    const struct itimerval soon = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    FAILS(MCL_EINTR, mcl_listener_take(l, -1, &hand, &error));
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    flooding = 0;
    pthread_join(sender, NULL);
    mcl_listener_stats s = {.size = sizeof s};
    MUST(mcl_listener_close(l, &s));
    CHECK(s.filtered > 0 && s.messages == 0);
    MUST(mcl_broadcaster_close(b));
}

static void run(mcl_connection c, mcl_listener_options o)
{
    MUST(mcl_listener_open(&c, &o, &l, &error));
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error));
    settling();
    streams();
    large();
    if (o.type == NULL)
        threads();
    beside_callbacks();
    settling();
    mixed_ways();
    settling();
    closing();
    MUST(mcl_broadcaster_close(b));
}

/* An empty topic is one, and may be NULL. */
static void empty_topic(mcl_connection c, mcl_listener_options o)
{
    const char *const topics[] = {NULL};
    const size_t sizes[] = {0};
    o.topics = topics;
    o.topic_sizes = sizes;
    o.topic_count = 1;
    MUST(mcl_listener_open(&c, &o, &l, &error));
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error));
    publish(0, 3);
    MUST(mcl_broadcaster_publish(b, "", 0, "\x01", 1, &error));
    mcl_hand hand = MCL_HAND_INIT;
    EQUAL(1, mcl_listener_take(l, 10000, &hand, &error));
    CHECK(hand.records->topic != NULL && hand.records->topic_size == 0 && hand.records->payload_size == 1);
    EQUAL(3, stats().filtered);
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_listener_close(l, NULL));
}

int main(void)
{
    mcl_connection c = group();
    mcl_listener_options plain = MCL_LISTENER_OPTIONS_INIT, queued = plain, typed = plain;
    run(c, plain);
    flood(c, plain);
    empty_topic(c, plain);
    queued.queued = MCL_ON;
    run(c, queued);
    empty_topic(c, queued);
    const char *names[] = {"n"};
    MUST(mcl_type_define("Taken", names, 1, &c, &typed.type, &error));
    run(c, typed);
    flood(c, typed);
    MUST(mcl_type_close(typed.type));
    return report("take");
}
