/* publish.c - one payload, one line. */
#include "internal.h"

/* All of them alike: call, and pass the result by the hook. */
#define PUBLISH(broadcaster, topic, kind, ...)                                                                         \
    MCLW_ERROR(error);                                                                                                 \
    return mclw_internal_result(mcl_broadcaster_publish##kind(broadcaster, topic, MCL_NUL, __VA_ARGS__, &error),       \
                                &error, "mcl_broadcaster_publish" #kind)

int mclw_publish_message(mcl_broadcaster *broadcaster, const char *topic, mcl_message *message)
{
    PUBLISH(broadcaster, topic, _message, message);
}

int mclw_publish_nil(mcl_broadcaster *broadcaster, const char *topic)
{
    MCLW_ERROR(error);
    return mclw_internal_result(mcl_broadcaster_publish_nil(broadcaster, topic, MCL_NUL, &error), &error,
                                "mcl_broadcaster_publish_nil");
}

int mclw_publish_bool(mcl_broadcaster *broadcaster, const char *topic, int value)
{
    PUBLISH(broadcaster, topic, _bool, value);
}

int mclw_publish_int(mcl_broadcaster *broadcaster, const char *topic, int64_t value)
{
    PUBLISH(broadcaster, topic, _int, value);
}

int mclw_publish_uint(mcl_broadcaster *broadcaster, const char *topic, uint64_t value)
{
    PUBLISH(broadcaster, topic, _uint, value);
}

int mclw_publish_double(mcl_broadcaster *broadcaster, const char *topic, double value)
{
    PUBLISH(broadcaster, topic, _double, value);
}

int mclw_publish_string(mcl_broadcaster *broadcaster, const char *topic, const char *value)
{
    PUBLISH(broadcaster, topic, _string, value, MCL_NUL);
}

int mclw_publish_bytes(mcl_broadcaster *broadcaster, const char *topic, const void *value, size_t size)
{
    PUBLISH(broadcaster, topic, _bytes, value, size);
}

int mclw_publish_buffer(mcl_broadcaster *broadcaster, const char *topic, const mclw_buffer *packed)
{
    if (packed == NULL)
        return mclw_internal_fail(MCL_EINVAL, 0, "mclw_publish_buffer: the buffer is NULL");
    if (packed->failed != 0)
        return packed->failed; /* reported when it happened */
    PUBLISH(broadcaster, topic, , packed->data, packed->size);
}

int mclw_publish_doubles(mcl_broadcaster *broadcaster, const char *topic, const double *values, size_t count)
{
    mclw_buffer packed = MCLW_BUFFER_INIT;
    int result;

    mclw_pack_doubles(&packed, values, count);
    result = mclw_publish_buffer(broadcaster, topic, &packed);
    mclw_buffer_close(&packed);
    return result;
}

int mclw_publish_floats(mcl_broadcaster *broadcaster, const char *topic, const float *values, size_t count)
{
    mclw_buffer packed = MCLW_BUFFER_INIT;
    int result;

    mclw_pack_floats(&packed, values, count);
    result = mclw_publish_buffer(broadcaster, topic, &packed);
    mclw_buffer_close(&packed);
    return result;
}
