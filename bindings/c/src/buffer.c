/* buffer.c - memory that grows. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

/* The first allocation: most messages of a robot are smaller, and a page or more costs nothing until written. */
enum { FIRST_CAPACITY = 4096 };

int mclw_internal_reserve(mclw_buffer *buffer, size_t more)
{
    size_t needed, capacity = buffer->capacity != 0 ? buffer->capacity : FIRST_CAPACITY;
    unsigned char *data;

    if (more > (size_t)-1 - buffer->size)
        return ENOMEM;
    needed = buffer->size + more;
    if (buffer->data != NULL && needed <= buffer->capacity)
        return 0;
    while (capacity < needed)
        capacity = capacity <= (size_t)-1 / 2 ? capacity * 2 : needed;
    data = realloc(buffer->data, capacity);
    if (data == NULL)
        return ENOMEM;
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

void mclw_buffer_clear(mclw_buffer *buffer)
{
    if (buffer == NULL)
        return;
    buffer->size = 0;
    buffer->failed = 0;
}

int mclw_buffer_close(mclw_buffer *buffer)
{
    const mclw_buffer empty = MCLW_BUFFER_INIT;

    if (buffer == NULL)
        return 0;
    free(buffer->data);
    *buffer = empty;
    return 0;
}

void mclw_buffer_cleanup(mclw_buffer *buffer) { mclw_buffer_close(buffer); }
