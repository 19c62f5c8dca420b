/* receive.c - one message at a time, into memory that grows. */
#define _POSIX_C_SOURCE 200809L
#include "internal.h"

#include <string.h>
#include <time.h>

int64_t mclw_internal_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int mclw_recv(mcl_listener *listener, int timeout_ms, mcl_received *record, mclw_buffer *buffer)
{
    int64_t end = timeout_ms > 0 ? mclw_internal_now_ms() + timeout_ms : 0;
    size_t needed = 1;
    MCLW_ERROR(error);
    int result;

    if (record == NULL || buffer == NULL)
        return mclw_internal_fail(MCL_EINVAL, 0, "mclw_recv: %s is NULL", record == NULL ? "record" : "buffer");
    mclw_buffer_clear(buffer);
    for (;;) {
        int system = mclw_internal_reserve(buffer, needed);
        if (system != 0)
            return mclw_internal_fail(MCL_ESYSTEM, system, "mclw_recv: no memory for a message of %zu bytes", needed);
        result = mcl_listener_recv(listener, timeout_ms, record, buffer->data, buffer->capacity, &needed, &error);
        if (result != MCL_EBUFFER)
            break;
        /* The message that was too large may be gone by now, dropped by the policy or taken by another thread, and
         * the next one still has to wait for no longer than was asked. */
        if (timeout_ms > 0) {
            int64_t left = end - mclw_internal_now_ms();
            timeout_ms = left > 0 ? (int)left : 0;
        }
    }
    if (result == MCL_ECLOSED || result == MCL_EINTR)
        return result;
    return mclw_internal_result(result, &error, "mcl_listener_recv");
}

int mclw_topic_is(const mcl_received *record, const char *topic)
{
    if (record == NULL)
        return 0;
    if (record->topic == NULL || topic == NULL)
        return record->topic == NULL && topic == NULL;
    return record->topic_size == strlen(topic) && memcmp(record->topic, topic, record->topic_size) == 0;
}
