/* Reading msgpack in place: values by key with defaults, and no byte read outside whatever the bytes are (the build
 * with AddressSanitizer sees that, since each case lies in memory of exactly its size). */
#include "check.h"
#include "mclw.h"

#include <math.h>

static mclw_buffer sample;

static mclw_value whole(void)
{
    mclw_value value;

    value.data = sample.data;
    value.size = sample.size;
    return value;
}

static void make_sample(void)
{
    const double gyro[3] = {0.25, -1.5, 1e300};

    mclw_buffer_clear(&sample);
    mclw_pack_map(&sample, 9);
    mclw_pack_string(&sample, "gyro"), mclw_pack_doubles(&sample, gyro, 3);
    mclw_pack_string(&sample, "name"), mclw_pack_string(&sample, "Imu");
    mclw_pack_string(&sample, "ok"), mclw_pack_bool(&sample, 1);
    mclw_pack_string(&sample, "count"), mclw_pack_uint(&sample, UINT64_MAX);
    mclw_pack_string(&sample, "offset"), mclw_pack_int(&sample, -300);
    mclw_pack_int(&sample, 5), mclw_pack_nil(&sample); /* a key that is no string */
    mclw_pack_string(&sample, "twice"), mclw_pack_int(&sample, 1);
    mclw_pack_string(&sample, "twice"), mclw_pack_int(&sample, 2);
    mclw_pack_string(&sample, "half"), mclw_pack_float(&sample, 0.5f);
}

static void test_reading(void)
{
    mcl_received record;
    double gyro[3] = {0, 0, 0};
    float narrow[2] = {0, 0};
    char text[8];

    make_sample();
    memset(&record, 0, sizeof record);
    record.payload = sample.data;
    record.payload_size = sample.size;

    CHECK_INT(mclw_read_doubles(&record, "gyro", gyro, 3), 3);
    CHECK(gyro[0] == 0.25 && gyro[1] == -1.5 && gyro[2] == 1e300);
    CHECK_INT(mclw_read_floats(&record, "gyro", narrow, 2), 3); /* tells that there are more */
    CHECK(narrow[0] == 0.25f && narrow[1] == -1.5f);
    CHECK(mclw_read_uint(&record, "count", 0) == UINT64_MAX);
    CHECK_INT(mclw_read_int(&record, "count", -7), -7); /* does not fit */
    CHECK(mclw_read_double(&record, "count", 0) == 18446744073709551616.0);
    CHECK_INT(mclw_read_int(&record, "offset", 0), -300);
    CHECK_INT(mclw_read_uint(&record, "offset", 7), 7);
    CHECK(mclw_read_double(&record, "offset", 0) == -300.0);
    CHECK(mclw_read_double(&record, "half", 0) == 0.5);
    CHECK_INT(mclw_read_int(&record, "half", 3), 3);
    CHECK_INT(mclw_read_bool(&record, "ok", 0), 1);
    CHECK_INT(mclw_read_bool(&record, "offset", 1), 1);
    CHECK_INT(mclw_read_int(&record, "twice", 0), 2);
    CHECK_INT(mclw_read_int(&record, "missing", 42), 42);
    CHECK_INT(mclw_read_int(&record, NULL, 42), 42); /* the payload is a map */
    CHECK_INT(mclw_read_int(NULL, "offset", 42), 42);

    CHECK_INT(mclw_read_string(&record, "name", text, sizeof text, "none"), 3);
    CHECK_TEXT(text, "Imu");
    CHECK_INT(mclw_read_string(&record, "name", text, 3, "none"), 3); /* as snprintf: cut, whole length given */
    CHECK_TEXT(text, "Im");
    CHECK_INT(mclw_read_string(&record, "offset", text, sizeof text, "none"), 4);
    CHECK_TEXT(text, "none");
    CHECK_INT(mclw_read_string(&record, "missing", text, sizeof text, NULL), 0);
    CHECK_TEXT(text, "");
    CHECK_INT(mclw_read_string(&record, "name", NULL, 0, "none"), 3);

    gyro[0] = 9;
    CHECK_INT(mclw_read_doubles(&record, "name", gyro, 3), MCL_ETYPE);
    CHECK_INT(mclw_read_doubles(&record, "missing", gyro, 3), MCL_EUNKNOWN);
    CHECK(gyro[0] == 9);
    CHECK_INT(mclw_read_doubles(&record, "gyro", NULL, 0), 3);
}

static void test_views(void)
{
    mclw_value map, gyro, nothing = {NULL, 0};
    size_t size;

    make_sample();
    map = whole();
    gyro = mclw_value_key(map, "gyro");
    CHECK_INT(mclw_value_kind(map), MCL_KIND_MAP);
    CHECK_INT(mclw_value_count(map), 9);
    CHECK_INT(mclw_value_count(gyro), 3);
    CHECK_INT(mclw_value_count(mclw_value_key(map, "name")), 0);
    CHECK(mclw_value_double(mclw_value_item(gyro, 1), 0) == -1.5);
    CHECK_INT(mclw_value_item(gyro, 3).size, 0);
    CHECK_INT(mclw_value_item(map, 0).size, 0);
    { /* what follows an array is none of its items */
        static const unsigned char two_objects[] = {0x91, 1, 2};
        mclw_value value = {two_objects, 3};
        CHECK_INT(mclw_value_item(value, 0).size, 1);
        CHECK_INT(mclw_value_item(value, 1).size, 0);
    }
    CHECK_INT(mclw_value_key(gyro, "gyro").size, 0);
    CHECK_INT(mclw_value_key(map, NULL).size, 0);
    CHECK(memcmp(mclw_value_bytes(mclw_value_key(map, "name"), &size), "Imu", 3) == 0);
    CHECK_INT(size, 3);
    CHECK(mclw_value_bytes(gyro, &size) == NULL);
    CHECK_INT(size, 0);
    CHECK_INT(mclw_value_kind(nothing), MCL_EUNKNOWN);
    CHECK_INT(mclw_value_int(nothing, 5), 5);
    CHECK_INT(mclw_value_doubles(nothing, NULL, 0), MCL_EUNKNOWN);
}

