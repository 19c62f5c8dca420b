/* pack.c - C values to msgpack, by the format of github.com/msgpack/msgpack/blob/master/spec.md, each in its
 * shortest form. */
#include "internal.h"

#include <errno.h>
#include <string.h>

static int failed(mclw_buffer *buffer, int code, int system, const char *what)
{
    buffer->failed = code;
    return mclw_internal_fail(code, system, "mclw_pack: %s", what);
}

/* Appends a byte, `width` bytes of `number` from the highest, and `size` bytes of `body`. */
static int append(mclw_buffer *buffer, unsigned byte, uint64_t number, unsigned width, const void *body, size_t size)
{
    unsigned char *to;
    int system;

    if (buffer == NULL)
        return mclw_internal_fail(MCL_EINVAL, 0, "mclw_pack: the buffer is NULL");
    if (buffer->failed != 0)
        return buffer->failed;
    if (body == NULL && size != 0)
        return failed(buffer, MCL_EINVAL, 0, "the value is NULL");
    system = size > (size_t)-1 - 9 ? ENOMEM : mclw_internal_reserve(buffer, 1 + width + size);
    if (system != 0)
        return failed(buffer, MCL_ESYSTEM, system, "no memory for the message");
    to = buffer->data + buffer->size;
    *to++ = (unsigned char)byte;
    while (width > 0)
        *to++ = (unsigned char)(number >> (8 * --width));
    if (size != 0)
        memcpy(to, body, size);
    buffer->size = (size_t)(to - buffer->data) + size;
    return 0;
}

/* The first bytes of the forms that say a length; a form that does not exist is 0. */
struct forms {
    unsigned fixed, fixed_max, of8, of16, of32;
};

static int append_sized(mclw_buffer *buffer, const struct forms *forms, size_t length, const void *body, size_t size)
{
    if (forms->fixed != 0 && length <= forms->fixed_max)
        return append(buffer, forms->fixed | (unsigned)length, 0, 0, body, size);
    if (forms->of8 != 0 && length <= 0xff)
        return append(buffer, forms->of8, length, 1, body, size);
    if (length <= 0xffff)
        return append(buffer, forms->of16, length, 2, body, size);
    if (length <= 0xffffffff)
        return append(buffer, forms->of32, length, 4, body, size);
    if (buffer == NULL)
        return append(buffer, 0, 0, 0, NULL, 0);
    return failed(buffer, MCL_EINVAL, 0, "msgpack has no more than 4294967295 bytes or items in one value");
}

static const struct forms string_forms = {0xa0, 31, 0xd9, 0xda, 0xdb};
static const struct forms bytes_forms = {0, 0, 0xc4, 0xc5, 0xc6};
static const struct forms array_forms = {0x90, 15, 0, 0xdc, 0xdd};
static const struct forms map_forms = {0x80, 15, 0, 0xde, 0xdf};

int mclw_pack_nil(mclw_buffer *buffer) { return append(buffer, 0xc0, 0, 0, NULL, 0); }

int mclw_pack_bool(mclw_buffer *buffer, int value) { return append(buffer, value ? 0xc3 : 0xc2, 0, 0, NULL, 0); }

int mclw_pack_uint(mclw_buffer *buffer, uint64_t value)
{
    if (value <= 0x7f)
        return append(buffer, (unsigned)value, 0, 0, NULL, 0);
    if (value <= 0xff)
        return append(buffer, 0xcc, value, 1, NULL, 0);
    if (value <= 0xffff)
        return append(buffer, 0xcd, value, 2, NULL, 0);
    if (value <= 0xffffffff)
        return append(buffer, 0xce, value, 4, NULL, 0);
    return append(buffer, 0xcf, value, 8, NULL, 0);
}

int mclw_pack_int(mclw_buffer *buffer, int64_t value)
{
    uint64_t bits = (uint64_t)value; /* two's complement by the C standard, which is msgpack's form too */

    if (value >= 0)
        return mclw_pack_uint(buffer, bits);
    if (value >= -32)
        return append(buffer, (unsigned)(bits & 0xff), 0, 0, NULL, 0);
    if (value >= INT8_MIN)
        return append(buffer, 0xd0, bits, 1, NULL, 0);
    if (value >= INT16_MIN)
        return append(buffer, 0xd1, bits, 2, NULL, 0);
    if (value >= INT32_MIN)
        return append(buffer, 0xd2, bits, 4, NULL, 0);
    return append(buffer, 0xd3, bits, 8, NULL, 0);
}

int mclw_pack_float(mclw_buffer *buffer, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return append(buffer, 0xca, bits, 4, NULL, 0);
}

int mclw_pack_double(mclw_buffer *buffer, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return append(buffer, 0xcb, bits, 8, NULL, 0);
}

int mclw_pack_string(mclw_buffer *buffer, const char *value)
{
    return mclw_pack_text(buffer, value, value != NULL ? strlen(value) : 1);
}

int mclw_pack_text(mclw_buffer *buffer, const char *value, size_t size)
{
    return append_sized(buffer, &string_forms, size, value, size);
}

int mclw_pack_bytes(mclw_buffer *buffer, const void *value, size_t size)
{
    return append_sized(buffer, &bytes_forms, size, value, size);
}

int mclw_pack_array(mclw_buffer *buffer, size_t count) { return append_sized(buffer, &array_forms, count, NULL, 0); }

int mclw_pack_map(mclw_buffer *buffer, size_t count) { return append_sized(buffer, &map_forms, count, NULL, 0); }

/* An array in which every item takes `item` bytes: room for all is made at once, or a failure would leave half an
 * array behind. */
static int begin_array(mclw_buffer *buffer, const void *values, size_t count, size_t item)
{
    if (buffer == NULL)
        return append(buffer, 0, 0, 0, NULL, 0);
    if (buffer->failed != 0)
        return buffer->failed;
    if (values == NULL && count != 0)
        return failed(buffer, MCL_EINVAL, 0, "the values are NULL");
    if (count > 0xffffffff)
        return mclw_pack_array(buffer, count);
    if (mclw_internal_reserve(buffer, 5 + count * item) != 0)
        return failed(buffer, MCL_ESYSTEM, ENOMEM, "no memory for the array");
    return mclw_pack_array(buffer, count);
}

int mclw_pack_doubles(mclw_buffer *buffer, const double *values, size_t count)
{
    int result = begin_array(buffer, values, count, 9);
    size_t i;

    for (i = 0; result == 0 && i < count; i++)
        result = mclw_pack_double(buffer, values[i]);
    return result;
}

int mclw_pack_floats(mclw_buffer *buffer, const float *values, size_t count)
{
    int result = begin_array(buffer, values, count, 5);
    size_t i;

    for (i = 0; result == 0 && i < count; i++)
        result = mclw_pack_float(buffer, values[i]);
    return result;
}
