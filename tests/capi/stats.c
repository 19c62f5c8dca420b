/* The counters: each datagram that arrives is counted once, for one reason, and the two sums hold at every look. */
#include "test.h"

#include <arpa/inet.h>
#include <sys/socket.h>

static mcl_listener *l;
static int sock;
static uint64_t sent, sent_bytes;

static void send_raw(const void *datagram, size_t size)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(MCL_PORT_DEFAULT)};
    CHECK(inet_pton(AF_INET6, GROUP, &to.sin6_addr) == 1);
    CHECK(sendto(sock, datagram, size, 0, (struct sockaddr *)&to, sizeof to) == (ssize_t)size);
    sent++;
    sent_bytes += size;
}

#define SEND(text) send_raw(text, sizeof(text) - 1)

static void sums(const mcl_listener_stats *s)
{
    uint64_t malformed = 0;
    for (int i = 0; i < MCL_MALFORMED_COUNT; i++)
        malformed += s->malformed[i];
    EQUAL(s->datagrams, malformed + s->filtered + s->repeated + s->evicted + s->assembling + s->joined);
    EQUAL(s->messages, s->delivered + s->rejected + s->dropped_queue + s->discarded + s->queued);
    CHECK(s->joined >= s->messages);
    for (int i = MCL_MALFORMED_COUNT; i < 16; i++)
        EQUAL(0, s->malformed[i]);
}

static mcl_listener_stats now(void)
{
    mcl_listener_stats s = {.size = sizeof s};
    do {
        MUST(mcl_listener_get_stats(l, &s, &error));
        sums(&s);
    } while (s.datagrams + s.dropped_kernel < sent);
    EQUAL(sent, s.datagrams);
    EQUAL(sent_bytes, s.bytes);
    return s;
}

#define COUNTS(cause, datagram)                                                                                \
    do {                                                                                                       \
        uint64_t before_ = now().malformed[cause];                                                             \
        SEND(datagram);                                                                                        \
        EQUAL(before_ + 1, now().malformed[cause]);                                                            \
    } while (0)

static void every_cause(void)
{
    char deep[1000];
    COUNTS(MCL_MALFORMED_MSGPACK, "");
    COUNTS(MCL_MALFORMED_MSGPACK, "\xc1");
    COUNTS(MCL_MALFORMED_MSGPACK, "\x92\xc0");
    COUNTS(MCL_MALFORMED_MSGPACK, "\x92\xc0\xda\xff\xff");
    COUNTS(MCL_MALFORMED_SHAPE, "\x01");
    COUNTS(MCL_MALFORMED_SHAPE, "\x93\xc0\xc0\xc0");
    COUNTS(MCL_MALFORMED_SHAPE, "\x94\xc0\x01\x02\x03");
    COUNTS(MCL_MALFORMED_TRAILING, "\x92\xc0\x01\x01");
    COUNTS(MCL_MALFORMED_TOPIC, "\x92\x01\x01");
    COUNTS(MCL_MALFORMED_PACKET, "\x94\xc0\0\x02\xa1x");
    COUNTS(MCL_MALFORMED_PACKET, "\x94\xc0\x03\x02\xa1x");
    COUNTS(MCL_MALFORMED_PACKETS, "\x94\xc0\x01\0\xa1x");
    COUNTS(MCL_MALFORMED_PACKETS, "\x94\xc0\x01\xce\0\x02\0\x01\xa1x");
    memset(deep, 0x91, sizeof deep);
    memcpy(deep, "\x92\xc0", 2);
    deep[sizeof deep - 1] = 1;
    uint64_t before = now().malformed[MCL_MALFORMED_DEPTH];
    send_raw(deep, sizeof deep);
    EQUAL(before + 1, now().malformed[MCL_MALFORMED_DEPTH]);
    /* The limit of this listener is ten objects. */
    COUNTS(MCL_MALFORMED_OBJECTS, "\x92\xc0\x9a\1\2\3\4\5\6\7\x08\x09\x0a");
    COUNTS(MCL_MALFORMED_OBJECTS, "\x92\xc0\x85\1\1\2\2\3\3\4\4\5\5");
    COUNTS(MCL_MALFORMED_OBJECTS, "\x92\xc0\x92\x94\x90\x90\x90\x90\x94\x90\x90\x90\x90");
    EQUAL(0, now().messages);
}

static void fragments(void)
{
    mcl_listener_stats s = now();
    uint64_t evicted = s.evicted;
    SEND("\x94\xc0\x01\x02\xa2\xa1x"); /* half of one */
    s = now();
    EQUAL(1, s.assembling);
    CHECK(s.assembling_bytes > 0);
    SEND("\x94\xc0\x01\x02\xa2\xa1x");
    EQUAL(1, now().repeated);
    while ((s = now()).evicted == evicted) /* its age comes */
        usleep(10000);
    EQUAL(evicted + 1, s.evicted);
    EQUAL(1, s.messages_evicted);
    EQUAL(0, s.assembling);
    EQUAL(0, s.assembling_bytes);
}

