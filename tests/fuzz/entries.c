/* entries.c - gives bytes to every function of mcl.h that takes some, and looks for what went in to come out again.
 *
 * libFuzzer calls LLVMFuzzerTestOneInput with inputs of its own making; replay.c with those of corpus/. The first byte
 * of an input picks what is tried, the rest is the bytes. What the library is given ends where memory ends, so that
 * reading or writing one byte too many is a fault, in C and in Go. Run in tests/netns. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mcl.h"

#define REQUIRE(condition)                                                                                       \
    do {                                                                                                         \
        if (!(condition)) {                                                                                      \
            fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__, __LINE__, #condition, error.text); \
            abort();                                                                                             \
        }                                                                                                        \
    } while (0)

#define GROUP "ff15::f"
#define PATIENCE_MS 20000

static mcl_error error;
static mcl_type *type;
static mcl_listener *listener;
static mcl_broadcaster *broadcaster;
static char folder[PATH_MAX / 2];
static int plain;

/* What a call returned: success, or an error that the caller could have met, with a text. */
static int code_of(int code)
{
    REQUIRE(code >= MCL_ESYSTEM);
    if (code < 0) {
        REQUIRE(error.code == code);
        REQUIRE(memchr(error.text, 0, sizeof error.text) != NULL);
        REQUIRE(strncmp(error.text, "mcl_", 4) == 0);
    }
    return code;
}

#define TRY(call) (memset(&error, 0, sizeof error), code_of(call))

/* ---- Memory that ends where memory ends ---- */

#define EDGE_SIZE (1 << 20)

typedef struct {
    char *end; /* of what may be used */
} edge;

