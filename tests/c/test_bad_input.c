/* Every function with NULL, with a closed handle and with the handle of something else: an error code and one report,
 * never a crash. */
#include "check.h"
#include "hook.h"

/* What the library gives for a handle that is no good is one of two codes. */
#define CHECK_HANDLE_REFUSED(expression)                                                                            \
    do {                                                                                                            \
        long long result_;                                                                                          \
        reports = 0;                                                                                                \
        result_ = (expression);                                                                                     \
        CHECK(result_ == MCL_EHANDLE || result_ == MCL_ECLOSED);                                                    \
        CHECK_INT(reports, 1);                                                                                      \
        CHECK(last_report.text[0] != '\0');                                                                         \
    } while (0)

#define CHECK_NULL_REPORTED(expression)                                                                             \
    do {                                                                                                            \
        reports = 0;                                                                                                \
        CHECK((expression) == NULL);                                                                                \
        CHECK_INT(reports, 1);                                                                                      \
        CHECK(last_report.code < 0 && last_report.text[0] != '\0');                                                 \
    } while (0)

/* The defaults that getters of a bad message give, reported each. */
#define CHECK_DEFAULT_REPORTED(expression)                                                                          \
    do {                                                                                                            \
        reports = 0;                                                                                                \
        CHECK_INT(expression, 7);                                                                                   \
        CHECK_INT(reports, 1);                                                                                      \
    } while (0)

static const double doubles[1] = {1.0};
static const float floats[1] = {1.0f};

static void broadcaster_refused(mcl_broadcaster *bad, mcl_message *message)
{
    mclw_auto_buffer packed = MCLW_BUFFER_INIT;

    mclw_pack_nil(&packed);
    CHECK_HANDLE_REFUSED(mclw_publish_nil(bad, NULL));
    CHECK_HANDLE_REFUSED(mclw_publish_bool(bad, NULL, 1));
    CHECK_HANDLE_REFUSED(mclw_publish_int(bad, NULL, 1));
    CHECK_HANDLE_REFUSED(mclw_publish_uint(bad, NULL, 1));
    CHECK_HANDLE_REFUSED(mclw_publish_double(bad, NULL, 1));
    CHECK_HANDLE_REFUSED(mclw_publish_string(bad, NULL, "x"));
    CHECK_HANDLE_REFUSED(mclw_publish_bytes(bad, NULL, "x", 1));
    CHECK_HANDLE_REFUSED(mclw_publish_buffer(bad, NULL, &packed));
    CHECK_HANDLE_REFUSED(mclw_publish_doubles(bad, NULL, doubles, 1));
    CHECK_HANDLE_REFUSED(mclw_publish_floats(bad, NULL, floats, 1));
    CHECK_HANDLE_REFUSED(mclw_publish_message(bad, NULL, message));
}

static void message_refused(mcl_message *bad)
{
    double values[1];
    float narrow[1];
    char text[8];
    mclw_auto_buffer packed = MCLW_BUFFER_INIT;

    mclw_pack_nil(&packed);
    CHECK_HANDLE_REFUSED(mclw_set_nil(bad, "k"));
    CHECK_HANDLE_REFUSED(mclw_set_bool(bad, "k", 1));
    CHECK_HANDLE_REFUSED(mclw_set_int(bad, "k", 1));
    CHECK_HANDLE_REFUSED(mclw_set_uint(bad, "k", 1));
    CHECK_HANDLE_REFUSED(mclw_set_double(bad, "k", 1));
    CHECK_HANDLE_REFUSED(mclw_set_string(bad, "k", "x"));
    CHECK_HANDLE_REFUSED(mclw_set_bytes(bad, "k", "x", 1));
    CHECK_HANDLE_REFUSED(mclw_set_doubles(bad, "k", doubles, 1));
    CHECK_HANDLE_REFUSED(mclw_set_floats(bad, "k", floats, 1));
    CHECK_HANDLE_REFUSED(mclw_set_buffer(bad, "k", &packed));
    CHECK_DEFAULT_REPORTED(mclw_get_bool(bad, "k", 7));
    CHECK_DEFAULT_REPORTED(mclw_get_int(bad, "k", 7));
    CHECK_DEFAULT_REPORTED(mclw_get_uint(bad, "k", 7));
    CHECK_DEFAULT_REPORTED(mclw_get_double(bad, "k", 7));
    CHECK_DEFAULT_REPORTED(mclw_get_string(bad, "k", text, sizeof text, "seven!!"));
    CHECK_HANDLE_REFUSED(mclw_get_doubles(bad, "k", values, 1));
    CHECK_HANDLE_REFUSED(mclw_get_floats(bad, "k", narrow, 1));
}

