/* Small messages leave without Go (capi/shortcut.h). What a program sees is to be the same as if they did not: what is
 * accepted, what arrives, what is counted, and what a close does to those who publish. A batch of one always goes through Go,
 * and so does the first message after opening; they are what the shortcut is compared with. */
#include "scratch.h"

static mcl_listener *listener;
static char buffer[200000];

static mcl_received received(void)
{
    mcl_received r;
    EQUAL(1, mcl_listener_recv(listener, 5000, &r, buffer, sizeof buffer, NULL, &error));
    return r;
}

static void expect(const char *topic, size_t topic_size, const void *payload, size_t size)
{
    mcl_received r = received();
    CHECK((r.topic == NULL) == (topic == NULL));
    EQUAL(topic_size, r.topic_size);
    CHECK(topic == NULL || memcmp(topic, r.topic, topic_size) == 0);
    EQUAL(size, r.payload_size);
    CHECK(memcmp(payload, r.payload, size) == 0);
}

/* The first message connects; those after it may take the shortcut. */
static void connected(mcl_broadcaster *b)
{
    MUST(mcl_broadcaster_publish(b, "first", 5, "\xc0", 1, &error));
    expect("first", 5, "\xc0", 1);
}

static uint64_t state = 88172645463325252u;
static uint64_t draw(uint64_t below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17; /* xorshift */
    return state % below;
}

/* One object of msgpack, or what nearly is one. */
static size_t draw_object(uint8_t *out, size_t room, int depth)
{
    if (room < 12)
        return draw(20) ? (out[0] = (uint8_t)draw(128), room > 0) : 0;
    uint8_t code = draw(3) == 0 ? (uint8_t)(0xc0 + draw(32)) : (uint8_t)draw(256);
    out[0] = code;
    size_t size = 1, children = 0, length = draw(20);
    int width = 0;
    if (code >= 0x80 && code < 0x90)
        children = 2 * (code & 15u);
    else if (code >= 0x90 && code < 0xa0)
        children = code & 15u;
    else if (code >= 0xa0 && code < 0xc0)
        size += code & 31u;
    else if (code >= 0xc4 && code <= 0xc9)
        width = 1 << (code - 0xc4) % 3, size += (size_t)width + length + (code >= 0xc7);
    else if (code >= 0xd9 && code <= 0xdb)
        width = 1 << (code - 0xd9), size += (size_t)width + length;
    else if (code >= 0xdc && code <= 0xdf)
        width = code & 1 ? 4 : 2, size += (size_t)width, children = length * (code >= 0xde ? 2 : 1);
    else if (code >= 0xca && code <= 0xd8)
        size = (const uint8_t[]){5, 9, 2, 3, 5, 9, 2, 3, 5, 9, 3, 4, 6, 10, 18}[code - 0xca];
    if (size > room)
        return 1;
    for (size_t i = 1; i < size; i++)
        out[i] = (uint8_t)draw(256);
    for (int i = 0; i < width; i++)
        out[1 + i] = i == width - 1 ? (uint8_t)length : 0;
    if (depth > 20)
        return size;
    for (size_t i = 0; i < children && size < room; i++)
        size += draw_object(out + size, room - size, depth + 1);
    return size;
}

static void accepts_what_go_accepts(mcl_broadcaster *b, int strings_of_8)
{
    enum { ROUNDS = 20000 };
    int accepted = 0;
    uint8_t data[400];
    for (int i = 0; i < ROUNDS; i++) {
        size_t size = draw_object(data, 1 + draw(sizeof data), 0);
        switch (draw(6)) { /* spoil it */
        case 0:
            size -= size > 0 && draw(2) ? 1 : 0;
            break;
        case 1:
            if (size > 0)
                data[draw(size)] = (uint8_t)draw(256);
            break;
        case 2:
            if (size < sizeof data)
                data[size++] = (uint8_t)draw(256);
            break;
        }
        mcl_item item = {NULL, 0, data, size};
        int by_go = mcl_broadcaster_publish_many(b, &item, 1, NULL, NULL);
        int here = mcl_broadcaster_publish(b, NULL, 0, data, size, NULL);
        EQUAL(by_go, here);
        if (by_go != MCL_OK)
            continue;
        accepted++;
        mcl_received r = received();
        static uint8_t first[sizeof data + 100];
        size_t first_size = r.payload_size;
        CHECK(first_size < sizeof first);
        memcpy(first, r.payload, first_size);
        expect(NULL, 0, first, first_size); /* the same bytes, those of a str8 written anew, too */
        if (strings_of_8)
            EQUAL(size, first_size);
    }
    CHECK(accepted > ROUNDS / 10 && accepted < ROUNDS * 9 / 10);
}

