#include "options.h"

static int recorder_options(const mcl_recorder_options *options, mcl_log_writer_options *log,
                            shim_listener_options *listener, const char *function, mcl_error *error)
{
    mcl_recorder_options given = MCL_RECORDER_OPTIONS_INIT;
    if (options != NULL)
        CHECK(guard_input(&given, sizeof given, options, "options", function, error));
    CHECK(options_of_log(log, given.log, "options.log", function, error));
    return options_of_listener(listener, given.listener, "options.listener", function, error);
}

int mcl_recorder_open(const char *prefix, const mcl_connection *connection, const mcl_recorder_options *options,
                      mcl_recorder **recorder, mcl_error *error)
{
    ENTER(error);
    NEED(recorder, error);
    *recorder = NULL;
    NEED(prefix, error);
    mcl_connection own;
    if (connection != NULL)
        INPUT(own, connection, error);
    mcl_log_writer_options log;
    shim_listener_options listener;
    CHECK(recorder_options(options, &log, &listener, __func__, error));
    if (connection == NULL && listener.type == 0)
        return guard_fail(error, MCL_EINVAL, __func__,
                          "connection is NULL, and no options.listener->type gives one: give either");
    uintptr_t handle = 0;
    int code =
        GO_OPENING(mclgo_recorder_open(prefix, connection != NULL ? &own : NULL, &log, &listener, &handle, error));
    *recorder = (mcl_recorder *)handle;
    return code;
}

int mcl_recorder_open_network(const char *root, mcl_type *const *types, size_t count,
                              const mcl_recorder_options *options, mcl_recorder **recorder, mcl_error *error)
{
    ENTER(error);
    NEED(recorder, error);
    *recorder = NULL;
    NEED(root, error);
    if (count > 0)
        NEED(types, error);
    mcl_log_writer_options log;
    shim_listener_options listener;
    CHECK(recorder_options(options, &log, &listener, __func__, error));
    if (listener.type != 0 || (log.type_name != NULL && log.type_name[0] != 0))
        return guard_fail(error, MCL_EINVAL, __func__,
                          "the options name a type, but `types` has those: set it to NULL");
    uintptr_t handle = 0;
    int code =
        GO_OPENING(mclgo_recorder_open_network(root, (const_handle *)types, count, &log, &listener, &handle, error));
    *recorder = (mcl_recorder *)handle;
    return code;
}

int mcl_recorder_directory(mcl_recorder *recorder, char *buffer, size_t size, size_t *needed, mcl_error *error)
{
    ENTER(error);
    BUFFER(buffer, size, error);
    return GO(mclgo_recorder_directory((uintptr_t)recorder, buffer, size, needed, error));
}

static int check_outputs(mcl_log_writer_stats *log, mcl_listener_stats *listener, const char *function,
                         mcl_error *error)
{
    if (log != NULL)
        CHECK(guard_output(log, "log", function, error));
    if (listener != NULL)
        CHECK(guard_output(listener, "listener", function, error));
    return 0;
}

static void copy_outputs(mcl_log_writer_stats *log, const mcl_log_writer_stats *own_log, mcl_listener_stats *listener,
                         const mcl_listener_stats *own_listener)
{
    if (log != NULL)
        guard_copy_out(log, own_log, sizeof *own_log);
    if (listener != NULL)
        guard_copy_out(listener, own_listener, sizeof *own_listener);
}

int mcl_recorder_get_stats(mcl_recorder *recorder, int index, mcl_log_writer_stats *log, mcl_listener_stats *listener,
                           mcl_error *last, mcl_error *error)
{
    ENTER(error);
    CHECK(check_outputs(log, listener, __func__, error));
    mcl_log_writer_stats own_log = {0};
    mcl_listener_stats own_listener = {0};
    CHECK(GO(mclgo_recorder_get_stats((uintptr_t)recorder, index, &own_log, &own_listener, last, error)));
    copy_outputs(log, &own_log, listener, &own_listener);
    return MCL_OK;
}

int mcl_recorder_close(mcl_recorder *recorder, mcl_log_writer_stats *log, mcl_listener_stats *listener,
                       mcl_error *error)
{
    ENTER(error);
    CHECK(check_outputs(log, listener, __func__, error));
    mcl_log_writer_stats own_log = {0};
    mcl_listener_stats own_listener = {0};
    int code = GO(mclgo_recorder_close((uintptr_t)recorder, &own_log, &own_listener, error));
    if (own_log.size != 0) /* it was open, whatever closing it gave */
        copy_outputs(log, &own_log, listener, &own_listener);
    return code;
}
