#include "shortcut.h"
#include "wait.h"

#include <stddef.h>
#include <stdio.h>

_Static_assert(sizeof(shim_item) == sizeof(mcl_item) && offsetof(shim_item, payload) == offsetof(mcl_item, payload),
               "shim_item is not mcl_item");

int mcl_broadcaster_open(const mcl_connection *connection, const mcl_broadcaster_options *options,
                         mcl_broadcaster **broadcaster, mcl_error *error)
{
    ENTER(error);
    NEED(broadcaster, error);
    *broadcaster = NULL;
    mcl_connection own;
    if (connection != NULL)
        INPUT(own, connection, error);
    mcl_broadcaster_options given = MCL_BROADCASTER_OPTIONS_INIT;
    if (options != NULL)
        INPUT(given, options, error);
    if (connection == NULL && given.type == NULL)
        return guard_fail(error, MCL_EINVAL, __func__,
                          "connection is NULL, and no options.type gives one: give either");
    if (given.topic != NULL && given.topic_size == 0)
        given.topic_size = MCL_NUL; /* zero means the default */
    TOPIC(given.topic, given.topic_size, error);
    CHECK(guard_switch(given.verbatim, "options.verbatim", __func__, error));
    shim_broadcaster_options rest = {given.topic, given.topic_size, (uintptr_t)given.type, given.verbatim,
                                     given.coalesce_us};
    uintptr_t handle = 0;
    shim_socket socket = {.fd = -1};
    int code = GO_OPENING(mclgo_broadcaster_open(connection != NULL ? &own : NULL, &rest, &handle, &socket, error));
    if (code == MCL_OK)
        shortcut_add(handle, &socket, given.topic, given.topic_size);
    *broadcaster = (mcl_broadcaster *)handle;
    return code;
}

/* How a call waits that has no limit: for as long as it takes, and signal handlers run meanwhile. */
static const shim_wait patient = {.deadline = -1, .goes_on = 1};

static shim_wait within(int timeout_ms)
{
    return (shim_wait){.deadline = wait_deadline(timeout_ms), .not_at_all = timeout_ms == 0};
}

/* What Go's 1, for everything has left, is for a call that has no limit. */
static int without_limit(int code)
{
    return code == 1 ? MCL_OK : code;
}

static int publish(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, const void *packed, size_t size,
                   shim_wait wait, const char *function, mcl_error *error)
{
    CHECK(guard_topic(&topic, &topic_size, function, error));
    CHECK(guard_bytes(&packed, size, "packed", function, error));
    shortcut *s = shortcut_enter((uintptr_t)broadcaster);
    if (s != NULL) {
        int sent = shortcut_publish(s, topic, topic_size, packed, size);
        shortcut_leave(s);
        if (sent)
            return 1;
    }
    uint64_t network = shortcut_network();
    int connected = 0;
    int code = GO_WAITING(wait, function,
                          mclgo_broadcaster_publish((uintptr_t)broadcaster, topic, topic_size, packed, size, &connected,
                                                    &wait, function, error));
    if (code == 1 && connected && s != NULL)
        shortcut_ready((uintptr_t)broadcaster, network);
    return code;
}

int mcl_broadcaster_publish(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, const void *packed,
                            size_t size, mcl_error *error)
{
    ENTER(error);
    return without_limit(publish(broadcaster, topic, topic_size, packed, size, patient, __func__, error));
}

int mcl_broadcaster_publish_within(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size,
                                   const void *packed, size_t size, int timeout_ms, mcl_error *error)
{
    ENTER(error);
    return publish(broadcaster, topic, topic_size, packed, size, within(timeout_ms), __func__, error);
}

/* Publishes one value: `call` is a call into Go that waits by `wait`. */
#define PUBLISH_VALUE(call)                                                                                            \
    do {                                                                                                               \
        shim_wait wait = patient;                                                                                      \
        return without_limit(GO_WAITING(wait, __func__, call));                                                        \
    } while (0)

int mcl_broadcaster_publish_message(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size,
                                    mcl_message *message, mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    PUBLISH_VALUE(
        mclgo_broadcaster_publish_message((uintptr_t)broadcaster, topic, topic_size, (uintptr_t)message, &wait, error));
}

int mcl_broadcaster_publish_nil(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    PUBLISH_VALUE(mclgo_broadcaster_publish_nil((uintptr_t)broadcaster, topic, topic_size, &wait, error));
}

int mcl_broadcaster_publish_bool(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, int value,
                                 mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    PUBLISH_VALUE(mclgo_broadcaster_publish_bool((uintptr_t)broadcaster, topic, topic_size, value, &wait, error));
}

int mcl_broadcaster_publish_int(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, int64_t value,
                                mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    PUBLISH_VALUE(mclgo_broadcaster_publish_int((uintptr_t)broadcaster, topic, topic_size, value, &wait, error));
}

int mcl_broadcaster_publish_uint(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, uint64_t value,
                                 mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    PUBLISH_VALUE(mclgo_broadcaster_publish_uint((uintptr_t)broadcaster, topic, topic_size, value, &wait, error));
}

int mcl_broadcaster_publish_double(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, double value,
                                   mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    PUBLISH_VALUE(mclgo_broadcaster_publish_double((uintptr_t)broadcaster, topic, topic_size, value, &wait, error));
}

int mcl_broadcaster_publish_string(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size,
                                   const char *value, size_t size, mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    STRING(value, size, error);
    PUBLISH_VALUE(
        mclgo_broadcaster_publish_string((uintptr_t)broadcaster, topic, topic_size, value, size, &wait, error));
}