/* As deep as messages may be, and deeper; the shortcut looks less deep. */
static void nested(mcl_broadcaster *b)
{
    uint8_t data[MCL_DEPTH_MAX + 2];
    memset(data, 0x91, sizeof data);
    for (int depth = 1; depth <= MCL_DEPTH_MAX + 1; depth++) {
        data[depth] = 0x05;
        int code = mcl_broadcaster_publish(b, NULL, 0, data, (size_t)depth + 1, &error);
        EQUAL(depth > MCL_DEPTH_MAX ? MCL_EFORMAT : MCL_OK, code);
        if (code == MCL_OK)
            expect(NULL, 0, data, (size_t)depth + 1);
        data[depth] = 0x91;
    }
}

static void sizes(void)
{
    mcl_connection c = group();
    c.message_max = 70000;
    mcl_broadcaster *b;
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error));
    connected(b);
    static uint8_t data[80000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    const size_t some[] = {6,     31,    32,    1000,  4087,  4093,  4094,  4095,  4096,  8000, 32767,
                           32768, 59990, 59997, 59998, 59999, 60000, 60001, 65535, 70000, 70001, 80000};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        size_t size = some[i];
        memcpy(data, (uint8_t[]){0xc6, 0, (uint8_t)((size - 5) >> 16), (uint8_t)((size - 5) >> 8), (uint8_t)(size - 5)}, 5);
        int code = mcl_broadcaster_publish(b, NULL, 0, data, size, &error);
        EQUAL(size > 70000 ? MCL_ETOOLARGE : MCL_OK, code);
        if (code == MCL_OK)
            expect(NULL, 0, data, size);
    }
    MUST(mcl_broadcaster_close(b));
}

/* A map of NaN, which are all of one hash, or of numbers. */
static size_t put_map(uint8_t *out, int keys, int nan)
{
    size_t size = 3;
    memcpy(out, (uint8_t[]){0xde, (uint8_t)(keys >> 8), (uint8_t)keys}, size);
    for (int i = 0; i < keys; i++) {
        memcpy(out + size, (uint8_t[]){0xcb, nan ? 0x7f : 0x40, 0xf8, 0, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i, 0xc0}, 10);
        size += 10;
    }
    return size;
}

/* Few keys cost nobody much; of more, the hashes are looked at. */
static void maps(mcl_broadcaster *b)
{
    static uint8_t data[1 + 10 * 1100];
    const int some[] = {15, 16, 255, 256, 1000};
    for (size_t i = 0; i < 2 * sizeof some / sizeof *some; i++) {
        int keys = some[i / 2], nan = (int)i % 2;
        size_t size = put_map(data, keys, nan);
        int costly = nan && keys >= 256;
        mcl_item item = {NULL, 0, data, size};
        EQUAL(costly ? MCL_EFORMAT : MCL_OK, mcl_broadcaster_publish_many(b, &item, 1, NULL, &error));
        EQUAL(costly ? MCL_EFORMAT : MCL_OK, mcl_broadcaster_publish(b, NULL, 0, data, size, &error));
        if (costly)
            SAYS("keys");
        EQUAL(costly ? MCL_EFORMAT : MCL_OK, mcl_packed_check(data, size, &error));
        for (int copies = 0; copies < 2 && !costly; copies++)
            expect(NULL, 0, data, size);
    }
    /* Beside an ext, which a key may be, of fewer. */
    data[0] = 0x92;
    size_t size = 1 + put_map(data + 1, 255, 1);
    memcpy(data + size, "\xd4\5x", 3);
    FAILS(MCL_EFORMAT, mcl_broadcaster_publish(b, NULL, 0, data, size + 3, &error));
    size = 1 + put_map(data + 1, 15, 1);
    memcpy(data + size, "\xd4\5x", 3);
    MUST(mcl_broadcaster_publish(b, NULL, 0, data, size + 3, &error));
    expect(NULL, 0, data, size + 3);
}

