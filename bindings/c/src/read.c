/* read.c - a key of a record in one call. */
#include "internal.h"

int mclw_read_bool(const mcl_received *record, const char *key, int fallback)
{
    return mclw_value_bool(mclw_value_of(record, key), fallback);
}

int64_t mclw_read_int(const mcl_received *record, const char *key, int64_t fallback)
{
    return mclw_value_int(mclw_value_of(record, key), fallback);
}

uint64_t mclw_read_uint(const mcl_received *record, const char *key, uint64_t fallback)
{
    return mclw_value_uint(mclw_value_of(record, key), fallback);
}

double mclw_read_double(const mcl_received *record, const char *key, double fallback)
{
    return mclw_value_double(mclw_value_of(record, key), fallback);
}

size_t mclw_read_string(const mcl_received *record, const char *key, char *buffer, size_t size, const char *fallback)
{
    return mclw_value_string(mclw_value_of(record, key), buffer, size, fallback);
}

int mclw_read_doubles(const mcl_received *record, const char *key, double *values, size_t count)
{
    return mclw_value_doubles(mclw_value_of(record, key), values, count);
}

int mclw_read_floats(const mcl_received *record, const char *key, float *values, size_t count)
{
    return mclw_value_floats(mclw_value_of(record, key), values, count);
}
