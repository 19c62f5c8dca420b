/* Listeners without callbacks: recv, wait, poll; buffers that are too small; time that runs out. */
#include "test.h"

#include <arpa/inet.h>
#include <poll.h>

static mcl_listener *l;
static mcl_broadcaster *b;

static void publish(const char *topic, const char *text)
{
    MUST(mcl_broadcaster_publish_string(b, topic, topic ? MCL_NUL : 0, text, MCL_NUL, &error));
}

/* Publishes, and waits until all of it is queued. */
static void queue(int count)
{
    for (int i = 0; i < count; i++)
        publish("t", "text");
    /* By its bytes: `queued` also counts what is on its way into the queue. */
    for (mcl_listener_stats s = {.size = sizeof s}; s.queued_bytes < (uint64_t)count * sizeof "ttext"; usleep(1000))
        MUST(mcl_listener_get_stats(l, &s, &error));
}

static void record(void)
{
    char buffer[100];
    mcl_received r;
    size_t needed = 77;
    struct timespec before, after;
    clock_gettime(CLOCK_REALTIME, &before);
    publish("topic", "hello");
    EQUAL(1, mcl_listener_wait(l, -1, &error));
    EQUAL(1, mcl_listener_recv(l, -1, &r, buffer, sizeof buffer, &needed, &error));
    clock_gettime(CLOCK_REALTIME, &after);
    CHECK(r.topic_size == 5 && memcmp(r.topic, "topic", 5) == 0);
    CHECK(r.payload_size == 6 && memcmp(r.payload, "\xa5hello", 6) == 0);
    CHECK(r.topic >= buffer && (char *)r.payload < buffer + sizeof buffer);
    CHECK(r.time_received >= (int64_t)before.tv_sec * 1000000000 + before.tv_nsec);
    CHECK(r.time_received <= (int64_t)after.tv_sec * 1000000000 + after.tv_nsec);
    mcl_settings set = {.size = sizeof set};
    MUST(mcl_broadcaster_get_settings(b, &set, &error));
    EQUAL(set.local_port, r.sender_port);
    struct in6_addr zero = {0};
    CHECK(memcmp(r.sender, &zero, 16) != 0);
    EQUAL(1, r.interface_index); /* lo */
    publish(NULL, "none");
    EQUAL(1, mcl_listener_recv(l, -1, &r, buffer, sizeof buffer, NULL, &error));
    CHECK(r.topic == NULL && r.topic_size == 0);
    publish("", "empty");
    EQUAL(1, mcl_listener_recv(l, -1, &r, buffer, sizeof buffer, NULL, &error));
    CHECK(r.topic != NULL && r.topic_size == 0);
}

static void small_buffers(void)
{
    char buffer[100];
    mcl_received r;
    size_t needed = 0;
    queue(1);
    memset(buffer, '#', sizeof buffer);
    FAILS(MCL_EBUFFER, mcl_listener_recv(l, 0, &r, buffer, 5, &needed, &error));
    EQUAL(6, needed); /* t, and text with its header */
    CHECK(buffer[0] == '#');
    SAYS("6");
    FAILS(MCL_EBUFFER, mcl_listener_recv(l, -1, &r, NULL, 0, NULL, &error));
    mcl_listener_stats s = {.size = sizeof s};
    MUST(mcl_listener_get_stats(l, &s, &error));
    EQUAL(1, s.queued);
    EQUAL(1, mcl_listener_recv(l, 0, &r, buffer, 6, &needed, &error));
    EQUAL(0, mcl_listener_recv(l, 0, &r, buffer, 6, &needed, &error));
    FAILS(MCL_EINVAL, mcl_listener_recv(l, 0, &r, NULL, 1, &needed, &error));
    FAILS(MCL_EINVAL, mcl_listener_recv(l, 0, NULL, buffer, sizeof buffer, &needed, &error));
}

static void in_order(void)
{
    enum { MANY = 1000 };
    mcl_received r;
    char buffer[20];
    for (int i = 0; i < MANY; i++)
        MUST(mcl_broadcaster_publish_int(b, NULL, 0, 1000 + i, &error));
    for (int i = 0; i < MANY; i++) {
        EQUAL(1, mcl_listener_recv(l, 5000, &r, buffer, sizeof buffer, NULL, &error));
        const uint8_t *p = r.payload;
        EQUAL(1000 + i, p[1] << 8 | p[2]);
    }
}

static void timeouts(void)
{
    char buffer[10];
    mcl_received r;
    double begun = seconds();
    EQUAL(0, mcl_listener_wait(l, 0, &error));
    EQUAL(0, mcl_listener_recv(l, 0, &r, buffer, sizeof buffer, NULL, &error));
    CHECK(seconds() - begun < 5);
    begun = seconds();
    EQUAL(0, mcl_listener_wait(l, 50, &error));
    CHECK(seconds() - begun >= 0.049);
    begun = seconds();
    EQUAL(0, mcl_listener_recv(l, 50, &r, buffer, sizeof buffer, NULL, &error));
    CHECK(seconds() - begun >= 0.049);
}

