#include "callback.h"

#include <errno.h>
#include <limits.h>

#define SAME_PLACE(field)                                                                                      \
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

static int check_topics(const mcl_listener_options *options, const char *function, mcl_error *error)
{
    if (options->topic_count > 0 && options->topics == NULL)
        return guard_fail(error, MCL_EINVAL, function, "options.topics is NULL, but options.topic_count %zu",
                          options->topic_count);
    for (size_t i = 0; i < options->topic_count; i++) {
        size_t size = options->topic_sizes != NULL ? options->topic_sizes[i] : MCL_NUL;
        if (options->topics[i] == NULL && size != 0)
            return guard_fail(error, MCL_EINVAL, function, "options.topics[%zu] is NULL: give %zu topics", i,
                              options->topic_count);
        if (size != MCL_NUL && size > PTRDIFF_MAX)
            return guard_fail(error, MCL_EINVAL, function, "options.topic_sizes[%zu] is %zu, more than memory can hold",
                              i, size);
    }
    return 0;
}

int mcl_listener_open(const mcl_connection *connection, const mcl_listener_options *options, mcl_listener **listener,
                      mcl_error *error)
{
    ENTER(error);
    NEED(listener, error);
    *listener = NULL;
    mcl_connection own;
    if (connection != NULL)
        INPUT(own, connection, error);
    mcl_listener_options given = MCL_LISTENER_OPTIONS_INIT;
    if (options != NULL)
        INPUT(given, options, error);
    if (connection == NULL && given.type == NULL)
        return guard_fail(error, MCL_EINVAL, __func__, "connection is NULL, and no options.type gives one: give either");
    CHECK(check_topics(&given, __func__, error));
    CHECK(guard_switch(given.queued, "options.queued", __func__, error));
    CHECK(guard_switch(given.quiet, "options.quiet", __func__, error));
    shim_listener_options rest = {
        .topics = given.topics,
        .topic_sizes = given.topic_sizes,
        .topic_count = given.topic_count,
        .type = (uintptr_t)given.type,
        .queued = given.queued,
        .policy = given.policy,
        .queue_messages = given.queue_messages,
        .queue_bytes = given.queue_bytes,
        .quiet = given.quiet,
    };
    uintptr_t handle = 0;
    int code = GO_OPENING(mclgo_listener_open(connection != NULL ? &own : NULL, &rest, &handle, error));
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

int mcl_listener_recv_batch(mcl_listener *listener, mcl_record *records, size_t count, void *buffer, size_t size,
                            size_t *needed, mcl_error *error)
{
    ENTER(error);
    if (count > 0)
        NEED(records, error);
    BUFFER(buffer, size, error);
    if (count > INT_MAX) /* what can be returned */
        count = INT_MAX;
    return GO(mclgo_listener_recv_batch((uintptr_t)listener, (shim_record *)records, count, buffer, size, needed,
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