static void objects(void)
{
    mcl_connection c = group();
    c.objects_max = 5;
    mcl_broadcaster *b;
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error));
    mcl_settings s = {.size = sizeof s};
    MUST(mcl_broadcaster_get_settings(b, &s, &error));
    EQUAL(5, s.objects_max);
    connected(b);
    const struct {
        const char *packed;
        int refused;
    } some[] = {{"\x07", 0}, {"\x94\1\2\3\4", 0}, {"\x95\1\2\3\4\5", 1}, {"\x82\1\2\3\4", 0}, {"\x92\x92\1\1\1", 0},
                {"\x92\x92\1\1\x91\1", 1}, {"\xdc\1\1", 1}, {"\xa8longtext", 0}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        uint8_t data[300];
        size_t size = strlen(some[i].packed);
        memcpy(data, some[i].packed, size);
        if (data[0] == 0xdc) {
            memset(data + 3, 1, 257);
            size = 3 + 257;
        }
        mcl_item item = {NULL, 0, data, size};
        EQUAL(some[i].refused ? MCL_ETOOLARGE : MCL_OK, mcl_broadcaster_publish_many(b, &item, 1, NULL, &error));
        EQUAL(some[i].refused ? MCL_ETOOLARGE : MCL_OK, mcl_broadcaster_publish(b, NULL, 0, data, size, &error));
        if (some[i].refused)
            SAYS("objects_max");
        for (int copies = 0; copies < 2 && !some[i].refused; copies++)
            expect(NULL, 0, data, size);
    }
    MUST(mcl_broadcaster_close(b));
}

static void put_bytes(uint8_t *out, size_t size)
{
    for (size_t i = 3; i < size; i++)
        out[i] = (uint8_t)draw(256);
    if (size < 3)
        out[0] = 0xc2, out[1] = 0xc3;
    else
        out[0] = 0xc5, out[1] = (uint8_t)((size - 3) >> 8), out[2] = (uint8_t)(size - 3);
}

/* Fragments of another size, smaller than some datagrams and larger than all others, and where a header leaves no room. */
static void fragments(void)
{
    static uint8_t data[3000];
    const int some[] = {60000, 100, 1, 1400, 2999, 3002, 65000};
    mcl_broadcaster *b = broadcast_with(NULL);
    connected(b);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        int limit = some[i];
        MUST(mcl_broadcaster_set_fragment_size(b, limit, &error));
        FAILS(MCL_EINVAL, mcl_broadcaster_set_fragment_size(b, 0, &error));
        FAILS(MCL_EINVAL, mcl_broadcaster_set_fragment_size(b, MCL_FRAGMENT_SIZE_MAX + 1, &error));
        for (size_t size = 3; size <= sizeof data; size += size < 110 ? 1 : 289) {
            put_bytes(data, size);
            mcl_item item = {"t", 1, data, size}, two[2] = {item, item};
            for (int many = 0; many < 3; many++) {
                mcl_broadcaster_stats before = {.size = sizeof before}, after = {.size = sizeof after};
                MUST(mcl_broadcaster_get_stats(b, &before, &error));
                if (many == 0)
                    MUST(mcl_broadcaster_publish(b, "t", 1, data, size, &error));
                else
                    MUST(mcl_broadcaster_publish_many(b, two, (size_t)many, NULL, &error));
                MUST(mcl_broadcaster_get_stats(b, &after, &error));
                uint64_t each = 3 + (int)size <= limit ? 1 : size / (size_t)limit + 1;
                EQUAL(each * (many == 2 ? 2 : 1), after.datagrams - before.datagrams);
                for (int copies = 0; copies <= (many == 2); copies++)
                    expect("t", 1, data, size);
            }
        }
    }
    MUST(mcl_broadcaster_close(b));
}

