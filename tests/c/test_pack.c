/* Packing gives exactly the bytes of the msgpack specification, in the shortest form, and a failure sticks. */
#include "check.h"
#include "hook.h"

static mclw_buffer buffer;

/* What has been packed, as hexadecimal; empties the buffer. */
static const char *packed(void)
{
    static char text[512];
    size_t i;

    text[0] = '\0';
    for (i = 0; i < buffer.size && i < 200; i++)
        snprintf(text + 2 * i, 3, "%02x", buffer.data[i]);
    mclw_buffer_clear(&buffer);
    return text;
}

static void test_integers(void)
{
    static const struct {
        int64_t value;
        const char *bytes;
    } cases[] = {
        {0, "00"}, {127, "7f"}, {128, "cc80"}, {255, "ccff"}, {256, "cd0100"}, {65535, "cdffff"},
        {65536, "ce00010000"}, {4294967295, "ceffffffff"}, {4294967296, "cf0000000100000000"},
        {INT64_MAX, "cf7fffffffffffffff"}, {-1, "ff"}, {-32, "e0"}, {-33, "d0df"}, {-128, "d080"},
        {-129, "d1ff7f"}, {-32768, "d18000"}, {-32769, "d2ffff7fff"}, {-2147483647 - 1, "d280000000"},
        {-2147483649, "d3ffffffff7fffffff"}, {INT64_MIN, "d38000000000000000"},
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_INT(mclw_pack_int(&buffer, cases[i].value), 0);
        CHECK_TEXT(packed(), cases[i].bytes);
    }
    mclw_pack_uint(&buffer, UINT64_MAX);
    CHECK_TEXT(packed(), "cfffffffffffffffff");
}

static void test_others(void)
{
    mclw_pack_nil(&buffer);
    mclw_pack_bool(&buffer, 0);
    mclw_pack_bool(&buffer, 7);
    CHECK_TEXT(packed(), "c0c2c3");
    mclw_pack_double(&buffer, 1.5);
    mclw_pack_float(&buffer, 1.5f);
    CHECK_TEXT(packed(), "cb3ff8000000000000ca3fc00000");
    mclw_pack_string(&buffer, "");
    mclw_pack_string(&buffer, "ab");
    mclw_pack_bytes(&buffer, "\xff", 1);
    CHECK_TEXT(packed(), "a0a26162c401ff");
    mclw_pack_map(&buffer, 1);
    mclw_pack_string(&buffer, "v");
    mclw_pack_array(&buffer, 2);
    mclw_pack_int(&buffer, 1);
    mclw_pack_nil(&buffer);
    CHECK_TEXT(packed(), "81a1769201c0");
}

static void test_arrays(void)
{
    const double doubles[2] = {0.0, -2.0};
    const float floats[1] = {-2.0f};

    mclw_pack_doubles(&buffer, doubles, 2);
    CHECK_TEXT(packed(), "92cb0000000000000000cbc000000000000000");
    mclw_pack_floats(&buffer, floats, 1);
    CHECK_TEXT(packed(), "91cac0000000");
    CHECK_INT(mclw_pack_doubles(&buffer, NULL, 0), 0);
    CHECK_TEXT(packed(), "90");
}

/* The first length of each form, by its first bytes and the whole size. */
static void test_lengths(void)
{
    static const struct {
        size_t size, head;
        unsigned string, bytes; /* first bytes of both */
    } cases[] = {{31, 1, 0xbf, 0xc4}, {32, 2, 0xd9, 0xc4}, {255, 2, 0xd9, 0xc4}, {256, 3, 0xda, 0xc5},
                 {65535, 3, 0xda, 0xc5}, {65536, 5, 0xdb, 0xc6}};
    char *filler = calloc(1, 70000);
    size_t i;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_INT(mclw_pack_text(&buffer, filler, cases[i].size), 0);
        CHECK_INT(buffer.data[0], cases[i].string);
        CHECK_INT(buffer.size, cases[i].head + cases[i].size);
        mclw_buffer_clear(&buffer);
        CHECK_INT(mclw_pack_bytes(&buffer, filler, cases[i].size), 0);
        CHECK_INT(buffer.data[0], cases[i].bytes);
        mclw_buffer_clear(&buffer);
    }
    free(filler);
    mclw_pack_array(&buffer, 15), mclw_pack_array(&buffer, 16), mclw_pack_array(&buffer, 65536);
    CHECK_TEXT(packed(), "9fdc0010dd00010000");
    mclw_pack_map(&buffer, 15), mclw_pack_map(&buffer, 16), mclw_pack_map(&buffer, 65536);
    CHECK_TEXT(packed(), "8fde0010df00010000");
}

static void test_failures(void)
{
    mclw_on_error(remember, NULL);
    CHECK_REPORTED(mclw_pack_string(&buffer, NULL), MCL_EINVAL);
    CHECK_SILENT(mclw_pack_int(&buffer, 1), MCL_EINVAL); /* the first failure is the one that is told */
    CHECK_SILENT(mclw_pack_doubles(&buffer, NULL, 1), MCL_EINVAL);
    CHECK_INT(buffer.size, 0);
    mclw_buffer_clear(&buffer);
    CHECK_REPORTED(mclw_pack_doubles(&buffer, NULL, 1), MCL_EINVAL);
    mclw_buffer_clear(&buffer);
    CHECK_REPORTED(mclw_pack_bytes(&buffer, "", (size_t)-1), MCL_EINVAL);
    mclw_buffer_clear(&buffer);
    CHECK_REPORTED(mclw_pack_map(&buffer, (size_t)1 << 32), MCL_EINVAL);
    mclw_buffer_clear(&buffer);
    CHECK_SILENT(mclw_pack_int(&buffer, 1), 0);
    CHECK_TEXT(packed(), "01");
    CHECK_REPORTED(mclw_pack_nil(NULL), MCL_EINVAL);
    CHECK_REPORTED(mclw_pack_map(NULL, (size_t)1 << 32), MCL_EINVAL);
    CHECK_REPORTED(mclw_pack_floats(NULL, NULL, 0), MCL_EINVAL);
}

int main(void)
{
    test_integers();
    test_others();
    test_arrays();
    test_lengths();
    test_failures();
    CHECK_INT(mclw_buffer_close(&buffer), 0);
    CHECK(buffer.data == NULL && buffer.size == 0 && buffer.capacity == 0);
    CHECK_INT(mclw_buffer_close(&buffer), 0);
    CHECK_INT(mclw_buffer_close(NULL), 0);
    mclw_buffer_clear(NULL);
    return done();
}
