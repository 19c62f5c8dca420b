/* peer.c - the peer in C: see README.md for what it reads and writes.
 *
 *     peer publish|listen ADDRESS TYPED_ADDRESS PORT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mclw.h"

#define SHOWN 5000 /* bytes: larger raw payloads are shown by their size and checksum only */

static void check(int code, const mcl_error *error)
{
    if (code < 0) {
        fprintf(stderr, "peer: %s\n", error->text);
        exit(1);
    }
}

static void *memory(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

/* ---- What listeners show ---- */

static uint32_t crc_table[256]; /* CRC-32 as zlib has it */

static void make_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        crc_table[i] = c;
    }
}

static uint32_t crc32(const unsigned char *data, size_t size)
{
    uint32_t c = 0xffffffffu;

    while (size-- > 0)
        c = crc_table[(c ^ *data++) & 255] ^ c >> 8;
    return ~c;
}

static void put_hex(const void *data, size_t size)
{
    const unsigned char *bytes = data;

    while (size-- > 0)
        printf("%02x", *bytes++);
}

static void show(void *name, const mcl_received *record)
{
    flockfile(stdout); /* two listeners are at it */
    printf("%s ", (const char *)name);
    if (record->topic == NULL) {
        putchar('-');
    } else {
        putchar('=');
        put_hex(record->topic, record->topic_size);
    }
    printf(" %zu %08" PRIx32 " ", record->payload_size, crc32(record->payload, record->payload_size));
    if (strcmp(name, "typed") != 0 && record->payload_size > SHOWN)
        putchar('*');
    else
        put_hex(record->payload, record->payload_size);
    putchar('\n');
    fflush(stdout);
    funlockfile(stdout);
}

static int listen_on(const mcl_connection *connection, mcl_type *type)
{
    mcl_callback raw_callback = {"raw", show, NULL}, typed_callback = {"typed", show, NULL};
    mcl_listener_options options = MCL_LISTENER_OPTIONS_INIT;
    mcl_listener *raw, *typed;
    mcl_error error;

    check(mcl_listener_open(connection, NULL, &raw, &error), &error);
    options.type = type;
    options.queued = MCL_ON; /* so that both ways of delivering are tested */
    check(mcl_listener_open(NULL, &options, &typed, &error), &error);
    check(mcl_listener_subscribe(raw, &raw_callback, NULL, &error), &error);
    check(mcl_listener_subscribe(typed, &typed_callback, NULL, &error), &error);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    mcl_listener_close(raw, NULL);
    mcl_listener_close(typed, NULL);
    return 0;
}

/* ---- What publishers are asked ---- */

struct bytes {
    unsigned char *data;
    size_t size;
};

static struct bytes from_hex(const char *text)
{
    struct bytes b = {memory(malloc(strlen(text) / 2 + 1)), strlen(text) / 2};

    for (size_t i = 0; i < b.size; i++) {
        unsigned byte;

        sscanf(text + 2 * i, "%2x", &byte);
        b.data[i] = (unsigned char)byte;
    }
    return b;
}

static struct bytes pattern(size_t size)
{
    struct bytes b = {memory(malloc(size + 1)), size};

    for (size_t i = 0; i < size; i++)
        b.data[i] = (unsigned char)(7 * i + i / 251);
    return b;
}

static int publish_message(mcl_broadcaster *broadcaster, mcl_type *type, const char *topic, size_t topic_size,
                           const struct bytes *packed, mcl_error *error)
{
    mcl_message *message;
    int code = mcl_message_decode(type, packed->data, packed->size, &message, error);

    if (code < 0)
        return code;
    code = mcl_broadcaster_publish_message(broadcaster, topic, topic_size, message, error);
    mcl_message_close(message);
    return code;
}

struct broadcasters {
    mcl_broadcaster *raw, *typed, *misfits;
    mcl_type *type;
};

