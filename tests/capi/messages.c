/* Messages: setting, getting, encoding, by every kind. */
#include "test.h"

#include <math.h>

static mcl_type *type;

static void checked(void)
{
    MUST(mcl_packed_check("\x92\1\2", 3, &error));
    FAILS(MCL_EFORMAT, mcl_packed_check("\x92\1", 2, &error));
    SAYS("cut short");
    FAILS(MCL_EFORMAT, mcl_packed_check("\1\2", 2, &error));
    SAYS("follow");
    FAILS(MCL_EFORMAT, mcl_packed_check(NULL, 0, &error));
    FAILS(MCL_EINVAL, mcl_packed_check(NULL, 1, &error));
    static uint8_t nan[3 + 256 * 10] = {0xde, 1, 0}; /* whose hashes are equal */
    for (int i = 0; i < 256; i++)
        memcpy(nan + 3 + 10 * i, (uint8_t[]){0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, (uint8_t)i, 0xc0}, 10);
    FAILS(MCL_EFORMAT, mcl_packed_check(nan, sizeof nan, &error));
    SAYS("keys");
    SAYS("array of pairs");
}

static void every_kind_comes_back(void)
{
    mcl_message *m;
    int yes = 5;
    int64_t i;
    uint64_t u;
    double d;
    char buffer[64];
    size_t needed;
    MUST(mcl_message_new(type, &m, &error));
    EQUAL(4, mcl_message_count(m, &error));
    EQUAL(MCL_KIND_NIL, mcl_message_kind(m, "speed", MCL_NUL, &error));
    EQUAL(MCL_KIND_STRING, mcl_message_kind(m, "name", 4, &error));
    EQUAL(MCL_KIND_DOUBLE, mcl_message_kind(m, "timestamp", MCL_NUL, &error));

    MUST(mcl_message_set_nil(m, "nil", 3, &error));
    MUST(mcl_message_set_bool(m, "bool", 4, 7, &error));
    MUST(mcl_message_set_int(m, "int", 3, INT64_MIN, &error));
    MUST(mcl_message_set_uint(m, "uint", 4, UINT64_MAX, &error));
    MUST(mcl_message_set_double(m, "double", 6, -0.5, &error));
    MUST(mcl_message_set_string(m, "string", 6, "grüß", MCL_NUL, &error));
    MUST(mcl_message_set_bytes(m, "bytes", 5, "a\0b", 3, &error));
    MUST(mcl_message_set_packed(m, "array", 5, "\x92\x01\x02", 3, &error));
    MUST(mcl_message_set_packed(m, "map", 3, "\x81\xa1k\xc3", 4, &error));
    MUST(mcl_message_set_packed(m, "ext", 3, "\xd4\x05x", 3, &error));
    MUST(mcl_message_set_string(m, "empty", 5, NULL, 0, &error));
    MUST(mcl_message_set_bytes(m, "no bytes", 8, NULL, 0, &error));
    MUST(mcl_message_set_int(m, "k\0y", 3, 1, &error));
    EQUAL(17, mcl_message_count(m, &error));

    EQUAL(MCL_KIND_NIL, mcl_message_kind(m, "nil", 3, &error));
    EQUAL(MCL_KIND_BOOL, mcl_message_kind(m, "bool", 4, &error));
    EQUAL(MCL_KIND_INT, mcl_message_kind(m, "int", 3, &error));
    EQUAL(MCL_KIND_UINT, mcl_message_kind(m, "uint", 4, &error));
    EQUAL(MCL_KIND_DOUBLE, mcl_message_kind(m, "double", 6, &error));
    EQUAL(MCL_KIND_STRING, mcl_message_kind(m, "string", 6, &error));
    EQUAL(MCL_KIND_BYTES, mcl_message_kind(m, "bytes", 5, &error));
    EQUAL(MCL_KIND_ARRAY, mcl_message_kind(m, "array", 5, &error));
    EQUAL(MCL_KIND_MAP, mcl_message_kind(m, "map", 3, &error));
    EQUAL(MCL_KIND_EXT, mcl_message_kind(m, "ext", 3, &error));
    EQUAL(MCL_KIND_STRING, mcl_message_kind(m, "empty", 5, &error));
    EQUAL(MCL_KIND_BYTES, mcl_message_kind(m, "no bytes", 8, &error));
    EQUAL(MCL_KIND_UINT, mcl_message_kind(m, "k\0y", 3, &error));
    FAILS(MCL_EUNKNOWN, mcl_message_kind(m, "k", 1, &error));

    MUST(mcl_message_get_bool(m, "bool", 4, &yes, &error));
    EQUAL(1, yes);
    MUST(mcl_message_get_int(m, "int", 3, &i, &error));
    CHECK(i == INT64_MIN);
    MUST(mcl_message_get_uint(m, "uint", 4, &u, &error));
    CHECK(u == UINT64_MAX);
    MUST(mcl_message_get_double(m, "double", 6, &d, &error));
    CHECK(d == -0.5);
    MUST(mcl_message_get_double(m, "int", 3, &d, &error));
    CHECK(d == -9223372036854775808.0);
    MUST(mcl_message_get_string(m, "string", 6, buffer, sizeof buffer, &needed, &error));
    CHECK(needed == 6 && memcmp(buffer, "grüß", 6) == 0);
    MUST(mcl_message_get_bytes(m, "bytes", 5, buffer, sizeof buffer, &needed, &error));
    CHECK(needed == 3 && memcmp(buffer, "a\0b", 3) == 0);
    MUST(mcl_message_get_string(m, "bytes", 5, buffer, sizeof buffer, &needed, &error));
    EQUAL(3, needed);
    MUST(mcl_message_get_bytes(m, "string", 6, buffer, sizeof buffer, &needed, &error));
    EQUAL(6, needed);
    MUST(mcl_message_get_packed(m, "array", 5, buffer, sizeof buffer, &needed, &error));
    CHECK(needed == 3 && memcmp(buffer, "\x92\x01\x02", 3) == 0);
    MUST(mcl_message_get_string(m, "empty", 5, NULL, 0, &needed, &error));
    EQUAL(0, needed);

    /* What does not fit, or is of another kind. */
    i = 3, u = 3, d = 3, yes = 3;
    FAILS(MCL_ETYPE, mcl_message_get_int(m, "uint", 4, &i, &error));
    FAILS(MCL_ETYPE, mcl_message_get_uint(m, "int", 3, &u, &error));
    FAILS(MCL_ETYPE, mcl_message_get_double(m, "bool", 4, &d, &error));
    FAILS(MCL_ETYPE, mcl_message_get_bool(m, "int", 3, &yes, &error));
    FAILS(MCL_ETYPE, mcl_message_get_string(m, "map", 3, buffer, sizeof buffer, &needed, &error));
    SAYS("map");
    FAILS(MCL_ETYPE, mcl_message_get_bytes(m, "nil", 3, buffer, sizeof buffer, &needed, &error));
    FAILS(MCL_EUNKNOWN, mcl_message_get_int(m, "no such", 7, &i, &error));
    SAYS("no such");
    CHECK(i == 3 && u == 3 && d == 3 && yes == 3);
    FAILS(MCL_EFORMAT, mcl_message_set_packed(m, "k", 1, "\x92\x01", 2, &error));
    FAILS(MCL_EFORMAT, mcl_message_set_packed(m, "k", 1, "", 0, &error));
    FAILS(MCL_EFORMAT, mcl_message_set_packed(m, "k", 1, "\x01\x02", 2, &error));
    FAILS(MCL_EINVAL, mcl_message_set_string(m, "name", 4, "X", 1, &error));
    FAILS(MCL_EINVAL, mcl_message_set_int(m, NULL, 1, 1, &error));
    FAILS(MCL_EINVAL, mcl_message_set_int(m, NULL, MCL_NUL, 1, &error));
    FAILS(MCL_EINVAL, mcl_message_set_int(m, "k", MCL_NUL - 1, 1, &error));
    FAILS(MCL_EINVAL, mcl_message_set_string(m, "k", 1, NULL, 1, &error));
    FAILS(MCL_EINVAL, mcl_message_set_bytes(m, "k", 1, NULL, 1, &error));
    FAILS(MCL_EINVAL, mcl_message_get_int(m, "int", 3, NULL, &error));
    MUST(mcl_message_close(m));
}

