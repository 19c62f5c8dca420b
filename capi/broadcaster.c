#include "guard.h"

int mcl_broadcaster_open(const mcl_connection *connection, const mcl_broadcaster_options *options,
                         mcl_broadcaster **broadcaster, mcl_error *error)
{
    ENTER(error);
    NEED(broadcaster, error);
    *broadcaster = NULL;
    mcl_connection own;
    if (connection != NULL)
        INPUT(own, connection, error);
    mcl_broadcaster_options given = MCL_BROADCASTER_OPTIONS_INIT;
    if (options != NULL)
        INPUT(given, options, error);
    if (connection == NULL && given.type == NULL)
        return guard_fail(error, MCL_EINVAL, __func__, "connection is NULL, and no options.type gives one: give either");
    if (given.topic != NULL && given.topic_size == 0)
        given.topic_size = MCL_NUL; /* zero means the default */
    TOPIC(given.topic, given.topic_size, error);
    CHECK(guard_switch(given.verbatim, "options.verbatim", __func__, error));
    shim_broadcaster_options rest = {given.topic, given.topic_size, (uintptr_t)given.type, given.verbatim};
    uintptr_t handle = 0;
    int code = GO_OPENING(mclgo_broadcaster_open(connection != NULL ? &own : NULL, &rest, &handle, error));
    *broadcaster = (mcl_broadcaster *)handle;
    return code;
}

int mcl_broadcaster_publish(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, const void *packed,
                            size_t size, mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    BYTES(packed, size, error);
    return GO(mclgo_broadcaster_publish((uintptr_t)broadcaster, topic, topic_size, packed, size, error));
}

int mcl_broadcaster_publish_message(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size,
                                    mcl_message *message, mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    return GO(mclgo_broadcaster_publish_message((uintptr_t)broadcaster, topic, topic_size, (uintptr_t)message, error));
}

int mcl_broadcaster_publish_nil(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    return GO(mclgo_broadcaster_publish_nil((uintptr_t)broadcaster, topic, topic_size, error));
}

int mcl_broadcaster_publish_bool(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, int value,
                                 mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    return GO(mclgo_broadcaster_publish_bool((uintptr_t)broadcaster, topic, topic_size, value, error));
}

int mcl_broadcaster_publish_int(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, int64_t value,
                                mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    return GO(mclgo_broadcaster_publish_int((uintptr_t)broadcaster, topic, topic_size, value, error));
}

int mcl_broadcaster_publish_uint(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, uint64_t value,
                                 mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    return GO(mclgo_broadcaster_publish_uint((uintptr_t)broadcaster, topic, topic_size, value, error));
}

int mcl_broadcaster_publish_double(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, double value,
                                   mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    return GO(mclgo_broadcaster_publish_double((uintptr_t)broadcaster, topic, topic_size, value, error));
}

int mcl_broadcaster_publish_string(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size,
                                   const char *value, size_t size, mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    STRING(value, size, error);
    return GO(mclgo_broadcaster_publish_string((uintptr_t)broadcaster, topic, topic_size, value, size, error));
}

int mcl_broadcaster_publish_bytes(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size,
                                  const void *value, size_t size, mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    BYTES(value, size, error);
    return GO(mclgo_broadcaster_publish_bytes((uintptr_t)broadcaster, topic, topic_size, value, size, error));
}

int mcl_broadcaster_get_stats(mcl_broadcaster *broadcaster, mcl_broadcaster_stats *stats, mcl_error *error)
{
    ENTER(error);
    NEED(stats, error);
    CHECK(guard_output(stats, "stats", __func__, error));
    mcl_broadcaster_stats own = {0};
    CHECK(GO(mclgo_broadcaster_get_stats((uintptr_t)broadcaster, &own, error)));
    guard_copy_out(stats, &own, sizeof own);
    return MCL_OK;
}

int mcl_broadcaster_get_settings(mcl_broadcaster *broadcaster, mcl_settings *settings, mcl_error *error)
{
    ENTER(error);
    NEED(settings, error);
    CHECK(guard_output(settings, "settings", __func__, error));
    mcl_settings own = {0};
    CHECK(GO(mclgo_broadcaster_get_settings((uintptr_t)broadcaster, &own, error)));
    guard_copy_out(settings, &own, sizeof own);
    return MCL_OK;
}

int mcl_broadcaster_close(mcl_broadcaster *broadcaster)
{
    ENTER(NULL);
    return GO(mclgo_broadcaster_close((uintptr_t)broadcaster));
}
