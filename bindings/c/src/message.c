/* message.c - messages of a type, by key. */
#include "internal.h"

#include <errno.h>

mcl_message *mclw_message(mcl_type *type)
{
    mcl_message *message = NULL;
    MCLW_ERROR(error);
    int result = mcl_message_new(type, &message, &error);

    return mclw_internal_result(result, &error, "mcl_message_new") < 0 ? NULL : message;
}

mcl_message *mclw_message_of(mcl_type *type, const mcl_received *record)
{
    mcl_message *message = NULL;
    MCLW_ERROR(error);
    int result;

    if (record == NULL) {
        mclw_internal_fail(MCL_EINVAL, 0, "mclw_message_of: the record is NULL");
        return NULL;
    }
    result = mcl_message_decode(type, record->payload, record->payload_size, &message, &error);
    return mclw_internal_result(result, &error, "mcl_message_decode") < 0 ? NULL : message;
}

/* All of them alike: call, and pass the result by the hook. */
#define SET(kind, ...)                                                                                                 \
    MCLW_ERROR(error);                                                                                                 \
    return mclw_internal_result(mcl_message_set_##kind(message, key, MCL_NUL, __VA_ARGS__, &error), &error,            \
                                "mcl_message_set_" #kind)

int mclw_set_nil(mcl_message *message, const char *key)
{
    MCLW_ERROR(error);
    return mclw_internal_result(mcl_message_set_nil(message, key, MCL_NUL, &error), &error, "mcl_message_set_nil");
}

int mclw_set_bool(mcl_message *message, const char *key, int value) { SET(bool, value); }

int mclw_set_int(mcl_message *message, const char *key, int64_t value) { SET(int, value); }

int mclw_set_uint(mcl_message *message, const char *key, uint64_t value) { SET(uint, value); }

int mclw_set_double(mcl_message *message, const char *key, double value) { SET(double, value); }

int mclw_set_string(mcl_message *message, const char *key, const char *value) { SET(string, value, MCL_NUL); }

int mclw_set_bytes(mcl_message *message, const char *key, const void *value, size_t size) { SET(bytes, value, size); }

int mclw_set_buffer(mcl_message *message, const char *key, const mclw_buffer *packed)
{
    if (packed == NULL)
        return mclw_internal_fail(MCL_EINVAL, 0, "mclw_set_buffer: the buffer is NULL");
    if (packed->failed != 0)
        return packed->failed; /* reported when it happened */
    SET(packed, packed->data, packed->size);
}

int mclw_set_doubles(mcl_message *message, const char *key, const double *values, size_t count)
{
    mclw_buffer packed = MCLW_BUFFER_INIT;
    int result;

    mclw_pack_doubles(&packed, values, count);
    result = mclw_set_buffer(message, key, &packed);
    mclw_buffer_close(&packed);
    return result;
}

int mclw_set_floats(mcl_message *message, const char *key, const float *values, size_t count)
{
    mclw_buffer packed = MCLW_BUFFER_INIT;
    int result;

    mclw_pack_floats(&packed, values, count);
    result = mclw_set_buffer(message, key, &packed);
    mclw_buffer_close(&packed);
    return result;
}

/* A default stands for what the sender left out, not for a wrong handle here: that is reported. */
static int got(int result, const mcl_error *error, const char *operation)
{
    if (result == MCL_EUNKNOWN || result == MCL_ETYPE)
        return 0;
    return mclw_internal_result(result, error, operation) >= 0;
}

#define GET(kind, type)                                                                                                \
    type value;                                                                                                        \
    MCLW_ERROR(error);                                                                                                 \
    return got(mcl_message_get_##kind(message, key, MCL_NUL, &value, &error), &error, "mcl_message_get_" #kind)        \
               ? value                                                                                                 \
               : fallback

int mclw_get_bool(mcl_message *message, const char *key, int fallback) { GET(bool, int); }

int64_t mclw_get_int(mcl_message *message, const char *key, int64_t fallback) { GET(int, int64_t); }

uint64_t mclw_get_uint(mcl_message *message, const char *key, uint64_t fallback) { GET(uint, uint64_t); }

double mclw_get_double(mcl_message *message, const char *key, double fallback) { GET(double, double); }

/* A key's value as msgpack. First into `small` of the caller's stack, which takes what robots send (a vector of 100
 * doubles), then into memory of its own, which the caller closes. */
enum { SMALL = 1024 };

static int get_packed(mcl_message *message, const char *key, unsigned char *small, mclw_buffer *large,
                      mclw_value *value)
{
    MCLW_ERROR(error);
    size_t needed = 0;
    int result = mcl_message_get_packed(message, key, MCL_NUL, small, SMALL, &needed, &error);

    value->data = small;
    while (result == MCL_EBUFFER) {
        if (mclw_internal_reserve(large, needed) != 0)
            return mclw_internal_fail(MCL_ESYSTEM, ENOMEM, "mclw_get: no memory for %zu bytes of \"%s\"", needed, key);
        result = mcl_message_get_packed(message, key, MCL_NUL, large->data, large->capacity, &needed, &error);
        value->data = large->data;
    }
    value->size = result < 0 ? 0 : needed;
    if (result == MCL_EUNKNOWN)
        return result;
    return mclw_internal_result(result, &error, "mcl_message_get_packed");
}

size_t mclw_get_string(mcl_message *message, const char *key, char *buffer, size_t size, const char *fallback)
{
    unsigned char small[SMALL];
    mclw_buffer large = MCLW_BUFFER_INIT;
    mclw_value value = {NULL, 0};
    size_t length;

    get_packed(message, key, small, &large, &value);
    length = mclw_value_string(value, buffer, size, fallback);
    mclw_buffer_close(&large);
    return length;
}

int mclw_get_doubles(mcl_message *message, const char *key, double *values, size_t count)
{
    unsigned char small[SMALL];
    mclw_buffer large = MCLW_BUFFER_INIT;
    mclw_value value = {NULL, 0};
    int result = get_packed(message, key, small, &large, &value);

    if (result >= 0)
        result = mclw_value_doubles(value, values, count);
    mclw_buffer_close(&large);
    return result;
}

int mclw_get_floats(mcl_message *message, const char *key, float *values, size_t count)
{
    unsigned char small[SMALL];
    mclw_buffer large = MCLW_BUFFER_INIT;
    mclw_value value = {NULL, 0};
    int result = get_packed(message, key, small, &large, &value);

    if (result >= 0)
        result = mclw_value_floats(value, values, count);
    mclw_buffer_close(&large);
    return result;
}
