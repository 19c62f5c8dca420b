#include "callback.h"
#include "options.h"
#include "wait.h"

#include <errno.h>
#include <limits.h>

#define SAME_PLACE(field)                                                                                              \
    _Static_assert(offsetof(shim_record, field) == offsetof(mcl_record, field), "shim_record is mcl_record")
SAME_PLACE(topic);
SAME_PLACE(topic_size);
SAME_PLACE(payload);
SAME_PLACE(payload_size);
SAME_PLACE(time_received);
SAME_PLACE(sender);
SAME_PLACE(sender_port);
SAME_PLACE(interface_index);
_Static_assert(sizeof(shim_record) == sizeof(mcl_record), "shim_record is mcl_record");

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
    int code = GO_OPENING(mclgo_listener_open(connection != NULL ? &own : NULL, &given, &handle, error));
    *listener = (mcl_listener *)handle;
    return code;
}

int mcl_listener_subscribe(mcl_listener *listener, const mcl_callback *callback, uint64_t *id, mcl_error *error)
{
    ENTER(error);
    NEED(callback, error);
    if (callback->call == NULL)
        return guard_fail(error, MCL_EINVAL, __func__, "callback->call is NULL: give a function");
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
    return GO(mclgo_listener_unsubscribe((uintptr_t)listener, id, error));
}

int mcl_listener_fd(mcl_listener *listener, mcl_error *error)
{
    ENTER(error);
    return GO_OPENING(mclgo_listener_fd((uintptr_t)listener, error));
}

/* Where mcl_listener_recv puts a message. */
typedef struct place {
    mcl_record *record;
    void *buffer;
    size_t size;
    size_t *needed;
} place;

/* Waits for a message, and takes it if there is a place for it. */
static int wait_and_take(mcl_listener *listener, int timeout_ms, const place *to, const char *function,
                         mcl_error *error)
{
    uintptr_t handle = (uintptr_t)listener;
    int64_t deadline = wait_deadline(timeout_ms);
    sigset_t open;
    shim_poll wait = {0};
    signals_block(&open);
    int code;
    do {
        code = to == NULL ? mclgo_listener_wait(handle, &wait, function, error)
                          : mclgo_listener_recv_batch(handle, (shim_record *)to->record, 1, to->buffer, to->size,
                                                      to->needed, &wait, function, error);
        if (code == 0)
            code = wait_listener(listener, &wait, deadline, &open, function, error);
    } while (code == WAIT_LOOK_AGAIN);
    signals_restore(&open);
    return code;
}

int mcl_listener_wait(mcl_listener *listener, int timeout_ms, mcl_error *error)
{
    ENTER(error);
    return wait_and_take(listener, timeout_ms, NULL, __func__, error);
}

int mcl_listener_recv(mcl_listener *listener, int timeout_ms, mcl_record *record, void *buffer, size_t size,
                      size_t *needed, mcl_error *error)
{
    ENTER(error);
    NEED(record, error);
    BUFFER(buffer, size, error);
    place to = {record, buffer, size, needed};
    return wait_and_take(listener, timeout_ms, &to, __func__, error);
}

int mcl_listener_recv_batch(mcl_listener *listener, mcl_record *records, size_t count, void *buffer, size_t size,
                            size_t *needed, mcl_error *error)
{
    ENTER(error);
    if (count > 0)
        NEED(records, error);
    BUFFER(buffer, size, error);
    if (count > INT_MAX) /* what can be returned */
        count = INT_MAX;
    return GO(mclgo_listener_recv_batch((uintptr_t)listener, (shim_record *)records, count, buffer, size, needed, NULL,
                                        __func__, error));
}

int mcl_listener_get_stats(mcl_listener *listener, mcl_listener_stats *stats, mcl_error *error)
{
    ENTER(error);
    NEED(stats, error);
    CHECK(guard_output(stats, "stats", __func__, error));
    mcl_listener_stats own = {0};
    CHECK(GO(mclgo_listener_get_stats((uintptr_t)listener, &own, error)));
    guard_copy_out(stats, &own, sizeof own);
    return MCL_OK;
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
    int code = GO(mclgo_listener_close((uintptr_t)listener, &own));
    if (stats != NULL && (code == MCL_OK || code == MCL_EBUSY))
        guard_copy_out(stats, &own, sizeof own);
    return code;
}
