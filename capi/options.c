#include "options.h"

#include <stdio.h>

static int check_topics(const mcl_listener_options *options, const char *what, const char *function, mcl_error *error)
{
    if (options->topic_count > 0 && options->topics == NULL)
        return guard_fail(error, MCL_EINVAL, function, "%s.topics is NULL, but %s.topic_count %zu", what, what,
                          options->topic_count);
    for (size_t i = 0; i < options->topic_count; i++) {
        size_t size = options->topic_sizes != NULL ? options->topic_sizes[i] : MCL_NUL;
        if (options->topics[i] == NULL && size != 0)
            return guard_fail(error, MCL_EINVAL, function, "%s.topics[%zu] is NULL: give %zu topics", what, i,
                              options->topic_count);
        if (size != MCL_NUL && size > PTRDIFF_MAX)
            return guard_fail(error, MCL_EINVAL, function, "%s.topic_sizes[%zu] is %zu, more than memory can hold",
                              what, i, size);
    }
    return 0;
}

static int check_switch(int32_t value, const char *what, const char *field, const char *function, mcl_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", what, field);
    return guard_switch(value, name, function, error);
}

int options_of_listener(shim_listener_options *own, const mcl_listener_options *given, const char *what,
                        const char *function, mcl_error *error)
{
    mcl_listener_options options = MCL_LISTENER_OPTIONS_INIT;
    if (given != NULL)
        CHECK(guard_input(&options, sizeof options, given, what, function, error));
    CHECK(check_topics(&options, what, function, error));
    CHECK(check_switch(options.queued, what, "queued", function, error));
    CHECK(check_switch(options.quiet, what, "quiet", function, error));
    *own = (shim_listener_options){
        .topics = options.topics,
        .topic_sizes = options.topic_sizes,
        .topic_count = options.topic_count,
        .type = (uintptr_t)options.type,
        .queued = options.queued,
        .policy = options.policy,
        .queue_messages = options.queue_messages,
        .queue_bytes = options.queue_bytes,
        .quiet = options.quiet,
    };
    return 0;
}

int options_of_log(mcl_log_writer_options *own, const mcl_log_writer_options *given, const char *what,
                   const char *function, mcl_error *error)
{
    *own = (mcl_log_writer_options)MCL_LOG_WRITER_OPTIONS_INIT;
    if (given != NULL)
        CHECK(guard_input(own, sizeof *own, given, what, function, error));
    CHECK(check_switch(own->has_time_origin, what, "has_time_origin", function, error));
    return check_switch(own->unbuffered, what, "unbuffered", function, error);
}