static void buffers(void)
{
    mcl_message *m;
    char buffer[256], exact[256];
    size_t needed = 0, size;
    MUST(mcl_message_new(type, &m, &error));
    MUST(mcl_message_set_string(m, "speed", 5, "0123456789", 10, &error));
    memset(buffer, '#', sizeof buffer);
    FAILS(MCL_EBUFFER, mcl_message_get_string(m, "speed", 5, buffer, 9, &needed, &error));
    EQUAL(10, needed);
    CHECK(buffer[9] == '#');
    MUST(mcl_message_get_string(m, "speed", 5, buffer, 10, &needed, &error));
    CHECK(memcmp(buffer, "0123456789#", 11) == 0);
    MUST(mcl_message_get_string(m, "speed", 5, buffer, 10, NULL, &error));

    FAILS(MCL_EBUFFER, mcl_message_encode(m, NULL, 0, &size, &error));
    CHECK(size > 30 && size < sizeof buffer);
    FAILS(MCL_EBUFFER, mcl_message_encode(m, buffer, size - 1, &needed, &error));
    memset(exact, '#', sizeof exact);
    MUST(mcl_message_encode(m, exact, size, &needed, &error));
    CHECK(needed == size && exact[size] == '#');

    /* And back. */
    mcl_message *copy;
    MUST(mcl_message_decode(type, exact, size, &copy, &error));
    EQUAL(4, mcl_message_count(copy, &error));
    MUST(mcl_message_encode(copy, buffer, sizeof buffer, &needed, &error));
    CHECK(needed == size && memcmp(buffer, exact, size) == 0);
    MUST(mcl_message_close(copy));

    /* Keys by index. */
    MUST(mcl_message_key(m, 0, buffer, sizeof buffer, &needed, &error));
    CHECK(needed == 5 && memcmp(buffer, "speed", 5) == 0);
    FAILS(MCL_EBUFFER, mcl_message_key(m, 0, buffer, 4, &needed, &error));
    EQUAL(5, needed);
    FAILS(MCL_EINVAL, mcl_message_key(m, 4, buffer, sizeof buffer, &needed, &error));
    FAILS(MCL_EINVAL, mcl_message_key(m, SIZE_MAX, buffer, sizeof buffer, &needed, &error));

    /* JSON. */
    MUST(mcl_message_set_bytes(m, "bin", 3, "\0\1\2", 3, &error));
    MUST(mcl_message_set_double(m, "nan", 3, NAN, &error));
    MUST(mcl_message_set_string(m, "latin", 5, "\xe9", 1, &error));
    FAILS(MCL_EBUFFER, mcl_message_json(m, buffer, 10, &needed, &error));
    MUST(mcl_message_json(m, buffer, sizeof buffer, &needed, &error));
    buffer[needed] = 0;
    CHECK(buffer[0] == '{' && buffer[needed - 1] == '}');
    CHECK(strstr(buffer, "\"AAEC\"") != NULL);
    CHECK(strstr(buffer, "null") != NULL);
    CHECK(strstr(buffer, "\xef\xbf\xbd") != NULL || strstr(buffer, "\\ufffd") != NULL);
    MUST(mcl_message_close(m));
}

