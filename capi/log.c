#include "options.h"

#include <limits.h>
#include <time.h>

#define SAME_PLACE(type, field)                                                                                        \
    _Static_assert(offsetof(shim_##type, field) == offsetof(mcl_##type, field), "shim_" #type " is mcl_" #type)
SAME_PLACE(log_record, elapsed);
SAME_PLACE(log_record, topic);
SAME_PLACE(log_record, topic_size);
SAME_PLACE(log_record, payload);
SAME_PLACE(log_record, payload_size);
SAME_PLACE(log_record, type_name);
_Static_assert(sizeof(shim_log_record) == sizeof(mcl_log_record), "shim_log_record is mcl_log_record");
SAME_PLACE(log_header, size);
SAME_PLACE(log_header, created);
SAME_PLACE(log_header, end);
SAME_PLACE(log_header, text);
SAME_PLACE(log_header, version);
SAME_PLACE(log_header, revision);
SAME_PLACE(log_header, type_name);
SAME_PLACE(log_header, path);
_Static_assert(sizeof(shim_log_header) == sizeof(mcl_log_header), "shim_log_header is mcl_log_header");

long shim_utc_offset(int64_t seconds)
{
    time_t moment = (time_t)seconds;
    struct tm local;
    return localtime_r(&moment, &local) != NULL ? local.tm_gmtoff : 0;
}

/* ---- Writing ---- */

int mcl_log_writer_open(const char *prefix, const mcl_log_writer_options *options, mcl_log_writer **writer,
                        mcl_error *error)
{
    ENTER(error);
    NEED(writer, error);
    *writer = NULL;
    NEED(prefix, error);
    mcl_log_writer_options own;
    CHECK(options_of_log(&own, options, "options", __func__, error));
    uintptr_t handle = 0;
    int code = GO_OPENING(mclgo_log_writer_open(prefix, &own, &handle, error));
    *writer = (mcl_log_writer *)handle;
    return code;
}

/* It may open a file; but a disk that hangs must not keep other threads from forking. A child that is born in between
 * inherits a descriptor to which it never writes. */
int mcl_log_writer_write(mcl_log_writer *writer, const char *topic, size_t topic_size, const void *packed, size_t size,
                         int64_t time_received, mcl_error *error)
{
    ENTER(error);
    TOPIC(topic, topic_size, error);
    BYTES(packed, size, error);
    return GO(mclgo_log_writer_write((uintptr_t)writer, topic, topic_size, packed, size, time_received, error));
}

int mcl_log_writer_flush(mcl_log_writer *writer, mcl_error *error)
{
    ENTER(error);
    return GO(mclgo_log_writer_flush((uintptr_t)writer, error));
}

int mcl_log_writer_get_stats(mcl_log_writer *writer, mcl_log_writer_stats *stats, mcl_error *last, mcl_error *error)
{
    ENTER(error);
    NEED(stats, error);
    CHECK(guard_output(stats, "stats", __func__, error));
    mcl_log_writer_stats own = {0};
    CHECK(GO(mclgo_log_writer_get_stats((uintptr_t)writer, &own, last, error)));
    guard_copy_out(stats, &own, sizeof own);
    return MCL_OK;
}

int mcl_log_writer_close(mcl_log_writer *writer, mcl_log_writer_stats *stats, mcl_error *error)
{
    ENTER(error);
    if (stats != NULL)
        CHECK(guard_output(stats, "stats", __func__, error));
    mcl_log_writer_stats own = {0};
    int code = GO(mclgo_log_writer_close((uintptr_t)writer, &own, error));
    if (stats != NULL && own.size != 0) /* it was open, whatever closing it gave */
        guard_copy_out(stats, &own, sizeof own);
    return code;
}

/* ---- Reading ---- */

static int open_reader(int directory, const char *path, const mcl_log_reader_options *options, mcl_log_reader **reader,
                       const char *function, mcl_error *error)
{
    CHECK(guard_need(reader, "reader", function, error));
    *reader = NULL;
    CHECK(guard_need(path, "path", function, error));
    mcl_log_reader_options own = MCL_LOG_READER_OPTIONS_INIT;
    if (options != NULL)
        CHECK(guard_input(&own, sizeof own, options, "options", function, error));
    CHECK(guard_switch(own.has_min_time, "options.has_min_time", function, error));
    CHECK(guard_switch(own.has_max_time, "options.has_max_time", function, error));
    CHECK(guard_switch(own.refuse_raw, "options.refuse_raw", function, error));
    uintptr_t handle = 0;
    int code = GO_OPENING(mclgo_log_reader_open(directory, path, &own, &handle, function, error));
    *reader = (mcl_log_reader *)handle;
    return code;
}

int mcl_log_reader_open(const char *path, const mcl_log_reader_options *options, mcl_log_reader **reader,
                        mcl_error *error)
{
    ENTER(error);
    return open_reader(0, path, options, reader, __func__, error);
}

int mcl_log_reader_open_directory(const char *path, const mcl_log_reader_options *options, mcl_log_reader **reader,
                                  mcl_error *error)
{
    ENTER(error);
    return open_reader(1, path, options, reader, __func__, error);
}

int mcl_log_reader_read(mcl_log_reader *reader, mcl_log_record *records, size_t count, void *buffer, size_t size,
                        size_t *needed, mcl_error *error)
{
    ENTER(error);
    if (count > 0)
        NEED(records, error);
    BUFFER(buffer, size, error);
    if (count > INT_MAX) /* what can be returned */
        count = INT_MAX;
    return GO(mclgo_log_reader_read((uintptr_t)reader, (shim_log_record *)records, count, buffer, size, needed, error));
}

int mcl_log_reader_pending(mcl_log_reader *reader, mcl_error *error)
{
    ENTER(error);
    return GO(mclgo_log_reader_pending((uintptr_t)reader, error));
}

int mcl_log_reader_reset(mcl_log_reader *reader, mcl_error *error)
{
    ENTER(error);
    return GO(mclgo_log_reader_reset((uintptr_t)reader, error));
}

int mcl_log_reader_get_header(mcl_log_reader *reader, size_t index, mcl_log_header *header, void *buffer, size_t size,
                              size_t *needed, mcl_error *error)
{
    ENTER(error);
    NEED(header, error);
    CHECK(guard_output(header, "header", __func__, error));
    BUFFER(buffer, size, error);
    shim_log_header own = {0};
    CHECK(GO(mclgo_log_reader_get_header((uintptr_t)reader, index, &own, buffer, size, needed, error)));
    guard_copy_out(header, &own, sizeof own);
    return MCL_OK;
}

int mcl_log_reader_torn(mcl_log_reader *reader, uint64_t *count, mcl_error *error)
{
    ENTER(error);
    NEED(count, error);
    return GO(mclgo_log_reader_torn((uintptr_t)reader, count, error));
}

int mcl_log_reader_close(mcl_log_reader *reader)
{
    ENTER(NULL);
    return GO(mclgo_log_reader_close((uintptr_t)reader));
}

int mcl_log_make_directory(const char *root, int64_t time_origin, char *buffer, size_t size, size_t *needed,
                           mcl_error *error)
{
    ENTER(error);
    NEED(root, error);
    BUFFER(buffer, size, error);
    return GO(mclgo_log_make_directory(root, time_origin, buffer, size, needed, error));
}