static void never(void *context, const mcl_received *record) { (void)context, (void)record, CHECK(!"called"); }

static void on_fd(void *context, int fd, short events) { (void)context, (void)fd, (void)events, CHECK(!"called"); }

static void listener_refused(mcl_listener *bad)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mcl_received record;
    int result;

    CHECK_HANDLE_REFUSED(mclw_loop_add(loop, bad, never, NULL));
    CHECK_INT(mclw_loop_run(loop, -1), MCLW_EMPTY);
    reports = 0; /* a listener that is closed is the end of receiving, not a failure; no listener at all is one */
    result = mclw_recv(bad, -1, &record, &buffer);
    CHECK((result == MCL_EHANDLE && reports == 1) || (result == MCL_ECLOSED && reports == 0));
}

static void test_nulls(mcl_type *type, mcl_broadcaster *out, mcl_listener *in)
{
    mclw_auto_loop loop = mclw_loop_new();
    mclw_auto_buffer buffer = MCLW_BUFFER_INIT;
    mclw_auto_message message = mclw_message(type);
    mcl_received record;

    broadcaster_refused(NULL, message);
    message_refused(NULL);
    listener_refused(NULL);

    CHECK_NULL_REPORTED(mclw_broadcast(NULL, 0, NULL));
    CHECK_NULL_REPORTED(mclw_listen(NULL, 0, NULL));
    CHECK_NULL_REPORTED(mclw_listen("no address", 0, NULL));
    CHECK_NULL_REPORTED(mclw_listen("ff15::1", -1, NULL));
    CHECK_NULL_REPORTED(mclw_listen("ff15::1", 65536, NULL));
    CHECK_NULL_REPORTED(mclw_broadcast_type(NULL));
    CHECK_NULL_REPORTED(mclw_listen_type(NULL));
    CHECK_NULL_REPORTED(mclw_define(NULL, "k", "ff15::2", 0));
    CHECK_NULL_REPORTED(mclw_define("Bad", "k k", "ff15::2", 0));
    CHECK_NULL_REPORTED(mclw_define("Bad", "k", NULL, 0));
    CHECK_NULL_REPORTED(mclw_find(NULL));
    CHECK_NULL_REPORTED(mclw_message(NULL));
    CHECK_NULL_REPORTED(mclw_message_of(type, NULL));
    memset(&record, 0, sizeof record);
    CHECK_NULL_REPORTED(mclw_message_of(type, &record));
    CHECK_NULL_REPORTED(mclw_message_of(NULL, &record));

    CHECK_REPORTED(mclw_recv(in, 0, NULL, &buffer), MCL_EINVAL);
    CHECK_REPORTED(mclw_recv(in, 0, &record, NULL), MCL_EINVAL);
    CHECK(!mclw_topic_is(NULL, "x"));
    CHECK_REPORTED(mclw_publish_string(out, NULL, NULL), MCL_EINVAL);
    CHECK_REPORTED(mclw_publish_bytes(out, NULL, NULL, 1), MCL_EINVAL);
    CHECK_REPORTED(mclw_publish_doubles(out, NULL, NULL, 1), MCL_EINVAL);
    CHECK_REPORTED(mclw_publish_buffer(out, NULL, NULL), MCL_EINVAL);
    CHECK_REPORTED(mclw_publish_message(out, NULL, NULL), MCL_EHANDLE);
    CHECK(mclw_set_int(message, NULL, 1) == MCL_EINVAL);
    CHECK(mclw_set_string(message, "k", NULL) == MCL_EINVAL);
    CHECK_REPORTED(mclw_set_doubles(message, "k", NULL, 1), MCL_EINVAL);
    CHECK_REPORTED(mclw_set_buffer(message, "k", NULL), MCL_EINVAL);

    CHECK_REPORTED(mclw_loop_add(NULL, in, never, NULL), MCL_EHANDLE);
    CHECK_REPORTED(mclw_loop_add(loop, in, NULL, NULL), MCL_EINVAL);
    CHECK_REPORTED(mclw_loop_add_fd(NULL, 0, 1, on_fd, NULL), MCL_EHANDLE);
    CHECK_REPORTED(mclw_loop_add_fd(loop, 0, 1, NULL, NULL), MCL_EINVAL);
    CHECK_REPORTED(mclw_loop_add_fd(loop, -1, 1, on_fd, NULL), MCL_EINVAL);
    CHECK_REPORTED(mclw_loop_remove(NULL, in), MCL_EHANDLE);
    CHECK_REPORTED(mclw_loop_remove(loop, NULL), MCL_EHANDLE);
    CHECK_REPORTED(mclw_loop_remove(loop, in), MCL_EUNKNOWN);
    CHECK_REPORTED(mclw_loop_remove_fd(NULL, 0), MCL_EHANDLE);
    CHECK_REPORTED(mclw_loop_remove_fd(loop, 0), MCL_EUNKNOWN);
    CHECK_REPORTED(mclw_loop_run(NULL, 0), MCL_EHANDLE);
    mclw_loop_stop(NULL);

    reports = 0;
    CHECK_INT(mclw_broadcaster_close(NULL) | mclw_listener_close(NULL) | mclw_type_close(NULL) |
              mclw_message_close(NULL) | mclw_loop_close(NULL), 0);
    CHECK_INT(reports, 0);
}