static void stamps(void)
{
    mcl_message *m;
    double first, second;
    MUST(mcl_message_new(type, &m, &error));
    MUST(mcl_message_get_double(m, "timestamp", 9, &first, &error));
    CHECK(fabs(first - (double)time(NULL)) < 10);
    MUST(mcl_message_set_int(m, "speed", 5, 1, &error));
    MUST(mcl_message_get_double(m, "timestamp", 9, &second, &error));
    CHECK(first == second);
    struct timespec tick = {0, 1000000};
    nanosleep(&tick, NULL); /* so that there is another time to stamp */
    MUST(mcl_message_touch(m, &error));
    MUST(mcl_message_get_double(m, "timestamp", 9, &second, &error));
    CHECK(second > first);
    MUST(mcl_message_close(m));
}

static void decoding(void)
{
    mcl_message *m;
    FAILS(MCL_EFORMAT, mcl_message_decode(type, "\xc0", 1, &m, &error));
    FAILS(MCL_EFORMAT, mcl_message_decode(type, "", 0, &m, &error));
    FAILS(MCL_EFORMAT, mcl_message_decode(type, "\x82\xa1" "a", 3, &m, &error));
    FAILS(MCL_EFORMAT, mcl_message_decode(type, "\x80\x80", 2, &m, &error));
    FAILS(MCL_ETYPE, mcl_message_decode(type, "\x81\xa5speed\x01", 8, &m, &error));
    SAYS("altitude");
    FAILS(MCL_ETYPE, mcl_message_decode(type, "\x83\xa5speed\x01\xa8" "altitude\x02\xa4name\xa4" "Boat", 28, &m, &error));
    SAYS("Boat");
    FAILS(MCL_EINVAL, mcl_message_decode(type, NULL, 1, &m, &error));
    FAILS(MCL_EINVAL, mcl_message_decode(type, "\x80", 1, NULL, &error));
    FAILS(MCL_EINVAL, mcl_message_new(type, NULL, &error));
    /* A key that is no string is given as its msgpack. */
    char buffer[16];
    size_t needed;
    MUST(mcl_message_decode(type, "\x83\xa5speed\x01\xa8" "altitude\x02\xcd\x01\x02\x03", 22, &m, &error));
    EQUAL(5, mcl_message_count(m, &error));
    MUST(mcl_message_key(m, 2, buffer, sizeof buffer, &needed, &error));
    CHECK(needed == 3 && memcmp(buffer, "\xcd\x01\x02", 3) == 0);
    /* Type and message each have a life of their own. */
    MUST(mcl_type_close(type));
    EQUAL(5, mcl_message_count(m, &error));
    MUST(mcl_message_close(m));
}

int main(void)
{
    mcl_connection c = group();
    MUST(mcl_type_define("Plane", (const char *[]){"speed", "altitude"}, 2, &c, &type, &error));
    every_kind_comes_back();
    buffers();
    stamps();
    decoding();
    checked();
    return report("messages");
}
