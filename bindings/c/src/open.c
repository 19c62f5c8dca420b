/* open.c - one line to open, and closing that cannot be done twice. */
#define _POSIX_C_SOURCE 200809L
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static mcl_connection connection_to(const char *address, int port)
{
    mcl_connection connection = MCL_CONNECTION_INIT;

    connection.url = address;
    connection.port = port;
    return connection;
}

static mcl_broadcaster *open_broadcaster(const mcl_connection *connection, const mcl_broadcaster_options *options)
{
    mcl_broadcaster *broadcaster = NULL;
    MCLW_ERROR(error);
    int result = mcl_broadcaster_open(connection, options, &broadcaster, &error);

    return mclw_internal_result(result, &error, "mcl_broadcaster_open") < 0 ? NULL : broadcaster;
}

static mcl_listener *open_listener(const mcl_connection *connection, const mcl_listener_options *options)
{
    mcl_listener *listener = NULL;
    MCLW_ERROR(error);
    int result = mcl_listener_open(connection, options, &listener, &error);

    return mclw_internal_result(result, &error, "mcl_listener_open") < 0 ? NULL : listener;
}

mcl_broadcaster *mclw_broadcast(const char *address, int port, const char *topic)
{
    mcl_connection connection = connection_to(address, port);
    mcl_broadcaster_options options = MCL_BROADCASTER_OPTIONS_INIT;

    options.topic = topic;
    return open_broadcaster(&connection, &options);
}

mcl_listener *mclw_listen(const char *address, int port, const char *topic)
{
    mcl_connection connection = connection_to(address, port);
    mcl_listener_options options = MCL_LISTENER_OPTIONS_INIT;

    options.topics = &topic;
    options.topic_count = topic != NULL;
    return open_listener(&connection, &options);
}

mcl_broadcaster *mclw_broadcast_type(mcl_type *type)
{
    mcl_broadcaster_options options = MCL_BROADCASTER_OPTIONS_INIT;

    options.type = type;
    return open_broadcaster(NULL, &options);
}

mcl_listener *mclw_listen_type(mcl_type *type)
{
    mcl_listener_options options = MCL_LISTENER_OPTIONS_INIT;

    options.type = type;
    return open_listener(NULL, &options);
}

/* Cuts `words` at its spaces, in place. `into` has room for every second byte, so for all there can be. */
static size_t split(char *words, const char **into)
{
    size_t count = 0;
    char *rest = NULL, *word;

    for (word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        into[count++] = word;
    return count;
}

mcl_type *mclw_define(const char *name, const char *keys, const char *address, int port)
{
    mcl_connection connection = connection_to(address, port);
    size_t length = keys != NULL ? strlen(keys) : 0;
    const char **list = malloc((length / 2 + 1) * sizeof *list);
    char *words = malloc(length + 1);
    mcl_type *type = NULL;
    MCLW_ERROR(error);
    int result = MCL_ESYSTEM;

    if (list != NULL && words != NULL) {
        memcpy(words, keys != NULL ? keys : "", length + 1);
        result = mcl_type_define(name, list, split(words, list), &connection, &type, &error);
    }
    free(words);
    free((void *)list);
    if (result == MCL_ESYSTEM && error.code == 0)
        return mclw_internal_fail(result, ENOMEM, "mclw_define: no memory for the keys"), (mcl_type *)NULL;
    return mclw_internal_result(result, &error, "mcl_type_define") < 0 ? NULL : type;
}

mcl_type *mclw_find(const char *name)
{
    mcl_type *type = NULL;
    MCLW_ERROR(error);
    int result = mcl_type_find(name, &type, &error);

    return mclw_internal_result(result, &error, "mcl_type_find") < 0 ? NULL : type;
}

int mclw_broadcaster_close(mcl_broadcaster **broadcaster)
{
    mcl_broadcaster *closing = broadcaster != NULL ? *broadcaster : NULL;

    if (closing == NULL)
        return 0;
    *broadcaster = NULL;
    return mclw_internal_result(mcl_broadcaster_close(closing), NULL, "mcl_broadcaster_close");
}

int mclw_listener_close(mcl_listener **listener)
{
    mcl_listener *closing = listener != NULL ? *listener : NULL;

    if (closing == NULL)
        return 0;
    *listener = NULL;
    return mclw_internal_result(mcl_listener_close(closing, NULL), NULL, "mcl_listener_close");
}

int mclw_type_close(mcl_type **type)
{
    mcl_type *closing = type != NULL ? *type : NULL;

    if (closing == NULL)
        return 0;
    *type = NULL;
    return mclw_internal_result(mcl_type_close(closing), NULL, "mcl_type_close");
}

int mclw_message_close(mcl_message **message)
{
    mcl_message *closing = message != NULL ? *message : NULL;

    if (closing == NULL)
        return 0;
    *message = NULL;
    return mclw_internal_result(mcl_message_close(closing), NULL, "mcl_message_close");
}

void mclw_broadcaster_cleanup(mcl_broadcaster **broadcaster) { mclw_broadcaster_close(broadcaster); }
void mclw_listener_cleanup(mcl_listener **listener) { mclw_listener_close(listener); }
void mclw_type_cleanup(mcl_type **type) { mclw_type_close(type); }
void mclw_message_cleanup(mcl_message **message) { mclw_message_close(message); }