static void edge_make(edge *e)
{
    long page = sysconf(_SC_PAGESIZE);
    char *base = mmap(NULL, (size_t)(EDGE_SIZE + page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(base + EDGE_SIZE, (size_t)page, PROT_NONE) != 0)
        abort();
    e->end = base + EDGE_SIZE;
}

static edge in, in2, out;

static void *copy_to(edge *e, const void *bytes, size_t size)
{
    char *at = e->end - size;
    if (size > 0)
        memmove(at, bytes, size);
    return at;
}

/* ---- Opening, once ---- */

static void remove_folder(void)
{
    rmdir(folder);
}

static void open_all(void)
{
    static const char *const keys[] = {"x"};
    mcl_connection c = MCL_CONNECTION_INIT;
    mcl_broadcaster_options options = MCL_BROADCASTER_OPTIONS_INIT;
    mcl_listener_options quiet = MCL_LISTENER_OPTIONS_INIT;
    struct sockaddr_in6 group = {.sin6_family = AF_INET6, .sin6_port = htons(MCL_PORT_DEFAULT)};

    if (type != NULL)
        return;
    edge_make(&in);
    edge_make(&in2);
    edge_make(&out);
    c.url = GROUP;
    c.message_max = 1 << 20;
    c.reassembly_bytes = 1 << 20;
    options.verbatim = MCL_ON;
    quiet.quiet = MCL_ON;
    REQUIRE(TRY(mcl_type_new("Fuzz", keys, 1, &c, &type, &error)) == 0);
    REQUIRE(TRY(mcl_listener_open(&c, &quiet, &listener, &error)) == 0);
    REQUIRE(TRY(mcl_broadcaster_open(&c, &options, &broadcaster, &error)) == 0);
    inet_pton(AF_INET6, GROUP, &group.sin6_addr);
    plain = socket(AF_INET6, SOCK_DGRAM, 0);
    REQUIRE(connect(plain, (struct sockaddr *)&group, sizeof group) == 0);
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/mcl-fuzz-XXXXXX", temporary != NULL ? temporary : "/tmp");
    REQUIRE(mkdtemp(folder) != NULL);
    atexit(remove_folder);
}

/* ---- Messages ---- */

/* Reads all that a message has, with no room, and with exactly enough. */
static void read_all(mcl_message *m)
{
    size_t needed;
    char *key;
    int count = TRY(mcl_message_count(m, &error));
    REQUIRE(count >= 2);
    for (int i = 0; i < count; i++) {
        int code = TRY(mcl_message_key(m, (size_t)i, NULL, 0, &needed, &error));
        REQUIRE(code == (needed > 0 ? MCL_EBUFFER : 0));
        key = copy_to(&in2, "", 0) - needed;
        REQUIRE(TRY(mcl_message_key(m, (size_t)i, key, needed, &needed, &error)) == 0);
        int kind = TRY(mcl_message_kind(m, key, needed, &error));
        if (kind < 0)
            continue; /* a key that is no string cannot be asked for */
        int flag;
        int64_t i64;
        uint64_t u64;
        double real;
        size_t size, key_size = needed;
        REQUIRE((TRY(mcl_message_get_bool(m, key, key_size, &flag, &error)) == 0) == (kind == MCL_KIND_BOOL));
        TRY(mcl_message_get_int(m, key, key_size, &i64, &error));
        TRY(mcl_message_get_uint(m, key, key_size, &u64, &error));
        TRY(mcl_message_get_double(m, key, key_size, &real, &error));
        TRY(mcl_message_get_string(m, key, key_size, NULL, 0, &size, &error));
        code = TRY(mcl_message_get_bytes(m, key, key_size, NULL, 0, &size, &error));
        REQUIRE((code == 0 || code == MCL_EBUFFER) == (kind == MCL_KIND_STRING || kind == MCL_KIND_BYTES));
        if (code == MCL_EBUFFER)
            REQUIRE(TRY(mcl_message_get_bytes(m, key, key_size, out.end - size, size, &size, &error)) == 0);
        REQUIRE(TRY(mcl_message_get_packed(m, key, key_size, NULL, 0, &size, &error)) == MCL_EBUFFER);
        REQUIRE(TRY(mcl_message_get_packed(m, key, key_size, out.end - size, size, &size, &error)) == 0);
    }
    REQUIRE(TRY(mcl_message_json(m, NULL, 0, &needed, &error)) == MCL_EBUFFER);
    REQUIRE(needed <= EDGE_SIZE && TRY(mcl_message_json(m, out.end - needed, needed, &needed, &error)) == 0);
    REQUIRE(out.end[-1] == '}' && out.end[-(long)needed] == '{');
}

/* What a message is encoded as, decodes to the same. */
static void round_trip(mcl_message *m)
{
    mcl_message *again;
    size_t size, size2;
    REQUIRE(TRY(mcl_message_encode(m, NULL, 0, &size, &error)) == MCL_EBUFFER);
    char *packed = in2.end - size;
    REQUIRE(TRY(mcl_message_encode(m, packed, size, &size, &error)) == 0);
    REQUIRE(TRY(mcl_message_decode(type, packed, size, &again, &error)) == 0);
    REQUIRE(TRY(mcl_message_encode(again, out.end - size, size, &size2, &error)) == 0);
    REQUIRE(size == size2 && memcmp(packed, out.end - size, size) == 0);
    REQUIRE(mcl_message_close(again) == 0);
}

static void try_decode(const void *bytes, size_t size)
{
    mcl_message *m;
    if (TRY(mcl_message_decode(type, bytes, size, &m, &error)) < 0)
        return;
    read_all(m);
    round_trip(m);
    REQUIRE(mcl_message_close(m) == 0);
}

static void try_set_packed(const void *bytes, size_t size)
{
    mcl_message *m;
    size_t needed;
    REQUIRE(TRY(mcl_message_new(type, &m, &error)) == 0);
    if (TRY(mcl_message_set_packed(m, "x", MCL_NUL, bytes, size, &error)) == 0) {
        REQUIRE(TRY(mcl_message_get_packed(m, "x", 1, out.end - size, size, &needed, &error)) == 0);
        REQUIRE(needed == size && memcmp(out.end - size, bytes, size) == 0);
        read_all(m);
        round_trip(m);
    }
    REQUIRE(mcl_message_close(m) == 0);
}

/* The first byte is how long the key is. */
static void try_set(const char *bytes, size_t size)
{
    mcl_message *m;
    size_t key_size = size > 0 ? (unsigned char)bytes[0] % size : 0, needed;
    REQUIRE(TRY(mcl_message_new(type, &m, &error)) == 0);
    for (int form = 0; form < 2; form++) {
        const char *key = copy_to(&in2, bytes + (size > 0), key_size), *value = bytes + (size > 0) + key_size;
        size_t value_size = size - (size > 0) - key_size;
        int code = form == 0 ? TRY(mcl_message_set_string(m, key, key_size, value, value_size, &error))
                             : TRY(mcl_message_set_bytes(m, key, key_size, value, value_size, &error));
        if (code < 0)
            continue;
        REQUIRE(TRY(mcl_message_get_bytes(m, key, key_size, out.end - value_size, value_size, &needed, &error)) == 0);
        REQUIRE(needed == value_size && memcmp(out.end - value_size, value, value_size) == 0);
        read_all(m);
        round_trip(m);
    }
    REQUIRE(mcl_message_close(m) == 0);
}

/* ---- The network ---- */

/* Receives one message, first with no room, then with exactly enough. */
static void receive(mcl_received *r)
{
    size_t needed = 0;
    int code;
    do /* libFuzzer has a timer whose signal ends a wait */
        code = TRY(mcl_listener_recv(listener, PATIENCE_MS, r, NULL, 0, &needed, &error));
    while (code == MCL_EINTR);
    REQUIRE(code == MCL_EBUFFER && needed <= EDGE_SIZE);
    REQUIRE(TRY(mcl_listener_recv(listener, 0, r, out.end - needed, needed, NULL, &error)) == 1);
    REQUIRE(r->payload_size + r->topic_size <= needed);
}

static void settled(void)
{
    mcl_listener_stats s = {.size = sizeof s};
    REQUIRE(TRY(mcl_listener_get_stats(listener, &s, &error)) == 0);
    uint64_t datagrams = s.filtered + s.repeated + s.evicted + s.assembling + s.joined;
    for (int i = 0; i < MCL_MALFORMED_COUNT; i++)
        datagrams += s.malformed[i];
    REQUIRE(s.datagrams == datagrams);
    REQUIRE(s.messages == s.delivered + s.rejected + s.dropped_queue + s.discarded + s.queued);
    REQUIRE(s.assembling_bytes <= 1 << 20);
}

/* The first byte is how long the topic is. */
static void try_publish(const char *bytes, size_t size)
{
    mcl_received r;
    size_t topic_size = size > 0 ? (unsigned char)bytes[0] % size : 0;
    const char *topic = copy_to(&in2, bytes + (size > 0), topic_size), *payload = bytes + (size > 0) + topic_size;
    size -= (size > 0) + topic_size;
    if (TRY(mcl_broadcaster_publish(broadcaster, topic, topic_size, payload, size, &error)) == 0) {
        receive(&r);
        REQUIRE(r.topic_size == topic_size && memcmp(r.topic, topic, topic_size) == 0);
        REQUIRE(r.payload_size == size && memcmp(r.payload, payload, size) == 0);
        try_decode(copy_to(&in2, r.payload, size), size);
    }
    REQUIRE(TRY(mcl_broadcaster_publish_string(broadcaster, NULL, 0, payload, size, &error)) == 0);
    receive(&r);
    REQUIRE(r.topic == NULL && r.payload_size >= size + 1);
    REQUIRE(memcmp((const char *)r.payload + r.payload_size - size, payload, size) == 0);
    REQUIRE(TRY(mcl_broadcaster_publish_bytes(broadcaster, "t", 1, payload, size, &error)) == 0);
    receive(&r);
    REQUIRE(memcmp((const char *)r.payload + r.payload_size - size, payload, size) == 0);
    settled();
}

/* Many at once: each behind a byte that is its size. */
static void try_publish_many(const char *bytes, size_t size)
{
    enum { MANY = 200 };
    mcl_item items[MANY];
    mcl_received r;
    size_t count = 0, sent = MANY;
    for (size_t at = 0; at < size && count < MANY; count++) {
        size_t one = (unsigned char)bytes[at++];
        one = one < size - at ? one : size - at;
        items[count] = (mcl_item){count % 2 ? NULL : "many", MCL_NUL, bytes + at, one};
        at += one;
    }
    int code = TRY(mcl_broadcaster_publish_many(broadcaster, items, count, &sent, &error));
    REQUIRE(code < 0 ? sent == 0 : sent == count);
    for (size_t i = 0; i < sent; i++) {
        receive(&r);
        REQUIRE((r.topic == NULL) == (items[i].topic == NULL));
        REQUIRE(r.payload_size == items[i].payload_size && memcmp(r.payload, items[i].payload, r.payload_size) == 0);
    }
    settled();
}

/* A datagram as it is, and then a healthy message, which arrives. */
static void try_datagram(const char *bytes, size_t size)
{
    mcl_received r;
    static unsigned number;
    REQUIRE(send(plain, bytes, size, 0) == (ssize_t)size);
    REQUIRE(TRY(mcl_broadcaster_publish_uint(broadcaster, "healthy", 7, 1000 + number % 60000, &error)) == 0);
    unsigned char want[3] = {0xcd, (unsigned char)((1000 + number % 60000) >> 8), (unsigned char)(1000 + number % 60000)};
    number++;
    do
        receive(&r);
    while (r.payload_size != 3 || memcmp(r.payload, want, 3) != 0);
    settled();
}

/* ---- Logs ---- */

static const char *in_folder(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int read_entry(mcl_log_reader *reader, mcl_log_record *entry)
{
    size_t needed = 0;
    int code = TRY(mcl_log_reader_read(reader, entry, 1, NULL, 0, &needed, &error));
    if (code != MCL_EBUFFER)
        return code;
    REQUIRE(needed <= EDGE_SIZE);
    return TRY(mcl_log_reader_read(reader, entry, 1, out.end - needed, needed, NULL, &error));
}

/* Reads all, and again from the beginning. Returns how many lines there were, entries or not. */
static int read_twice(mcl_log_reader *reader)
{
    mcl_log_record entry;
    int counts[2] = {0, 0}, code;
    for (int i = 0; i < 2; i++) {
        while ((code = read_entry(reader, &entry)) == 1 || code == MCL_EFORMAT)
            counts[i]++;
        REQUIRE(code == 0);
        REQUIRE(TRY(mcl_log_reader_reset(reader, &error)) == 0);
    }
    REQUIRE(counts[0] == counts[1]);
    return counts[0];
}

/* Gives a header, with what it points to at the end of `out`; returns 0 when there is none of that index. */
static int read_header(mcl_log_reader *reader, size_t index, mcl_log_header *header)
{
    size_t needed;
    header->size = sizeof *header;
    int code = TRY(mcl_log_reader_get_header(reader, index, header, NULL, 0, &needed, &error));
    if (code == MCL_EUNKNOWN)
        return 0;
    REQUIRE(code == MCL_EBUFFER && needed <= EDGE_SIZE);
    REQUIRE(TRY(mcl_log_reader_get_header(reader, index, header, out.end - needed, needed, &needed, &error)) == 0);
    return 1;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
}

static void try_log_file(const char *bytes, size_t size)
{
    mcl_log_reader *reader;
    mcl_log_header header;
    uint64_t torn;
    write_file(in_folder("read.log"), bytes, size);
    if (TRY(mcl_log_reader_open(in_folder("read.log"), NULL, &reader, &error)) == 0) {
        read_twice(reader);
        read_header(reader, 0, &header);
        REQUIRE(TRY(mcl_log_reader_torn(reader, &torn, &error)) == 0);
        REQUIRE(mcl_log_reader_close(reader) == 0);
    }
    unlink(in_folder("read.log"));
}

/* Makes files of names and contents in turn, each of which ends in NUL. Returns if none may be a later one of a split log. */
static int fill_directory(const char *bytes, size_t size)
{
    int single = 1;
    REQUIRE(mkdir(in_folder("logs"), 0700) == 0);
    for (size_t at = 0; at < size;) {
        char name[NAME_MAX + 1];
        size_t name_size = strnlen(bytes + at, size - at);
        snprintf(name, sizeof name, "logs/%.*s", (int)name_size, bytes + at);
        at += name_size < size - at ? name_size + 1 : name_size;
        size_t content_size = strnlen(bytes + at, size - at);
        if (name_size > 0 && strchr(name + 5, '/') == NULL && strcmp(name + 5, ".") != 0 && strcmp(name + 5, "..") != 0)
            write_file(in_folder(name), bytes + at, content_size);
        single = single && strchr(name, '_') == NULL;
        at += content_size < size - at ? content_size + 1 : content_size;
    }
    return single;
}

static void remove_directory(void)
{
    DIR *logs = opendir(in_folder("logs"));
    for (struct dirent *entry; logs != NULL && (entry = readdir(logs)) != NULL;)
        unlinkat(dirfd(logs), entry->d_name, 0); /* not "." and ".." */
    closedir(logs);
    REQUIRE(rmdir(in_folder("logs")) == 0);
}

/* A directory has what its logs have when each is read alone. */
static void try_log_directory(const char *bytes, size_t size)
{
    mcl_log_reader *reader, *one;
    mcl_log_reader_options no_raw = MCL_LOG_READER_OPTIONS_INIT;
    mcl_log_header header;
    uint64_t torn;
    int single = fill_directory(bytes, size);
    no_raw.refuse_raw = MCL_ON;
    int code = TRY(mcl_log_reader_open_directory(in_folder("logs"), NULL, &reader, &error));
    if (code == 0) {
        int lines = read_twice(reader), alone = 0;
        for (size_t i = 0; read_header(reader, i, &header); i++) {
            REQUIRE(header.type_name[0] != 0);
            REQUIRE(TRY(mcl_log_reader_open(header.path, NULL, &one, &error)) == 0);
            alone += read_twice(one);
            REQUIRE(mcl_log_reader_close(one) == 0);
        }
        REQUIRE(single ? lines == alone : lines >= alone);
        REQUIRE(TRY(mcl_log_reader_torn(reader, &torn, &error)) == 0);
        REQUIRE(mcl_log_reader_close(reader) == 0);
    }
    int strictly = TRY(mcl_log_reader_open_directory(in_folder("logs"), &no_raw, &reader, &error));
    REQUIRE(strictly == code || strictly == MCL_ETYPE);
    if (strictly == 0)
        REQUIRE(mcl_log_reader_close(reader) == 0);
    remove_directory();
}

/* The first byte is how long the topic is, the next is for the time. */
static void try_log_write(const char *bytes, size_t size)
{
    mcl_log_writer *writer;
    mcl_log_reader *reader;
    mcl_log_record entry;
    if (size < 2)
        return;
    size_t topic_size = (unsigned char)bytes[0] % (size - 1);
    int64_t time = (int64_t)((uint64_t)(unsigned char)bytes[1] << 55);
    const char *topic = copy_to(&in2, bytes + 2, topic_size), *payload = bytes + 2 + topic_size;
    size -= 2 + topic_size;
    REQUIRE(TRY(mcl_log_writer_open(in_folder("written"), NULL, &writer, &error)) == 0);
    int code = TRY(mcl_log_writer_write(writer, topic, topic_size, payload, size, time, &error));
    REQUIRE(TRY(mcl_log_writer_close(writer, NULL, &error)) == 0);
    if (code == 0) {
        REQUIRE(TRY(mcl_log_reader_open(in_folder("written"), NULL, &reader, &error)) == 0);
        REQUIRE(read_entry(reader, &entry) == 1 && entry.elapsed == 0);
        REQUIRE(entry.topic_size == topic_size && memcmp(entry.topic, topic, topic_size) == 0);
        REQUIRE(entry.payload_size == size && memcmp(entry.payload, payload, size) == 0);
        REQUIRE(read_entry(reader, &entry) == 0);
        REQUIRE(mcl_log_reader_close(reader) == 0);
        REQUIRE(unlink(in_folder("written.log")) == 0);
    }
}

static void try_push(const char *bytes, size_t size)
{
    mcl_replay *replay;
    mcl_received r;
    mcl_replay_options quiet = MCL_REPLAY_OPTIONS_INIT;
    mcl_replay_stats s = {.size = sizeof s};
    size_t topic_size = size > 0 ? (unsigned char)bytes[0] % size : 0;
    mcl_log_record entry = {0, copy_to(&in2, bytes + (size > 0), topic_size), topic_size,
                            bytes + (size > 0) + topic_size, size - (size > 0) - topic_size, ""};
    quiet.quiet = MCL_ON;
    REQUIRE(TRY(mcl_replay_open(NULL, 0, &quiet, &replay, &error)) == 0);
    REQUIRE(TRY(mcl_replay_target(replay, "", broadcaster, &error)) == 0);
    int code = TRY(mcl_replay_push(replay, &entry, 0, &error));
    REQUIRE(TRY(mcl_replay_end(replay, &error)) == 0);
    REQUIRE(TRY(mcl_replay_start(replay, &error)) == 1);
    int finished;
    do
        finished = TRY(mcl_replay_wait(replay, PATIENCE_MS, &error));
    while (finished == MCL_EINTR);
    REQUIRE(finished == 1);
    REQUIRE(mcl_replay_close(replay, &s) == 0);
    REQUIRE(s.read == s.published + s.errors + s.buffered + s.discarded && s.buffered == 0);
    if (code == 1 && s.published == 1) {
        receive(&r);
        REQUIRE(r.topic_size == topic_size && memcmp(r.topic, entry.topic, topic_size) == 0);
        REQUIRE(r.payload_size == entry.payload_size && memcmp(r.payload, entry.payload, r.payload_size) == 0);
    }
}

/* ---- Names and addresses ---- */

/* The bytes as texts that end in NUL: an address, and names of types, keys, topics and interfaces. */
static void try_texts(const char *bytes, size_t size)
{
    mcl_connection c = MCL_CONNECTION_INIT;
    mcl_type *made;
    mcl_listener *l;
    mcl_listener_options options = MCL_LISTENER_OPTIONS_INIT;
    char text[256];
    size = size < 255 ? size : 255;
    if (size > 0)
        memcpy(text, bytes, size);
    text[size] = 0;
    const char *all = copy_to(&in2, text, size + 1), *rest = all + strlen(all);
    rest += rest < all + size; /* what is behind the first NUL */
    const char *const keys[] = {all, rest};
    size_t sizes[] = {MCL_NUL, strlen(rest)};

    c.url = all;
    c.interface_ = rest;
    TRY(mcl_connection_check(&c, &error));
    c.url = GROUP;
    TRY(mcl_connection_check(&c, &error));
    c.interface_ = NULL;
    if (TRY(mcl_type_new(all, keys, 2, &c, &made, &error)) == 0) {
        size_t needed;
        REQUIRE(TRY(mcl_type_name(made, NULL, 0, &needed, &error)) == MCL_EBUFFER);
        REQUIRE(TRY(mcl_type_name(made, out.end - needed, needed, NULL, &error)) == 0);
        REQUIRE(strcmp(out.end - needed, all) == 0);
        REQUIRE(TRY(mcl_type_mandatory(made, NULL, 0, &needed, &error)) == MCL_EBUFFER);
        REQUIRE(TRY(mcl_type_mandatory(made, out.end - needed, needed, NULL, &error)) == 2);
        REQUIRE(mcl_type_close(made) == 0);
    }
    REQUIRE(TRY(mcl_type_find(all, &made, &error)) == MCL_EUNKNOWN);
    REQUIRE(TRY(mcl_type_remove(all, &error)) == MCL_EUNKNOWN);
    options.topics = keys;
    options.topic_sizes = sizes;
    options.topic_count = 2;
    options.quiet = MCL_ON;
    REQUIRE(TRY(mcl_listener_open(&c, &options, &l, &error)) == 0);
    REQUIRE(mcl_listener_close(l, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size == 0 || size > 4096)
        return 0;
    open_all();
    const char *bytes = copy_to(&in, data + 1, size - 1);
    size--;
    switch (data[0] % 16) { /* so that inputs keep their meaning when another is added */
    case 0: try_decode(bytes, size); break;
    case 1: try_set_packed(bytes, size); break;
    case 2: try_set(bytes, size); break;
    case 3: try_publish(bytes, size); break;
    case 4: try_datagram(bytes, size); break;
    case 5: try_log_file(bytes, size); break;
    case 6: try_log_write(bytes, size); break;
    case 7: try_push(bytes, size); break;
    case 8: try_texts(bytes, size); break;
    case 9: try_publish_many(bytes, size); break;
    case 10: try_log_directory(bytes, size); break;
    default: return -1;
    }
    return 0;
}
