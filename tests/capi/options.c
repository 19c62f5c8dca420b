/* Structs of other versions of the header: smaller ones, larger ones, and ones that were never filled in. */
#include "test.h"

/* A struct with a tail that this library does not know. */
#define GROWN(type)                                                                                            \
    struct {                                                                                                   \
        type known;                                                                                            \
        unsigned char tail[24];                                                                                \
    }

static void connections(void)
{
    GROWN(mcl_connection) c = {.known = group()};
    MUST(mcl_connection_check(&c.known, &error));
    c.known.size = sizeof c;
    MUST(mcl_connection_check(&c.known, &error));
    c.tail[23] = 1;
    FAILS(MCL_EINVAL, mcl_connection_check(&c.known, &error));
    SAYS("does not have");
    c.known.size = 0;
    FAILS(MCL_EINVAL, mcl_connection_check(&c.known, &error));
    SAYS("_INIT");
    c.known.size = sizeof(size_t) - 1;
    FAILS(MCL_EINVAL, mcl_connection_check(&c.known, &error));
    c.known.size = SIZE_MAX;
    FAILS(MCL_EINVAL, mcl_connection_check(&c.known, &error));
    FAILS(MCL_EINVAL, mcl_connection_check(NULL, &error));
    EQUAL(MCL_EINVAL, mcl_connection_check(NULL, NULL));

    /* What an older header does not have counts as zero, whatever lies there. */
    c.known.size = offsetof(mcl_connection, port);
    c.known.port = 1;
    MUST(mcl_connection_check(&c.known, &error));
    c.known.size = sizeof(size_t); /* not even an address */
    FAILS(MCL_EADDRESS, mcl_connection_check(&c.known, &error));
}

#define BAD(field, value)                                                                                      \
    do {                                                                                                       \
        mcl_connection c_ = group();                                                                           \
        c_.field = value;                                                                                      \
        FAILS(MCL_EINVAL, mcl_connection_check(&c_, &error));                                                  \
    } while (0)
#define GOOD(field, value)                                                                                     \
    do {                                                                                                       \
        mcl_connection c_ = group();                                                                           \
        c_.field = value;                                                                                      \
        MUST(mcl_connection_check(&c_, &error));                                                               \
    } while (0)

static void fields(void)
{
    BAD(port, 1023);
    SAYS("1024");
    BAD(port, 65536);
    BAD(port, -1);
    GOOD(port, 1024);
    GOOD(port, 65535);
    BAD(hops, 256);
    BAD(hops, -2);
    GOOD(hops, MCL_HOPS_HOST);
    GOOD(hops, 255);
    BAD(loopback, 2);
    GOOD(loopback, MCL_OFF);
    BAD(message_max, -1);
    BAD(message_max, (int64_t)MCL_MESSAGE_MAX_LIMIT + 1);
    GOOD(message_max, MCL_MESSAGE_MAX_LIMIT);
    BAD(objects_max, -1);
    SAYS("objects");
    BAD(objects_max, (int64_t)MCL_MESSAGE_MAX_LIMIT + 1);
    GOOD(objects_max, 1);
    BAD(reassembly_bytes, -1);
    BAD(reassembly_age_ms, -1);
    BAD(recv_buffer, -1);
    BAD(send_buffer, -1);
    BAD(recv_buffer, INT64_MAX);

    const char *no_group[] = {NULL, "", "x", "::1", "fe80::1", "2001:db8::1", "224.0.0.1", "ff15::1:", "ff15::1%", "[ff15::1]"};
    for (size_t i = 0; i < sizeof no_group / sizeof *no_group; i++) {
        mcl_connection c = group();
        c.url = no_group[i];
        FAILS(MCL_EADDRESS, mcl_connection_check(&c, &error));
    }
    GOOD(url, "ff12::1%eth0");
    GOOD(interface_, "nosuch0"); /* looked up only when something is opened */
}

