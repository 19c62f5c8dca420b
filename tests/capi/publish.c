/* Broadcasters: every way to publish arrives as it should; what cannot be published says why. */
#include "test.h"

static mcl_listener *listener;

/* The next message has this topic (NULL: none) and payload. */
static void expect_sized(const char *topic, size_t topic_size, const void *payload, size_t size, int line)
{
    mcl_received r;
    char buffer[70000];
    int code = mcl_listener_recv(listener, 5000, &r, buffer, sizeof buffer, NULL, &error);
    int same = code == 1 && (r.topic == NULL) == (topic == NULL) && r.topic_size == topic_size && r.payload_size == size &&
               memcmp(r.payload, payload, size) == 0 && (topic == NULL || memcmp(r.topic, topic, topic_size) == 0);
    checks++;
    if (!same) {
        failures++;
        fprintf(stderr, "line %d: code %d, topic of %zu bytes, payload of %zu bytes\n", line, code, r.topic_size,
                r.payload_size);
    }
}

#define EXPECT(topic, payload) expect_sized(topic, sizeof(topic) - 1, payload, sizeof(payload) - 1, __LINE__)
#define EXPECT_BARE(payload) expect_sized(NULL, 0, payload, sizeof(payload) - 1, __LINE__)

static void every_kind(void)
{
    mcl_broadcaster *b = broadcast_with(NULL);
    MUST(mcl_broadcaster_publish(b, NULL, 0, "\x93\x01\x02\x03", 4, &error));
    EXPECT_BARE("\x93\x01\x02\x03");
    MUST(mcl_broadcaster_publish(b, NULL, MCL_NUL, "\xc3", 1, &error));
    EXPECT_BARE("\xc3");
    MUST(mcl_broadcaster_publish(b, "", 0, "\xc3", 1, &error));
    EXPECT("", "\xc3");
    MUST(mcl_broadcaster_publish(b, "a\0b", 3, "\xc3", 1, &error));
    expect_sized("a\0b", 3, "\xc3", 1, __LINE__);
    MUST(mcl_broadcaster_publish_nil(b, "t", MCL_NUL, &error));
    EXPECT("t", "\xc0");
    MUST(mcl_broadcaster_publish_bool(b, "t", 1, 2, &error));
    EXPECT("t", "\xc3");
    MUST(mcl_broadcaster_publish_bool(b, "t", 1, 0, &error));
    EXPECT("t", "\xc2");
    MUST(mcl_broadcaster_publish_int(b, "t", 1, -1, &error));
    EXPECT("t", "\xff");
    MUST(mcl_broadcaster_publish_int(b, "t", 1, INT64_MIN, &error));
    EXPECT("t", "\xd3\x80\0\0\0\0\0\0\0");
    MUST(mcl_broadcaster_publish_uint(b, "t", 1, UINT64_MAX, &error));
    EXPECT("t", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    MUST(mcl_broadcaster_publish_double(b, "t", 1, 1.5, &error));
    EXPECT("t", "\xcb\x3f\xf8\0\0\0\0\0\0");
    MUST(mcl_broadcaster_publish_string(b, "t", 1, "text", MCL_NUL, &error));
    EXPECT("t", "\xa4text");
    MUST(mcl_broadcaster_publish_string(b, "t", 1, NULL, 0, &error));
    EXPECT("t", "\xa0");
    MUST(mcl_broadcaster_publish_bytes(b, "t", 1, "\0\1", 2, &error));
    EXPECT("t", "\xc4\x02\0\1");
    MUST(mcl_broadcaster_publish_bytes(b, "t", 1, NULL, 0, &error));
    EXPECT("t", "\xc4\0");

    mcl_broadcaster_stats s = {.size = sizeof s};
    MUST(mcl_broadcaster_get_stats(b, &s, &error));
    EQUAL(15, s.messages);
    EQUAL(15, s.datagrams);
    EQUAL(0, s.send_errors);
    CHECK(s.bytes > 15 && s.bytes < 200);

    mcl_settings set = {.size = sizeof set};
    MUST(mcl_broadcaster_get_settings(b, &set, &error));
    EQUAL(MCL_PORT_DEFAULT, set.port);
    EQUAL(MCL_HOPS_DEFAULT, set.hops);
    EQUAL(MCL_ON, set.loopback);
    EQUAL(MCL_MESSAGE_MAX_DEFAULT, set.message_max);
    CHECK(set.local_port > 0 && set.local_port != set.port && set.send_buffer > 0);
    MUST(mcl_broadcaster_close(b));
    EQUAL(MCL_ECLOSED, mcl_broadcaster_close(b));
}

static void refused(void)
{
    mcl_broadcaster *b = broadcast_with(NULL);
    FAILS(MCL_EFORMAT, mcl_broadcaster_publish(b, NULL, 0, "", 0, &error));
    FAILS(MCL_EFORMAT, mcl_broadcaster_publish(b, NULL, 0, "\x92\x01", 2, &error));
    FAILS(MCL_EFORMAT, mcl_broadcaster_publish(b, NULL, 0, "\x01\x01", 2, &error));
    SAYS("follow");
    FAILS(MCL_EFORMAT, mcl_broadcaster_publish(b, NULL, 0, "\xc1", 1, &error));
    FAILS(MCL_EINVAL, mcl_broadcaster_publish(b, NULL, 0, NULL, 1, &error));
    FAILS(MCL_EINVAL, mcl_broadcaster_publish(b, NULL, 3, "\x01", 1, &error));
    FAILS(MCL_EINVAL, mcl_broadcaster_publish(b, "t", 1, "\x01", MCL_NUL, &error));
    FAILS(MCL_EINVAL, mcl_broadcaster_publish_string(b, "t", 1, NULL, MCL_NUL, &error));
    FAILS(MCL_EINVAL, mcl_broadcaster_get_stats(b, NULL, &error));
    FAILS(MCL_EINVAL, mcl_broadcaster_get_settings(b, NULL, &error));
    /* Without a place for the text, too. */
    EQUAL(MCL_EFORMAT, mcl_broadcaster_publish(b, NULL, 0, "\xc1", 1, NULL));
    EQUAL(MCL_EINVAL, mcl_broadcaster_publish(b, NULL, 0, NULL, 1, NULL));
    EQUAL(MCL_EHANDLE, mcl_broadcaster_publish(NULL, NULL, 0, "\x01", 1, NULL));
    mcl_broadcaster_stats s = {.size = sizeof s};
    MUST(mcl_broadcaster_get_stats(b, &s, &error));
    EQUAL(0, s.datagrams);
    MUST(mcl_broadcaster_close(b));

    mcl_connection c = group();
    c.message_max = 100;
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error));
    char large[101] = {(char)0xc4, 99};
    FAILS(MCL_ETOOLARGE, mcl_broadcaster_publish(b, NULL, 0, large, 101, &error));
    SAYS("100");
    SAYS("message_max");
    large[1] = 98;
    MUST(mcl_broadcaster_publish(b, "t", 1, large, 100, &error));
    expect_sized("t", 1, large, 100, __LINE__);
    MUST(mcl_broadcaster_close(b));
}