/* A text alone in a str8, whose header is one byte longer as a raw16: also where that goes beyond the largest message. */
static void texts(int verbatim)
{
    enum { MOST = 200 };
    mcl_connection c = group();
    c.message_max = MOST;
    mcl_broadcaster_options o = MCL_BROADCASTER_OPTIONS_INIT;
    o.verbatim = verbatim;
    mcl_broadcaster *b;
    MUST(mcl_broadcaster_open(&c, &o, &b, &error));
    connected(b);
    const size_t header = verbatim == MCL_ON ? 2 : 3;
    uint8_t data[2 + 255] = {0xd9}, raw[3 + 255] = {0xda, 0};
    for (size_t length = 0; length <= 255; length++) {
        data[1] = raw[2] = (uint8_t)length;
        if (length > 0)
            data[1 + length] = raw[2 + length] = (uint8_t)(length + 32);
        mcl_item item = {NULL, 0, data, 2 + length};
        int by_go = mcl_broadcaster_publish_many(b, &item, 1, NULL, NULL);
        EQUAL(by_go, mcl_broadcaster_publish(b, NULL, 0, data, 2 + length, NULL));
        EQUAL(header + length > MOST ? MCL_ETOOLARGE : MCL_OK, by_go);
        for (int i = 0; i < 2 && by_go == MCL_OK; i++) {
            mcl_received r = received();
            EQUAL(header + length, r.payload_size);
            CHECK(header != 3 || memcmp(r.payload, raw, 3 + length) == 0);
            CHECK(header != 2 || memcmp(r.payload, data, 2 + length) == 0);
        }
    }
    MUST(mcl_broadcaster_close(b));
}

static void topics(void)
{
    static char topic[70000];
    memset(topic, 't', sizeof topic);
    topic[3] = '\0';
    const size_t some[] = {0, 1, 31, 32, 255, 256, 1023, 1024, 1025, 50000, 65535, 65536};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        mcl_broadcaster_options o = MCL_BROADCASTER_OPTIONS_INIT;
        o.topic = topic;
        o.topic_size = some[i] > 0 ? some[i] : MCL_NUL;
        size_t default_size = some[i] > 0 ? some[i] : 3;
        mcl_broadcaster *b = broadcast_with(&o);
        connected(b);
        for (int twice = 0; twice < 2; twice++) {
            int code = mcl_broadcaster_publish(b, topic, some[i], "\x07", 1, &error);
            EQUAL(some[i] > 59000 ? MCL_ETOOLARGE : MCL_OK, code);
            if (code == MCL_OK)
                expect(topic, some[i], "\x07", 1);
            code = mcl_broadcaster_publish(b, NULL, 0, "\x08", 1, &error);
            EQUAL(default_size > 59000 ? MCL_ETOOLARGE : MCL_OK, code);
            if (code == MCL_OK)
                expect(topic, default_size, "\x08", 1);
        }
        MUST(mcl_broadcaster_close(b));
    }
}

/* Batches of all kinds: of one size or not, with one that is refused, longer than a train, at the limits of its sizes. What
 * arrives of them is what arrives of their messages one by one. */