static void test_closed(mcl_type *type)
{
    mcl_broadcaster *out = mclw_broadcast("ff15::1", 26000, NULL), *stale_out = out;
    mcl_listener *in = mclw_listen("ff15::1", 26000, NULL), *stale_in = in;
    mcl_message *message = mclw_message(type), *stale_message = message;

    REQUIRE(out != NULL && in != NULL && message != NULL);
    CHECK_SILENT(mclw_broadcaster_close(&out), 0);
    CHECK_SILENT(mclw_listener_close(&in), 0);
    CHECK(out == NULL && in == NULL);
    CHECK_SILENT(mclw_broadcaster_close(&out), 0);
    CHECK_SILENT(mclw_listener_close(&in), 0);
    broadcaster_refused(stale_out, message);
    listener_refused(stale_in);
    CHECK_SILENT(mclw_message_close(&message), 0);
    message_refused(stale_message);
    CHECK_HANDLE_REFUSED(mclw_broadcaster_close(&stale_out)); /* a copy: closed twice, and told */
    CHECK_HANDLE_REFUSED(mclw_listener_close(&stale_in));
    CHECK_HANDLE_REFUSED(mclw_message_close(&stale_message));
}

/* Not only closed: of another kind, which a cast can do. */
static void test_other_kind(mcl_type *type, mcl_broadcaster *out, mcl_listener *in)
{
    mclw_auto_message message = mclw_message(type);

    broadcaster_refused((mcl_broadcaster *)in, message);
    listener_refused((mcl_listener *)out);
    message_refused((mcl_message *)type);
    CHECK_SILENT(mclw_publish_int(out, NULL, 1), 0); /* none of that has closed it */
}

int main(void)
{
    mclw_auto_type type = mclw_define("Bad input", "key", "ff15::9", 26000);
    mclw_auto_broadcaster out = mclw_broadcast("ff15::1", 26000, NULL);
    mclw_auto_listener in = mclw_listen("ff15::1", 26000, NULL);

    mclw_on_error(remember, NULL);
    REQUIRE(type != NULL && out != NULL && in != NULL);
    test_nulls(type, out, in);
    test_closed(type);
    test_other_kind(type, out, in);
    return done();
}