static void options(void)
{
    mcl_broadcaster_options o = MCL_BROADCASTER_OPTIONS_INIT;
    char topic[] = "default";
    o.topic = topic;
    mcl_broadcaster *b = broadcast_with(&o);
    memset(topic, '#', sizeof topic - 1); /* the library has its own copy */
    MUST(mcl_broadcaster_publish_int(b, NULL, 0, 1, &error));
    EXPECT("default", "\x01");
    MUST(mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    EXPECT("t", "\x01");
    MUST(mcl_broadcaster_publish_int(b, "", 0, 1, &error));
    EXPECT("", "\x01");
    MUST(mcl_broadcaster_close(b));

    /* Strings of 32 to 255 bytes as legacy encoders write them, or as they are. */
    char str8[] = "\xd9\x20" "0123456789abcdef0123456789abcdef", raw16[] = "\xda\0\x20" "0123456789abcdef0123456789abcdef";
    b = broadcast_with(NULL);
    MUST(mcl_broadcaster_publish(b, NULL, 0, str8, sizeof str8 - 1, &error));
    EXPECT_BARE(raw16);
    MUST(mcl_broadcaster_publish_string(b, NULL, 0, str8 + 2, MCL_NUL, &error));
    EXPECT_BARE(raw16);
    MUST(mcl_broadcaster_close(b));
    o.topic = NULL;
    o.verbatim = MCL_ON;
    b = broadcast_with(&o);
    MUST(mcl_broadcaster_publish(b, NULL, 0, str8, sizeof str8 - 1, &error));
    EXPECT_BARE(str8);
    MUST(mcl_broadcaster_close(b));
}

static void typed(void)
{
    mcl_connection c = group(), other = group();
    other.port = 4000;
    mcl_type *t, *another;
    mcl_message *m, *wrong;
    mcl_broadcaster *b;
    MUST(mcl_type_define("T", (const char *[]){"k"}, 1, &c, &t, &error));
    MUST(mcl_type_define("U", NULL, 0, &other, &another, &error));
    MUST(mcl_message_new(t, &m, &error));
    MUST(mcl_message_new(another, &wrong, &error));
    mcl_broadcaster_options o = MCL_BROADCASTER_OPTIONS_INIT;
    o.type = t;
    MUST(mcl_broadcaster_open(NULL, &o, &b, &error)); /* on the type's connection */
    char packed[100];
    size_t size;
    MUST(mcl_message_encode(m, packed, sizeof packed, &size, &error));
    MUST(mcl_broadcaster_publish_message(b, "t", 1, m, &error));
    expect_sized("t", 1, packed, size, __LINE__);
    MUST(mcl_broadcaster_publish(b, "t", 1, packed, size, &error));
    expect_sized("t", 1, packed, size, __LINE__);
    FAILS(MCL_ETYPE, mcl_broadcaster_publish_message(b, "t", 1, wrong, &error));
    FAILS(MCL_ETYPE, mcl_broadcaster_publish(b, "t", 1, "\x80", 1, &error));
    FAILS(MCL_ETYPE, mcl_broadcaster_publish_int(b, "t", 1, 1, &error));
    MUST(mcl_type_close(t)); /* the broadcaster goes on */
    MUST(mcl_broadcaster_publish_message(b, "t", 1, m, &error));
    expect_sized("t", 1, packed, size, __LINE__);
    MUST(mcl_broadcaster_close(b));
    b = broadcast_with(NULL); /* any message goes where no type is asked for */
    MUST(mcl_broadcaster_publish_message(b, NULL, 0, m, &error));
    expect_sized(NULL, 0, packed, size, __LINE__);
    MUST(mcl_broadcaster_close(b));
    FAILS(MCL_EINVAL, mcl_broadcaster_open(NULL, NULL, &b, &error));
    SAYS("options.type");
    FAILS(MCL_EINVAL, mcl_broadcaster_open(&c, NULL, NULL, &error));
    MUST(mcl_message_close(m));
    MUST(mcl_message_close(wrong));
    MUST(mcl_type_close(another));
}

/* Batches: in order, whatever is in them; what cannot be sent is told before anything is. */
static void many(void)
{
    mcl_broadcaster_options o = MCL_BROADCASTER_OPTIONS_INIT;
    o.topic = "default";
    mcl_broadcaster *b = broadcast_with(&o);
    static unsigned char large[65000] = {0xc5, 0xfd, 0xe5}; /* 64,997 bytes of bin, which travel in fragments */
    mcl_item items[] = {
        {NULL, 0, "\x01", 1},       {NULL, MCL_NUL, "\x02", 1}, {"t", MCL_NUL, "\x03", 1}, {"u\0v", 3, "\x04", 1},
        {NULL, 0, "\xa3" "abc", 4}, {NULL, 0, large, sizeof large}, {"", 0, "\x05", 1},
    };
    const size_t count = sizeof items / sizeof *items;
    size_t sent = 99;
    MUST(mcl_broadcaster_publish_many(b, items, count, &sent, &error));
    EQUAL(count, sent);
    EXPECT("default", "\x01");
    EXPECT("default", "\x02");
    EXPECT("t", "\x03");
    expect_sized("u\0v", 3, "\x04", 1, __LINE__);
    EXPECT("default", "\xa3" "abc");
    expect_sized("default", 7, large, sizeof large, __LINE__);
    EXPECT("", "\x05");
    MUST(mcl_broadcaster_publish_many(b, items, 1, NULL, &error));
    EXPECT("default", "\x01");
    MUST(mcl_broadcaster_publish_many(b, NULL, 0, &sent, &error));
    EQUAL(0, sent);

    /* More than a call keeps memory for. */
    enum { HOST = 10000 };
    mcl_item *host = malloc(HOST * sizeof *host);
    static unsigned char numbers[HOST][3];
    for (int i = 0; i < HOST; i++) {
        memcpy(numbers[i], (unsigned char[]){0xcd, i >> 8, i & 0xff}, 3);
        host[i] = (mcl_item){NULL, 0, numbers[i], 3};
    }
    for (int first = 0; first < HOST; first += 2500) { /* as many as the buffers of the receiver hold in any case */
        MUST(mcl_broadcaster_publish_many(b, host + first, 2500, &sent, &error));
        EQUAL(2500, sent);
        for (int i = first; i < first + 2500; i++)
            expect_sized("default", 7, numbers[i], 3, __LINE__);
    }
    free(host);

    mcl_item bad[] = {{NULL, 0, "\x01", 1}, {NULL, 0, "\xc1", 1}};
    FAILS(MCL_EFORMAT, mcl_broadcaster_publish_many(b, bad, 2, &sent, &error));
    EQUAL(0, sent);
    SAYS("message 2 of 2");
    bad[1] = (mcl_item){NULL, 0, NULL, 1};
    FAILS(MCL_EINVAL, mcl_broadcaster_publish_many(b, bad, 2, &sent, &error));
    SAYS("items[1].payload");
    bad[1] = (mcl_item){NULL, 5, "\x01", 1};
    FAILS(MCL_EINVAL, mcl_broadcaster_publish_many(b, bad, 2, &sent, &error));
    SAYS("items[1].topic");
    bad[1] = (mcl_item){"t", (size_t)-2, "\x01", 1};
    FAILS(MCL_EINVAL, mcl_broadcaster_publish_many(b, bad, 2, &sent, &error));
    SAYS("items[1].topic");
    bad[1] = (mcl_item){NULL, 0, NULL, 0};
    FAILS(MCL_EFORMAT, mcl_broadcaster_publish_many(b, bad, 2, &sent, &error));
    FAILS(MCL_EINVAL, mcl_broadcaster_publish_many(b, NULL, 1, &sent, &error));
    SAYS("items");
    FAILS(MCL_EINVAL, mcl_broadcaster_publish_many(b, items, (size_t)-1, &sent, &error));
    SAYS("count");
    sent = 99;
    FAILS(MCL_EHANDLE, mcl_broadcaster_publish_many(NULL, items, 1, &sent, &error));
    EQUAL(0, sent);
    MUST(mcl_broadcaster_flush(b, &error)); /* nothing waits */
    MUST(mcl_broadcaster_close(b));
    FAILS(MCL_ECLOSED, mcl_broadcaster_publish_many(b, items, 1, &sent, &error));
    FAILS(MCL_ECLOSED, mcl_broadcaster_flush(b, &error));
    MUST(mcl_broadcaster_publish(b = broadcast_with(NULL), NULL, 0, "\xc3", 1, &error));
    EXPECT_BARE("\xc3"); /* nothing else arrived */
    MUST(mcl_broadcaster_close(b));
}

/* Messages that may wait for others leave together, and by flush or close. */
static void coalesced(void)
{
    mcl_broadcaster_options o = MCL_BROADCASTER_OPTIONS_INIT;
    mcl_broadcaster *b;
    o.coalesce_us = MCL_COALESCE_US_MAX + 1;
    mcl_connection c = group();
    FAILS(MCL_EINVAL, mcl_broadcaster_open(&c, &o, &b, &error));
    SAYS("coalesce");
    o.coalesce_us = -1;
    FAILS(MCL_EINVAL, mcl_broadcaster_open(&c, &o, &b, &error));
    o.coalesce_us = 200; /* by the clock */
    b = broadcast_with(&o);
    MUST(mcl_broadcaster_publish(b, NULL, 0, "\x01", 1, &error));
    EXPECT_BARE("\x01");
    MUST(mcl_broadcaster_close(b));
    o.coalesce_us = MCL_COALESCE_US_MAX;
    b = broadcast_with(&o);
    MUST(mcl_broadcaster_publish(b, NULL, 0, "\x02", 1, &error));
    MUST(mcl_broadcaster_publish_int(b, "t", 1, 3, &error));
    MUST(mcl_broadcaster_flush(b, &error));
    EXPECT_BARE("\x02");
    EXPECT("t", "\x03");
    MUST(mcl_broadcaster_publish(b, NULL, 0, "\x04", 1, &error));
    MUST(mcl_broadcaster_close(b));
    EXPECT_BARE("\x04");
}

int main(void)
{
    listener = listen_with(NULL);
    every_kind();
    refused();
    options();
    typed();
    many();
    coalesced();
    EQUAL(0, mcl_listener_recv(listener, 0, &(mcl_received){0}, NULL, 0, NULL, &error)); /* and nothing else was sent */
    MUST(mcl_listener_close(listener, NULL));
    return report("publish");
}