static void batches(mcl_broadcaster *b, const char *default_topic)
{
    enum { ROUNDS = 2000, MOST = 70, SIZE = 1300 };
    static uint8_t data[MOST][SIZE], reference[MOST][SIZE + 100];
    static char topic[1500];
    memset(topic, 't', sizeof topic);
    int accepted = 0;
    for (int round = 0; round < ROUNDS; round++) {
        enum { OBJECTS, TEXTS, BYTES, LARGE, KINDS } kind = (int)draw(KINDS);
        mcl_item items[MOST];
        size_t reference_sizes[MOST], count = 1 + draw(kind == LARGE ? 7 : MOST), refused = count;
        size_t size = kind == LARGE ? SIZE - draw(150) : 1 + draw(draw(2) ? 60 : 130);
        size_t topic_size = draw(8) ? draw(40) : draw(sizeof topic);
        int alike = draw(4) != 0, named = (int)draw(2);
        for (size_t i = 0; i < count; i++) {
            size_t own = i + 1 == count && draw(2) ? 1 + draw(size) : size; /* the last may be shorter */
            if (kind == OBJECTS)
                own = draw_object(data[i], 1 + draw(300), 0);
            else
                put_bytes(data[i], own);
            if (own < 3 && kind != OBJECTS)
                own = 1;
            if (kind == TEXTS && own > 3) {
                data[i][0] = 0xd9;
                data[i][1] = (uint8_t)(own - 2);
            }
            if (!alike && draw(100) == 0)
                data[i][0] = 0xc1; /* never used */
            size_t named_size = alike || draw(10) ? topic_size : draw(40);
            items[i] = (mcl_item){topic, named_size, data[i], own};
            if (alike ? !named : draw(2))
                items[i].topic = NULL, items[i].topic_size = draw(2) ? 0 : MCL_NUL;
            if (mcl_broadcaster_publish_many(b, &items[i], 1, NULL, NULL) != MCL_OK) {
                refused = i < refused ? i : refused;
                continue;
            }
            mcl_received r = received();
            CHECK(r.payload_size <= sizeof reference[i]);
            memcpy(reference[i], r.payload, reference_sizes[i] = r.payload_size);
        }
        size_t sent = 99;
        int code = mcl_broadcaster_publish_many(b, items, count, &sent, &error);
        EQUAL(refused < count ? MCL_EFORMAT : MCL_OK, code);
        EQUAL(refused < count ? 0 : count, sent);
        accepted += code == MCL_OK;
        for (size_t i = 0; i < sent; i++) {
            const char *wanted = items[i].topic != NULL ? topic : default_topic;
            expect(wanted, items[i].topic != NULL ? items[i].topic_size : wanted != NULL ? strlen(wanted) : 0, reference[i],
                   reference_sizes[i]);
        }
    }
    CHECK(accepted > ROUNDS / 2 && accepted < ROUNDS);
}

/* Both ways together are what was sent. */
static void counted(void)
{
    mcl_broadcaster *b = broadcast_with(NULL);
    mcl_broadcaster_stats s = {.size = sizeof s};
    for (int i = 0; i < 100; i++)
        MUST(mcl_broadcaster_publish(b, "topic", 5, "\xc3", 1, &error));
    MUST(mcl_broadcaster_get_stats(b, &s, &error));
    EQUAL(100, s.messages);
    EQUAL(100, s.datagrams);
    EQUAL(100 * 8, s.bytes);
    MUST(mcl_broadcaster_publish_int(b, "topic", 5, 5, &error));
    MUST(mcl_broadcaster_get_stats(b, &s, &error));
    EQUAL(101, s.messages);
    EQUAL(0, s.send_errors);
    mcl_item items[64];
    for (int i = 0; i < 64; i++)
        items[i] = (mcl_item){"topic", 5, i < 63 ? "\xcc\xff" : "\x01", i < 63 ? 2 : 1};
    MUST(mcl_broadcaster_publish_many(b, items, 64, NULL, &error));
    MUST(mcl_broadcaster_get_stats(b, &s, &error));
    EQUAL(101 + 64, s.messages);
    EQUAL(101 + 64, s.datagrams);
    EQUAL(101 * 8 + 63 * 9 + 8, s.bytes);
    MUST(mcl_broadcaster_close(b));
    for (int i = 0; i < 101 + 64; i++)
        received();
    /* One that comes after it begins at zero, whatever it has taken over. */
    for (int i = 0; i < 5000; i++) {
        b = broadcast_with(NULL);
        MUST(mcl_broadcaster_get_stats(b, &s, &error));
        EQUAL(0, s.messages);
        if (i % 100 == 0)
            connected(b);
        MUST(mcl_broadcaster_close(b));
        EQUAL(MCL_ECLOSED, mcl_broadcaster_publish(b, NULL, 0, "\xc0", 1, NULL));
    }
}