/* An array that is all numbers up to its end is refused whole, not copied half. */
static void test_mixed_array(void)
{
    double values[2] = {7, 7};

    mclw_buffer_clear(&sample);
    mclw_pack_array(&sample, 2), mclw_pack_int(&sample, -1), mclw_pack_string(&sample, "x");
    CHECK_INT(mclw_value_doubles(whole(), values, 2), MCL_ETYPE);
    CHECK(values[0] == 7 && values[1] == 7);
    mclw_buffer_clear(&sample);
    mclw_pack_array(&sample, 2), mclw_pack_int(&sample, -1), mclw_pack_float(&sample, 2.5f);
    CHECK_INT(mclw_value_doubles(whole(), values, 2), 2);
    CHECK(values[0] == -1 && values[1] == 2.5);
}

static void test_numbers(void)
{
    static const int64_t integers[] = {0, 1, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, INT64_MAX,
                                       -1, -32, -33, -128, -129, -32768, -32769, -2147483649, INT64_MIN};
    size_t i;

    for (i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        mclw_buffer_clear(&sample);
        mclw_pack_int(&sample, integers[i]);
        CHECK_INT(mclw_value_int(whole(), 12345), integers[i]);
        CHECK_INT(mclw_value_kind(whole()), integers[i] < 0 ? MCL_KIND_INT : MCL_KIND_UINT);
    }
    mclw_buffer_clear(&sample);
    mclw_pack_double(&sample, (double)NAN);
    CHECK(isnan(mclw_value_double(whole(), 0)));
    { /* encoders may write a positive number in a signed form */
        static const unsigned char signed_form[] = {0xd1, 0x01, 0x00};
        mclw_value value = {signed_form, 3};
        CHECK_INT(mclw_value_uint(value, 0), 256);
    }
}

/* Asks everything of `size` bytes that lie in memory of exactly that size. The sum keeps it from being left out. */
static double look(const unsigned char *bytes, size_t size)
{
    unsigned char *copy = malloc(size != 0 ? size : 1);
    double values[4], sum;
    char text[4];
    mclw_value value;
    size_t i;

    memcpy(copy, bytes, size);
    value.data = copy;
    value.size = size;
    sum = (double)mclw_value_kind(value) + mclw_value_double(value, 1) + (double)mclw_value_int(value, 1);
    sum += (double)mclw_value_string(value, text, sizeof text, "x") + mclw_value_doubles(value, values, 4);
    sum += (double)mclw_value_key(value, "gyro").size + mclw_value_bool(value, 1);
    for (i = 0; i < 4; i++)
        sum += (double)mclw_value_item(value, i).size;
    free(copy);
    return sum;
}

static void test_any_bytes(void)
{
    unsigned char bytes[64];
    unsigned state = 1;
    double sum = 0;
    size_t i;
    int n;

    make_sample();
    for (i = 0; i < sample.size; i++) { /* cut short everywhere */
        mclw_value cut = {sample.data, i};

        sum += look(sample.data, i);
        CHECK_INT(mclw_value_key(cut, "half").size, 0);
    }
    for (n = 0; n < 200000; n++) {
        for (i = 0; i < sizeof bytes; i++) {
            state = state * 1103515245u + 12345u;
            bytes[i] = (unsigned char)(state >> 16);
        }
        bytes[0] = (unsigned char)(n % 2 ? 0x80 + n % 32 : 0xc0 + n % 32); /* mostly what has a length */
        sum += look(bytes, (size_t)n % sizeof bytes);
    }
    CHECK(sum != 0); /* so that the compiler must look */
}

/* Deep nesting takes no stack; a length that lies takes no time. */
static void test_hostile(void)
{
    static const unsigned char huge[] = {0xdd, 0xff, 0xff, 0xff, 0xff, 1};
    mclw_value value = {huge, sizeof huge};
    unsigned char *deep = malloc(1000001);
    double out[1];

    CHECK_INT(mclw_value_item(value, 4000000000u).size, 0);
    CHECK_INT(mclw_value_doubles(value, out, 1), MCL_ETYPE);
    memset(deep, 0x91, 1000000);
    deep[1000000] = 1;
    value.data = deep;
    value.size = 1000001;
    CHECK_INT(mclw_value_item(value, 0).size, 1000000);
    free(deep);
}

int main(void)
{
    test_reading();
    test_views();
    test_mixed_array();
    test_numbers();
    test_any_bytes();
    test_hostile();
    mclw_buffer_close(&sample);
    return done();
}