int mcl_broadcaster_publish_bytes(mcl_broadcaster *broadcaster, const char *topic, size_t topic_size, const void *value,
                                  size_t size, mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    BYTES(value, size, error);
    PUBLISH_VALUE(
        mclgo_broadcaster_publish_bytes((uintptr_t)broadcaster, topic, topic_size, value, size, &wait, error));
}

/* Checks what the items point to. A size of MCL_NUL stays, for Go to count. */
static int check_items(const mcl_item *items, size_t count, const char *function, mcl_error *error)
{
    for (size_t i = 0; i < count; i++) {
        mcl_item own = items[i];
        if (guard_topic(&own.topic, &own.topic_size, function, NULL) == 0 &&
            guard_bytes(&own.payload, own.payload_size, "", function, NULL) == 0)
            continue;
        char what[64];
        snprintf(what, sizeof what, "items[%zu].topic", i);
        if (own.topic != NULL || (own.topic_size != 0 && own.topic_size != MCL_NUL))
            CHECK(guard_string(&own.topic, &own.topic_size, what, function, error));
        snprintf(what, sizeof what, "items[%zu].payload", i);
        CHECK(guard_bytes(&own.payload, own.payload_size, what, function, error));
    }
    return MCL_OK;
}

static int publish_many(mcl_broadcaster *broadcaster, const mcl_item *items, size_t count, size_t *sent, shim_wait wait,
                        const char *function, mcl_error *error)
{
    size_t own = 0;
    if (sent == NULL)
        sent = &own;
    *sent = 0;
    if (count > PTRDIFF_MAX / sizeof(mcl_item))
        return guard_fail(error, MCL_EINVAL, function, "count is %zu, more than memory can hold", count);
    if (count > 0)
        CHECK(guard_need(items, "items", function, error));
    CHECK(check_items(items, count, function, error));
    shortcut *s = shortcut_enter((uintptr_t)broadcaster);
    if (s != NULL) {
        int all = shortcut_publish_many(s, items, count);
        shortcut_leave(s);
        if (all) {
            *sent = count;
            return 1;
        }
    }
    uint64_t network = shortcut_network();
    int connected = 0;
    int code = GO_WAITING(wait, function,
                          mclgo_broadcaster_publish_many((uintptr_t)broadcaster, (const shim_item *)items, count, sent,
                                                         &connected, &wait, function, error));
    if (code == 1 && connected && s != NULL)
        shortcut_ready((uintptr_t)broadcaster, network);
    return code;
}

int mcl_broadcaster_publish_many(mcl_broadcaster *broadcaster, const mcl_item *items, size_t count, size_t *sent,
                                 mcl_error *error)
{
    ENTER(error);
    return without_limit(publish_many(broadcaster, items, count, sent, patient, __func__, error));
}

int mcl_broadcaster_publish_many_within(mcl_broadcaster *broadcaster, const mcl_item *items, size_t count, size_t *sent,
                                        int timeout_ms, mcl_error *error)
{
    ENTER(error);
    return publish_many(broadcaster, items, count, sent, within(timeout_ms), __func__, error);
}

int mcl_broadcaster_set_fragment_size(mcl_broadcaster *broadcaster, int bytes, mcl_error *error)
{
    ENTER(error);
    CHECK(GO(mclgo_broadcaster_set_fragment_size((uintptr_t)broadcaster, bytes, error)));
    shortcut_limit((uintptr_t)broadcaster, (size_t)bytes);
    return MCL_OK;
}

int mcl_broadcaster_flush(mcl_broadcaster *broadcaster, mcl_error *error)
{
    ENTER(error);
    shim_wait wait = patient;
    return without_limit(
        GO_WAITING(wait, __func__, mclgo_broadcaster_flush((uintptr_t)broadcaster, &wait, __func__, error)));
}

int mcl_broadcaster_flush_within(mcl_broadcaster *broadcaster, int timeout_ms, mcl_error *error)
{
    ENTER(error);
    shim_wait wait = within(timeout_ms);
    return GO_WAITING(wait, __func__, mclgo_broadcaster_flush((uintptr_t)broadcaster, &wait, __func__, error));
}

int mcl_broadcaster_get_stats(mcl_broadcaster *broadcaster, mcl_broadcaster_stats *stats, mcl_error *error)
{
    ENTER(error);
    NEED(stats, error);
    CHECK(guard_output(stats, "stats", __func__, error));
    mcl_broadcaster_stats own = {0};
    CHECK(GO(mclgo_broadcaster_get_stats((uintptr_t)broadcaster, &own, error)));
    shortcut_count((uintptr_t)broadcaster, &own);
    guard_copy_out(stats, &own, sizeof own);
    return MCL_OK;
}

int mcl_broadcaster_get_settings(mcl_broadcaster *broadcaster, mcl_settings *settings, mcl_error *error)
{
    ENTER(error);
    NEED(settings, error);
    CHECK(guard_output(settings, "settings", __func__, error));
    mcl_settings own = {0};
    CHECK(GO(mclgo_broadcaster_get_settings((uintptr_t)broadcaster, &own, error)));
    guard_copy_out(settings, &own, sizeof own);
    return MCL_OK;
}

int mcl_broadcaster_close(mcl_broadcaster *broadcaster)
{
    ENTER(NULL);
    shortcut_remove((uintptr_t)broadcaster);
    return GO(mclgo_broadcaster_close((uintptr_t)broadcaster));
}