/* So many at once that some have no shortcut. */
static void very_many(void)
{
    enum { MANY = 800 };
    static mcl_broadcaster *b[MANY];
    for (int i = 0; i < MANY; i++) {
        char topic[20];
        mcl_broadcaster_options o = MCL_BROADCASTER_OPTIONS_INIT;
        snprintf(topic, sizeof topic, "topic %d", i);
        o.topic = topic;
        b[i] = broadcast_with(&o);
    }
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < MANY; i++) {
            char topic[20];
            int size = snprintf(topic, sizeof topic, "topic %d", i);
            MUST(mcl_broadcaster_publish(b[i], NULL, 0, "\xc0", 1, &error));
            expect(topic, (size_t)size, "\xc0", 1);
        }
    for (int i = 0; i < MANY; i++) {
        mcl_broadcaster_stats s = {.size = sizeof s};
        MUST(mcl_broadcaster_get_stats(b[i], &s, &error));
        EQUAL(3, s.messages);
        MUST(mcl_broadcaster_close(b[i]));
    }
}

/* Threads publish on what another one closes and opens again: each message is sent and counted, or the call fails. Nothing may
 * go out by a descriptor that has become another file's. */
static _Atomic(mcl_broadcaster *) current;
static atomic_int stop_publishing, published;

static void *publisher(void *unused)
{
    (void)unused;
    while (!stop_publishing) {
        int code = mcl_broadcaster_publish(atomic_load(&current), "closing", 7, "\xc0", 1, NULL);
        if (code == MCL_OK)
            published++;
        else
            EQUAL(MCL_ECLOSED, code);
    }
    return NULL;
}

static void closed_amid_publishing(void)
{
    pthread_t threads[2];
    mcl_listener_stats before = {.size = sizeof before}, after = {.size = sizeof after};
    MUST(mcl_listener_get_stats(listener, &before, &error));
    atomic_store(&current, broadcast_with(NULL));
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, publisher, NULL);
    char name[PATH_MAX / 2];
    int file = mkstemp(temporary(name));
    for (int i = 0; i < 300; i++) {
        mcl_broadcaster *old = atomic_load(&current), *next = broadcast_with(NULL);
        int reached = published + 20;
        CHECK(reaches(&published, reached));
        atomic_store(&current, next);
        MUST(mcl_broadcaster_close(old));
        int taken[8]; /* the numbers that are free now are these files' */
        for (int j = 0; j < 8; j++)
            taken[j] = dup(file);
        for (int j = 0; j < 8; j++)
            close(taken[j]);
    }
    stop_publishing = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    MUST(mcl_broadcaster_close(atomic_load(&current)));
    EQUAL(0, lseek(file, 0, SEEK_END)); /* nobody wrote to it */
    close(file), unlink(name);
    for (int i = 0; i < 10000; i++) {
        MUST(mcl_listener_get_stats(listener, &after, &error));
        if (after.datagrams + after.dropped_kernel - before.datagrams - before.dropped_kernel >= (uint64_t)published)
            break;
        usleep(1000);
    }
    EQUAL(published, after.datagrams + after.dropped_kernel - before.datagrams - before.dropped_kernel);
    mcl_hand hand = MCL_HAND_INIT;
    while (mcl_listener_take(listener, 0, &hand, &error) > 0)
        ;
}

