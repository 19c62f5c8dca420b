#include "callback.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct shim_callback {
    mcl_callback user;
    _Atomic(uintptr_t) thread; /* the thread that is inside call or drop, or 0 */
};

/* A pthread_t is a number that is never 0 in glibc: the address of the thread's descriptor. */
static uintptr_t this_thread(void)
{
    return (uintptr_t)pthread_self();
}

shim_callback *callback_new(const mcl_callback *callback)
{
    shim_callback *own = calloc(1, sizeof *own);
    if (own != NULL)
        own->user = *callback;
    return own;
}

void shim_callback_free(shim_callback *callback)
{
    free(callback);
}

int shim_callback_runs_here(shim_callback *callback)
{
    return atomic_load(&callback->thread) == this_thread();
}

static void put_big_endian(uint8_t *to, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        to[i] = (uint8_t)value;
}

/* Go hands out its memory as separate arguments and not in a struct: cgo allows a pointer into pointer-free Go
 * memory for the time of a call, but not Go memory that holds pointers. */
void shim_call(shim_callback *callback, const void *topic, size_t topic_size, int has_topic, const void *payload,
               size_t payload_size, int64_t time_received, uint64_t sender_high, uint64_t sender_low,
               uint32_t sender_port, uint32_t interface_index)
{
    mcl_received record = {
        .topic = has_topic ? (topic != NULL ? topic : "") : NULL,
        .topic_size = topic_size,
        .payload = payload,
        .payload_size = payload_size,
        .time_received = time_received,
        .sender_port = sender_port,
        .interface_index = interface_index,
    };
    put_big_endian(record.sender, sender_high);
    put_big_endian(record.sender + 8, sender_low);
    atomic_store_explicit(&callback->thread, this_thread(), memory_order_release);
    callback->user.call(callback->user.context, &record);
    atomic_store_explicit(&callback->thread, 0, memory_order_release);
}

void shim_drop(shim_callback *callback)
{
    if (callback->user.drop == NULL)
        return;
    atomic_store(&callback->thread, this_thread());
    callback->user.drop(callback->user.context);
    atomic_store(&callback->thread, 0);
}