static void poll_with_own(void)
{
    char buffer[100];
    mcl_received r;
    int own[2];
    CHECK(pipe(own) == 0);
    int fd = mcl_listener_fd(l, &error);
    MUST(fd);
    EQUAL(fd, mcl_listener_fd(l, &error));
    struct pollfd set[2] = {{.fd = own[0], .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    EQUAL(0, poll(set, 2, 0));
    publish("t", "text");
    EQUAL(1, poll(set, 2, 5000));
    CHECK(set[1].revents & POLLIN);
    EQUAL(1, poll(set, 2, 0)); /* as long as something is queued */
    EQUAL(1, mcl_listener_recv(l, 0, &r, buffer, sizeof buffer, NULL, &error));
    EQUAL(0, mcl_listener_recv(l, 0, &r, buffer, sizeof buffer, NULL, &error));
    EQUAL(0, poll(set, 2, 0));
    CHECK(write(own[1], "x", 1) == 1);
    EQUAL(1, poll(set, 2, 0));
    CHECK(set[0].revents & POLLIN);
    close(own[0]), close(own[1]);
    /* Readable for good once it is closed, which a copy of the descriptor shows. */
    int copy = dup(fd);
    struct pollfd later = {.fd = copy, .events = POLLIN};
    EQUAL(0, poll(&later, 1, 0));
    MUST(mcl_listener_close(l, NULL));
    EQUAL(1, poll(&later, 1, 0));
    close(copy);
    CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
}

static void settings(void)
{
    mcl_settings set = {.size = sizeof set};
    mcl_connection c = group();
    c.recv_buffer = 100000;
    c.port = 5000;
    c.reassembly_age_ms = 1234;
    c.interface_ = "lo";
    mcl_listener *other;
    MUST(mcl_listener_open(&c, NULL, &other, &error));
    MUST(mcl_listener_get_settings(other, &set, &error));
    EQUAL(5000, set.port);
    EQUAL(1, set.interface_index);
    EQUAL(100000, set.recv_buffer_asked);
    EQUAL(100000, set.recv_buffer);
    EQUAL(1234, set.reassembly_age_ms);
    EQUAL(MCL_REASSEMBLY_BYTES_DEFAULT, set.reassembly_bytes);
    MUST(mcl_listener_close(other, NULL));
    c.interface_ = "no/such"; /* it can be no interface; one that could is waited for */
    FAILS(MCL_EINTERFACE, mcl_listener_open(&c, NULL, &other, &error));
    SAYS("no/such");
    CHECK(other == NULL);
    FAILS(MCL_EINVAL, mcl_listener_open(NULL, NULL, &other, &error));
    FAILS(MCL_EINVAL, mcl_listener_open(&c, NULL, NULL, &error));
}

static void topics(void)
{
    char buffer[100];
    mcl_received r;
    mcl_listener_options o = MCL_LISTENER_OPTIONS_INIT;
    o.topics = (const char *[]){"a", "b\0c", "", "skipped"};
    o.topic_sizes = (size_t[]){MCL_NUL, 3, 0};
    o.topic_count = 3;
    l = listen_with(&o);
    publish("a", "1");
    publish("b", "no");
    publish(NULL, "no");
    MUST(mcl_broadcaster_publish_int(b, "b\0c", 3, 2, &error));
    publish("skipped", "no");
    publish("", "3");
    EQUAL(1, mcl_listener_recv(l, 5000, &r, buffer, sizeof buffer, NULL, &error));
    CHECK(r.topic_size == 1);
    EQUAL(1, mcl_listener_recv(l, 5000, &r, buffer, sizeof buffer, NULL, &error));
    CHECK(r.topic_size == 3);
    EQUAL(1, mcl_listener_recv(l, 5000, &r, buffer, sizeof buffer, NULL, &error));
    CHECK(r.topic_size == 0 && r.topic != NULL);
    mcl_listener_stats s = {.size = sizeof s};
    MUST(mcl_listener_close(l, &s));
    EQUAL(3, s.filtered);
    EQUAL(3, s.delivered);
    o.topic_sizes = NULL;
    o.topic_count = 1;
    l = listen_with(&o);
    publish("b", "no");
    publish("a", "yes");
    EQUAL(1, mcl_listener_recv(l, 5000, &r, buffer, sizeof buffer, NULL, &error));
    CHECK(r.topic_size == 1 && r.topic[0] == 'a');
    MUST(mcl_listener_close(l, NULL));
}

int main(void)
{
    l = listen_with(NULL);
    b = broadcast_with(NULL);
    record();
    small_buffers();
    in_order();
    timeouts();
    settings();
    poll_with_own();
    topics();
    MUST(mcl_broadcaster_close(b));
    return report("receive");
}