/* Without the route nothing leaves, as the first publish after it tells; and with it again, it does. */
static void the_network_changes(void)
{
    mcl_broadcaster *b = broadcast_with(NULL);
    connected(b);
    MUST(mcl_broadcaster_publish(b, NULL, 0, "\x01", 1, &error));
    expect(NULL, 0, "\x01", 1);
    CHECK(system("ip link set lo down") == 0);
    FAILS(MCL_EROUTE, mcl_broadcaster_publish(b, NULL, 0, "\x02", 1, &error));
    CHECK(system("ip link set lo up && ip -6 route add local ff00::/8 dev lo table local") == 0);
    int sent = 0;
    for (int i = 0; i < 5000 && !sent; i++) { /* also until the listener has joined again */
        mcl_received r;
        MUST(mcl_broadcaster_publish(b, NULL, 0, "\x03", 1, &error) == MCL_EROUTE ? 0 : 0);
        sent = mcl_listener_recv(listener, 10, &r, buffer, sizeof buffer, NULL, &error) == 1;
    }
    CHECK(sent);
    MUST(mcl_broadcaster_close(b));
}

/* Larger than a datagram, if only since the long way writes each empty text of this array in three bytes for two. */
static uint8_t large[3 + 2 * 25000] = {0xdc, 25000 >> 8, 25000 & 255};

/* An address that the interface has lost is no longer sent from: the kernel would go on to, without an error. Large messages
 * have sockets of their own: that those are connected anew does not mean that the small ones' is. */
static void the_address_changes(void)
{
    for (size_t i = 3; i < sizeof large; i += 2)
        large[i] = 0xd9;
    CHECK(system("ip link add d0 type veth peer name d1 && ip link set d1 up && ip link set d0 up && ip -6 address add fd00::1/64 dev d0 nodad") == 0);
    mcl_connection c = group();
    c.url = "ff15::5678", c.interface_ = "d0";
    mcl_broadcaster *b;
    mcl_listener *l;
    MUST(mcl_listener_open(&c, NULL, &l, &error));
    MUST(mcl_broadcaster_open(&c, NULL, &b, &error));
    for (int address = 1; address <= 3; address++) {
        int from_there = 0;
        for (int i = 0; i < 5000 && !from_there; i++) {
            mcl_received r;
            mcl_broadcaster_publish(b, NULL, 0, large, sizeof large, NULL); /* there may be no address at this moment */
            mcl_broadcaster_publish(b, NULL, 0, "\xc0", 1, NULL);
            while (mcl_listener_recv(l, 10, &r, buffer, sizeof buffer, NULL, &error) == 1)
                from_there |= r.payload_size == 1 && r.sender[0] == 0xfd && r.sender[15] == address;
        }
        CHECK(from_there);
        char change[200];
        snprintf(change, sizeof change, "ip -6 address add fd00::%d/64 dev d0 nodad && ip -6 address del fd00::%d/64 dev d0",
                 address + 1, address);
        CHECK(system(change) == 0);
    }
    MUST(mcl_broadcaster_close(b));
    MUST(mcl_listener_close(l, NULL));
}

int main(void)
{
    mcl_broadcaster_options o = MCL_BROADCASTER_OPTIONS_INIT;
    listener = listen_with(NULL);
    mcl_broadcaster *b = broadcast_with(NULL);
    connected(b);
    accepts_what_go_accepts(b, 0);
    nested(b);
    batches(b, NULL);
    maps(b);
    MUST(mcl_broadcaster_close(b));
    objects();
    o.topic = "default";
    b = broadcast_with(&o);
    batches(b, o.topic);
    MUST(mcl_broadcaster_close(b));
    o.topic = NULL;
    o.verbatim = MCL_ON;
    b = broadcast_with(&o);
    connected(b);
    accepts_what_go_accepts(b, 1);
    batches(b, NULL);
    MUST(mcl_broadcaster_close(b));
    sizes();
    fragments();
    texts(MCL_OFF);
    texts(MCL_ON);
    topics();
    counted();
    very_many();
    closed_amid_publishing();
    the_network_changes();
    the_address_changes();
    MUST(mcl_listener_close(listener, NULL));
    return report("shortcut");
}