static void switches(void)
{
    mcl_connection c = group();
    mcl_broadcaster_options bo = MCL_BROADCASTER_OPTIONS_INIT;
    mcl_listener_options lo = MCL_LISTENER_OPTIONS_INIT;
    mcl_broadcaster *b;
    mcl_listener *l;
    bo.verbatim = 2;
    FAILS(MCL_EINVAL, mcl_broadcaster_open(&c, &bo, &b, &error));
    SAYS("verbatim");
    lo.queued = 2;
    FAILS(MCL_EINVAL, mcl_listener_open(&c, &lo, &l, &error));
    SAYS("queued");
    lo.queued = MCL_OFF, lo.policy = 4;
    FAILS(MCL_EINVAL, mcl_listener_open(&c, &lo, &l, &error));
    SAYS("policy");
    lo.policy = -1;
    FAILS(MCL_EINVAL, mcl_listener_open(&c, &lo, &l, &error));
    lo.policy = MCL_BLOCK, lo.queue_messages = -1;
    FAILS(MCL_EINVAL, mcl_listener_open(&c, &lo, &l, &error));
    lo.queue_messages = 0, lo.queue_bytes = -1;
    FAILS(MCL_EINVAL, mcl_listener_open(&c, &lo, &l, &error));
    lo.queue_bytes = 0, lo.topic_count = 1;
    FAILS(MCL_EINVAL, mcl_listener_open(&c, &lo, &l, &error));
    SAYS("topics");
    lo.topics = (const char *[]){NULL};
    FAILS(MCL_EINVAL, mcl_listener_open(&c, &lo, &l, &error));
    SAYS("topics[0]");
    lo.topics = (const char *[]){"t"}, lo.topic_sizes = (size_t[]){MCL_NUL - 1};
    FAILS(MCL_EINVAL, mcl_listener_open(&c, &lo, &l, &error));
    bo = (mcl_broadcaster_options)MCL_BROADCASTER_OPTIONS_INIT;
    bo.topic_size = 5;
    FAILS(MCL_EINVAL, mcl_broadcaster_open(&c, &bo, &b, &error));
    SAYS("topic");
    bo.size = 1 << 20;
    FAILS(MCL_EINVAL, mcl_broadcaster_open(&c, &bo, &b, &error));
    SAYS("options");

    GROWN(mcl_listener_options) grown = {.known = MCL_LISTENER_OPTIONS_INIT};
    grown.known.size = sizeof grown;
    MUST(mcl_listener_open(&c, &grown.known, &l, &error));
    MUST(mcl_listener_close(l, NULL));
    grown.tail[0] = 1;
    FAILS(MCL_EINVAL, mcl_listener_open(&c, &grown.known, &l, &error));
    GROWN(mcl_broadcaster_options) wider = {.known = MCL_BROADCASTER_OPTIONS_INIT};
    wider.known.size = sizeof wider;
    MUST(mcl_broadcaster_open(&c, &wider.known, &b, &error));
    MUST(mcl_broadcaster_close(b));
    wider.tail[0] = 1;
    FAILS(MCL_EINVAL, mcl_broadcaster_open(&c, &wider.known, &b, &error));
}

/* Output structs: no byte is written beyond the caller's size, and the size stays. */
static void outputs(void)
{
    mcl_broadcaster *b = broadcast_with(NULL);
    mcl_listener *l = listen_with(NULL);
    mcl_received r;
    char buffer[10];
    MUST(mcl_broadcaster_publish_int(b, NULL, 0, 1, &error));
    EQUAL(1, mcl_listener_recv(l, 5000, &r, buffer, sizeof buffer, NULL, &error));

    GROWN(mcl_listener_stats) stats;
    memset(&stats, 0x77, sizeof stats);
    stats.known.size = offsetof(mcl_listener_stats, bytes);
    MUST(mcl_listener_get_stats(l, &stats.known, &error));
    EQUAL(1, stats.known.datagrams);
    EQUAL(0x7777777777777777, stats.known.bytes);
    EQUAL(offsetof(mcl_listener_stats, bytes), stats.known.size);
    stats.known.size = sizeof stats;
    MUST(mcl_listener_get_stats(l, &stats.known, &error));
    EQUAL(1, stats.known.delivered);
    EQUAL(0x77, stats.tail[0]);
    EQUAL(sizeof stats, stats.known.size);
    stats.known.size = 0;
    FAILS(MCL_EINVAL, mcl_listener_get_stats(l, &stats.known, &error));
    FAILS(MCL_EINVAL, mcl_listener_get_stats(l, NULL, &error));

    GROWN(mcl_settings) settings;
    memset(&settings, 0x77, sizeof settings);
    settings.known.size = offsetof(mcl_settings, local_port);
    MUST(mcl_listener_get_settings(l, &settings.known, &error));
    EQUAL(MCL_PORT_DEFAULT, settings.known.port);
    EQUAL(0x77777777, settings.known.local_port);
    settings.known.size = 7;
    FAILS(MCL_EINVAL, mcl_listener_get_settings(l, &settings.known, &error));
    FAILS(MCL_EINVAL, mcl_broadcaster_get_settings(b, &settings.known, &error));
    FAILS(MCL_EINVAL, mcl_listener_get_settings(l, NULL, &error));

    mcl_broadcaster_stats sent;
    memset(&sent, 0x77, sizeof sent);
    sent.size = offsetof(mcl_broadcaster_stats, datagrams);
    MUST(mcl_broadcaster_get_stats(b, &sent, &error));
    EQUAL(1, sent.messages);
    EQUAL(0x7777777777777777, sent.datagrams);
    sent.size = 0;
    FAILS(MCL_EINVAL, mcl_broadcaster_get_stats(b, &sent, &error));

    /* A close with a bad struct closes nothing. */
    EQUAL(MCL_EINVAL, mcl_listener_close(l, &stats.known));
    memset(&stats, 0x77, sizeof stats);
    stats.known.size = offsetof(mcl_listener_stats, bytes);
    EQUAL(MCL_OK, mcl_listener_close(l, &stats.known));
    EQUAL(1, stats.known.datagrams);
    EQUAL(0x7777777777777777, stats.known.bytes);
    MUST(mcl_broadcaster_close(b));
}

