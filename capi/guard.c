#include "guard.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int guard_fail(mcl_error *error, int code, const char *function, const char *format, ...)
{
    if (error == NULL)
        return code;
    error->code = code;
    error->system = 0;
    int used = snprintf(error->text, sizeof error->text, "%s: ", function);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text + used, sizeof error->text - (size_t)used, format, arguments);
    va_end(arguments);
    return code;
}

int guard_errno(mcl_error *error, int system, const char *function, const char *what)
{
    guard_fail(error, MCL_ESYSTEM, function, "%s: %s", what, strerror(system));
    if (error != NULL)
        error->system = system;
    return MCL_ESYSTEM;
}

/* No object is larger than this, so a larger size is a mistake such as a negative number. */
#define OBJECT_MAX ((size_t)PTRDIFF_MAX)

int guard_string(const char **text, size_t *size, const char *what, const char *function, mcl_error *error)
{
    const void *bytes = *text;
    if (*size == MCL_NUL) {
        if (bytes == NULL)
            return guard_fail(error, MCL_EINVAL, function, "%s is NULL with MCL_NUL as its size: give a string", what);
        *size = strlen(bytes);
    }
    int code = guard_bytes(&bytes, *size, what, function, error);
    *text = bytes;
    return code;
}

int guard_bytes(const void **bytes, size_t size, const char *what, const char *function, mcl_error *error)
{
    if (size > OBJECT_MAX)
        return guard_fail(error, MCL_EINVAL, function, "the size of %s is %zu, more than memory can hold", what, size);
    if (size == 0) {
        *bytes = ""; /* what a pointer to nothing points to is not for Go to see */
        return 0;
    }
    if (*bytes == NULL)
        return guard_fail(error, MCL_EINVAL, function, "%s is NULL, but its size %zu: give both, or neither", what,
                          size);
    return 0;
}

int guard_topic(const char **topic, size_t *size, const char *function, mcl_error *error)
{
    if (*topic == NULL && (*size == 0 || *size == MCL_NUL)) {
        *size = 0;
        return 0;
    }
    return guard_string(topic, size, "topic", function, error);
}

int guard_need(const void *pointer, const char *what, const char *function, mcl_error *error)
{
    if (pointer != NULL)
        return 0;
    return guard_fail(error, MCL_EINVAL, function, "%s is NULL: give its address", what);
}

int guard_switch(int32_t value, const char *what, const char *function, mcl_error *error)
{
    if (value == 0 || value == MCL_ON || value == MCL_OFF)
        return 0;
    return guard_fail(error, MCL_EINVAL, function, "%s is %d: use MCL_ON or MCL_OFF", what, (int)value);
}

/* Far more than any struct will ever grow to: a size beyond it is uninitialized memory. */
#define STRUCT_MAX 4096

static int bad_struct_size(size_t size, const char *what, const char *function, mcl_error *error)
{
    if (size < sizeof(size_t) || size > STRUCT_MAX)
        return guard_fail(error, MCL_EINVAL, function,
                          "the size of %s is %zu: begin with its MCL_..._INIT, or set `size`", what, size);
    return 0;
}

int guard_input(void *own, size_t own_size, const void *given, const char *what, const char *function, mcl_error *error)
{
    size_t size;
    memcpy(&size, given, sizeof size);
    CHECK(bad_struct_size(size, what, function, error));
    const unsigned char *byte = given;
    for (size_t i = own_size; i < size; i++)
        if (byte[i] != 0)
            return guard_fail(
                error, MCL_EINVAL, function,
                "%s sets a field that libmcl " MCL_VERSION " does not have: install the version of the header", what);
    memset(own, 0, own_size);
    memcpy(own, given, size < own_size ? size : own_size);
    return 0;
}

int guard_output(const void *given, const char *what, const char *function, mcl_error *error)
{
    size_t size;
    memcpy(&size, given, sizeof size);
    return bad_struct_size(size, what, function, error);
}

void guard_copy_out(void *given, const void *own, size_t own_size)
{
    size_t size;
    memcpy(&size, given, sizeof size);
    if (size > own_size)
        size = own_size;
    if (size > sizeof size)
        memcpy((char *)given + sizeof size, (const char *)own + sizeof size, size - sizeof size);
}