static int publish_value(const struct broadcasters *to, const char *topic, size_t size, const char *kind,
                         const char *word, mcl_error *error)
{
    struct bytes b = {NULL, 0};
    int code;

    if (strcmp(kind, "nil") == 0)
        return mcl_broadcaster_publish_nil(to->raw, topic, size, error);
    if (strcmp(kind, "bool") == 0)
        return mcl_broadcaster_publish_bool(to->raw, topic, size, strcmp(word, "true") == 0, error);
    if (strcmp(kind, "int") == 0)
        return mcl_broadcaster_publish_int(to->raw, topic, size, strtoll(word, NULL, 10), error);
    if (strcmp(kind, "uint") == 0)
        return mcl_broadcaster_publish_uint(to->raw, topic, size, strtoull(word, NULL, 10), error);
    if (strcmp(kind, "double") == 0) {
        uint64_t bits = strtoull(word, NULL, 16);
        double value;

        memcpy(&value, &bits, sizeof value);
        return mcl_broadcaster_publish_double(to->raw, topic, size, value, error);
    }
    b = strcmp(kind, "pattern") == 0 ? pattern(strtoull(word, NULL, 10)) : from_hex(word);
    if (strcmp(kind, "bytes") == 0)
        code = mcl_broadcaster_publish_bytes(to->raw, topic, size, b.data, b.size, error);
    else if (strcmp(kind, "packed") == 0)
        code = mcl_broadcaster_publish(to->raw, topic, size, b.data, b.size, error);
    else if (strcmp(kind, "message") == 0)
        code = publish_message(to->typed, to->type, topic, size, &b, error);
    else if (strcmp(kind, "misfit") == 0)
        code = mcl_broadcaster_publish(to->misfits, topic, size, b.data, b.size, error);
    else
        code = mcl_broadcaster_publish_string(to->raw, topic, size, (const char *)b.data, b.size, error);
    free(b.data);
    return code;
}

static int publish_on(const mcl_connection *connection, const mcl_connection *typed_connection, mcl_type *type)
{
    mcl_broadcaster_options options = MCL_BROADCASTER_OPTIONS_INIT;
    struct broadcasters to = {.type = type};
    mcl_error error;
    char *line = NULL;
    size_t capacity = 0;

    check(mcl_broadcaster_open(connection, NULL, &to.raw, &error), &error);
    check(mcl_broadcaster_open(typed_connection, NULL, &to.misfits, &error), &error);
    options.type = type;
    check(mcl_broadcaster_open(NULL, &options, &to.typed, &error), &error);
    while (getline(&line, &capacity, stdin) > 0) { /* publish TOPIC KIND VALUE */
        char *topic, *kind, *word;
        struct bytes decoded;

        line[strcspn(line, "\n")] = '\0';
        strtok(line, " ");
        topic = memory(strtok(NULL, " "));
        kind = memory(strtok(NULL, " "));
        word = strtok(NULL, ""); /* nothing for an empty string */
        decoded = from_hex(topic + 1);
        if (publish_value(&to, *topic == '-' ? NULL : (const char *)decoded.data, decoded.size, kind,
                          word == NULL ? "" : word, &error) < 0)
            printf("failed %s\n", error.text);
        else
            puts("sent");
        fflush(stdout);
        free(decoded.data);
    }
    free(line);
    mclw_close(&to.raw);
    mclw_close(&to.typed);
    mclw_close(&to.misfits);
    return 0;
}

int main(int argc, char **argv)
{
    mcl_connection connection = MCL_CONNECTION_INIT, typed_connection = MCL_CONNECTION_INIT;
    static const char *const keys[] = {"x", "y"};
    mcl_type *type;
    mcl_error error;

    if (argc != 5) {
        fprintf(stderr, "usage: peer publish|listen ADDRESS TYPED_ADDRESS PORT\n");
        return 2;
    }
    make_crc_table();
    connection.url = argv[2];
    typed_connection.url = argv[3];
    connection.port = typed_connection.port = atoi(argv[4]);
    check(mcl_type_define("Pose", keys, 2, &typed_connection, &type, &error), &error);
    return strcmp(argv[1], "publish") == 0 ? publish_on(&connection, &typed_connection, type)
                                           : listen_on(&connection, type);
}
