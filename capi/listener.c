#include "hot.h"
#include "callback.h"
#include "options.h"
#include "wait.h"

#include <errno.h>
#include <limits.h>

#define SAME_PLACE(field)                                                                                              \
    _Static_assert(offsetof(shim_record, field) == offsetof(mcl_received, field), "shim_record is mcl_received")
SAME_PLACE(topic);
SAME_PLACE(topic_size);
SAME_PLACE(payload);
SAME_PLACE(payload_size);
SAME_PLACE(time_received);
SAME_PLACE(sender);
SAME_PLACE(sender_port);
SAME_PLACE(interface_index);
_Static_assert(sizeof(shim_record) == sizeof(mcl_received), "shim_record is mcl_received");

int mcl_listener_open(const mcl_connection *connection, const mcl_listener_options *options, mcl_listener **listener,
                      mcl_error *error)
{
    ENTER(error);
    NEED(listener, error);
    *listener = NULL;
    mcl_connection own;
    if (connection != NULL)
        INPUT(own, connection, error);
    shim_listener_options given;
    CHECK(options_of_listener(&given, options, "options", __func__, error));
    if (connection == NULL && given.type == 0)
        return guard_fail(error, MCL_EINVAL, __func__,
                          "connection is NULL, and no options.type gives one: give either");
    uintptr_t handle = 0;
    shim_limits limits = {0, 0};
    hot_listener *hot = NULL;
    if (given.queued != MCL_ON && given.policy != MCL_BLOCK) {
        hot = hot_new(&given);
        if (hot == NULL)
            return guard_errno(error, ENOMEM, __func__, "allocate a listener");
    }
    int code = GO_OPENING(mclgo_listener_open(connection != NULL ? &own : NULL, &given, hot, &handle, &limits, error));
    if (hot != NULL && code == MCL_OK)
        hot_add(hot, handle, &limits);
    else if (hot != NULL)
        hot_leave(hot);
    *listener = (mcl_listener *)handle;
    return code;
}

/* Does it for a listener that C reads, and returns; goes on for one of Go's. */
#define IF_HOT(call)                                                                                                   \
    do {                                                                                                               \
        hot_listener *hot = hot_enter((uintptr_t)listener);                                                            \
        if (hot != NULL) {                                                                                             \
            int code_ = (call);                                                                                        \
            hot_leave(hot);                                                                                            \
            return code_;                                                                                              \
        }                                                                                                              \
    } while (0)

int mcl_listener_subscribe(mcl_listener *listener, const mcl_callback *callback, uint64_t *id, mcl_error *error)
{
    ENTER(error);
    NEED(callback, error);
    if (callback->call == NULL)
        return guard_fail(error, MCL_EINVAL, __func__, "callback->call is NULL: give a function");
    IF_HOT(hot_subscribe(hot, callback, id, __func__, error));
    shim_callback *own = callback_new(callback);
    if (own == NULL)
        return guard_errno(error, ENOMEM, __func__, "allocate a callback");
    uint64_t number = 0;
    /* On success it may have been dropped, and freed, already. */
    int code = GO(mclgo_listener_subscribe((uintptr_t)listener, own, &number, error));
    if (code < 0)
        shim_callback_free(own);
    else if (id != NULL)
        *id = number;
    return code;
}

int mcl_listener_unsubscribe(mcl_listener *listener, uint64_t id, mcl_error *error)
{
    ENTER(error);
    IF_HOT(hot_unsubscribe(hot, id, __func__, error));
    return GO(mclgo_listener_unsubscribe((uintptr_t)listener, id, error));
}

int mcl_listener_fd(mcl_listener *listener, mcl_error *error)
{
    ENTER(error);
    IF_HOT(hot_fd(hot, __func__, error));
    return GO_OPENING(mclgo_listener_fd((uintptr_t)listener, error));
}

int mcl_listener_wait(mcl_listener *listener, int timeout_ms, mcl_error *error)
{
    ENTER(error);
    IF_HOT(hot_wait(hot, timeout_ms, __func__, error));
    return wait_for(mclgo_listener_wait_begin, listener, timeout_ms, __func__, error);
}

int mcl_listener_recv(mcl_listener *listener, int timeout_ms, mcl_received *record, void *buffer, size_t size,
                      size_t *needed, mcl_error *error)
{
    ENTER(error);
    NEED(record, error);
    BUFFER(buffer, size, error);
    IF_HOT(hot_hand_receive(hot, (uintptr_t)listener, timeout_ms, record, buffer, size, needed, __func__, error));
    return hot_hand_receive(NULL, (uintptr_t)listener, timeout_ms, record, buffer, size, needed, __func__, error);
}

/* A hand is read and written in place, so it must be as long as this library's. */
static int check_hand(const mcl_hand *hand, const char *function, mcl_error *error)
{
    CHECK(guard_need(hand, "hand", function, error));
    if (hand->size != sizeof *hand)
        return guard_fail(error, MCL_EINVAL, function, "the size of hand is %zu: begin with MCL_HAND_INIT", hand->size);
    return guard_switch(hand->wants_stream, "hand->wants_stream", function, error);
}

int mcl_listener_take(mcl_listener *listener, int timeout_ms, mcl_hand *hand, mcl_error *error)
{
    ENTER(error);
    CHECK(check_hand(hand, __func__, error));
    IF_HOT(hot_hand_take(hot, (uintptr_t)listener, timeout_ms, hand, __func__, error));
    return hot_hand_take(NULL, (uintptr_t)listener, timeout_ms, hand, __func__, error);
}

int mcl_listener_settle(mcl_listener *listener, mcl_hand *hand, size_t delivered, size_t rejected, mcl_error *error)
{
    ENTER(error);
    CHECK(check_hand(hand, __func__, error));
    return hot_hand_settle((uintptr_t)listener, hand, delivered, rejected, __func__, error);
}

int mcl_listener_get_stats(mcl_listener *listener, mcl_listener_stats *stats, mcl_error *error)
{
    ENTER(error);
    NEED(stats, error);
    CHECK(guard_output(stats, "stats", __func__, error));
    mcl_listener_stats own = {0};
    hot_listener *hot = hot_enter((uintptr_t)listener);
    int code = hot != NULL ? hot_stats(hot, &own, __func__, error)
                           : GO(mclgo_listener_get_stats((uintptr_t)listener, &own, error));
    if (hot != NULL)
        hot_leave(hot);
    if (code == MCL_OK)
        guard_copy_out(stats, &own, sizeof own);
    return code;
}

int mcl_listener_get_settings(mcl_listener *listener, mcl_settings *settings, mcl_error *error)
{
    ENTER(error);
    NEED(settings, error);
    CHECK(guard_output(settings, "settings", __func__, error));
    mcl_settings own = {0};
    CHECK(GO(mclgo_listener_get_settings((uintptr_t)listener, &own, error)));
    guard_copy_out(settings, &own, sizeof own);
    return MCL_OK;
}

int mcl_listener_close(mcl_listener *listener, mcl_listener_stats *stats)
{
    ENTER(NULL);
    if (stats != NULL)
        CHECK(guard_output(stats, "stats", __func__, NULL));
    mcl_listener_stats own = {0};
    hot_listener *hot = hot_enter((uintptr_t)listener);
    int code = hot != NULL ? hot_close(hot, &own) : GO(mclgo_listener_close((uintptr_t)listener, &own));
    if (hot != NULL)
        hot_leave(hot);
    if (stats != NULL && (code == MCL_OK || code == MCL_EBUSY))
        guard_copy_out(stats, &own, sizeof own);
    return code;
}
