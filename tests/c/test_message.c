/* Messages of a type: built by key, sent, and read back on the other side with and without the type. */
#include "check.h"
#include "hook.h"

#include <math.h>

static void test_define(void)
{
    char names[64];
    mcl_type *type = mclw_define("Spaces", "  gyro   accel ", "ff15::9", 0), *again;

    REQUIRE(type != NULL);
    CHECK_INT(mcl_type_mandatory(type, names, sizeof names, NULL, NULL), 2);
    CHECK(memcmp(names, "gyro\0accel", 11) == 0);
    again = mclw_find("Spaces");
    CHECK(again != NULL);
    CHECK_SILENT(mclw_type_close(&again), 0);
    CHECK_REPORTED((mclw_define("Spaces", "", "ff15::8", 0) == NULL) ? last_report.code : 0, MCL_EEXISTS);
    CHECK_SILENT(mclw_type_close(&type), 0);
    CHECK(type == NULL);
    CHECK_SILENT(mclw_type_close(&type), 0);
    mcl_type_remove("Spaces", NULL);
    type = mclw_define("None", NULL, "ff15::9", 0);
    CHECK(type != NULL && mcl_type_mandatory(type, names, sizeof names, NULL, NULL) == 0);
    CHECK_SILENT(mclw_type_close(&type), 0);
    mcl_type_remove("None", NULL);
    CHECK_REPORTED((mclw_find("None") == NULL) ? last_report.code : 0, MCL_EUNKNOWN);
}

static void fill(mcl_message *message, const double *gyro, const float *scan, size_t scan_count)
{
    mclw_auto_buffer nested = MCLW_BUFFER_INIT;

    CHECK_INT(mclw_set_doubles(message, "gyro", gyro, 3), 0);
    CHECK_INT(mclw_set_floats(message, "scan", scan, scan_count), 0);
    CHECK_INT(mclw_set_bool(message, "ok", 1), 0);
    CHECK_INT(mclw_set_int(message, "offset", -5), 0);
    CHECK_INT(mclw_set_uint(message, "count", UINT64_MAX), 0);
    CHECK_INT(mclw_set_double(message, "temperature", 21.5), 0);
    CHECK_INT(mclw_set_string(message, "frame", "base_link"), 0);
    CHECK_INT(mclw_set_bytes(message, "raw", "\0\xff", 2), 0);
    CHECK_INT(mclw_set_nil(message, "empty"), 0);
    mclw_pack_map(&nested, 1), mclw_pack_string(&nested, "depth"), mclw_pack_int(&nested, 3);
    CHECK_INT(mclw_set_buffer(message, "nested", &nested), 0);
}

/* By the type: what arrived is a message again. */
static void check_message(mcl_message *message, size_t scan_count)
{
    double gyro[3] = {0, 0, 0};
    float *scan = malloc(scan_count * sizeof *scan);
    char text[16];

    CHECK_INT(mclw_get_doubles(message, "gyro", gyro, 3), 3);
    CHECK(gyro[0] == 0.5 && gyro[1] == -1e-300 && isnan(gyro[2]));
    CHECK_INT(mclw_get_floats(message, "scan", scan, scan_count), scan_count); /* more than fits on the stack */
    CHECK(scan[0] == 0.0f && scan[scan_count - 1] == (float)(scan_count - 1) / 2);
    CHECK_INT(mclw_get_bool(message, "ok", 0), 1);
    CHECK_INT(mclw_get_int(message, "offset", 0), -5);
    CHECK_INT(mclw_get_uint(message, "offset", 9), 9);
    CHECK(mclw_get_uint(message, "count", 0) == UINT64_MAX);
    CHECK(mclw_get_double(message, "temperature", 0) == 21.5);
    CHECK(mclw_get_double(message, "offset", 0) == -5.0);
    CHECK_INT(mclw_get_string(message, "frame", text, sizeof text, "world"), 9);
    CHECK_TEXT(text, "base_link");
    CHECK_INT(mclw_get_string(message, "frame", text, 5, "world"), 9);
    CHECK_TEXT(text, "base");
    CHECK_INT(mclw_get_string(message, "offset", text, sizeof text, "world"), 5);
    CHECK_TEXT(text, "world");

    reports = 0; /* a default is no failure */
    CHECK_INT(mclw_get_int(message, "missing", 42), 42);
    CHECK_INT(mclw_get_bool(message, "empty", 1), 1);
    CHECK_INT(mclw_get_string(message, "missing", text, sizeof text, NULL), 0);
    CHECK_TEXT(text, "");
    CHECK_INT(mclw_get_doubles(message, "missing", gyro, 3), MCL_EUNKNOWN);
    CHECK_INT(mclw_get_doubles(message, "frame", gyro, 3), MCL_ETYPE);
    CHECK(gyro[0] == 0.5);
    CHECK_INT(reports, 0);
    free(scan);
}

/* Without it: the same, straight from the record. */
static void check_record(const mcl_received *record)
{
    double gyro[3] = {0, 0, 0};
    char text[16];

    CHECK_INT(mclw_read_doubles(record, "gyro", gyro, 3), 3);
    CHECK(gyro[0] == 0.5);
    CHECK_INT(mclw_read_string(record, "name", text, sizeof text, "?"), 6);
    CHECK_TEXT(text, "Sensor");
    CHECK_INT(mclw_value_int(mclw_value_key(mclw_value_of(record, "nested"), "depth"), 0), 3);
    CHECK(mclw_read_double(record, "timestamp", 0) > 1e9);
}

static void test_round_trip(size_t scan_count)
{
    const double gyro[3] = {0.5, -1e-300, (double)NAN};
    mclw_auto_type type = mclw_define("Sensor", "gyro", "ff15::1", 26000);
    mclw_auto_listener in = mclw_listen_type(type);
    mclw_auto_broadcaster out = mclw_broadcast_type(type), anything = mclw_broadcast("ff15::1", 26000, NULL);
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mclw_auto_message sent = mclw_message(type);
    float *scan = malloc(scan_count * sizeof *scan);
    mcl_received record;
    size_t i;

    REQUIRE(in != NULL && out != NULL && anything != NULL && sent != NULL && scan != NULL);
    for (i = 0; i < scan_count; i++)
        scan[i] = (float)i / 2;
    fill(sent, gyro, scan, scan_count);
    free(scan);
    CHECK_SILENT(mclw_publish_int(anything, NULL, 5), 0); /* no message of the type: not delivered */
    CHECK_SILENT(mclw_publish_message(out, NULL, sent), 0);
    REQUIRE(mclw_recv(in, 10000, &record, &buffer) == 1);
    check_record(&record);
    {
        mclw_auto_message received = mclw_message_of(type, &record);

        REQUIRE(received != NULL);
        check_message(received, scan_count);
    }
    CHECK_REPORTED(mclw_publish_int(out, NULL, 5), MCL_ETYPE);
    CHECK_REPORTED(mclw_set_string(sent, "name", "Other"), MCL_EINVAL);
    mcl_type_remove("Sensor", NULL);
}

int main(void)
{
    mclw_on_error(remember, NULL);
    test_define();
    test_round_trip(10);
    test_round_trip(250000); /* above one megabyte */
    return done();
}
