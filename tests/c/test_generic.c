/* One name for all types of value. Compiled as C11 and as C++11, which have different ways to the same functions. */
#include "check.h"
#include "mclw.h"

static mclw_buffer buffer;

static void check_packed(const char *bytes)
{
    char text[100] = "";
    size_t i;

    for (i = 0; i < buffer.size && i < 40; i++)
        snprintf(text + 2 * i, 3, "%02x", buffer.data[i]);
    CHECK_TEXT(text, bytes);
    mclw_buffer_clear(&buffer);
}

#ifdef __cplusplus
typedef bool truth;
#else
typedef _Bool truth;
#endif

static void test_pack(void)
{
    truth yes = 1;
    char small = 5;
    unsigned char byte = 200;
    short negative = -2;
    char text[] = "a";
    const double doubles[1] = {1.5};
    float floats[1] = {1.5f};

    mclw_pack(&buffer, yes), mclw_pack(&buffer, small), mclw_pack(&buffer, byte), mclw_pack(&buffer, negative);
    check_packed("c305ccc8fe");
    mclw_pack(&buffer, -1), mclw_pack(&buffer, 1u), mclw_pack(&buffer, -1L), mclw_pack(&buffer, 1UL);
    mclw_pack(&buffer, -1LL), mclw_pack(&buffer, 18446744073709551615ULL);
    check_packed("ff01ff01ffcfffffffffffffffff");
    mclw_pack(&buffer, 1.5f), mclw_pack(&buffer, 1.5);
    check_packed("ca3fc00000cb3ff8000000000000");
    mclw_pack(&buffer, "b"), mclw_pack(&buffer, text), mclw_pack(&buffer, (const char *)"c");
    check_packed("a162a161a163");
    mclw_pack_array_of(&buffer, doubles), mclw_pack_array_of(&buffer, floats);
    check_packed("91cb3ff800000000000091ca3fc00000");
}

static void test_message(void)
{
    mclw_auto_type type = mclw_define("Generic", "gyro", "ff15::1", 26000);
    mclw_auto_listener in = mclw_listen("ff15::1", 26000, NULL);
    mclw_auto_broadcaster out = mclw_broadcast("ff15::1", 26000, NULL);
    mclw_auto_buffer received = MCLW_BUFFER_INIT;
    mclw_auto_message message = mclw_message(type);
    double gyro[3] = {1, 2, 3}, again[3] = {0, 0, 0};
    float scan[2] = {1, 2};
    mcl_received record;

    REQUIRE(in != NULL && out != NULL && message != NULL);
    CHECK_INT(mclw_set_array(message, "gyro", gyro), 0);
    CHECK_INT(mclw_set_array(message, "scan", scan), 0);
    CHECK_INT(mclw_set(message, "count", 7u), 0);
    CHECK_INT(mclw_set(message, "offset", -7), 0);
    CHECK_INT(mclw_set(message, "temperature", 21.5), 0);
    CHECK_INT(mclw_set(message, "ratio", 0.5f), 0);
    CHECK_INT(mclw_set(message, "ok", (truth)1), 0);
    CHECK_INT(mclw_set(message, "frame", "base"), 0);
    CHECK_INT(mcl_message_kind(message, "ok", MCL_NUL, NULL), MCL_KIND_BOOL);
    CHECK_INT(mcl_message_kind(message, "count", MCL_NUL, NULL), MCL_KIND_UINT);
    CHECK_INT(mcl_message_kind(message, "offset", MCL_NUL, NULL), MCL_KIND_INT);
    CHECK_INT(mcl_message_kind(message, "ratio", MCL_NUL, NULL), MCL_KIND_DOUBLE);
    CHECK_INT(mcl_message_kind(message, "frame", MCL_NUL, NULL), MCL_KIND_STRING);

    CHECK_INT(mclw_get(message, "count", 0), 7);
    CHECK_INT(mclw_get(message, "offset", 5u), 5); /* the default's type decides: no negative number in unsigned */
    CHECK_INT(mclw_get(message, "offset", 5), -7);
    CHECK(mclw_get(message, "temperature", 0.0) == 21.5);
    CHECK(mclw_get(message, "ratio", 0.0f) == 0.5);
    CHECK(mclw_get(message, "ok", (truth)0));
    CHECK_INT(mclw_get_array(message, "gyro", again), 3);
    CHECK(again[0] == 1 && again[2] == 3);
    scan[0] = scan[1] = 0;
    CHECK_INT(mclw_get_array(message, "scan", scan), 2);
    CHECK(scan[1] == 2);

    CHECK_INT(mclw_publish(out, NULL, message), 0);
    REQUIRE(mclw_recv(in, 5000, &record, &received) == 1);
    again[2] = 0;
    CHECK_INT(mclw_read_array(&record, "gyro", again), 3);
    CHECK(again[2] == 3);
    CHECK_INT(mclw_read(&record, "offset", 0L), -7);
    CHECK(mclw_read(&record, "temperature", 0.0) == 21.5);
    CHECK(mclw_read(&record, "ok", (truth)0));
    mcl_type_remove("Generic", NULL);
}

static void test_publish(void)
{
    mclw_auto_listener in = mclw_listen("ff15::1", 26000, NULL);
    mclw_auto_broadcaster out = mclw_broadcast("ff15::1", 26000, NULL);
    mclw_auto_buffer received = MCLW_BUFFER_INIT;
    const float scan[2] = {1, 2};
    static const int kinds[] = {MCL_KIND_BOOL, MCL_KIND_INT, MCL_KIND_UINT, MCL_KIND_DOUBLE, MCL_KIND_STRING,
                                MCL_KIND_ARRAY, MCL_KIND_MAP};
    mcl_received record;
    size_t i;

    CHECK_INT(mclw_publish(out, "t", (truth)1), 0);
    CHECK_INT(mclw_publish(out, "t", -1), 0);
    CHECK_INT(mclw_publish(out, "t", 1u), 0);
    CHECK_INT(mclw_publish(out, "t", 1.0f), 0);
    CHECK_INT(mclw_publish(out, "t", "text"), 0);
    CHECK_INT(mclw_publish_array(out, "t", scan), 0);
    mclw_pack_map(&buffer, 0);
    CHECK_INT(mclw_publish(out, "t", &buffer), 0);
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        REQUIRE(mclw_recv(in, 5000, &record, &received) == 1);
        CHECK_INT(mclw_value_kind(mclw_value_of(&record, NULL)), kinds[i]);
        CHECK(mclw_topic_is(&record, "t"));
    }
}

static void test_close(void)
{
    mcl_type *type = mclw_define("Closing", "", "ff15::9", 0);
    mcl_message *message = mclw_message(type);
    mcl_listener *in = mclw_listen("ff15::1", 26000, NULL);
    mcl_broadcaster *out = mclw_broadcast("ff15::1", 26000, NULL);
    mclw_loop *loop = mclw_loop_new();

    CHECK_INT(mclw_close(&message) | mclw_close(&type) | mclw_close(&in) | mclw_close(&out) | mclw_close(&loop), 0);
    CHECK(message == NULL && type == NULL && in == NULL && out == NULL && loop == NULL);
    CHECK_INT(mclw_close(&buffer), 0);
    CHECK(buffer.data == NULL);
}

int main(void)
{
    test_pack();
    test_message();
    test_publish();
    test_close();
    return done();
}
