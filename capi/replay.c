#include "wait.h"

int mcl_replay_open(mcl_log_reader *reader, double speed, const mcl_replay_options *options, mcl_replay **replay,
                    mcl_error *error)
{
    ENTER(error);
    NEED(replay, error);
    *replay = NULL;
    mcl_replay_options own = MCL_REPLAY_OPTIONS_INIT;
    if (options != NULL)
        INPUT(own, options, error);
    CHECK(guard_switch(own.quiet, "options.quiet", __func__, error));
    uintptr_t handle = 0;
    int code =
        GO_OPENING(mclgo_replay_open((uintptr_t)reader, speed, own.buffer, own.quiet, own.linger, &handle, error));
    *replay = (mcl_replay *)handle;
    return code;
}

int mcl_replay_target(mcl_replay *replay, const char *type_name, mcl_broadcaster *broadcaster, mcl_error *error)
{
    ENTER(error);
    NEED(type_name, error);
    return GO(mclgo_replay_target((uintptr_t)replay, type_name, (uintptr_t)broadcaster, error));
}

int mcl_replay_push(mcl_replay *replay, const mcl_log_record *record, int timeout_ms, mcl_error *error)
{
    ENTER(error);
    NEED(record, error);
    mcl_log_record own = *record;
    TOPIC(own.topic, own.topic_size, error);
    BYTES(own.payload, own.payload_size, error);
    if (own.type_name == NULL)
        own.type_name = "";
    int64_t deadline = wait_deadline(timeout_ms);
    sigset_t open;
    signals_block(&open);
    uint64_t stops = 0;
    int code;
    do {
        code = mclgo_replay_push((uintptr_t)replay, &stops, own.elapsed, own.topic, own.topic_size, own.payload,
                                 own.payload_size, own.type_name, error);
        if (code != 0 || timeout_ms == 0)
            break;
        code = wait_once(mclgo_replay_push_begin, replay, deadline, &open, __func__, error);
    } while (code > 0);
    signals_restore(&open);
    return code;
}

int mcl_replay_end(mcl_replay *replay, mcl_error *error)
{
    ENTER(error);
    return GO(mclgo_replay_end((uintptr_t)replay, error));
}

int mcl_replay_start(mcl_replay *replay, mcl_error *error)
{
    ENTER(error);
    return GO_OPENING(mclgo_replay_start((uintptr_t)replay, error));
}

int mcl_replay_pause(mcl_replay *replay, mcl_error *error)
{
    ENTER(error);
    return GO(mclgo_replay_pause((uintptr_t)replay, error));
}

int mcl_replay_stop(mcl_replay *replay, mcl_error *error)
{
    ENTER(error);
    return GO(mclgo_replay_stop((uintptr_t)replay, error));
}

int mcl_replay_set_speed(mcl_replay *replay, double speed, mcl_error *error)
{
    ENTER(error);
    return GO(mclgo_replay_set_speed((uintptr_t)replay, speed, error));
}

int mcl_replay_get_state(mcl_replay *replay, mcl_error *error)
{
    ENTER(error);
    return GO(mclgo_replay_get_state((uintptr_t)replay, error));
}

int mcl_replay_pending(mcl_replay *replay, mcl_error *error)
{
    ENTER(error);
    return GO(mclgo_replay_pending((uintptr_t)replay, error));
}

int mcl_replay_wait(mcl_replay *replay, int timeout_ms, mcl_error *error)
{
    ENTER(error);
    return wait_for(mclgo_replay_wait_begin, replay, timeout_ms, __func__, error);
}

int mcl_replay_get_stats(mcl_replay *replay, mcl_replay_stats *stats, mcl_error *error)
{
    ENTER(error);
    NEED(stats, error);
    CHECK(guard_output(stats, "stats", __func__, error));
    mcl_replay_stats own = {0};
    CHECK(GO(mclgo_replay_get_stats((uintptr_t)replay, &own, error)));
    guard_copy_out(stats, &own, sizeof own);
    return MCL_OK;
}

int mcl_replay_close(mcl_replay *replay, mcl_replay_stats *stats)
{
    ENTER(NULL);
    if (stats != NULL)
        CHECK(guard_output(stats, "stats", __func__, NULL));
    mcl_replay_stats own = {0};
    int code = GO(mclgo_replay_close((uintptr_t)replay, &own));
    if (stats != NULL && own.size != 0) /* it was open, whatever closing it gave */
        guard_copy_out(stats, &own, sizeof own);
    return code;
}