/* The environment as it is now, not as it was when the process began. */
static void environment(void)
{
    mcl_settings s = {.size = sizeof s};
    setenv("MCL_HOPS", "0", 1);
    setenv("MCL_RCVBUF", "50000", 1);
    mcl_broadcaster *b = broadcast_with(NULL);
    mcl_listener *l = listen_with(NULL);
    MUST(mcl_broadcaster_get_settings(b, &s, &error));
    EQUAL(0, s.hops);
    MUST(mcl_listener_get_settings(l, &s, &error));
    EQUAL(50000, s.recv_buffer_asked);
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_listener_close(l, NULL));
    setenv("MCL_HOPS", "many", 1);
    mcl_connection c = group();
    FAILS(MCL_EINVAL, mcl_broadcaster_open(&c, NULL, &b, &error));
    SAYS("MCL_HOPS");
    unsetenv("MCL_HOPS"), unsetenv("MCL_RCVBUF");
    b = broadcast_with(NULL);
    MUST(mcl_broadcaster_get_settings(b, &s, &error));
    EQUAL(MCL_HOPS_DEFAULT, s.hops);
    MUST(mcl_broadcaster_close(b));
}

/* The functions that need no handle and cannot fail. */
static void constants(void)
{
    EQUAL(0, strcmp(mcl_version(), MCL_VERSION));
    for (int code = MCL_EINTERNAL - 2; code < 3; code++)
        CHECK(mcl_strerror(code) != NULL && mcl_strerror(code)[0] != 0);
    EQUAL(0, strcmp(mcl_strerror(1), "unknown error"));
    EQUAL(0, strcmp(mcl_strerror(MCL_EINTERNAL - 1), "unknown error"));
    CHECK(strcmp(mcl_strerror(MCL_EINTERNAL), "unknown error") != 0);
    CHECK(strcmp(mcl_strerror(MCL_OK), "unknown error") != 0);
    EQUAL(0, strcmp(mcl_malformed_name(MCL_MALFORMED_TRAILING), "trailing"));
    for (int cause = 0; cause < MCL_MALFORMED_COUNT; cause++)
        CHECK(mcl_malformed_name(cause) != NULL);
    CHECK(mcl_malformed_name(-1) == NULL && mcl_malformed_name(MCL_MALFORMED_COUNT) == NULL);

    /* A text that is too long ends at a whole character. */
    mcl_connection c = group();
    char url[3001] = "";
    for (int i = 0; i < 1000; i++)
        strcat(url, "€");
    c.url = url;
    for (int shift = 0; shift < 3; shift++, c.url = url + 3 * 100 * shift) {
        FAILS(MCL_EADDRESS, mcl_connection_check(&c, &error));
        size_t n = strlen(error.text);
        CHECK(n < MCL_ERROR_TEXT_MAX && n > MCL_ERROR_TEXT_MAX - 5);
        CHECK(memcmp(error.text + n - 3, "€", 3) == 0 || error.text[n - 1] > 0);
    }
}

/* Zero is the default in each field, in a topic's size too: a struct filled in by hand works. */
static void topic_without_size(void)
{
    mcl_connection c = group();
    mcl_broadcaster_options o = {.size = sizeof o, .topic = "imu"};
    mcl_broadcaster *b;
    mcl_listener *l;
    mcl_received r;
    char buffer[100];
    MUST(mcl_listener_open(&c, NULL, &l, &error));
    MUST(mcl_broadcaster_open(&c, &o, &b, &error));
    MUST(mcl_broadcaster_publish_nil(b, NULL, 0, &error));
    EQUAL(1, mcl_listener_recv(l, 10000, &r, buffer, sizeof buffer, NULL, &error));
    CHECK(r.topic_size == 3 && memcmp(r.topic, "imu", 3) == 0);
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_listener_close(l, NULL));
}

int main(void)
{
    connections();
    fields();
    switches();
    outputs();
    environment();
    constants();
    topic_without_size();
    return report("options");
}