static void messages(void)
{
    mcl_received r;
    char buffer[100];
    for (int i = 0; i < 5; i++)
        SEND("\x92\xc0\x01");
    mcl_listener_stats s;
    while ((s = now()).queued > 3) /* those on their way into the queue count as queued */
        ;
    EQUAL(5, s.messages);
    EQUAL(3, s.queued); /* the limit of this queue */
    EQUAL(2, s.dropped_queue);
    CHECK(s.queued_bytes >= 3);
    EQUAL(1, mcl_listener_recv(l, 0, &r, buffer, sizeof buffer, NULL, &error));
    EQUAL(1, now().delivered);
    s = (mcl_listener_stats){.size = sizeof s};
    EQUAL(MCL_OK, mcl_listener_close(l, &s));
    sums(&s);
    EQUAL(2, s.discarded);
    EQUAL(0, s.queued);
    EQUAL(5, s.messages);
    EQUAL(sent, s.datagrams);
}

/* A message that does not fit the type is counted, and told on stderr unless that is not wanted. */
static void rejected(int quiet)
{
    mcl_connection c = group();
    mcl_type *t;
    mcl_listener_options o = MCL_LISTENER_OPTIONS_INIT;
    char told[1000] = "";
    int out[2], terminal = dup(STDERR_FILENO);
    CHECK(pipe2(out, O_NONBLOCK) == 0 && dup2(out[1], STDERR_FILENO) == STDERR_FILENO);
    MUST(mcl_type_define("T", (const char *[]){"k"}, 1, &c, &t, &error));
    o.type = t;
    o.quiet = quiet;
    MUST(mcl_listener_open(NULL, &o, &l, &error));
    sent = sent_bytes = 0;
    SEND("\x92\xc0\x01");
    SEND("\x92\xc0\x81\xa1k\x01");
    mcl_listener_stats s = now();
    EQUAL(1, s.rejected);
    EQUAL(1, s.queued);
    EQUAL(MCL_OK, mcl_listener_close(l, NULL));
    MUST(mcl_type_remove("T", &error));
    MUST(mcl_type_close(t));
    CHECK(dup2(terminal, STDERR_FILENO) == STDERR_FILENO);
    CHECK((read(out[0], told, sizeof told - 1) > 0) == (quiet != MCL_ON));
    CHECK((strstr(told, "it is no map") != NULL) == (quiet != MCL_ON));
    close(terminal);
    close(out[0]);
    close(out[1]);
}

/* Large messages from several threads, while another looks: the sums hold at each look. */
static mcl_broadcaster *b;

static void *publishes(void *stop)
{
    static char data[200000];
    for (int i = 0; !atomic_load((atomic_int *)stop); i++)
        MUST(mcl_broadcaster_publish_bytes(b, "t", 1, data, i % 2 ? 10 : sizeof data, &error));
    return NULL;
}

static void *receives(void *stop)
{
    mcl_hand hand = MCL_HAND_INIT;
    while (!atomic_load((atomic_int *)stop)) {
        MUST(mcl_listener_take(l, 10, &hand, &error));
    }
    if (hand.number != 0)
        MUST(mcl_listener_settle(l, &hand, hand.count, 0, &error));
    return NULL;
}

static void under_load(void)
{
    atomic_int stop = 0;
    pthread_t threads[3];
    mcl_listener_options o = MCL_LISTENER_OPTIONS_INIT;
    o.queue_messages = 20;
    l = listen_with(&o);
    b = broadcast_with(NULL);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, i < 2 ? publishes : receives, &stop) == 0);
    mcl_listener_stats s = {.size = sizeof s};
    double end = seconds() + 2;
    while (seconds() < end) {
        MUST(mcl_listener_get_stats(l, &s, &error));
        sums(&s);
    }
    stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    EQUAL(MCL_OK, mcl_listener_close(l, &s));
    sums(&s);
    CHECK(s.messages > 100);
    mcl_broadcaster_stats published = {.size = sizeof published};
    MUST(mcl_broadcaster_get_stats(b, &published, &error));
    EQUAL(0, published.send_errors);
    CHECK(published.messages >= s.messages && published.datagrams >= s.datagrams);
    MUST(mcl_broadcaster_close(b));
}

int main(void)
{
    mcl_connection c = group();
    mcl_listener_options o = MCL_LISTENER_OPTIONS_INIT;
    c.reassembly_age_ms = 200;
    c.objects_max = 10;
    o.queue_messages = 3;
    sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    MUST(mcl_listener_open(&c, &o, &l, &error));
    every_cause();
    fragments();
    messages();
    rejected(0);
    rejected(MCL_ON);
    close(sock);
    under_load();
    return report("stats");
}
