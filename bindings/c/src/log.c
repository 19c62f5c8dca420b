/* log.c - logs, recorders and replays in one line each. */
#define _POSIX_C_SOURCE 200809L
#include "internal.h"

#include <sys/stat.h>

mcl_log_writer *mclw_log_create(const char *prefix, const char *type_name)
{
    mcl_log_writer_options options = MCL_LOG_WRITER_OPTIONS_INIT;
    mcl_log_writer *writer = NULL;
    MCLW_ERROR(error);
    int result;

    options.type_name = type_name;
    result = mcl_log_writer_open(prefix, &options, &writer, &error);
    return mclw_internal_result(result, &error, "mcl_log_writer_open") < 0 ? NULL : writer;
}

int mclw_log_write(mcl_log_writer *writer, const mcl_received *record)
{
    MCLW_ERROR(error);

    if (record == NULL)
        return mclw_internal_fail(MCL_EINVAL, 0, "mclw_log_write: record is NULL");
    return mclw_internal_result(mcl_log_writer_write(writer, record->topic, record->topic_size, record->payload,
                                                     record->payload_size, record->time_received, &error),
                                &error, "mcl_log_writer_write");
}

mcl_log_reader *mclw_log_open(const char *path)
{
    struct stat file;
    int is_directory = path != NULL && stat(path, &file) == 0 && S_ISDIR(file.st_mode);
    mcl_log_reader *reader = NULL;
    MCLW_ERROR(error);
    int result = is_directory ? mcl_log_reader_open_directory(path, NULL, &reader, &error)
                              : mcl_log_reader_open(path, NULL, &reader, &error);

    return mclw_internal_result(result, &error, "mcl_log_reader_open") < 0 ? NULL : reader;
}

int mclw_log_read(mcl_log_reader *reader, mcl_log_record *entry, mclw_buffer *buffer)
{
    size_t needed = 1;
    MCLW_ERROR(error);
    int result;

    if (entry == NULL || buffer == NULL)
        return mclw_internal_fail(MCL_EINVAL, 0, "mclw_log_read: %s is NULL", entry == NULL ? "entry" : "buffer");
    mclw_buffer_clear(buffer);
    do {
        int system = mclw_internal_reserve(buffer, needed);

        if (system != 0)
            return mclw_internal_fail(MCL_ESYSTEM, system, "mclw_log_read: no memory for an entry of %zu bytes",
                                      needed);
        result = mcl_log_reader_read(reader, entry, 1, buffer->data, buffer->capacity, &needed, &error);
    } while (result == MCL_EBUFFER);
    return mclw_internal_result(result, &error, "mcl_log_reader_read");
}

mcl_received mclw_log_record(const mcl_log_record *entry)
{
    mcl_received record = {NULL, 0, NULL, 0, 0, {0}, 0, 0};

    if (entry == NULL)
        return record;
    if (entry->topic_size != 0) {
        record.topic = entry->topic;
        record.topic_size = entry->topic_size;
    }
    record.payload = entry->payload;
    record.payload_size = entry->payload_size;
    record.time_received = entry->elapsed;
    return record;
}

mcl_recorder *mclw_record(const char *prefix, const char *address, int port)
{
    mcl_connection connection = MCL_CONNECTION_INIT;
    mcl_recorder *recorder = NULL;
    MCLW_ERROR(error);
    int result;

    connection.url = address;
    connection.port = port;
    result = mcl_recorder_open(prefix, &connection, NULL, &recorder, &error);
    return mclw_internal_result(result, &error, "mcl_recorder_open") < 0 ? NULL : recorder;
}

mcl_recorder *mclw_record_types(const char *root, mcl_type *const *types, size_t count)
{
    mcl_recorder *recorder = NULL;
    MCLW_ERROR(error);
    int result = mcl_recorder_open_network(root, types, count, NULL, &recorder, &error);

    return mclw_internal_result(result, &error, "mcl_recorder_open_network") < 0 ? NULL : recorder;
}

mcl_replay *mclw_replay(mcl_log_reader *reader, double speed)
{
    mcl_replay *replay = NULL;
    MCLW_ERROR(error);
    int result;

    if (reader == NULL)
        return mclw_internal_fail(MCL_EHANDLE, 0, "mclw_replay: the reader is NULL"), (mcl_replay *)NULL;
    result = mcl_replay_open(reader, speed, NULL, &replay, &error);
    return mclw_internal_result(result, &error, "mcl_replay_open") < 0 ? NULL : replay;
}

int mclw_replay_run(mcl_replay *replay, int timeout_ms)
{
    MCLW_ERROR(error);
    int result = mclw_internal_result(mcl_replay_start(replay, &error), &error, "mcl_replay_start");

    if (result < 0)
        return result;
    result = mcl_replay_wait(replay, timeout_ms, &error);
    if (result == MCL_ECLOSED || result == MCL_EINTR)
        return result;
    return mclw_internal_result(result, &error, "mcl_replay_wait");
}

int mclw_log_writer_close(mcl_log_writer **writer)
{
    mcl_log_writer *closing = writer != NULL ? *writer : NULL;
    MCLW_ERROR(error);

    if (closing == NULL)
        return 0;
    *writer = NULL;
    return mclw_internal_result(mcl_log_writer_close(closing, NULL, &error), &error, "mcl_log_writer_close");
}

int mclw_log_reader_close(mcl_log_reader **reader)
{
    mcl_log_reader *closing = reader != NULL ? *reader : NULL;
    int result;

    if (closing == NULL)
        return 0;
    result = mcl_log_reader_close(closing);
    if (result == MCL_EBUSY)
        return mclw_internal_fail(result, 0, "mclw_log_reader_close: a replay reads from it; close that first");
    *reader = NULL;
    return mclw_internal_result(result, NULL, "mcl_log_reader_close");
}

int mclw_recorder_close(mcl_recorder **recorder)
{
    mcl_recorder *closing = recorder != NULL ? *recorder : NULL;
    MCLW_ERROR(error);

    if (closing == NULL)
        return 0;
    *recorder = NULL;
    return mclw_internal_result(mcl_recorder_close(closing, NULL, NULL, &error), &error, "mcl_recorder_close");
}

int mclw_replay_close(mcl_replay **replay)
{
    mcl_replay *closing = replay != NULL ? *replay : NULL;

    if (closing == NULL)
        return 0;
    *replay = NULL;
    return mclw_internal_result(mcl_replay_close(closing, NULL), NULL, "mcl_replay_close");
}

void mclw_log_writer_cleanup(mcl_log_writer **writer) { mclw_log_writer_close(writer); }
void mclw_log_reader_cleanup(mcl_log_reader **reader) { mclw_log_reader_close(reader); }
void mclw_recorder_cleanup(mcl_recorder **recorder) { mclw_recorder_close(recorder); }
void mclw_replay_cleanup(mcl_replay **replay) { mclw_replay_close(replay); }
